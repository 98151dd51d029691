//! Runs that are killed, interrupted or starved of disk at every operation and step: the same command again gives the bytes
//! of a run that nothing ever happened to, and nothing that was committed is lost.

mod damaged;
mod evaluation;
mod first_write;
mod images;
mod memory;
mod parent;
mod sharing;

use super::runs::{Bench, bytes, figures};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use supcon::data::{self, Dataset, LoadOptions};
use supcon::device::{self, DeviceName};
use supcon::disk::Disk;
use supcon::plan::{self, RunPlan};
use supcon::record::{self, MetricRow, RunDir, RunRecord, State};
use supcon::spec::Overrides;
use supcon::train::{self, Begin, Hooks, Kept, Outcome, Pace, TrainError};

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

/// Hidden files and folders below the results: what a commit did not finish. A lease is no leftover.
pub(super) fn leftovers(results: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(results).into_iter().flatten();
    let names = entries.map(|entry| entry.path().display().to_string());
    names.filter(|name| name.ends_with(".tmp")).collect()
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
    let straight = bench.folder().join("straight");
    let output = supcon(&bench, &straight, &SHORT, None);
    assert!(output.status.success(), "{output:?}");
    let expected = Result::of(&only_run(&straight));
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
    let straight = bench.folder().join("straight");
    assert!(supcon(&bench, &straight, &arguments, None).status.success());
    let expected = Result::of(&only_run(&straight));
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

/// What training hands out, kept in a real folder, and how it ended.
pub(super) struct Trained {
    pub(super) outcome: Outcome,
    pub(super) result: std::result::Result<(), TrainError>,
    /// Steps and batches of evaluations.
    beats: u64,
}

impl Trained {
    /// Figures, predictions and weights, to the bit.
    fn to_the_bit(&self) -> (Vec<String>, Vec<Vec<u32>>) {
        let bits =
            |values: &[f32]| -> Vec<u32> { values.iter().map(|value| value.to_bits()).collect() };
        let Outcome {
            rows,
            predictions,
            weights,
            ..
        } = &self.outcome;
        let rows = rows.iter().map(MetricRow::to_the_bit).collect();
        let predictions = predictions.iter().map(|row| {
            let place = vec![row.index, row.label, row.predicted];
            [place, bits(&row.scores)].concat()
        });
        let weights = weights.iter().map(|weight| bits(&weight.values));
        (rows, predictions.chain(weights).collect())
    }
}

pub(super) fn plan_of(bench: &Bench, sets: &[&str]) -> (RunPlan, Dataset) {
    let overrides = Overrides {
        set: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Overrides::default()
    };
    let plan = plan::load_runs(&[bench.spec()], &overrides)
        .expect("a plan")
        .remove(0);
    let options = LoadOptions {
        data_dir: None,
        cache_dir: bench.folder().to_owned(),
        disk: Disk::real(),
        progress: &|_| {},
    };
    let data = data::load(&plan.data, &options).expect("shapes");
    (plan, data)
}

/// Trains from the newest checkpoint in `dir`, if there is one.
pub(super) fn train(
    plan: &RunPlan,
    data: &Dataset,
    device: &burn::tensor::Device,
    dir: &RunDir,
    pace: Pace,
) -> Trained {
    let newest = dir.newest_checkpoint().expect("sound").newest;
    let begin = newest.map_or(Begin::First, Begin::Resumed);
    let beats = AtomicU64::new(0);
    let hooks = Hooks {
        stop: &AtomicBool::new(false),
        beats: &beats,
        sink: &mut |_| {},
        keep: &mut |kept| match kept {
            Kept::Moment(checkpoint) => dir.write_checkpoint(&checkpoint),
            Kept::Phase(..) | Kept::Capsule(_) => Ok(()),
        },
    };
    let (outcome, result) = train::run(plan, data, device, (begin, pace), hooks);
    Trained {
        outcome,
        result,
        beats: beats.into_inner(),
    }
}

/// Steps of the run below.
const STEPS: u64 = 2 * 3 * 5;

/// Behind the last step of an epoch of the second phase the stop comes in the evaluation of the validation split.
#[test]
fn a_stop_behind_every_step_changes_no_bit_of_the_result() {
    let bench = Bench::new();
    let sets = ["phases.pretrain.epochs=3", "phases.classify.epochs=3"];
    let (plan, data) = plan_of(&bench, &sets);
    assert!(data.validation.is_some());
    device::prepare(2);
    for (name, device) in super::devices() {
        let fresh = |folder: &str| {
            let runs = bench.folder().join(format!("{name}-{folder}"));
            RunDir::create_on(&Disk::real(), &runs, &plan.run_id).expect("a folder")
        };
        let straight = train(&plan, &data, &device, &fresh("straight"), Pace::default());
        assert!(straight.result.is_ok(), "{name}: {:?}", straight.result);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().expect("threads");
            // As a worker does: libtorch keeps its number for each thread.
            pool.broadcast(|_| device::prepare(threads));
            for step in 1..=STEPS {
                let dir = fresh(&format!("{threads}-stop-{step}"));
                let resumed =
                    pool.install(|| stopped_and_resumed(&plan, &data, &device, &dir, step));
                let at = format!("{name}, {threads} threads: stopped at {step}");
                assert!(resumed.result.is_ok(), "{at}: {:?}", resumed.result);
                assert!(resumed.to_the_bit() == straight.to_the_bit(), "{at}");
            }
        }
        println!("{name}: stopped behind each of {STEPS} steps, with 1 and 2 threads");
    }
}

