//! The fuzzer's corpus, replayed: what was once interesting stays right.

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
