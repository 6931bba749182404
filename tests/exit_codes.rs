//! The table of exit codes in `nvme-registry(8)`: every row is a situation here, which is made in a sandbox, and the
//! command must exit with the code of the row.

mod situations;

use std::any::Any;
use std::fs::File;
use std::io::Write as _;
use std::process::Command;

use nix::errno::Errno;
use nix::pty::openpty;
use nvme_registry::cli::table::COMMANDS;

use self::situations::SITUATIONS;
use crate::connection::Fabrics;
use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox, binary};

/// A row of the table: command, exit code, situation.
type Row<'p> = (&'p str, i32, &'p str);

/// The rows of the table in the manual.
fn rows(page: &str) -> Vec<Row<'_>> {
    let (_, section) = page.split_once("\n.Sh EXIT STATUS\n").expect("the section");
    let section = section.split_once("\n.Sh ").expect("the next section").0;
    // The first row has the headings.
    section
        .lines()
        .filter(|line| line.contains(" Ta "))
        .skip(1)
        .map(|line| row(line).unwrap_or_else(|| panic!("{line}")))
        .collect()
}

/// A row: `.It Cm owner Ta 1 Ta it has none`.
fn row(line: &str) -> Option<Row<'_>> {
    let (command, rest) = line.strip_prefix(".It ")?.split_once(" Ta ")?;
    let (code, situation) = rest.split_once(" Ta ")?;
    Some((command.strip_prefix("Cm ").unwrap_or(command), code.parse().ok()?, situation))
}

/// What a situation needs while its command runs, and how the command is run.
#[derive(Default)]
struct Stage {
    held: Vec<Box<dyn Any>>,
    answer: Option<String>,
    refusal: Option<(Errno, String)>,
    root: Option<String>,
    is_full: bool,
}

/// Makes one part of a situation.
fn make(sandbox: &Sandbox, stage: &mut Stage, part: &str) {
    let words: Vec<&str> = part.split(' ').collect();
    let come = |device: &str, transport: &str| {
        sandbox.connect(device, transport);
        sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
    };
    let disk = |device: &str| sandbox.own_disk(device, &format!("{device}n1"), "259:4");
    match words.as_slice() {
        ["tcp", device] => come(device, "tcp"),
        ["local", device] => come(device, "pcie"),
        ["owned", device, name] => {
            come(device, "tcp");
            sandbox.run(&format!("register {device} --owner {name}")).exits(0);
        }
        ["noted", device] => {
            come(device, "tcp");
            sandbox.run(&format!("update {device} -a note -V x")).exits(0);
        }
        ["unreadable", device] => {
            come(device, "tcp");
            sandbox.write(&format!("run/nvme/registry/{device}/owner/file"), "");
        }
        ["stale", device] => {
            make(sandbox, stage, &format!("owned {device} stas"));
            sandbox.disconnect(device);
        }
        ["recycled", device] => {
            make(sandbox, stage, &format!("stale {device}"));
            come(device, "tcp");
        }
        ["disk", device] => {
            disk(device);
            sandbox.proc(&[], &[], &[]);
        }
        ["mounted-disk", device] => {
            disk(device);
            sandbox.proc(&[("259:4", "/data", "ext4", "/dev/disk")], &[], &[]);
            stage.held.push(Box::new(sandbox.use_disk(&format!("{device}n1")).expect("the disk")));
        }
        ["shared-disk", devices @ ..] => {
            sandbox.subsystem("nvme-subsys0", devices);
            sandbox.head("nvme-subsys0", "nvme0n1", "259:4");
            for device in devices {
                sandbox.path_disk(device, &format!("{}n1", device.replace("nvme", "nvme0c")), "optimized");
            }
            sandbox.proc(&[("259:4", "/data", "ext4", "/dev/nvme0n1")], &[], &[]);
            stage.held.push(Box::new(sandbox.use_disk("nvme0n1").expect("the disk")));
        }
        ["undeletable", device] => {
            let path = sandbox.path(&format!("sys/class/nvme/{device}/delete_controller"));
            std::fs::remove_file(&path).expect("the attribute");
            std::fs::create_dir(path).expect("a directory in its place");
        }
        ["file", path] => sandbox.write(path, ""),
        ["run", command @ ..] => drop(sandbox.run(&command.join(" ")).exits(0)),
        ["kernel", answer @ ..] => {
            let answer: String = answer.iter().map(|answer| format!("{answer}\n")).collect();
            stage.held.push(Box::new(Fabrics::new(sandbox, &answer)));
        }
        ["answer", answer] => stage.answer = Some(format!("{answer}\n")),
        ["refusal", errno, call @ ..] => {
            let errno = match *errno {
                "EALREADY" => Errno::EALREADY,
                "ECONNREFUSED" => Errno::ECONNREFUSED,
                "EROFS" => Errno::EROFS,
                other => panic!("{other}"),
            };
            stage.refusal = Some((errno, call.first().unwrap_or(&"write").to_string()));
        }
        ["other-root", root] => stage.root = Some((*root).to_owned()),
        ["no-sysfs"] => std::fs::rename(sandbox.path("sys"), sandbox.path("unmounted")).expect("sysfs is taken away"),
        ["full-output"] => stage.is_full = true,
        _ => panic!("no such part of a situation: {part}"),
    }
}

