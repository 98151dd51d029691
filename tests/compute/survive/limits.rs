//! Limits of the system that a run can meet: few open files, paths as long as there are. Whatever it cannot do has a code
//! and a cause, and the same command completes the run where there is room.

use super::{Bench, Result, SHORT, command, leftovers, only_run, straight, supcon};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use supcon::record::RunDir;

/// Longest path of Linux, with the zero behind it.
const LONGEST: usize = 4096;

/// The last line of an error for people.
fn assert_told(output: &Output, at: &str, cause: &str) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code();
    assert!(matches!(code, Some(2..=7)), "{at}: {code:?} {text}");
    assert!(
        text.contains("error") && text.contains(cause),
        "{at}: {text}"
    );
    assert!(!text.contains("panicked"), "{at}: {text}");
}

#[cfg(target_os = "linux")]
#[test]
fn with_few_open_files_a_run_is_completed_or_says_that_they_are_too_few() {
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    let (mut refused, mut done) = (0, 0);
    // Three are open before it begins.
    for files in 5..16 {
        let (results, at) = (bench.folder().join("few"), format!("{files} files"));
        let run = command(&bench, &results, &SHORT);
        let mut limited = Command::new("sh");
        limited.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
        limited.arg(run.get_program()).args(run.get_args());
        let output = limited.output().expect("sh starts");
        if output.status.success() {
            done += 1;
        } else {
            refused += 1;
            assert_told(&output, &at, "Too many open files");
            assert!(supcon(&bench, &results, &SHORT, None).status.success());
        }
        assert!(Result::of(&only_run(&results)) == expected, "{at}");
        assert_eq!(leftovers(&results), Vec::<String>::new(), "{at}");
        std::fs::remove_dir_all(&results).expect("removed");
    }
    println!("{refused} limits were too low, with {done} a run was completed");
    assert!(refused > 0 && done > 0);
}

/// A folder whose path has this length.
fn of_length(root: &Path, length: usize) -> PathBuf {
    let mut path = root.to_owned();
    while path.as_os_str().len() + 201 < length {
        path.push("a".repeat(100));
    }
    let rest = length - path.as_os_str().len() - 1;
    path.join("b".repeat(rest))
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_that_is_too_long_is_named_and_nothing_counts_as_done() {
    let bench = Bench::new();
    let (mut refused, mut done) = (0, 0);
    // From one that leaves room for every file of a run to one that leaves none for its folder.
    for length in (LONGEST - 120..LONGEST - 10).step_by(10) {
        let results = of_length(bench.folder(), length);
        let output = supcon(&bench, &results, &SHORT, None);
        let runs = RunDir::list(&results.join("runs"));
        let is_done = runs.first().is_some_and(RunDir::is_done);
        if output.status.success() {
            done += 1;
            assert!(is_done, "{length}");
        } else {
            refused += 1;
            assert_told(&output, &length.to_string(), "File name too long");
            let reported = String::from_utf8_lossy(&output.stderr).contains("report");
            assert!(!is_done || reported, "{length}: {output:?}");
        }
    }
    println!("{refused} paths were too long, below {done} a run was completed");
    assert!(refused > 0 && done > 0);
}
