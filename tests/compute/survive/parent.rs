//! The parent of a batch: killed at one of its own file operations, refused it, or killed at a hundred moments of its
//! workers, it is completed by the same command.

use super::super::runs::last_to_fail;
use super::{
    Bench, Result, SHORT, command, leftovers, only_run, repeats_the_walk, straight, supcon, walk,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use supcon::record::{self, RunDir};

#[test]
fn a_parent_that_is_killed_or_starved_at_any_operation_is_completed_by_the_same_command() {
    if repeats_the_walk() {
        return println!("skipped: the suite without libtorch walks the same operations");
    }
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    // A process that a signal ended has no exit code.
    let kinds = ["full", "quota", "io", "readonly"].map(|kind| (kind, Some(7)));
    for (kind, exit) in [("kill", None)].into_iter().chain(kinds) {
        let points = walk(2, |number| {
            let results = bench.folder().join(format!("{kind}-{number}"));
            let fault = format!("batch:{kind}@{number}");
            let output = supcon(&bench, &results, &SHORT, Some(&fault));
            if output.status.success() {
                return false;
            }
            assert_eq!(output.status.code(), exit, "{fault}: {output:?}");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            if exit.is_some() {
                assert!(told.contains("the same command"), "{fault}: {told}");
                let of_a_report = told.contains("draws their report again");
                assert!(of_a_report || told.contains(" MB there"), "{fault}: {told}");
            }
            let output = supcon(&bench, &results, &SHORT, None);
            assert!(output.status.success(), "{fault}: {output:?}");
            assert!(Result::of(&only_run(&results)) == expected, "{fault}");
            assert_eq!(leftovers(&results), Vec::<String>::new(), "{fault}");
            true
        });
        println!("{kind}: each of {points} operations of the parent");
        assert!(points > 5, "{points}");
    }
}

/// Kills of parents.
const KILLS: u64 = 100;
/// Exit code of a batch whose run is held by another process.
const LEASED: Option<i32> = Some(6);

#[cfg(unix)]
#[test]
fn a_batch_whose_parent_is_killed_a_hundred_times_ends_as_one_that_was_not() {
    let bench = Bench::new();
    let arguments = [
        "--set=seeds=[0, 1, 2, 3, 4, 5]",
        "--set=phases.pretrain.epochs=6",
        "--checkpoint-steps=1",
        "--threads=1",
    ];
    let straight = bench.folder().join("straight");
    let begun = Instant::now();
    assert!(supcon(&bench, &straight, &arguments, None).status.success());
    // So that a start, on this machine and with this build, is long enough for about one of the six runs.
    let spread = (begun.elapsed().as_millis() as u64 / 3).max(300);
    let expected = results_of(&straight);
    assert_eq!(expected.len(), 6);
    let (mut left, mut batches) = (KILLS, 0);
    let mut fell = BTreeMap::<&str, u64>::new();
    while left > 0 {
        batches += 1;
        let results = bench.folder().join(format!("batch-{batches}"));
        let mut most = 31;
        loop {
            let mut command = command(&bench, &results, &arguments);
            command.stderr(Stdio::null()).stdout(Stdio::null());
            let mut parent = command.spawn().expect("supcon starts");
            if left == 0 {
                assert!(wait_for_success(&mut parent, &bench, &results, &arguments));
                break;
            }
            // Spread over start, data, steps, saves and ends by the number of the kill alone; the first of a batch is early.
            let moment = Duration::from_millis(10 + (left * 7919) % most);
            most = spread;
            std::thread::sleep(moment);
            let ended = parent.try_wait().expect("a state");
            if let Some(ended) = ended {
                let is_well = ended.success() || ended.code() == LEASED;
                assert!(is_well, "nobody has killed it: {ended}");
            } else {
                parent.kill().expect("killed");
                left -= 1;
                parent.wait().expect("an end");
                *fell.entry(reached(&results)).or_default() += 1;
            }
            if everything_done(&results, 6) {
                break;
            }
        }
        assert!(results_of(&results) == expected, "batch {batches}");
    }
    println!("parents killed {KILLS} times in {batches} batches of 6 runs: {fell:?}");
    for reached in ["no step", "the first run", "a later run"] {
        assert!(fell.contains_key(reached), "none in {reached}: {fell:?}");
    }
}

fn results_of(results: &Path) -> Vec<Result> {
    let dirs = RunDir::list(&results.join("runs"));
    let load = |dir: &RunDir| Result::of(&record::load(dir.path()).expect("sound"));
    dirs.iter().map(load).collect()
}

/// How far a batch has come that was killed.
fn reached(results: &Path) -> &'static str {
    let dirs = RunDir::list(&results.join("runs"));
    match dirs.iter().filter(|dir| dir.is_done()).count() {
        6 => "the end",
        1.. => "a later run",
        0 if dirs.iter().any(|dir| !dir.checkpoint_steps().is_empty()) => "the first run",
        0 => "no step",
    }
}

fn everything_done(results: &Path, count: usize) -> bool {
    let dirs = RunDir::list(&results.join("runs"));
    dirs.len() == count && dirs.iter().all(RunDir::is_done)
}

/// Waits for the batch; a run that is still held by a worker of the killed batch is asked for again.
fn wait_for_success(parent: &mut Child, bench: &Bench, results: &Path, arguments: &[&str]) -> bool {
    let mut ended = parent.wait().expect("an end");
    for _ in 0..50 {
        if ended.success() {
            return true;
        }
        assert_eq!(
            ended.code(),
            LEASED,
            "another reason than a worker of the killed one"
        );
        std::thread::sleep(Duration::from_millis(100));
        ended = supcon(bench, results, arguments, None).status;
    }
    false
}

/// The worker cannot make its last name safe, and its parent, which tries for it, cannot either: nobody may say that all
/// is well, although everything is there.
#[test]
fn a_finished_run_whose_last_sync_fails_twice_is_a_failure_of_the_disk() {
    if repeats_the_walk() {
        return println!("skipped: the suite without libtorch walks the same operations");
    }
    let bench = Bench::new();
    let run = |results: &str, fault: &str| {
        let results = bench.folder().join(results);
        (supcon(&bench, &results, &SHORT, Some(fault)), results)
    };
    // The last operation of a parent, and of a worker, where all goes well.
    let last = |who: &str| {
        last_to_fail(|at| {
            let (output, results) = run("probe", &format!("{who}@{at}"));
            let _ = std::fs::remove_dir_all(results);
            output.status.success()
        })
    };
    let (parent, worker) = (last("batch:io") + 1, last("worker:full"));
    let mut refused = 0;
    for at in worker - 8..worker + 8 {
        let (output, results) = run(
            &at.to_string(),
            &format!("worker:once@{at},batch:io@{parent}"),
        );
        if output.status.success() || !only_run(&results).dir.is_done() {
            continue;
        }
        refused += 1;
        assert_eq!(output.status.code(), Some(7), "{at}: {output:?}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("error[DISK-IO]"), "{at}: {told}");
        // Everything is there, and it is not safe yet: still a failure.
        let again = supcon(&bench, &results, &SHORT, Some("batch:io@1"));
        assert_eq!(again.status.code(), Some(7), "{at}: {again:?}");
        let again = supcon(&bench, &results, &SHORT, None);
        let told = String::from_utf8_lossy(&again.stdout).into_owned();
        assert!(told.contains("nothing to do"), "{at}: {told}");
    }
    println!("{refused} operations behind the manifest");
    assert!(refused > 0);
}
