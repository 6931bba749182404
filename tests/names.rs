//! Parsing of device and attribute names, values and numbers: tables of examples first, then properties that hold for
//! every input, whose expected result is computed in another way than the product does it. The fuzzer checks the same
//! parsers (fuzz/checks.rs, `attribute`); how the commands refuse such words is in bad_input/words.rs.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nvme_registry::name::{AttrName, BadName, Device, Escaped, Incarnation, Seqnum, Value};
use nvme_registry::report::export;
use proptest::prelude::*;

#[test]
fn device_names() {
    for (word, expected) in [
        (b"nvme0".as_slice(), Ok("nvme0")),
        (b"nvme4", Ok("nvme4")),
        (b"/dev/nvme4", Ok("nvme4")),
        (b"nvme2147483647", Ok("nvme2147483647")),
        (b"nvme2147483648", Err(BadName::InstanceTooLarge)),
        (b"nvme99999999999999999999", Err(BadName::InstanceTooLarge)),
        (b"nvme04", Err(BadName::LeadingZero)),
        (b"nvme00", Err(BadName::LeadingZero)),
        (b"", Err(BadName::Empty)),
        (b"/dev/", Err(BadName::Empty)),
        (b"nvme", Err(BadName::NotADevice)),
        (b"nvme-1", Err(BadName::NotADevice)),
        (b"nvme+1", Err(BadName::NotADevice)),
        (b"nvme 1", Err(BadName::NotADevice)),
        (b"NVME4", Err(BadName::NotADevice)),
        (b"4", Err(BadName::NotADevice)),
        (b"../x", Err(BadName::NotADevice)),
        (b"nvme4/../x", Err(BadName::NotADevice)),
        (b"nvme4/", Err(BadName::NotADevice)),
        (b"/dev//nvme4", Err(BadName::NotADevice)),
        (b"/dev/../dev/nvme4", Err(BadName::NotADevice)),
        (b"nvme4.bak", Err(BadName::NotADevice)),
        (b".nvme4.tmp.abcdef", Err(BadName::NotADevice)),
        (b"nvme4\n", Err(BadName::NotADevice)),
        (b"nvme-fabrics", Err(BadName::NotADevice)),
        (b"nvme3n1", Err(BadName::Namespace)),
        (b"/dev/nvme3n1", Err(BadName::Namespace)),
        (b"nvme3n1p2", Err(BadName::Namespace)),
        (b"nvme3c0n1", Err(BadName::Namespace)),
        (b"nvme3n", Err(BadName::NotADevice)),
        (b"sda", Err(BadName::NotADevice)),
        (b"nvme4294967300", Err(BadName::InstanceTooLarge)),
        (b"nvme18446744073709551620", Err(BadName::InstanceTooLarge)),
        (b"/dev/nvme04", Err(BadName::LeadingZero)),
        (b"nvme04n1", Err(BadName::LeadingZero)),
        (b"nvme0x4", Err(BadName::NotADevice)),
        (b"../nvme4", Err(BadName::NotADevice)),
        (b"./nvme4", Err(BadName::NotADevice)),
        (b"/dev/../nvme4", Err(BadName::NotADevice)),
        (b"/dev//dev/nvme4", Err(BadName::NotADevice)),
        (b".", Err(BadName::NotADevice)),
        (b"..", Err(BadName::NotADevice)),
        (b" nvme4", Err(BadName::NotADevice)),
        (b"nvme4\x1b[2J", Err(BadName::NotADevice)),
        (b"nvme\xff", Err(BadName::NotADevice)),
        // A digit of full width.
        ("nvme\u{ff14}".as_bytes(), Err(BadName::NotADevice)),
    ] {
        let parsed = Device::parse(OsStr::from_bytes(word)).map(|device| device.to_string());
        assert_eq!(parsed, expected.map(str::to_owned), "{:?}", OsStr::from_bytes(word));
    }
}

#[test]
fn instances() {
    assert_eq!(Device::from_instance(0).map(Device::name), Some("nvme0".to_owned()));
    assert_eq!(Device::from_instance(2_147_483_647).map(Device::name), Some("nvme2147483647".to_owned()));
    assert_eq!(Device::from_instance(2_147_483_648), None);
    assert_eq!(Device::from_instance(u64::MAX), None);
}

