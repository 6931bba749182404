//! The fuzzer's corpus, replayed: what was once interesting stays right. And its dictionary of the command line, which
//! must have every command and option, or the fuzzer would have to guess the new ones.

use std::collections::BTreeSet;

use nvme_registry::cli::{options::GLOBAL, table::COMMANDS};

#[path = "fuzz/checks.rs"]
mod checks;

fn replay(target: &str, check: impl Fn(&[u8])) {
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let mut replayed = 0;
    for entry in std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display())) {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(path).unwrap());
        replayed += 1;
    }
    assert!(replayed > 0, "no corpus for {target}");
}

#[test]
fn argv() {
    replay("argv", checks::argv);
}

#[test]
fn uevent() {
    replay("uevent", checks::uevent);
}

#[test]
fn attribute() {
    replay("attribute", checks::attribute);
}

#[test]
fn fabrics() {
    replay("fabrics", checks::fabrics);
}

#[test]
fn sysfs() {
    replay("sysfs", checks::sysfs);
}

#[test]
fn the_dictionary_of_argv_has_every_command_and_option() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/dictionaries/argv.dict");
    let dictionary = std::fs::read_to_string(&path).unwrap();
    let commands = COMMANDS.iter().map(|command| format!("\"{}\"", command.name));
    let options = COMMANDS.iter().flat_map(|command| command.options).chain(GLOBAL);
    let missing: BTreeSet<String> = commands
        .chain(options.map(|option| format!("\"--{}\"", option.long)))
        .filter(|word| !dictionary.lines().any(|line| line == word))
        .collect();
    let lines = Vec::from_iter(missing).join("\n");
    assert!(lines.is_empty(), "lines that are missing in {}:\n{lines}", path.display());
}