/// Makes a situation, and runs its command.
fn run(parts: &[&str], words: &str) -> Outcome {
    // What `doctor` finds nothing wrong with is made of many files.
    let is_whole = parts.first() == Some(&"whole-installation");
    let (sandbox, mut stage) = (if is_whole { crate::doctor::whole() } else { Sandbox::new() }, Stage::default());
    parts[usize::from(is_whole)..].iter().for_each(|part| make(&sandbox, &mut stage, part));
    let is_variable = |word: &&str| word.starts_with(|first: char| first.is_ascii_uppercase());
    let variables = words.split(' ').take_while(is_variable).map(|word| word.split_once('=').expect("KEY=VALUE"));
    let arguments = words.split(' ').skip_while(is_variable);
    let mut command = match &stage.root {
        None => sandbox.command(arguments),
        Some(root) => {
            let mut command = Command::new(binary());
            command.env_clear().args(["--root", root]).args(arguments);
            command
        }
    };
    command.envs(variables);
    if let Some(answer) = &stage.answer {
        let terminal = openpty(None, None).expect("a pty");
        command.stdin(terminal.slave);
        let mut master = File::from(terminal.master);
        master.write_all(answer.as_bytes()).expect("the answer");
        stage.held.push(Box::new(master));
    }
    if stage.is_full {
        command.stdout(File::options().write(true).open("/dev/full").expect("/dev/full"));
    }
    let Some((errno, name)) = stage.refusal else { return Outcome::of(&mut command) };
    let mut traced = Traced::spawn(&mut command);
    traced.run_until(|call| call.name == name && call.args[0] > 2);
    traced.inject(errno);
    Outcome::from(traced.finish())
}

#[test]
fn every_row_of_the_table_is_a_situation_here() {
    let page = include_str!("../packaging/man/nvme-registry.8");
    let documented: Vec<(&str, &str)> =
        rows(page).into_iter().map(|(command, _, situation)| (command, situation)).collect();
    let known: Vec<(&str, &str)> = SITUATIONS.iter().map(|situation| (situation.0, situation.1)).collect();
    for row in &documented {
        assert!(known.contains(row), "in the manual, and not run: {row:?}");
        assert_eq!(documented.iter().filter(|other| *other == row).count(), 1, "twice in the manual: {row:?}");
    }
    for situation in &known {
        assert!(documented.contains(situation), "not in the manual: {situation:?}");
    }
    for command in COMMANDS {
        assert!(known.iter().any(|(name, _)| *name == command.name), "{}: no situation", command.name);
    }
}

#[test]
fn every_command_exits_with_the_code_of_the_table() {
    let mut wrong = String::new();
    for (command, code, situation) in rows(include_str!("../packaging/man/nvme-registry.8")) {
        let Some((_, _, parts, words, shows)) =
            SITUATIONS.iter().find(|known| (known.0, known.1) == (command, situation))
        else {
            panic!("{command}: {situation}: not a situation");
        };
        assert!(command == "any" || words.split(' ').any(|word| word == command), "{words}: not {command}");
        let outcome = run(parts, words);
        if outcome.code() != code || !(outcome.stdout() + &outcome.stderr()).contains(shows) {
            wrong.push_str(&format!("{command}: {situation}: {code} and {shows:?} expected\n{outcome}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
