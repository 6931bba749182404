//! Devices, attributes and values that are refused at the door; and values that look odd and must pass untouched.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::{DEVICE_COMMANDS, refused, registered, with_device};
use crate::support::sandbox::os;
use crate::support::{Outcome, Sandbox};

/// Words that are no controller's name, one for each reason and for each way to show it; how the message shows them; why.
/// (All words: names.rs.)
const NO_DEVICES: [(&[u8], &str, &str); 9] = [
    (b"nvme04", "'nvme04'", "leading zero"),
    (b"nvme-1", "'nvme-1'", "nvme and a number"),
    (b"nvme2147483648", "'nvme2147483648'", "larger than the kernel's 2147483647"),
    (b"/dev/nvme3n1", "'/dev/nvme3n1'", "this is a namespace"),
    (b"../x", "'../x'", "nvme and a number"),
    (b"", "''", "it is empty"),
    (b"nvme4\x1b[2J\n", "'nvme4\\x1b[2J\\x0a'", "nvme and a number"),
    (b"nvme\xff", "'nvme\\xff'", "nvme and a number"),
    ("nvme\u{ff14}".as_bytes(), "'nvme\u{ff14}'", "nvme and a number"),
];

#[test]
fn h10_every_command_refuses_a_word_that_is_no_controller() {
    let sandbox = registered();
    // Where a careless path would lead.
    sandbox.libnvme_writes("nvme04", &[("owner", "stas"), ("note", "leaked")]);
    sandbox.libnvme_writes("x", &[("owner", "stas"), ("note", "leaked")]);
    for template in DEVICE_COMMANDS {
        let name = template.split(' ').next().unwrap();
        for (word, shown, why) in NO_DEVICES {
            let mut command = sandbox.command(with_device(template, os(word)));
            refused(&sandbox, &mut command, 2, &[&format!("nvme-registry: {name}: "), shown, why]);
        }
    }
}

#[test]
fn a_name_of_the_largest_instance_is_a_name() {
    let sandbox = Sandbox::with_controller("nvme2147483647");
    sandbox.run("register /dev/nvme2147483647 --owner stas").exits(0);
    sandbox.run("owner nvme2147483647").exits(0).prints("stas\n");
}

#[test]
fn one_bad_device_among_good_ones_claims_nothing() {
    let sandbox = Sandbox::with_controller("nvme4");
    let mut command = sandbox.command(["claim", "nvme4", "nvme04", "--owner", "boot"]);
    refused(&sandbox, &mut command, 2, &["claim: 'nvme04'", "leading zero"]);
}

#[test]
fn no_device_and_one_too_many() {
    let sandbox = registered();
    sandbox.connect("nvme5", "tcp");
    for template in DEVICE_COMMANDS {
        let name = template.split(' ').next().unwrap();
        let none: Vec<&str> = template.split(' ').filter(|word| *word != "{}").collect();
        refused(&sandbox, &mut sandbox.command(none), 2, &[name, "a device is missing"]);
        if !["register", "claim", "release", "check"].contains(&name) {
            let two = template.replace("{}", "nvme4 nvme5");
            refused(&sandbox, &mut sandbox.command(two.split(' ')), 2, &[name, "one device is meant, 2 are given"]);
        }
    }
}

#[test]
fn commands_about_everything_take_no_device() {
    let sandbox = registered();
    for command in ["uevent", "disconnect-all", "sweep"] {
        refused(&sandbox, &mut sandbox.command([command, "nvme4"]), 2, &[command, "unexpected argument 'nvme4'"]);
    }
}

/// Words that are no attribute's name, one for each reason; how the message shows them; why. (All words: names.rs.)
const NO_ATTRIBUTES: [(&[u8], &str, &str); 5] = [
    (b"../secret", "'../secret'", "only letters"),
    (b"", "''", "it is empty"),
    (b"no\x1b[2J\xffte\n", "'no\\x1b[2J\\xffte\\x0a'", "only letters"),
    ("n\u{f6}te".as_bytes(), "'n\u{f6}te'", "only letters"),
    (&[b'a'; 65], "'aaaaa", "longer than 64 bytes"),
];

