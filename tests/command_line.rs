//! The command line itself: help, options, and everything that is refused with exit code 2 before anything is done.

use std::ffi::OsString;
use std::process::{Command, Stdio};

use nvme_registry::cli;
use nvme_registry::cli::options::{GLOBAL, Id};
use nvme_registry::cli::table::COMMANDS;

use crate::support::sandbox::os;
use crate::support::{Outcome, Sandbox, binary};

/// nvme4 and nvme5 are there, nvme4 is stas's.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.connect("nvme5", "tcp");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox
}

/// Asserts exit code 2, nothing on standard output, one line that says this, and that nothing was done.
#[track_caller]
fn refused(sandbox: &Sandbox, command: &mut Command, says: &str) {
    let before = sandbox.registry();
    let outcome = Outcome::of(command);
    outcome.exits(2).prints("").says(says);
    let stderr = outcome.stderr();
    assert!(stderr.starts_with("nvme-registry: "), "the program's name expected\n{outcome}");
    assert!(stderr.ends_with('\n') && stderr.lines().count() == 1, "one line expected\n{outcome}");
    assert!(!stderr.trim_end().contains(char::is_control), "no control characters expected\n{outcome}");
    assert_eq!(sandbox.registry(), before, "{outcome}");
}

#[track_caller]
fn words_refused(words: &str, says: &str) {
    let sandbox = sandbox();
    refused(&sandbox, &mut sandbox.command(words.split_whitespace()), says);
}

// Help.

#[test]
fn the_help_names_every_command_and_every_global_option() {
    let sandbox = Sandbox::new();
    let help = sandbox.run("--help");
    help.exits(0);
    assert_eq!(help.stderr(), "");
    for command in COMMANDS {
        let line = format!("\n  {:<16} {}\n", command.name, command.summary);
        assert!(help.stdout().contains(&line), "{line:?} expected\n{help}");
    }
    for option in GLOBAL {
        assert!(help.stdout().contains(&format!("--{}", option.long)), "--{} expected\n{help}", option.long);
    }
    assert!(help.stdout().contains("Exit codes: 0 "), "{help}");
    sandbox.run("-h").exits(0).prints(&help.stdout());
    // Nobody's terminal is wider.
    assert!(help.stdout().lines().all(|line| line.len() <= 120), "{help}");
}

#[test]
fn every_command_explains_itself_with_its_options_and_an_example() {
    let sandbox = sandbox();
    let before = sandbox.registry();
    for command in COMMANDS {
        let help = sandbox.run(&format!("{} -h", command.name));
        help.exits(0);
        assert_eq!(help.stderr(), "");
        let usage = format!("Usage: nvme-registry {}", command.name);
        assert!(help.stdout().starts_with(&usage), "{usage:?} expected\n{help}");
        for option in command.options.iter().chain(GLOBAL) {
            let value = option.value.map_or(String::new(), |value| format!(" {value}"));
            let spelled = format!("--{}{value}", option.long);
            assert!(help.stdout().contains(&spelled), "{spelled} expected\n{help}");
            // -V is the version before a command only.
            if let Some(short) = option.short.filter(|_| option.id != Id::Version) {
                assert!(help.stdout().contains(&format!("-{short}, --{}", option.long)), "-{short} expected\n{help}");
            }
        }
        let example = format!("\nExample:\n  {}\n", command.example);
        assert!(help.stdout().ends_with(&example), "{example:?} expected\n{help}");
        assert!(command.example.contains(&format!("nvme-registry {}", command.name)), "{}", command.example);
        // Wherever it is asked for, and whatever else is wrong.
        for words in ["{} --help", "{} nvme04 -h", "{} -qh", "-v {} nvme4 --help", "{} -h --no-such-option"] {
            sandbox.run(&words.replace("{}", command.name)).exits(0).prints(&help.stdout());
        }
    }
    assert_eq!(sandbox.registry(), before, "asking for help did something");
}

