//! Runs that are killed, interrupted or starved of disk at every operation and step: the same command again gives the bytes
//! of a run that nothing ever happened to, and nothing that was committed is lost.

mod damaged;
mod evaluation;
mod first_write;
mod images;
mod limits;
mod memory;
mod parent;
mod second_life;
mod sharing;
pub(super) mod stops;

use super::runs::{Bench, bytes, figures};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use supcon::device::DeviceName;
use supcon::record::{self, RunDir, RunRecord, State};

/// A run of two short phases.
const SHORT: [&str; 4] = [
    "--set=data.train_size=100",
    "--set=phases.pretrain.epochs=1",
    "--set=phases.classify.epochs=1",
    "--threads=1",
];

pub(super) fn command(bench: &Bench, results: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
    command.arg("run").arg(bench.spec()).args(arguments);
    // What lies on the disk is the same on every device, and this one starts soonest.
    if DeviceName::Cpu.open().is_ok() {
        command.arg("--device=cpu");
    }
    command.arg("--results").arg(results);
    command.env_remove("SUPCON_FAULT");
    command
}

/// The walks over every operation use `cpu`; a build with libtorch beside it would only repeat them.
fn repeats_the_walk() -> bool {
    cfg!(feature = "libtorch") && DeviceName::Cpu.open().is_ok()
}

pub(super) fn supcon(
    bench: &Bench,
    results: &Path,
    arguments: &[&str],
    fault: Option<&str>,
) -> Output {
    let mut command = command(bench, results, arguments);
    if let Some(fault) = fault {
        command.env("SUPCON_FAULT", fault);
    }
    command.output().expect("supcon starts")
}

/// Completes the one run of these results: every eighth time by the same command, else by its worker alone, which is what
/// that command would start. It saves the time of a report.
fn complete(bench: &Bench, results: &Path, arguments: &[&str], number: u64) -> Output {
    if number.is_multiple_of(8) {
        return supcon(bench, results, arguments, None);
    }
    let mut worker = Command::new(env!("CARGO_BIN_EXE_supcon"));
    let dirs = RunDir::list(&results.join("runs"));
    worker.arg("worker").arg(dirs[0].path());
    worker.arg(format!("--device={}", super::devices()[0].0));
    worker
        .args(["--threads=1", "--cache"])
        .arg(results.join("cache"));
    worker
        .env_remove("SUPCON_FAULT")
        .output()
        .expect("supcon starts")
}

pub(super) fn only_run(results: &Path) -> RunRecord {
    let dirs = RunDir::list(&results.join("runs"));
    assert_eq!(dirs.len(), 1, "{}", results.display());
    record::load(dirs[0].path()).expect("a sound record")
}

/// Everything of a finished run that must not depend on what happened to it.
#[derive(Clone, PartialEq)]
pub(super) struct Result {
    rows: Vec<String>,
    files: Vec<Vec<u8>>,
}

impl Result {
    pub(super) fn of(run: &RunRecord) -> Self {
        assert!(run.dir.is_done() && run.status.state == State::Done);
        let files = [record::PREDICTIONS, record::MODEL];
        Self {
            rows: figures(run),
            files: files.map(|name| bytes(run, name)).into(),
        }
    }
}

/// The result of a run that nothing happens to, against which others are held.
pub(super) fn straight(bench: &Bench, arguments: &[&str]) -> Result {
    let results = bench.folder().join("straight");
    let output = supcon(bench, &results, arguments, None);
    assert!(output.status.success(), "{output:?}");
    Result::of(&only_run(&results))
}

/// Hidden files and folders below the results: what a commit did not finish, and what a damaged result has left. A lease
/// and a count of crashes are no leftovers.
pub(super) fn leftovers(results: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(results).into_iter().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let known = [record::lease::LEASE, ".attempts.json"];
    names
        .filter(|name| name.starts_with('.') && !known.contains(&name.as_str()))
        .collect()
}

