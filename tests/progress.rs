//! A command that changes several things says each of them when it is done: one that is interrupted has said what it did,
//! and one whose output cannot be written goes on.

use std::fs;
use std::process::Stdio;

use crate::support::trace::Traced;
use crate::support::{Outcome, Sandbox};

/// What a command does first, and how a test sees that it is done.
struct Case {
    words: &'static str,
    line: &'static str,
    done: fn(&Sandbox) -> bool,
}

fn is_deleted(sandbox: &Sandbox, device: &str) -> bool {
    sandbox.read(&format!("sys/class/nvme/{device}/delete_controller")).as_deref() == Some("1")
}

/// Each of these does the same to nvme4 and then to nvme5.
const CASES: [Case; 4] = [
    Case { words: "disconnect-all", line: "nvme4: disconnected\n", done: |sandbox| is_deleted(sandbox, "nvme4") },
    Case {
        words: "sweep",
        line: "nvme4: stas: the controller is gone\n",
        done: |sandbox| !sandbox.entry("nvme4").exists(),
    },
    Case { words: "claim nvme4 nvme5 --owner boot", line: "nvme4\n", done: |sandbox| sandbox.entry("nvme4").exists() },
    Case { words: "claim --unowned --owner boot", line: "nvme4\n", done: |sandbox| sandbox.entry("nvme4").exists() },
];

/// nvme4 and nvme5 are there and unowned; for `sweep` both are gone, and their entries are stale.
fn two_controllers(words: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for device in ["nvme4", "nvme5"] {
        sandbox.connect(device, "tcp");
        sandbox.write(&format!("sys/class/nvme/{device}/delete_controller"), "");
        if words == "sweep" {
            sandbox.run(&format!("register {device} --owner stas")).exits(0);
            sandbox.disconnect(device);
        }
    }
    // The lines of the log go there, not to standard error.
    sandbox.write("dev/kmsg", "");
    sandbox
}

#[test]
fn what_is_done_is_said_before_the_next_thing_is_done_and_a_kill_does_not_take_it_back() {
    for Case { words, line, done } in CASES {
        let sandbox = two_controllers(words);
        let mut traced = Traced::spawn(&mut sandbox.command(words.split(' ')));
        let is_next = |path: &std::path::Path| path.to_string_lossy().contains("nvme5");
        traced.run_until(|call| call.object.as_deref().is_some_and(is_next) && done(&sandbox));
        assert_eq!(String::from_utf8_lossy(&traced.printed()), line, "{words}, still running");
        Outcome::from(traced.kill()).prints(line);
    }
}

#[test]
fn what_cannot_be_said_is_done_nevertheless() {
    for Case { words, .. } in CASES {
        let plain = two_controllers(words);
        plain.run(words).exits(0);
        let sandbox = two_controllers(words);
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let child = sandbox.command(words.split(' ')).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let outcome = Outcome::from(child.wait_with_output().unwrap());
        outcome.exits(3);
        assert_eq!(
            outcome.stderr(),
            "nvme-registry: write standard output: No space left on device\n",
            "{words}: said once"
        );
        for device in ["nvme4", "nvme5"] {
            assert_eq!(is_deleted(&sandbox, device), is_deleted(&plain, device), "{words}");
            assert_eq!(sandbox.entry(device).exists(), plain.entry(device).exists(), "{words}");
        }
    }
}