#[test]
fn every_example_runs_as_it_is_written() {
    for command in COMMANDS {
        let sandbox = sandbox();
        sandbox.run("update nvme4 -a note -V SAN").exits(0);
        sandbox.write("sys/class/nvme/nvme4/delete_controller", "");
        let _fabrics = crate::connection::Fabrics::new(&sandbox, "instance=4,cntlid=1\n");
        // The example as a person types it, with this product and a `nvme` that does nothing in PATH.
        // Copied by another process: a descriptor open for writing in this one could be inherited by a test that forks
        // in another thread, and the exec would fail with ETXTBSY.
        let tool = |name: &str, line: &str| {
            sandbox.write(&format!("made/{name}"), format!("#!/bin/sh\n{line}\n"));
            let mut install = Command::new("install");
            install.args(["-D", "-m", "755"]).arg(sandbox.path(&format!("made/{name}")));
            Outcome::of(install.arg(sandbox.path(&format!("bin/{name}")))).exits(0);
        };
        tool("nvme-registry", "echo \"$1\" >>\"$RAN\"; exec \"$BIN\" --root \"$ROOT\" \"$@\"");
        tool("nvme", "echo nvme \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", command.example]).stdin(Stdio::null()).env_clear();
        shell.env("PATH", format!("{}:/usr/bin:/bin", sandbox.path("bin").display()));
        shell.env("BIN", binary()).env("ROOT", sandbox.path("")).env("RAN", sandbox.path("ran"));
        let outcome = Outcome::of(&mut shell);
        assert_eq!(sandbox.read("ran").as_deref(), Some(&*format!("{}\n", command.name)), "{outcome}");
        // Whatever the answer is, it is not that the example cannot be understood.
        outcome.never_says("see 'nvme-registry").never_says("usage");
        assert!(matches!(outcome.code(), 0 | 1), "done or no expected\n{outcome}");
    }
}

/// The words of an example after the program's name, up to the next command of the shell.
fn words_of(example: &str) -> Vec<OsString> {
    let (_, words) = example.split_once("nvme-registry ").expect("an example runs the program");
    let end = words.find([')', '|', '&', ';']).unwrap_or(words.len());
    let mut words = words[..end].trim().split('\'');
    let mut list = Vec::new();
    while let Some(plain) = words.next() {
        list.extend(plain.split_whitespace().map(OsString::from));
        list.extend(words.next().map(OsString::from));
    }
    list
}

#[test]
fn every_entry_of_the_table_parses_its_example_to_a_request_of_its_own() {
    for command in COMMANDS {
        let invocation = cli::parse(words_of(command.example)).unwrap_or_else(|error| panic!("{error}"));
        let request = format!("{:?}", invocation.request);
        let expected = match command.name {
            "claim" => "ClaimUnowned {".to_owned(),
            "list" => "Show { subjects: Entries".to_owned(),
            "status" => "Show { subjects: Controllers".to_owned(),
            "disconnect" => "Disconnect { targets: Subsystem".to_owned(),
            "disconnect-all" => "Disconnect { targets: All".to_owned(),
            name => name[..1].to_ascii_uppercase() + &name[1..],
        };
        assert!(request.starts_with(&expected), "{}: {request}", command.example);
    }
}

#[test]
fn the_version_is_the_packages() {
    let version = format!("nvme-registry {}\n", env!("CARGO_PKG_VERSION"));
    let sandbox = Sandbox::new();
    for words in ["--version", "-V", "-vV", "list --version", "-v --version", "--version --no-such-option"] {
        sandbox.run(words).exits(0).prints(&version);
    }
}

#[test]
fn the_letter_of_the_version_is_taken_before_the_command_only() {
    let sandbox = Sandbox::with_controller("nvme4");
    for command in COMMANDS {
        // Of `check`, a slip for -v would be a "yes".
        if command.name != "update" {
            sandbox.run(&format!("{} -V", command.name)).exits(2).prints("").says("invalid option '-V'");
        }
        let help = sandbox.run(&format!("help {}", command.name));
        let letters = help.stdout().matches("  -V,").count();
        assert_eq!(letters, usize::from(command.name == "update"), "{help}");
    }
    assert!(sandbox.run("help").stdout().contains("  -V, --version"));
}

#[test]
fn the_table_is_without_contradictions() {
    for command in COMMANDS {
        let options: Vec<_> = command.options.iter().chain(GLOBAL).collect();
        for (index, one) in options.iter().enumerate() {
            for other in &options[index + 1..] {
                assert_ne!(one.long, other.long, "{}", command.name);
                // -V is the version in front of a command only; behind `update` it is the value.
                let is_version = other.id == Id::Version;
                assert!(one.short.is_none() || one.short != other.short || is_version, "{} {}", command.name, one.long);
            }
        }
        assert!(!command.summary.ends_with('.') && !command.about.is_empty(), "{}", command.name);
        assert!(command.about.lines().all(|line| line.len() <= 120), "{}", command.name);
    }
}

// What is refused.

#[test]
fn no_command() {
    words_refused("", "a command is missing (see 'nvme-registry -h')");
    words_refused("-v", "a command is missing");
    words_refused("-q --verbose", "a command is missing");
    words_refused("--", "a command is missing");
}

