//! What must hold for any input at all, one function for each place where the product reads from outside. Run by the
//! fuzzer on what it thinks of, and by the ordinary tests on the corpus.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nvme_registry::cli::{self, Width};
use nvme_registry::error::Exit;
use nvme_registry::kernel::fabrics::{FabricsOption, instance};
use nvme_registry::kernel::sysfs::{address_part, is_local_transport};
use nvme_registry::kernel::uevent::{Environment, from_environment};
use nvme_registry::name::{AttrName, Device, Escaped, Incarnation, Seqnum, VALUE_MAX, Value};
use nvme_registry::report::table::{Shorten, Table};
use nvme_registry::report::{export, json};

fn is_printable(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// argv: the words are separated by NUL bytes. Understood, or refused in one printable line as usage.
pub fn argv(data: &[u8]) {
    let words = data.split(|&byte| byte == 0).map(|word| OsString::from_vec(word.to_vec()));
    if let Err(error) = cli::parse(words) {
        assert_eq!(error.exit(), Exit::Usage);
        assert!(is_printable(&error.to_string()), "{error}");
    }
}

/// The environment of a uevent: lines of NAME=VALUE.
pub fn uevent(data: &[u8]) {
    let variable = |name: &str| {
        data.split(|&byte| byte == b'\n').find_map(|line| {
            let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(OsStr::from_bytes(value).to_owned())
        })
    };
    match from_environment(variable) {
        Environment::Event(event) => {
            assert_eq!(Device::parse(OsStr::new(&event.device.name())), Ok(event.device));
            if variable("SYNTH_UUID").is_some() {
                assert!(event.real().is_none(), "a synthetic event is no proof");
            }
            if let Some(real) = event.real() {
                assert_eq!(Some(OsString::from(real.seqnum.to_string())), variable("SEQNUM").map(trim_zeros));
            }
        }
        Environment::Other(what) => assert!(is_printable(&what), "{what}"),
        Environment::Missing(_) => {}
    }
}

fn trim_zeros(number: OsString) -> OsString {
    let digits = number.as_bytes();
    let zeros = digits.iter().take_while(|&&digit| digit == b'0').count().min(digits.len().saturating_sub(1));
    OsStr::from_bytes(&digits[zeros..]).to_owned()
}

/// The bytes of an attribute file, and of the names of directories and files.
pub fn attribute(data: &[u8]) {
    if let Ok(name) = AttrName::parse(data) {
        assert!(name.as_str().as_bytes() == data && !data.contains(&b'.') && !data.contains(&b'/'));
        assert!(
            export::variable(&name)
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        );
    }
    if let Ok(device) = Device::parse_name(data) {
        assert_eq!(device.name().as_bytes(), data);
    }
    for number in [Seqnum::parse(data).ok().map(|n| n.0), Incarnation::parse(data).ok().map(|n| n.0)] {
        assert_eq!(number.is_some(), number.is_some_and(|_| data.iter().all(u8::is_ascii_digit)));
    }
    if let Ok(given) = Value::parse(data) {
        // What a caller gives comes back from the file that is written for it.
        let stored = Value::stored(&[data, b"\n"].concat()).expect("it is short enough");
        assert_eq!(stored.as_ref(), Some(&given));
    }
    if let Ok(Some(value)) = Value::stored(data) {
        assert!(!value.as_bytes().is_empty() && value.as_bytes().len() <= VALUE_MAX);
        assert!(is_printable(&value.to_string()), "{value}");
        if let Some(line) = export::line("X", &value) {
            let quoted = line.strip_prefix(b"X=").and_then(|line| line.strip_suffix(b"\n")).expect("a line");
            assert_eq!(&quoted[1..quoted.len() - 1], value.as_bytes());
            assert!(!quoted.contains(&b'\n'));
        }
        let mut text = String::new();
        json::string(&mut text, value.as_bytes());
        let back: String = serde_json::from_str(&text).expect("JSON");
        assert_eq!(back, String::from_utf8_lossy(value.as_bytes()));
        assert!(is_printable(&text));
    }
}

/// Answers of `/dev/nvme-fabrics`, and options for it, whose values are secrets.
pub fn fabrics(data: &[u8]) {
    if let Some(device) = instance(data) {
        let text = format!("instance={}", device.name().trim_start_matches("nvme"));
        assert!(!text.ends_with('='));
    }
    for any in [false, true] {
        if let Ok(option) = FabricsOption::parse(data, any) {
            let value = option.value.as_ref().map_or(&[][..], Value::as_bytes);
            assert!(!value.contains(&b',') && !value.contains(&b'\n'));
            assert_eq!(format!("{option:?}"), option.key, "no value in a debug line");
        }
    }
}

/// sysfs attributes, and what is shown of them.
pub fn sysfs(data: &[u8]) {
    let _ = is_local_transport(data);
    if let Some(part) = address_part(data, "traddr") {
        assert!(!part.contains(&b','));
    }
    let cell = Escaped(data).to_string();
    assert!(is_printable(&cell));
    let width = data.len() % 80 + 20;
    let mut table = Table::new(3, Width::Fit);
    assert_eq!(table.add(["nvme4".to_owned(), cell.clone(), cell].into_iter()), None);
    table.print(&[Shorten::Never, Shorten::First, Shorten::Second], Some(width), false, |line| {
        assert!(line.chars().count() <= width, "{line:?} in {width}");
    });
}
