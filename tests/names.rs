//! Tables of the words that are names, and of those that are not.

use std::ffi::OsStr;

use nvme_registry::name::{AttrName, BadName, Device, Escaped, Incarnation, Seqnum, Value};

#[test]
fn device_names() {
    for (word, expected) in [
        ("nvme0", Ok("nvme0")),
        ("nvme4", Ok("nvme4")),
        ("/dev/nvme4", Ok("nvme4")),
        ("nvme2147483647", Ok("nvme2147483647")),
        ("nvme2147483648", Err(BadName::InstanceTooLarge)),
        ("nvme99999999999999999999", Err(BadName::InstanceTooLarge)),
        ("nvme04", Err(BadName::LeadingZero)),
        ("nvme00", Err(BadName::LeadingZero)),
        ("", Err(BadName::Empty)),
        ("/dev/", Err(BadName::Empty)),
        ("nvme", Err(BadName::NotADevice)),
        ("nvme-1", Err(BadName::NotADevice)),
        ("nvme+1", Err(BadName::NotADevice)),
        ("nvme 1", Err(BadName::NotADevice)),
        ("NVME4", Err(BadName::NotADevice)),
        ("4", Err(BadName::NotADevice)),
        ("../x", Err(BadName::NotADevice)),
        ("nvme4/../x", Err(BadName::NotADevice)),
        ("nvme4/", Err(BadName::NotADevice)),
        ("/dev//nvme4", Err(BadName::NotADevice)),
        ("/dev/../dev/nvme4", Err(BadName::NotADevice)),
        ("nvme4.bak", Err(BadName::NotADevice)),
        (".nvme4.tmp.abcdef", Err(BadName::NotADevice)),
        ("nvme4\n", Err(BadName::NotADevice)),
        ("nvme-fabrics", Err(BadName::NotADevice)),
        ("nvme3n1", Err(BadName::Namespace)),
        ("/dev/nvme3n1", Err(BadName::Namespace)),
        ("nvme3n1p2", Err(BadName::Namespace)),
        ("nvme3c0n1", Err(BadName::Namespace)),
        ("nvme3n", Err(BadName::NotADevice)),
        ("sda", Err(BadName::NotADevice)),
    ] {
        let parsed = Device::parse(OsStr::new(word)).map(|device| device.to_string());
        assert_eq!(parsed, expected.map(str::to_owned), "{word:?}");
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
        ("owner", Ok(())),
        ("note", Ok(())),
        ("A-b_9", Ok(())),
        ("-", Ok(())),
        (longest.as_str(), Ok(())),
        ("", Err(BadName::Empty)),
        (".", Err(BadName::AttrCharacter)),
        ("..", Err(BadName::AttrCharacter)),
        (".hidden", Err(BadName::AttrCharacter)),
        ("a/b", Err(BadName::AttrCharacter)),
        ("../../../etc/shadow", Err(BadName::AttrCharacter)),
        ("owner.tmp.x", Err(BadName::AttrCharacter)),
        ("a b", Err(BadName::AttrCharacter)),
        ("a\n", Err(BadName::AttrCharacter)),
        ("\u{e9}", Err(BadName::AttrCharacter)),
        (&"x".repeat(65), Err(BadName::AttrTooLong)),
    ] {
        assert_eq!(AttrName::parse(word.as_bytes()).map(|_| ()), expected, "{word:?}");
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
        (b"a\tb", Err(BadName::ControlCharacter)),
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
