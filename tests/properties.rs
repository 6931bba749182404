//! Properties of the output, of the verdict, of an event's environment and of the command line: what holds for every
//! input. The expected result is computed in another way than the product does it. (Names, values and numbers: names.rs.)

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::{Command, Stdio};

use nvme_registry::cli;
use nvme_registry::kernel::uevent::{Environment, from_environment};
use nvme_registry::name::{Incarnation, Seqnum, Value};
use nvme_registry::report::{export, json};
use nvme_registry::verdict::{Action, Evidence, RealEvent, Sample, Stale, Sysfs, Verdict, judge};
use proptest::prelude::*;

use crate::names::{almost, cases, number};

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn json_is_read_back(word in almost(&["\"", "\\", "\n", "\x1b", "\u{7f}", "\u{9b}", "\u{1f600}", "\u{2028}", "</", "\0"])) {
        let mut text = String::new();
        json::string(&mut text, &word);
        prop_assert!(!text.chars().any(char::is_control), "{:?}", text);
        prop_assert_eq!(serde_json::from_str::<String>(&text).expect("JSON"), String::from_utf8_lossy(&word));
        let (mut some, mut none) = (String::new(), String::new());
        json::optional(&mut some, Some(&word));
        json::optional(&mut none, None);
        prop_assert_eq!((some, none), (text, "null".to_owned()));
    }
}

// What `export` prints, and the two who read it.

/// udev's `get_property_from_string`, after the lines were split at `\n` and `\r`.
fn read_by_udev(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let blank = |byte: &u8| b" \t\n\r".contains(byte);
    let start = line.iter().position(|byte| !blank(byte))?;
    let line = &line[start..];
    let equals = line.iter().position(|byte| *byte == b'=').filter(|_| line[0] != b'#')?;
    let (name, value) = (&line[..equals], &line[equals + 1..]);
    let start = value.iter().position(|byte| !blank(byte))?;
    let end = value.iter().rposition(|byte| !blank(byte))?;
    let value = &value[start..=end];
    let value = match value {
        [quote @ (b'"' | b'\''), inner @ .., last] if quote == last => inner,
        [b'"' | b'\'', ..] => return None,
        plain => plain,
    };
    Some((name.to_vec(), value.to_vec()))
}

/// POSIX, Shell Command Language, 2.2: an assignment. `None` for everything that a shell would do more with than take
/// it as it is.
fn read_by_a_shell(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let (name, mut rest) = (&line[..equals], line[equals + 1..].strip_suffix(b"\n")?);
    let mut value = Vec::new();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'\'' | b'"' => {
                let end = rest.iter().position(|inner| *inner == byte)?;
                let inner = &rest[..end];
                if byte == b'"' && inner.iter().any(|inner| b"$`\\".contains(inner)) {
                    return None;
                }
                value.extend(inner);
                rest = &rest[end + 1..];
            }
            _ if byte.is_ascii_alphanumeric() => value.push(byte),
            _ => return None,
        }
    }
    Some((name.to_vec(), value))
}

/// What a real shell makes of it.
fn read_by_sh(line: &[u8]) -> Vec<u8> {
    let mut shell = Command::new("sh");
    shell.args(["-c", "eval \"$(cat)\"; printf %s \"$NVME_OWNER\""]).env_clear().env("PATH", "/usr/bin:/bin");
    let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh");
    shell.stdin.take().expect("its stdin").write_all(line).expect("a shell that reads");
    let output = shell.wait_with_output().expect("its end");
    assert!(output.status.success(), "{:?}: {output:?}", OsStr::from_bytes(line));
    output.stdout
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn an_exported_line_reads_the_same_to_a_shell_and_to_udev(
        word in almost(&["'", "\"", "$", "`", "\\", " ", "~", "#", "!", "$(reboot)", "\n", "=", "\u{e9}", "a"])
    ) {
        let quotes_of_both_kinds = word.contains(&b'\'') && word.iter().any(|byte| b"\"$`\\".contains(byte));
        let control = word.iter().any(u8::is_ascii_control);
        let Ok(Some(value)) = Value::stored(&word) else { return Ok(()) };
        match export::line("NVME_OWNER", &value) {
            Some(line) => {
                let expected = Some((b"NVME_OWNER".to_vec(), value.as_bytes().to_vec()));
                prop_assert_eq!(line.iter().filter(|byte| b"\n\r".contains(byte)).count(), 1, "one line");
                prop_assert_eq!(read_by_udev(&line), expected.clone());
                prop_assert_eq!(read_by_a_shell(&line), expected);
            }
            None => prop_assert!(quotes_of_both_kinds || control, "left out without need"),
        }
    }
}