#[test]
fn unknown_commands() {
    for word in ["lists", "LIST", "list ", "regist", "registry", "", "-", "uevent\n", "nvme4", "\u{1b}[2J"] {
        let sandbox = sandbox();
        refused(&sandbox, &mut sandbox.command([word]), "unknown command '");
    }
    words_refused("show nvme4", "unknown command 'show' (see 'nvme-registry -h')");
}

#[test]
fn unknown_options() {
    for words in ["--force", "-x", "-1", "--owne list", "--Root x list", "-", "--owner stas list"] {
        words_refused(words, "'");
    }
    for command in COMMANDS {
        for option in ["--no-such-option", "--no-such-option=1", "-X", "-vX"] {
            let shown = if option.starts_with("--") { "'--no-such-option'" } else { "'-X'" };
            words_refused(&format!("{} {option}", command.name), &format!("{}: invalid option {shown}", command.name));
        }
    }
}

#[test]
fn h10_options_are_shown_escaped() {
    let sandbox = sandbox();
    for (words, shown) in [
        (["--\u{1b}[2J", "list"], "'--\\x1b[2J'"),
        (["list", "--no\nnvme-registry: forged"], "'--no\\x0anvme-registry: forged'"),
        (["list", "-\u{1b}"], "'-\\x1b'"),
        (["list", "--json=\u{1b}[2J"], "'--json'"),
        (["--root\r=x", "list"], "'--root\\x0d'"),
    ] {
        refused(&sandbox, &mut sandbox.command(words), shown);
    }
}

#[test]
fn options_of_other_commands() {
    for words in [
        "owner nvme4 --owner stas",
        "check nvme4 --owner stas",
        "register nvme4 --owner boot --as stas",
        "retrieve nvme4 -a owner -V x",
        "delete nvme4 --owner stas",
        "owner nvme4 -V",
        "uevent --json",
        "export nvme4 --json",
        "sweep --all",
        "claim nvme5 --owner boot --yes",
        "list -a owner",
    ] {
        words_refused(words, "'-");
    }
}

#[test]
fn missing_arguments() {
    for (words, says) in [
        ("register nvme4", "register: --owner NAME is missing"),
        ("claim nvme5", "claim: --owner NAME is missing"),
        ("release nvme4", "release: --owner NAME is missing"),
        ("retrieve nvme4", "retrieve: an attribute is missing: --attr ATTR"),
        ("update nvme4", "update: an attribute is missing"),
        ("update nvme4 -a note", "update: --value VALUE is missing"),
        ("update nvme4 -V x", "update: an attribute is missing"),
        ("register --owner boot", "register: a device is missing, such as nvme4"),
    ] {
        words_refused(words, says);
    }
}

#[test]
fn missing_values() {
    for words in [
        "register nvme4 --owner",
        "retrieve nvme4 -a",
        "retrieve nvme4 --attr",
        "update nvme4 -a note -V",
        "check nvme4 --as",
        "list --owner",
        "list -t",
        "list --traddr",
        "list -n",
        "list --root",
    ] {
        let option = words.split(' ').next_back().unwrap();
        words_refused(words, &format!("'{option}'"));
    }
}

#[test]
fn values_where_none_is_taken() {
    for words in ["list --json=1", "list --names=", "-q=1 list", "sweep --dry-run=no", "delete nvme4 --yes=y"] {
        words_refused(words, "'-");
    }
}

#[test]
fn options_that_are_given_twice() {
    for (words, says) in [
        ("register nvme5 --owner a --owner b", "register: --owner is given twice"),
        ("register nvme5 --owner a --owner a", "register: --owner is given twice"),
        ("retrieve nvme4 -a owner --attr note", "retrieve: --attr is given twice"),
        ("update nvme4 -a note -V x -Vy", "update: --value is given twice"),
        ("check nvme4 --as a --as b", "check: --as is given twice"),
        ("list -t tcp --transport rdma", "list: --transport is given twice"),
        ("list --root x", "list: --root is given twice"),
    ] {
        words_refused(words, says);
    }
    // A flag means the same however often it is said.
    sandbox().run("-qq -q list --names --names").exits(0).prints("nvme4\n");
}

#[test]
fn options_that_exclude_each_other() {
    for (words, one, other) in [
        ("list --json --names", "--json", "--names"),
        ("list --names --json --stale", "--json", "--names"),
        ("list --stale --all", "--stale", "--all"),
        ("list --all --json --stale", "--stale", "--all"),
        ("list --owner stas --unowned", "--owner", "--unowned"),
        ("list --unowned --names --owner stas", "--owner", "--unowned"),
    ] {
        words_refused(words, &format!("list: {one} and {other} exclude each other"));
    }
}

