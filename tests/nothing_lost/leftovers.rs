//! `sweep` takes every kind of leftover that is older than a minute, and nothing else.

use std::fs;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::bad_input::bounded;
use crate::support::Sandbox;
use crate::support::held::{age, is_exchange, names, names_in, stored};
use crate::support::kernel;
use crate::support::trace::Traced;

fn registered() -> Sandbox {
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner stas").exits(0);
    sandbox
}

#[test]
fn libnvmes_trash_is_swept_after_a_minute() {
    let sandbox = registered();
    for name in [".trash.a1B2c3", ".trash.Zz9Yy8"] {
        sandbox.write(&format!("run/nvme/registry/{name}/owner"), "old\n");
        sandbox.write(&format!("run/nvme/registry/{name}/note"), "old\n");
    }
    fs::create_dir(sandbox.entry(".trash.empty1")).unwrap();
    sandbox.write("run/nvme/registry/.trash.file12", "a plain file\n");
    sandbox.run("sweep").exits(0).prints("");
    assert_eq!(names(&sandbox).len(), 5, "younger than a minute");
    age(&sandbox);
    sandbox.write("run/nvme/registry/.trash.young1/owner", "old\n");
    let outcome = sandbox.run("sweep");
    for name in [".trash.a1B2c3", ".trash.Zz9Yy8", ".trash.empty1", ".trash.file12"] {
        assert!(outcome.exits(0).stdout().contains(&format!("{name}: leftover\n")), "{name}: {outcome}");
    }
    assert_eq!(names(&sandbox), [".trash.young1", "nvme4"]);
    assert_eq!(stored(&sandbox, "owner").as_deref(), Some("stas"));
}

#[test]
fn an_empty_entry_is_swept_after_a_minute_and_not_before() {
    let sandbox = registered();
    sandbox.connect("nvme5", "tcp");
    sandbox.connect("nvme6", "tcp");
    fs::create_dir(sandbox.entry("nvme5")).unwrap();
    age(&sandbox);
    fs::create_dir(sandbox.entry("nvme6")).unwrap();
    sandbox.run("sweep").exits(0).prints("nvme5: leftover\n");
    assert_eq!(names(&sandbox), ["nvme4", "nvme6"]);
    // libnvme's `update` has made it, and writes into it now.
    sandbox.write("run/nvme/registry/nvme6/note", "x\n");
    sandbox.run("retrieve nvme6 -a note").exits(0).prints("x\n");
}

#[test]
fn a_directory_with_a_temporary_name_does_not_keep_sweep_from_the_rest() {
    for full in [false, true] {
        let sandbox = registered();
        fs::create_dir(sandbox.entry("nvme4/x.tmp.y")).unwrap();
        if full {
            sandbox.write("run/nvme/registry/nvme4/x.tmp.y/file", "x");
        }
        sandbox.write("run/nvme/registry/nvme4/note.tmp.a1B2c3", "x");
        sandbox.write("run/nvme/registry/nvme4/zeta.tmp.a1B2c3", "x");
        sandbox.write("run/nvme/registry/.nvme9.tmp.a1B2c3/owner", "x\n");
        sandbox.connect("nvme7", "tcp");
        sandbox.run("register nvme7 --owner dead").exits(0);
        age(&sandbox);
        sandbox.disconnect("nvme7");
        sandbox.write("run/nvme/registry/nvme4/young.tmp.a1B2c3", "x");
        let outcome = sandbox.run("sweep");
        assert_eq!(outcome.code(), 0, "full: {full}: {outcome}");
        assert_eq!(names(&sandbox), ["nvme4"], "full: {full}: {outcome}");
        let left = names_in(&sandbox.entry("nvme4"));
        for name in ["note.tmp.a1B2c3", "zeta.tmp.a1B2c3"] {
            assert!(!left.contains(&name.to_owned()), "full: {full}: {name} is left\n{outcome}");
        }
        assert!(left.contains(&"young.tmp.a1B2c3".to_owned()), "full: {full}: a write under way\n{outcome}");
        for words in ["sweep", "list", "owner nvme4", "update nvme4 -a note -V x"] {
            sandbox.run(words).exits(0);
        }
    }
}

#[test]
fn what_says_where_the_replaced_entry_is_stays_until_that_has_been_handed_over() {
    // Killed right after the exchange: what was replaced lies hidden, with the note in it.
    let sandbox = Sandbox::with_controller("nvme4");
    sandbox.run("register nvme4 --owner one").exits(0);
    sandbox.run("update nvme4 -a note -V keep").exits(0);
    let mut held = Traced::spawn(&mut sandbox.command(["register", "nvme4", "--owner", "two"]));
    held.run_until(is_exchange);
    held.step();
    held.kill();
    assert_eq!(names(&sandbox).len(), 2, "{}", sandbox.registry());
    // The temporary files in the entry are old, what they speak of is not.
    let marker =
        |sandbox: &Sandbox| names_in(&sandbox.entry("nvme4")).into_iter().find(|n| n.starts_with("prior.tmp."));
    let before = marker(&sandbox);
    kernel::age(&sandbox.entry("nvme4"));
    sandbox.run("sweep").exits(0);
    let handed_over = stored(&sandbox, "note").as_deref() == Some("keep");
    assert!(marker(&sandbox) == before || handed_over, "{}", sandbox.registry());
    sandbox.run("retrieve nvme4 -a note").exits(0).prints("keep\n");
    age(&sandbox);
    sandbox.run("sweep").exits(0);
    assert_eq!(names(&sandbox), ["nvme4"], "{}", sandbox.registry());
    assert_eq!(stored(&sandbox, "note").as_deref(), Some("keep"));
    assert_eq!(stored(&sandbox, "owner").as_deref(), Some("two"));
    assert!(marker(&sandbox).is_none(), "{}", sandbox.registry());
}

#[test]
fn sweep_says_that_it_could_not_read_an_owner() {
    let sandbox = registered();
    fs::remove_file(sandbox.entry("nvme4/owner")).unwrap();
    mkfifo(&sandbox.entry("nvme4/owner"), Mode::from_bits_truncate(0o644)).unwrap();
    sandbox.disconnect("nvme4");
    let outcome = bounded(&mut sandbox.command(["sweep"]));
    assert_eq!(outcome.stdout(), "nvme4: ?: the controller is gone\n", "{outcome}");
    assert!(names(&sandbox).is_empty(), "{}", sandbox.registry());
}