#[test]
fn an_exported_line_reads_the_same_to_a_real_shell() {
    let every_byte: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != 0x7f && *byte != b'\'').collect();
    let no_active: Vec<u8> = every_byte.iter().chain(b"'").filter(|byte| !b"\"$`\\".contains(byte)).copied().collect();
    let long = vec![b'*'; 4096];
    for value in [
        b"stas".as_slice(),
        b" leading and trailing ",
        b"$(echo injected) `echo injected` $HOME ${HOME} \\ \" \\n",
        b"it's",
        b"''",
        b"'; echo injected; '",
        b"~root #comment *?[a-z] {a,b} !! & | ; < > ( )",
        b"-n",
        b"%s%n\\c",
        &every_byte,
        &no_active,
        &long,
    ] {
        let line = export::line("NVME_OWNER", &Value::parse(value).expect("a value"));
        let line = line.unwrap_or_else(|| panic!("{:?} left out", OsStr::from_bytes(value)));
        assert_eq!(OsStr::from_bytes(&read_by_sh(&line)), OsStr::from_bytes(value));
        assert_eq!(read_by_udev(&line).expect("a property").1, value);
    }
}

// The verdict.

/// Few numbers, so that they are often equal.
fn evidence() -> impl Strategy<Value = Evidence> {
    let few = || prop::option::of(0..4_u64);
    (few(), few()).prop_map(|(incarnation, stamp)| Evidence {
        incarnation: incarnation.map(Incarnation),
        stamp: stamp.map(Seqnum),
    })
}

fn sample() -> impl Strategy<Value = Sample> {
    let sysfs = prop_oneof![
        3 => (0..4_u64).prop_map(|inode| Sysfs::Present(Incarnation(inode))),
        1 => Just(Sysfs::Absent),
        1 => Just(Sysfs::Unknown),
    ];
    (any::<bool>(), sysfs).prop_map(|(node, sysfs)| Sample { node, sysfs })
}

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![Action::Add, Action::Remove])
}

fn event() -> impl Strategy<Value = Option<RealEvent>> {
    prop::option::of((action(), 0..4_u64).prop_map(|(action, number)| RealEvent { action, seqnum: Seqnum(number) }))
}

proptest! {
    #![proptest_config(cases(1000))]

    /// S1: no event removes the entry of a live incarnation.
    #[test]
    fn s1_the_entry_of_a_controller_that_is_there_is_never_stale(
        inode in any::<u64>(), stamp in prop::option::of(any::<u64>()), event in event()
    ) {
        let entry = Evidence { incarnation: Some(Incarnation(inode)), stamp: stamp.map(Seqnum) };
        let there = Sample { node: true, sysfs: Sysfs::Present(Incarnation(inode)) };
        prop_assert!(judge(entry, there, event).is_current());
    }

    /// H2: the name is there, but another controller has it, whatever the event.
    #[test]
    fn h2_the_entry_of_an_earlier_incarnation_is_stale(
        (old, new) in (any::<u64>(), any::<u64>()).prop_filter("different", |(old, new)| old != new),
        stamp in prop::option::of(any::<u64>()), event in event(), node in any::<bool>()
    ) {
        let entry = Evidence { incarnation: Some(Incarnation(old)), stamp: stamp.map(Seqnum) };
        let sample = Sample { node, sysfs: Sysfs::Present(Incarnation(new)) };
        prop_assert!(judge(entry, sample, event).is_stale());
    }

    /// L1: without node and sysfs directory there is no controller, whatever the entry says.
    #[test]
    fn l1_nothing_there_makes_every_entry_stale(entry in evidence(), event in event()) {
        let gone = Sample { node: false, sysfs: Sysfs::Absent };
        prop_assert_eq!(judge(entry, gone, event), Verdict::Stale(Stale::Gone));
    }

    /// Doubt keeps: a stale entry has a proof against it.
    #[test]
    fn stale_is_proven(entry in evidence(), sample in sample(), event in event()) {
        let gone = !sample.node && sample.sysfs == Sysfs::Absent;
        let recycled = match (entry.incarnation, sample.sysfs) {
            (Some(written), Sysfs::Present(there)) => written != there,
            _ => false,
        };
        let older = match (entry.stamp, event) {
            (Some(stamp), Some(event)) => stamp < event.seqnum,
            _ => false,
        };
        let verdict = judge(entry, sample, event);
        let going = is_going(entry, sample, event);
        prop_assert!(!verdict.is_stale() || gone || going || recycled || older);
        prop_assert!(!(verdict.is_stale() && verdict.is_current()));
        prop_assert!(!verdict.reason().is_empty());
    }

    /// And it keeps what proves nothing itself, unless there is nothing to doubt.
    #[test]
    fn an_entry_that_says_nothing_is_only_stale_where_nothing_is(sample in sample(), event in event()) {
        let gone = !sample.node && sample.sysfs == Sysfs::Absent;
        let going = is_going(Evidence::default(), sample, event);
        prop_assert_eq!(judge(Evidence::default(), sample, event).is_stale(), gone || going);
    }

    #[test]
    fn without_an_event_the_entry_of_libnvme_is_kept_where_a_controller_is(stamp in prop::option::of(any::<u64>()), inode in any::<u64>()) {
        let entry = Evidence { incarnation: None, stamp: stamp.map(Seqnum) };
        let there = Sample { node: true, sysfs: Sysfs::Present(Incarnation(inode)) };
        let verdict = judge(entry, there, None);
        prop_assert!(!verdict.is_stale() && !verdict.is_current());
    }

    #[test]
    fn without_sysfs_and_without_an_event_everything_is_kept(entry in evidence(), node in any::<bool>()) {
        let sample = Sample { node, sysfs: Sysfs::Unknown };
        prop_assert!(!judge(entry, sample, None).is_stale());
    }

    /// An event that came before the entry says nothing against it.
    #[test]
    fn an_event_no_newer_than_the_stamp_never_makes_an_entry_stale(
        entry in evidence(), sample in sample(), action in action(), age in 0..3_u64
    ) {
        let Some(Seqnum(stamp)) = entry.stamp else { return Ok(()) };
        let event = RealEvent { action, seqnum: Seqnum(stamp.saturating_sub(age)) };
        prop_assert_eq!(judge(entry, sample, Some(event)).is_stale(), judge(entry, sample, None).is_stale());
    }

    /// A later event proves no less.
    #[test]
    fn what_is_stale_stays_stale_for_later_events(entry in evidence(), sample in sample(), event in event(), later in 0..4_u64) {
        if judge(entry, sample, event).is_stale() {
            let later = event.map(|event| RealEvent { seqnum: Seqnum(event.seqnum.0 + later), ..event });
            prop_assert!(judge(entry, sample, later).is_stale());
        }
    }

    /// Only an entry that has the incarnation or an event that has an order makes it current.
    #[test]
    fn current_is_proven(entry in evidence(), sample in sample(), event in event()) {
        let same = match sample.sysfs {
            Sysfs::Present(there) => entry.incarnation == Some(there),
            _ => false,
        };
        let newer = event.zip(entry.stamp).is_some_and(|(event, stamp)| stamp >= event.seqnum) && sample.present().is_some();
        prop_assert!(!judge(entry, sample, event).is_current() || same || newer);
    }
}

