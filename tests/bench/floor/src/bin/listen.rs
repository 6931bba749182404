//! A journal for the benchmark: receives what is sent to SOCKET, as journald does, and keeps it in FILE. Says on standard
//! output when the socket is there; ends when it is killed.

use std::fs::File;
use std::io::Write;
use std::os::unix::net::UnixDatagram;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(socket), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err(std::io::Error::other("listen SOCKET FILE"));
    };
    let mut file = File::create(file)?;
    let socket = UnixDatagram::bind(socket)?;
    println!("ready");
    let mut datagram = [0; 8192];
    loop {
        let length = socket.recv(&mut datagram)?;
        file.write_all(&datagram[..length])?;
        file.write_all(b"\n")?;
    }
}