#[test]
fn h10_every_command_refuses_a_word_that_is_no_attribute() {
    let sandbox = registered();
    sandbox.write("run/nvme/registry/secret", "secret\n");
    for (word, shown, why) in NO_ATTRIBUTES {
        for (name, more) in [("retrieve", &[][..]), ("update", &["-V", "x"]), ("delete", &[])] {
            let mut command = sandbox.command([name, "nvme4", "-a"]);
            command.arg(os(word)).args(more);
            refused(&sandbox, &mut command, 2, &[&format!("nvme-registry: {name}: "), shown, why]);
        }
    }
}

#[test]
fn an_attribute_of_64_bytes_is_one() {
    let sandbox = registered();
    let name = "a".repeat(64);
    sandbox.run(&format!("update nvme4 -a {name} -V x")).exits(0);
    sandbox.run(&format!("retrieve nvme4 -a {name}")).exits(0).prints("x\n");
    sandbox.run(&format!("delete nvme4 -a {name}")).exits(0);
    sandbox.run(&format!("retrieve nvme4 -a {name}")).exits(1).prints("");
}

#[test]
fn bookkeeping_is_read_but_never_set_or_deleted() {
    let sandbox = registered();
    for name in ["seqnum", "incarnation"] {
        let own = format!("'{name}' is the registry's own");
        refused(&sandbox, &mut sandbox.command(["update", "nvme4", "-a", name, "-V", "1"]), 2, &["update: ", &own]);
        refused(&sandbox, &mut sandbox.command(["delete", "nvme4", "-a", name]), 2, &["delete: ", &own]);
        sandbox.run(&format!("retrieve nvme4 -a {name}")).exits(0);
    }
}

/// Every command line that ends with a value.
const VALUE_COMMANDS: [&[&str]; 7] = [
    &["register", "nvme4", "--owner"],
    &["claim", "nvme4", "--owner"],
    &["release", "nvme4", "--owner"],
    &["check", "nvme4", "--as"],
    &["list", "--owner"],
    &["update", "nvme4", "-a", "note", "-V"],
    &["update", "nvme4", "-a", "owner", "-V"],
];

#[test]
fn h10_every_command_refuses_a_value_that_is_none() {
    let sandbox = registered();
    let long = vec![b'x'; 4097];
    let table: [(&[u8], &str, &str); 4] = [
        (b"", "''", "it is empty"),
        (b"a\nowner stas", "'a\\x0aowner stas'", "control characters"),
        (b"\x1b[31mred\xff", "'\\x1b[31mred\\xff'", "control characters"),
        (&long, "'xxxxx", "longer than 4096 bytes"),
    ];
    for words in VALUE_COMMANDS {
        for (value, shown, why) in table {
            let mut command = sandbox.command(words);
            command.arg(os(value));
            refused(&sandbox, &mut command, 2, &[words[0], shown, why]);
        }
    }
}

#[test]
fn the_longest_value_is_a_value() {
    let sandbox = registered();
    let long = "x".repeat(4096);
    sandbox.run(&format!("update nvme4 -a note -V {long}")).exits(0);
    sandbox.run("retrieve nvme4 -a note").exits(0).prints(&format!("{long}\n"));
    sandbox.run(&format!("register nvme4 --owner {long}")).exits(0);
    sandbox.run("owner nvme4").exits(0).prints(&format!("{long}\n"));
}

/// Everything that is not ASCII, and so in no order that UTF-8 knows; a `'` in it makes the quoting harder.
fn not_utf8() -> OsString {
    OsString::from_vec([b"'".as_slice(), &(0x80..=0xff).collect::<Vec<u8>>(), b" *~#"].concat())
}

#[track_caller]
fn prints_bytes(outcome: &Outcome, bytes: &[u8]) {
    outcome.exits(0);
    assert!(outcome.bytes() == bytes, "{:?} expected\n{outcome}", OsStr::from_bytes(bytes));
}