// The environment and the command line.

fn word() -> impl Strategy<Value = OsString> {
    almost(&[
        "add",
        "remove",
        "change",
        "/dev/nvme4",
        "nvme4",
        "nvme4",
        "/",
        "5000",
        "0",
        "--",
        "-",
        "--owner",
        "--root",
        "-a",
        "-V",
        "-h",
        "-v",
        "-q",
        "--version",
        "register",
        "claim",
        "check",
        "update",
        "list",
        "--json",
        "--names",
        "=",
        "stas",
        "uevent",
        "sweep",
        "delete",
        "retrieve",
        "--yes",
        "--as",
        "-t",
    ])
    .prop_map(|mut bytes| {
        // Neither argv nor the environment can hold it.
        bytes.retain(|byte| *byte != 0);
        OsString::from_vec(bytes)
    })
}

proptest! {
    #![proptest_config(cases(1000))]

    /// H5, H4: whatever the variables hold, an event is real only with a number and without SYNTH_UUID.
    #[test]
    fn h5_no_environment_is_taken_for_more_than_it_is(
        action in prop::option::of(word()), name in prop::option::of(word()), path in prop::option::of(word()),
        seqnum in prop::option::of(word()), synth in prop::option::of(word())
    ) {
        let variable = |wanted: &str| match wanted {
            "ACTION" => action.clone(),
            "DEVNAME" => name.clone(),
            "DEVPATH" => path.clone(),
            "SEQNUM" => seqnum.clone(),
            "SYNTH_UUID" => synth.clone(),
            _ => None,
        };
        match from_environment(variable) {
            Environment::Event(event) => {
                prop_assert!(action.is_some_and(|action| action == "add" || action == "remove"));
                prop_assert!(name.or(path).is_some());
                prop_assert_eq!(event.synthetic, synth.is_some());
                let number = seqnum.and_then(|seqnum| number(seqnum.as_bytes()));
                let proof = event.real().map(|real| real.seqnum.0);
                prop_assert_eq!(proof, number.filter(|_| synth.is_none()));
            }
            Environment::Other(what) => prop_assert!(!what.chars().any(char::is_control)),
            Environment::Missing(_) => {
                let nameless = name.or(path).is_none_or(|name| name.is_empty() || name.as_bytes().ends_with(b"/"));
                prop_assert!(action.is_none() || nameless);
            }
        }
    }

    #[test]
    fn every_command_line_is_understood_or_refused_in_one_line(line in prop::collection::vec(word(), 0..8)) {
        if let Err(error) = cli::parse(line) {
            prop_assert_eq!(error.exit().code(), 2);
            prop_assert!(!error.to_string().chars().any(char::is_control), "{}", error);
        }
    }
}

/// Being removed: the node is gone, a real `remove` says so, and the entry has no stamp by which it could be newer.
fn is_going(entry: Evidence, sample: Sample, event: Option<RealEvent>) -> bool {
    let removed = event.is_some_and(|event| event.action == Action::Remove);
    !sample.node && removed && entry.stamp.is_none() && matches!(sample.sysfs, Sysfs::Present(_))
}