/// Calls `attempt` with 1, 2, ... from two threads until it has said `enough` times in a row that nothing came of it: the
/// last operations of a run can fail without a failure. The largest number of which something came.
fn walk(enough: u64, attempt: impl Fn(u64) -> bool + Sync) -> u64 {
    let (next, last) = (AtomicU64::new(1), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > last.load(Ordering::Relaxed) + enough {
                        return;
                    }
                    if attempt(number) {
                        last.fetch_max(number, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    last.load(Ordering::Relaxed)
}

/// More than the operations of a run behind its manifest, which take its checkpoints away.
const BEHIND_THE_END: u64 = 20;

/// Steps of the newest sound checkpoint, by the number of the operation at which a run ended.
#[derive(Default)]
struct Commits(Mutex<BTreeMap<u64, Option<u64>>>);

impl Commits {
    /// Looks at a run that ended at this operation.
    fn look(&self, number: u64, results: &Path) {
        let dirs = RunDir::list(&results.join("runs"));
        let newest = dirs[0].newest_checkpoint().expect("no damaged checkpoint");
        assert_eq!(newest.skipped, Vec::<String>::new(), "{number}");
        let step = newest.newest.map(|newest| newest.position.run_steps);
        self.0.lock().expect("no panic").insert(number, step);
    }

    /// What is there behind one operation is not lost at the next.
    fn assert_kept(&self) {
        let steps = self.0.lock().expect("no panic");
        let kept = steps.iter().is_sorted_by(|a, b| a.1 <= b.1);
        assert!(kept, "{steps:?}");
        assert!(steps.values().flatten().count() > 30, "{steps:?}");
    }
}

#[test]
fn a_kill_at_every_file_operation_changes_no_byte_of_the_result() {
    if repeats_the_walk() {
        return println!("skipped: the suite without libtorch walks the same operations");
    }
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    let commits = Commits::default();
    let points = walk(BEHIND_THE_END, |number| {
        let results = bench.folder().join(format!("kill-{number}"));
        let fault = format!("worker:kill@{number}");
        let output = supcon(&bench, &results, &SHORT, Some(&fault));
        let ended = output.status.success();
        if !ended {
            assert_eq!(output.status.code(), Some(3), "{number}: {output:?}");
            commits.look(number, &results);
            let output = complete(&bench, &results, &SHORT, number);
            assert!(output.status.success(), "{number}: {output:?}");
        }
        assert!(
            Result::of(&only_run(&results)) == expected,
            "killed at {number}"
        );
        assert_eq!(leftovers(&results), Vec::<String>::new(), "{number}");
        std::fs::remove_dir_all(&results).expect("removed");
        !ended
    });
    commits.assert_kept();
    println!("killed at each of {points} file operations of a run and {BEHIND_THE_END} more");
    assert!(points > 60, "{points}");
    // Behind the commit of its last epoch a run is finished without another step.
    for number in (points - 28..=points).step_by(4) {
        let results = bench.folder().join(format!("late-{number}"));
        supcon(
            &bench,
            &results,
            &SHORT,
            Some(&format!("worker:kill@{number}")),
        );
        let output = supcon(&bench, &results, &[&SHORT[..], &["--json"]].concat(), None);
        assert!(output.status.success(), "{number}: {output:?}");
        let events = String::from_utf8_lossy(&output.stdout).into_owned();
        for event in ["epoch_ended", "step"] {
            let said = format!("\"event\":\"{event}\"");
            assert!(!events.contains(&said), "{number}: {events}");
        }
        assert!(Result::of(&only_run(&results)) == expected, "{number}");
    }
}

#[test]
fn a_disk_that_refuses_any_write_costs_nothing_that_was_committed() {
    if repeats_the_walk() {
        return println!("skipped: the suite without libtorch walks the same operations");
    }
    let bench = Bench::new();
    let mut arguments = SHORT;
    arguments[2] = "--set=phases.classify.epochs=2";
    let expected = straight(&bench, &arguments);
    for (kind, words, enough) in [
        ("full", "No space left", BEHIND_THE_END),
        ("quota", "Disk quota exceeded", 2),
        ("io", "Input/output", 2),
    ] {
        let commits = Commits::default();
        let points = walk(enough, |number| {
            let results = bench.folder().join(format!("{kind}-{number}"));
            let fault = format!("worker:{kind}@{number}");
            let output = supcon(&bench, &results, &arguments, Some(&fault));
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            let at = format!("{kind} at {number}: {text}");
            let ended = output.status.success();
            assert_eq!(leftovers(&results), Vec::<String>::new(), "{at}");
            if !ended {
                assert_eq!(output.status.code(), Some(7), "{at}");
                assert!(
                    text.contains("error[DISK-")
                        && text.to_lowercase().contains(&words.to_lowercase()),
                    "{at}"
                );
                assert!(
                    text.contains("the same command") && text.contains(" MB"),
                    "{at}"
                );
                commits.look(number, &results);
                let again = complete(&bench, &results, &arguments, number);
                assert!(again.status.success(), "{at}: {again:?}");
            }
            assert!(Result::of(&only_run(&results)) == expected, "{at}");
            std::fs::remove_dir_all(&results).expect("removed");
            !ended
        });
        commits.assert_kept();
        println!("{kind}: refused at each of {points} operations of a run and {enough} more");
        assert!(points > 60, "{points}");
    }
}
