//! Versions of the product with one bug each, which the explorer must find: the proof that it would see such a bug.
//!
//! A bug is a patch in `broken/`, applied to a copy of the sources under the target directory; the sources themselves
//! know nothing of it. A patch that does not apply any more is a failure: mend the patch.
//!
//! Building them is most of what `make prove-quick` takes, so two are built at a time, each in a target directory of its
//! own, without optimisation (the system calls are the same), and none that is there already for the same sources.

use crate::scenario::{self, Scenario};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A patch, the scenario that shows the bug, and the rule that it breaks there.
pub struct Bug {
    pub name: &'static str,
    scenario: &'static str,
    rule: &'static str,
}

const fn bug(name: &'static str, scenario: &'static str, rule: &'static str) -> Bug {
    Bug { name, scenario, rule }
}

pub const BUGS: &[Bug] = &[
    bug("retire_by_path", "remove-register", "S1"),
    bug("claim_by_exchange", "claim-claim", "S2"),
    bug("claim_moves", "update-claim", "S1"),
    bug("purge_without_handing_over", "update-register", "P1"),
    bug("no_exchange_back", "late-register-register", "lost"),
    bug("reader_no_reread", "register-owner", "S3"),
    bug("verify_sysfs_only", "dies-register", "L1"),
];

/// A bug, how it is to be found, and the binary that has it.
pub struct Broken {
    pub name: &'static str,
    pub scenario: Scenario,
    pub binary: PathBuf,
}

/// Builds these under `target`.
pub fn build(bugs: &[&Bug], target: &Path) -> Vec<Result<Broken, String>> {
    const BUILDERS: usize = 2;
    let (next, built) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for builder in 0..BUILDERS.min(bugs.len()) {
            let (next, built, place) = (&next, &built, target.join("broken"));
            scope.spawn(move || {
                while let Some(bug) = bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let binary = build_one(bug.name, &place, &place.join(format!("target{builder}")));
                    if let Ok(mut built) = built.lock() {
                        built.push(binary.and_then(|binary| with_scenario(bug, binary)));
                    }
                }
            });
        }
    });
    built.into_inner().unwrap_or_default()
}

fn with_scenario(bug: &Bug, binary: PathBuf) -> Result<Broken, String> {
    let scenario = scenario::all().into_iter().find(|s| s.name == bug.scenario);
    let mut scenario = scenario.ok_or(format!("broken build {}: no such scenario", bug.name))?;
    scenario.must_break = Some(bug.rule);
    Ok(Broken { name: bug.name, scenario, binary })
}

fn build_one(name: &str, place: &Path, target: &Path) -> Result<PathBuf, String> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let failed = |what: &str, why: &dyn std::fmt::Display| format!("broken build {name}: {what}: {why}");
    let patch = top.join("tests/prove/broken").join(format!("{name}.patch"));
    let (binary, key_file) = (place.join(format!("nvme-registry.{name}")), place.join(format!("{name}.key")));
    let key = key(top, &patch).map_err(|e| failed("read the sources", &e))?;
    if binary.exists() && std::fs::read_to_string(&key_file).is_ok_and(|built_from| built_from == key) {
        return Ok(binary);
    }
    let _ = std::fs::remove_file(&key_file);
    let copy = place.join(name);
    let _ = std::fs::remove_dir_all(&copy);
    std::fs::create_dir_all(&copy).map_err(|e| failed("copy", &e))?;
    // Everything but the sources is the original: the manifest names tests and more that must exist.
    for entry in std::fs::read_dir(top).map_err(|e| failed("copy", &e))?.flatten() {
        let file = entry.file_name();
        if !["src", "target", ".git"].iter().any(|not| file == *not) {
            std::os::unix::fs::symlink(entry.path(), copy.join(&file)).map_err(|e| failed("copy", &e))?;
        }
    }
    run(Command::new("cp").arg("-R").arg(top.join("src")).arg(&copy), name)?;
    run(Command::new("patch").args(["-p1", "--fuzz=0", "--batch", "--input"]).arg(patch).current_dir(&copy), name)?;
    let triple = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--release", "--quiet", "--bins", "--target", &triple, "--target-dir"]).arg(target);
    // Small and slow to link is for what ships.
    cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_INCREMENTAL", "1");
    run(cargo.current_dir(&copy), name)?;
    let built = target.join(triple).join("release/nvme-registry");
    std::fs::copy(built, &binary).map_err(|e| failed("copy", &e))?;
    std::fs::write(key_file, key).map_err(|e| failed("key", &e))?;
    Ok(binary)
}

/// What a build was made from: the sources, the manifest with its lock file, and the patch.
fn key(top: &Path, patch: &Path) -> std::io::Result<String> {
    let mut hasher = DefaultHasher::new();
    let mut left = vec![top.join("src"), top.join("Cargo.toml"), top.join("Cargo.lock"), patch.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let mut below = std::fs::read_dir(path)?.map(|e| Ok(e?.path())).collect::<std::io::Result<Vec<_>>>()?;
            below.sort();
            left.extend(below);
        } else {
            (&path, std::fs::read(&path)?).hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn run(command: &mut Command, name: &str) -> Result<(), String> {
    let output = command.output().map_err(|e| format!("broken build {name}: {command:?}: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("broken build {name}: {command:?} fails:\n{}", String::from_utf8_lossy(&said)))
}