#[test]
fn devices_sort_by_number() {
    let mut devices: Vec<Device> =
        ["nvme10", "nvme9", "nvme0"].iter().map(|name| Device::parse(OsStr::new(name)).unwrap()).collect();
    devices.sort();
    assert_eq!(devices.iter().map(ToString::to_string).collect::<Vec<_>>(), ["nvme0", "nvme9", "nvme10"]);
}

#[test]
fn attribute_names() {
    let longest = "x".repeat(64);
    for (word, expected) in [
        (b"owner".as_slice(), Ok(())),
        (b"note", Ok(())),
        (b"A-b_9", Ok(())),
        (b"-", Ok(())),
        (longest.as_bytes(), Ok(())),
        (b"", Err(BadName::Empty)),
        (b".", Err(BadName::AttrCharacter)),
        (b"..", Err(BadName::AttrCharacter)),
        (b".hidden", Err(BadName::AttrCharacter)),
        (b"a/b", Err(BadName::AttrCharacter)),
        (b"../../../etc/shadow", Err(BadName::AttrCharacter)),
        (b"owner.tmp.x", Err(BadName::AttrCharacter)),
        (b"a b", Err(BadName::AttrCharacter)),
        (b"a\n", Err(BadName::AttrCharacter)),
        ("\u{e9}".as_bytes(), Err(BadName::AttrCharacter)),
        (b"/etc/passwd", Err(BadName::AttrCharacter)),
        (b"../secret", Err(BadName::AttrCharacter)),
        (b"owner ", Err(BadName::AttrCharacter)),
        (b"no\x1b[2Jte", Err(BadName::AttrCharacter)),
        (b"note*", Err(BadName::AttrCharacter)),
        (b"note=1", Err(BadName::AttrCharacter)),
        (b"no\xffte", Err(BadName::AttrCharacter)),
        ("x".repeat(65).as_bytes(), Err(BadName::AttrTooLong)),
    ] {
        assert_eq!(AttrName::parse(word).map(|_| ()), expected, "{:?}", OsStr::from_bytes(word));
    }
}

#[test]
fn attributes_by_their_kind() {
    for (word, owner, reserved, private) in [
        ("owner", true, false, false),
        ("seqnum", false, true, false),
        ("incarnation", false, true, false),
        ("note", false, false, true),
        ("Owner", false, false, true),
    ] {
        let name = AttrName::parse(word.as_bytes()).unwrap();
        assert_eq!((name.is_owner(), name.is_reserved(), name.is_private()), (owner, reserved, private), "{word}");
    }
}

#[test]
fn values_from_a_caller() {
    let longest = "x".repeat(4096);
    for (word, expected) in [
        (b"stas".as_slice(), Ok(())),
        (b" ", Ok(())),
        (b"\xff\xfe", Ok(())),
        ("caf\u{e9}".as_bytes(), Ok(())),
        (longest.as_bytes(), Ok(())),
        (b"", Err(BadName::Empty)),
        (b"\n", Err(BadName::ControlCharacter)),
        (b"a\nb", Err(BadName::ControlCharacter)),
        (b"stas\n", Err(BadName::ControlCharacter)),
        (b"a\rb", Err(BadName::ControlCharacter)),
        (b"a\tb", Err(BadName::ControlCharacter)),
        (b"a\x01b", Err(BadName::ControlCharacter)),
        (b"\xff\n", Err(BadName::ControlCharacter)),
        (b"\x1b[2J", Err(BadName::ControlCharacter)),
        (b"a\0", Err(BadName::ControlCharacter)),
        (b"\x7f", Err(BadName::ControlCharacter)),
        ("x".repeat(4097).as_bytes(), Err(BadName::ValueTooLong)),
    ] {
        assert_eq!(Value::parse(word).map(|_| ()), expected, "{word:?}");
    }
}