/// Trains until this step, and from there on as another process would.
fn stopped_and_resumed(
    plan: &RunPlan,
    data: &Dataset,
    device: &burn::tensor::Device,
    dir: &RunDir,
    step: u64,
) -> Trained {
    let pace = Pace {
        stop_after: Some(step),
        steps: step.is_multiple_of(3).then_some(2),
        ..Pace::default()
    };
    let stopped = train(plan, data, device, dir, pace);
    let interrupted = matches!(stopped.result, Err(TrainError::Interrupted { .. }));
    assert!(interrupted, "{step}: {:?}", stopped.result);
    let newest = dir.newest_checkpoint().expect("sound").newest.expect("one");
    assert_eq!(newest.position.run_steps, step, "nothing is taken again");
    train(plan, data, device, dir, Pace::default())
}

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
    assert!(supcon(&bench, &straight, &arguments, None).status.success());
    let results_of = |results: &Path| -> Vec<Result> {
        let dirs = RunDir::list(&results.join("runs"));
        let load = |dir: &RunDir| Result::of(&record::load(dir.path()).expect("sound"));
        dirs.iter().map(load).collect()
    };
    let expected = results_of(&straight);
    assert_eq!(expected.len(), 6);
    let mut left = 100_u64;
    let mut batches = 0;
    while left > 0 {
        batches += 1;
        let results = bench.folder().join(format!("batch-{batches}"));
        loop {
            let mut command = command(&bench, &results, &arguments);
            command
                .stderr(std::process::Stdio::null())
                .stdout(std::process::Stdio::null());
            let mut parent = command.spawn().expect("supcon starts");
            if left > 0 {
                // Spread over start, data, steps, saves and ends by the number of the kill alone.
                let moment = Duration::from_millis(20 + (left * 7919) % 331);
                std::thread::sleep(moment);
                if parent.try_wait().expect("a state").is_none() {
                    parent.kill().expect("killed");
                    left -= 1;
                }
                parent.wait().expect("an end");
                if !everything_done(&results, 6) {
                    continue;
                }
            } else {
                assert!(wait_for_success(&mut parent, &bench, &results, &arguments));
            }
            break;
        }
        assert!(results_of(&results) == expected, "batch {batches}");
    }
    println!("parents killed 100 times in {batches} batches of 6 runs");
}

fn everything_done(results: &Path, count: usize) -> bool {
    let dirs = RunDir::list(&results.join("runs"));
    dirs.len() == count && dirs.iter().all(RunDir::is_done)
}

/// Waits for the batch; a run that is still held by a worker of the killed batch is asked for again.
fn wait_for_success(
    parent: &mut std::process::Child,
    bench: &Bench,
    results: &Path,
    arguments: &[&str],
) -> bool {
    let mut ended = parent.wait().expect("an end").success();
    for _ in 0..50 {
        if ended {
            return true;
        }
        std::thread::sleep(Duration::from_millis(100));
        ended = supcon(bench, results, arguments, None).status.success();
    }
    false
}
