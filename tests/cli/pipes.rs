//! Output that cannot be written: a reader that goes away is no mistake, a full disk is one.

use super::{Case, GOOD};
use std::process::{Command, Output};
use supcon::record::RunDir;

/// What a shell says of `supcon WORDS` with the given end of the line, in the folder of a spec.
fn shell(case: &Case, words: &str, end: &str) -> Output {
    let line = format!("\"$0\" {words} {end}");
    Command::new("bash")
        .args([
            "-c",
            &format!("set -o pipefail; {line}"),
            env!("CARGO_BIN_EXE_supcon"),
        ])
        .current_dir(case.dir.path())
        .output()
        .expect("bash")
}

const VERBS: &[&str] = &[
    "plan spec.yaml",
    "plan --json spec.yaml",
    "check spec.yaml",
    "check --format json spec.yaml",
    "help",
    "list",
    "schema",
    "ls",
    "ls --json",
    "fsck",
    "gc",
    "report --out report",
    #[cfg(feature = "train")]
    "doctor",
];

/// A spec, and a run of it that was begun.
fn case() -> Case {
    let case = Case::new(GOOD);
    let plan = case.runs().remove(0);
    let runs = case.dir.path().join("results/runs");
    let dir = RunDir::create(&runs, &plan.run_id).expect("a folder");
    dir.write_plan(&plan).expect("a plan");
    case
}

#[test]
fn a_reader_that_goes_away_is_no_mistake() {
    let case = case();
    for verb in VERBS {
        for end in ["| true", "| head -c 10", "| head -1"] {
            let output = shell(&case, verb, end);
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && text.is_empty(),
                "{verb} {end}: {text}"
            );
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_said_and_sets_the_exit_code() {
    let case = case();
    for verb in VERBS {
        let output = shell(&case, verb, "> /dev/full");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{verb}: {text}");
        assert!(
            text.starts_with("error[DISK-FULL]: cannot write to standard output"),
            "{verb}: {text}"
        );
    }
}