#[test]
fn values_from_a_file() {
    let longest = "x".repeat(4096);
    for (file, expected) in [
        (b"stas\n".as_slice(), Ok(Some(b"stas".as_slice()))),
        (b"stas", Ok(Some(b"stas"))),
        (b"stas\r\n", Ok(Some(b"stas"))),
        (b"stas\n\n\r\n", Ok(Some(b"stas"))),
        (b" stas ", Ok(Some(b" stas "))),
        (b"a\nb\n", Ok(Some(b"a\nb"))),
        (b"", Ok(None)),
        (b"\n", Ok(None)),
        (b"\r\n", Ok(None)),
        (format!("{longest}\n").as_bytes(), Ok(Some(longest.as_bytes()))),
        (format!("{longest}x").as_bytes(), Err(BadName::ValueTooLong)),
    ] {
        let stored = Value::stored(file);
        let stored = stored.as_ref().map(|value| value.as_ref().map(Value::as_bytes)).map_err(|bad| *bad);
        assert_eq!(stored, expected, "{file:?}");
    }
}

#[test]
fn numbers() {
    for (word, expected) in [
        ("0", Some(0)),
        ("1351", Some(1351)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("99999999999999999999999", None),
        ("", None),
        ("+1", None),
        ("-1", None),
        (" 1", None),
        ("1 ", None),
        ("0x10", None),
        ("abc", None),
        ("12\n", None),
    ] {
        assert_eq!(Seqnum::parse(word.as_bytes()).ok().map(|number| number.0), expected, "{word:?}");
        assert_eq!(Incarnation::parse(word.as_bytes()).ok().map(|number| number.0), expected, "{word:?}");
    }
}

#[test]
fn escapes() {
    for (bytes, shown) in [
        (b"plain".as_slice(), "plain"),
        (b"a\nb\t\x1b[2J\x7f", "a\\x0ab\\x09\\x1b[2J\\x7f"),
        ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
        (b"\xff", "\\xff"),
        // CSI as one C1 character, in UTF-8 and raw.
        (b"\xc2\x9b2J", "\\xc2\\x9b2J"),
        (b"\x9b2J", "\\x9b2J"),
    ] {
        assert_eq!(Escaped(bytes).to_string(), shown, "{bytes:?}");
    }
}

// Properties.

/// A failure prints its smallest input; nothing is written into the source tree.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

/// Arbitrary bytes, of which most begin like what is meant and then go wrong.
pub(crate) fn almost(parts: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => prop::sample::select(parts).prop_map(|part| part.as_bytes().to_vec()),
        2 => any::<u64>().prop_map(|number| number.to_string().into_bytes()),
        2 => (0..10_u32).prop_map(|number| number.to_string().into_bytes()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop_oneof![4 => prop::collection::vec(part, 0..5).prop_map(|parts| parts.concat()), 1 => bytes()]
}

/// The instance of a controller's name, by printing: a name is one if a number prints as it.
fn instance(word: &[u8]) -> Option<i32> {
    let word = std::str::from_utf8(word).ok()?;
    let name = word.strip_prefix("/dev/").unwrap_or(word);
    let number: i32 = name.get(4..)?.parse().ok().filter(|number| *number >= 0)?;
    (name == format!("nvme{number}")).then_some(number)
}

/// A number of 64 bits: some number prints as it, but for leading zeros.
pub(crate) fn number(word: &[u8]) -> Option<u64> {
    let word = std::str::from_utf8(word).ok()?;
    let number: u64 = word.parse().ok()?;
    let zeros = word.len().checked_sub(number.to_string().len())?;
    (word == format!("{}{number}", "0".repeat(zeros))).then_some(number)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn h10_a_device_is_what_a_number_prints_as(
        word in almost(&["nvme", "nvme", "/dev/", "0", "n", "p", "c", "/", "-", "+", " ", "\n", "2147483647", "2147483648"])
    ) {
        let parsed = Device::parse(OsStr::from_bytes(&word));
        prop_assert_eq!(parsed.ok().map(Device::name), instance(&word).map(|number| format!("nvme{number}")));
        // A directory holds no path.
        let named = Device::parse_name(&word).is_ok();
        prop_assert_eq!(named, instance(&word).is_some() && !word.contains(&b'/'));
        if parsed == Err(BadName::Namespace) {
            prop_assert!(word.iter().any(|byte| b"nc".contains(byte)) && instance(&word).is_none());
        }
    }

    #[test]
    fn h10_a_device_of_an_instance_parses_back(instance in any::<u64>()) {
        let device = Device::from_instance(instance);
        prop_assert_eq!(device.is_some(), i32::try_from(instance).is_ok());
        if let Some(device) = device {
            prop_assert_eq!(Device::parse_name(device.name().as_bytes()), Ok(device));
            prop_assert_eq!(Device::parse(format!("/dev/{device}").as_ref()), Ok(device));
        }
    }

    #[test]
    fn h10_a_namespace_is_told_from_nonsense(controller in 0..=i32::MAX, namespace in any::<u32>(), part in any::<u8>()) {
        for word in [
            format!("nvme{controller}n{namespace}"),
            format!("nvme{controller}n{namespace}p{part}"),
            format!("nvme{controller}c{part}n{namespace}"),
        ] {
            prop_assert_eq!(Device::parse(word.as_ref()), Err(BadName::Namespace), "{}", word);
        }
    }

    #[test]
    fn h10_an_attribute_name_is_a_plain_file_name(word in almost(&["owner", "note", ".", "..", "/", "_", "-", ".tmp.", " ", "\n"])) {
        let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
        let expected = (1..=64).contains(&word.len()) && word.iter().all(|byte| allowed.as_bytes().contains(byte));
        let parsed = AttrName::parse(&word);
        prop_assert_eq!(parsed.is_ok(), expected);
        if let Ok(name) = parsed {
            prop_assert_eq!(name.as_str().as_bytes(), &word[..]);
            let kinds = [name.is_owner(), name.is_reserved(), name.is_private()];
            prop_assert_eq!(kinds.iter().filter(|kind| **kind).count(), 1);
            // A variable that every shell takes: no digit in front, nothing but capitals, digits and '_'.
            let variable = export::variable(&name);
            prop_assert!(variable.starts_with("NVME_ATTR_"));
            prop_assert!(variable.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'));
        }
    }

    #[test]
    fn h10_the_length_of_an_attribute_name_is_bounded(length in 0..200_usize) {
        prop_assert_eq!(AttrName::parse(&vec![b'a'; length]).is_ok(), (1..=64).contains(&length));
    }

    #[test]
    fn h4_numbers_are_decimal_and_of_64_bits(
        word in almost(&["0", "00", "-", "+", " ", "\n", "x", "e", ".", "18446744073709551615", "18446744073709551616"])
    ) {
        prop_assert_eq!(Seqnum::parse(&word).ok().map(|seqnum| seqnum.0), number(&word));
        prop_assert_eq!(Incarnation::parse(&word).ok().map(|incarnation| incarnation.0), number(&word));
    }

    #[test]
    fn a_value_is_what_was_written(word in bytes(), end in prop::sample::select(vec!["", "\n", "\r\n", "\n\n"])) {
        let control = word.iter().any(|&byte| byte < 0x20 || byte == 0x7f);
        let parsed = Value::parse(&word);
        prop_assert_eq!(parsed.is_ok(), !word.is_empty() && !control);
        if let Ok(value) = parsed {
            prop_assert_eq!(value.as_bytes(), &word[..]);
            prop_assert_eq!(Value::stored(&[&word, end.as_bytes()].concat()), Ok(Some(value)));
        }
    }

    #[test]
    fn a_stored_value_ends_where_its_line_does(file in almost(&["a", "\n", "\r", "\0", " ", "\t"])) {
        match Value::stored(&file).expect("short enough") {
            None => prop_assert!(file.iter().all(|byte| b"\n\r".contains(byte))),
            Some(value) => {
                let (kept, stripped) = file.split_at(value.as_bytes().len());
                prop_assert_eq!(value.as_bytes(), kept);
                prop_assert!(!kept.ends_with(b"\n") && !kept.ends_with(b"\r"));
                prop_assert!(stripped.iter().all(|byte| b"\n\r".contains(byte)));
            }
        }
    }

    #[test]
    fn what_is_shown_can_be_read_and_does_nothing(
        word in almost(&["stas", "\n", "\x1b[2J", "\r", "\x7f", "\u{9b}2J", "\u{85}", "\u{e9}", "\\x0a", "\0"])
    ) {
        let shown = Escaped(&word).to_string();
        prop_assert!(!shown.chars().any(char::is_control), "{:?}", shown);
        let plain = std::str::from_utf8(&word).is_ok_and(|text| !text.chars().any(char::is_control));
        prop_assert_eq!(shown.as_bytes() == &word[..], plain);
    }
}