#[test]
fn words_that_are_not_utf8() {
    let sandbox = sandbox();
    for (words, says) in [
        (&[b"li\xffst".as_slice()][..], "unknown command 'li\\xffst'"),
        (&[b"sweep", b"\xff\xfe"], "sweep: unexpected argument '\\xff\\xfe'"),
        (&[b"list", b"--\xff"], "'--"),
        (&[b"list", b"-\xff"], "'-"),
        (&[b"--no\xffsuch=\xff", b"list"], "'--no"),
        (&[b"owner", b"nvme\xff"], "owner: 'nvme\\xff' is not a controller's name"),
        (&[b"owner", b"nvme4", b"-\xff"], "'-"),
    ] {
        refused(&sandbox, &mut sandbox.command(words.iter().map(|word| os(word))), says);
    }
}

// What is understood.

#[test]
fn global_options_stand_before_or_after_the_command() {
    let sandbox = sandbox();
    let root = sandbox.path("").into_os_string();
    let mut joined = OsString::from("--root=");
    joined.push(&root);
    let run = |words: &[&std::ffi::OsStr]| {
        let mut command = Command::new(binary());
        command.env_clear().args(words).stdin(Stdio::null());
        Outcome::of(&mut command).exits(0).prints("stas\n").never_says("owned");
    };
    run(&["--root".as_ref(), &root, "owner".as_ref(), "nvme4".as_ref()]);
    run(&["owner".as_ref(), "--root".as_ref(), &root, "nvme4".as_ref()]);
    run(&["owner".as_ref(), "nvme4".as_ref(), &joined]);
    run(&["-q".as_ref(), &joined, "owner".as_ref(), "-v".as_ref(), "nvme4".as_ref()]);
    for words in ["-q check nvme4", "check -q nvme4", "check nvme4 -q", "check nvme4 --quiet"] {
        let outcome = sandbox.run(words);
        assert_eq!(outcome.exits(1).stderr(), "", "{outcome}");
    }
}

#[test]
fn values_are_spelled_as_getopt_spells_them() {
    for words in ["register nvme5 --owner boot", "register --owner=boot nvme5", "register --owner boot --yes -- nvme5"]
    {
        let sandbox = sandbox();
        sandbox.run(words).exits(0);
        sandbox.run("owner nvme5").exits(0).prints("boot\n");
    }
    let sandbox = sandbox();
    for (words, value) in [
        ("update nvme4 -a note -V one", "one"),
        ("update nvme4 -anote -Vtwo", "two"),
        ("update nvme4 --attr=note --value=three", "three"),
        ("update nvme4 --attr note --value four", "four"),
        ("update -a note -V five nvme4", "five"),
        ("update -a note -V six -- nvme4", "six"),
        ("update --value=a=b --attr=note nvme4", "a=b"),
        ("update nvme4 -qanote -Vseven", "seven"),
        // What stands where a value is taken is one, whatever it looks like.
        ("update nvme4 -a note -V --yes", "--yes"),
        ("update nvme4 -a note -V -h", "-h"),
        ("update nvme4 -a note -V --", "--"),
        ("update nvme4 -a note -V -", "-"),
    ] {
        sandbox.run(words).exits(0);
        sandbox.run("retrieve nvme4 -anote").exits(0).prints(&format!("{value}\n"));
    }
}

#[test]
fn after_two_dashes_nothing_is_an_option() {
    let sandbox = sandbox();
    sandbox.run("owner -- nvme4").exits(0).prints("stas\n");
    sandbox.run("-- owner nvme4").exits(0).prints("stas\n");
    words_refused("owner -- -h", "owner: '-h' is not a controller's name");
    words_refused("sweep -- --json", "sweep: unexpected argument '--json'");
    words_refused("owner nvme4 -- --root", "owner: '--root' is not a controller's name");
}

#[test]
fn a_device_is_spelled_with_or_without_dev() {
    let sandbox = sandbox();
    sandbox.run("owner /dev/nvme4").exits(0).prints("stas\n");
    sandbox.run("claim /dev/nvme5 --owner boot").exits(0).prints("nvme5\n");
}

#[test]
fn a_value_may_be_empty_words_only_where_words_are_meant() {
    let sandbox = sandbox();
    for words in [["list", "--owner="], ["list", "--owner"]] {
        refused(&sandbox, &mut sandbox.command(words), "--owner");
    }
    let mut spaces = sandbox.command(["update", "nvme4", "-a", "note", "-V", "  two words  "]);
    Outcome::of(&mut spaces).exits(0);
    sandbox.run("retrieve nvme4 -a note").exits(0).prints("  two words  \n");
}
