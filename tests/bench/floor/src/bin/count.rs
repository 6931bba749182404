//! Runs a command and prints what it cost: programs, processes, system calls, page faults, resident KiB. With
//! `smaps` before the command: the mappings of its largest process.

#[path = "../../../count.rs"]
mod count;

use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    let mut words: Vec<_> = std::env::args_os().skip(1).collect();
    let what = if words.len() > 1 { words.remove(0) } else { Default::default() };
    let Some((program, arguments)) = words.split_first() else {
        eprintln!("count {{calls|smaps}} PROGRAM [ARGUMENT...]");
        return ExitCode::from(2);
    };
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
    let counts = count::count(&mut command);
    if what == "smaps" {
        print!("{}", counts.mappings);
    } else {
        let count::Counts { programs, processes, calls, faults, resident_kib, .. } = counts;
        println!("{programs} {processes} {calls} {faults} {resident_kib}");
    }
    ExitCode::from(u8::from(counts.status != 0))
}