#[test]
fn values_that_are_not_utf8_pass_byte_for_byte() {
    let sandbox = Sandbox::with_controller("nvme4");
    let value = not_utf8();
    let bytes = value.as_bytes();
    let run = |words: &[&OsStr]| Outcome::of(&mut sandbox.command(words));
    let say = |words: &str| Outcome::of(&mut sandbox.command(words.split(' ')));
    let line = |before: &str, after: &str| [before.as_bytes(), bytes, after.as_bytes()].concat();

    run(&["register".as_ref(), "nvme4".as_ref(), "--owner".as_ref(), &value]).exits(0);
    run(&["update".as_ref(), "nvme4".as_ref(), "-a".as_ref(), "note".as_ref(), "-V".as_ref(), &value]).exits(0);
    for attribute in ["owner", "note"] {
        assert_eq!(std::fs::read(sandbox.entry("nvme4").join(attribute)).unwrap(), line("", "\n"), "on disk");
        prints_bytes(&say(&format!("retrieve nvme4 -a {attribute}")), &line("", "\n"));
    }
    prints_bytes(&say("owner nvme4"), &line("", "\n"));
    let id = b"NVME_TID='transport=tcp;traddr=127.0.0.1;trsvcid=4420;nqn=nqn.2026-01.example:subsystem'\n".to_vec();
    let exported = [line("NVME_OWNER=\"", "\"\n"), id, line("NVME_ATTR_NOTE=\"", "\"\n")].concat();
    prints_bytes(&say("export nvme4"), &exported);
    let list = say("list");
    list.exits(0);
    for attribute in [line("  owner        ", "\n"), line("  note         ", "\n")] {
        assert!(list.bytes().windows(attribute.len()).any(|part| part == attribute), "a line expected\n{list}");
    }

    // The same bytes name the same owner; in JSON they cannot be.
    run(&["check".as_ref(), "nvme4".as_ref(), "--as".as_ref(), &value]).exits(0);
    prints_bytes(&run(&["list".as_ref(), "--names".as_ref(), "--owner".as_ref(), &value]), b"nvme4\n");
    let json: serde_json::Value = serde_json::from_slice(say("list --json").exits(0).bytes()).expect("JSON");
    assert_eq!(json["controllers"][0]["owner"], String::from_utf8_lossy(bytes).as_ref());
    run(&["release".as_ref(), "nvme4".as_ref(), "--owner".as_ref(), &value]).exits(0);
}

#[test]
fn h10_control_characters_that_a_stranger_stored_forge_no_line() {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.libnvme_writes("nvme4", &[("note", "plain")]);
    sandbox.write("run/nvme/registry/nvme4/owner", b"stas\nnvme9\n  owner        \x1b[2J\x00boot\x7f\r\n");
    let escaped = "stas\\x0anvme9\\x0a  owner        \\x1b[2J\\x00boot\\x7f";
    sandbox.run("owner nvme4").exits(0).prints(&format!("{escaped}\n"));
    sandbox.run("retrieve nvme4 -a owner").exits(0).prints(&format!("{escaped}\n"));
    sandbox.run("list").exits(0).prints(&format!("nvme4\n  note         plain\n  owner        {escaped}\n"));
    sandbox.run("check nvme4").exits(1).says(&format!("nvme4: owned by {escaped}\n"));
    // No quoting says this to both a shell and udev, so it is left out, and said to be.
    let exported = sandbox.run("export nvme4");
    exported.exits(3).says("NVME_OWNER left out");
    assert!(exported.stdout().starts_with("NVME_TID='") && exported.stdout().ends_with("NVME_ATTR_NOTE='plain'\n"));
    let json: serde_json::Value = serde_json::from_slice(sandbox.run("list --json").exits(0).bytes()).expect("JSON");
    assert_eq!(json["controllers"][0]["owner"], "stas\nnvme9\n  owner        \u{1b}[2J\0boot\u{7f}");
}
