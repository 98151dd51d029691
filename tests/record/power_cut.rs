//! A power cut by model: the operations of a save are recorded, then replayed up to each of them with everything lost that
//! no sync had made safe, in every combination that POSIX allows: written data missing or torn, new names, renames and
//! removals that happened or did not. Every such state must open, with all that was acknowledged. Each sync is then taken
//! out of the recording, which must break a promise: none is there for nothing. The same for processes that begin where
//! another one was killed before a sync.

mod model;

use model::{Data, Model};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use supcon::record::{
    Checkpoint, Disk, METRICS, MetricRow, NamedTensor, Operation, Position, RunDir,
};

/// Steps of the checkpoints that are written.
const STEPS: [u64; 4] = [0, 3, 7, 9];

fn checkpoint(step: u64) -> Checkpoint {
    let tensor = |name: &str| NamedTensor {
        name: name.into(),
        shape: vec![200],
        values: vec![step as f32 + 0.5; 200],
    };
    Checkpoint {
        position: Position {
            format: 1,
            run_steps: step,
            ..Position::default()
        },
        model: vec![tensor("encoder.weight")],
        optimizer: vec![tensor("0.first")],
        rows: vec![row(step)],
    }
}

fn row(step: u64) -> MetricRow {
    MetricRow {
        phase: "train".into(),
        epoch: 1,
        step,
        split: "train".into(),
        metric: "loss".into(),
        value: 0.25,
        wall_secs: 1.0,
    }
}

/// The operations of a run's life, with what had been promised after which of them.
struct Recording {
    operations: Vec<Operation>,
    /// (operations so far, what a reader must find from then on)
    promises: Vec<(usize, Promise)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Promise {
    /// This checkpoint, or a later one.
    Checkpoint(u64),
    /// The figures of this step, or of a later one.
    Metrics(u64),
    /// The run is done, and every file of it is sound.
    Done,
    /// The run is no longer done: it is trained again.
    Reopened,
}

const RUN: &str = "tiny-s0-0123abcd";

/// A run with checkpoints of these steps, from its first operation to the one that takes it apart again.
fn record(disk: &Disk, steps: &[u64]) -> Recording {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dir = RunDir::create_on(disk, &folder.path().join("runs"), RUN).expect("a folder");
    let mut promises = Vec::new();
    for &step in steps {
        dir.write_checkpoint(&checkpoint(step)).expect("written");
        promises.push((disk.recorded().len(), Promise::Checkpoint(step)));
        dir.write_metrics(&[row(step)]).expect("written");
        promises.push((disk.recorded().len(), Promise::Metrics(step)));
    }
    // Once more, as a run does that goes on and is stopped before its next step.
    let last = steps[steps.len() - 1];
    dir.write_checkpoint(&checkpoint(last)).expect("written");
    promises.push((disk.recorded().len(), Promise::Checkpoint(last)));
    dir.write_model(&[], &BTreeMap::new()).expect("written");
    dir.finish().expect("written");
    promises.push((disk.recorded().len(), Promise::Done));
    dir.drop_checkpoints().expect("removed");
    promises.push((disk.recorded().len(), Promise::Done));
    dir.reopen().expect("removed");
    promises.push((disk.recorded().len(), Promise::Reopened));
    Recording::of(disk.recorded(), promises, folder.path())
}

impl Recording {
    /// Operations with paths below the temporary folder, without those above it.
    fn of(all: Vec<Operation>, promises: Vec<(usize, Promise)>, root: &Path) -> Self {
        let is_above = |operation: &Operation| matches!(operation, Operation::SyncFolder(path) if !path.starts_with(root));
        let cut = |at: usize| at - all[..at].iter().filter(|one| is_above(one)).count();
        let promises = promises.into_iter().map(|(at, what)| (cut(at), what));
        let promises = promises.collect();
        let inner = all.into_iter().filter(|operation| !is_above(operation));
        Self {
            operations: inner.map(|operation| inside(operation, root)).collect(),
            promises,
        }
    }
}

/// The operation with paths below the temporary folder.
fn inside(operation: Operation, root: &Path) -> Operation {
    let cut = |path: PathBuf| path.strip_prefix(root).expect("below the root").to_owned();
    match operation {
        Operation::CreateFolder(path) => Operation::CreateFolder(cut(path)),
        Operation::Create(path) => Operation::Create(cut(path)),
        Operation::Write(path, bytes) => Operation::Write(cut(path), bytes),
        Operation::Append(path, bytes) => Operation::Append(cut(path), bytes),
        Operation::Overwrite(path, bytes) => Operation::Overwrite(cut(path), bytes),
        Operation::SyncFile(path) => Operation::SyncFile(cut(path)),
        Operation::SyncFolder(path) => Operation::SyncFolder(cut(path)),
        Operation::Rename(from, to) => Operation::Rename(cut(from), cut(to)),
        Operation::Exchange(a, b) => Operation::Exchange(cut(a), cut(b)),
        Operation::RemoveFile(path) => Operation::RemoveFile(cut(path)),
        Operation::RemoveFolder(path) => Operation::RemoveFolder(cut(path)),
    }
}

/// Replays the recording without the operation `without`; the first broken promise, or how many states held.
fn replay(recording: &Recording, without: Option<usize>) -> Result<usize, String> {
    let mut model = Model::new();
    let mut seen: BTreeSet<Vec<(PathBuf, Vec<u8>)>> = BTreeSet::new();
    for (number, operation) in recording.operations.iter().enumerate() {
        if without != Some(number) {
            model.apply(operation);
        }
        let given = recording.promises.iter();
        let given: Vec<Promise> = given
            .filter(|(at, _)| *at <= number + 1)
            .map(|p| p.1)
            .collect();
        let doing = recording.promises.iter().find(|(at, _)| *at > number + 1);
        // Up to there nothing differs from the whole recording; behind it the worst case is enough.
        let skips = |data| without.is_some_and(|at| number < at || !matches!(data, Data::Missing));
        for (state, data) in model.states().into_iter().filter(|(_, data)| !skips(*data)) {
            let files = state.files(data);
            // Promises only grow, so a state that held under fewer of them is looked at again.
            let key = files.into_iter().collect::<Vec<_>>();
            let key_with = [
                key.clone(),
                vec![(PathBuf::from(format!("{given:?}")), vec![])],
            ]
            .concat();
            if seen.insert(key_with) {
                judge(&key, &given, doing.map(|p| p.1))
                    .map_err(|why| format!("cut behind {operation:?}, {data:?}: {why}"))?;
            }
        }
    }
    Ok(seen.len())
}

/// A folder in memory where there is one: a thousand states are written, and readers sync what they find.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let folder = tempfile::tempdir_in(memory);
    folder.unwrap_or_else(|_| tempfile::tempdir().expect("a temporary folder"))
}

/// Opens a state and holds it against what was promised.
fn judge(
    files: &[(PathBuf, Vec<u8>)],
    given: &[Promise],
    doing: Option<Promise>,
) -> Result<(), String> {
    let folder = scratch();
    for (path, bytes) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
    }
    let runs = folder.path().join("runs");
    let dir = RunDir::create(&runs, RUN).expect("a folder");
    let reopened = given.contains(&Promise::Reopened) || doing == Some(Promise::Reopened);
    let done = given.contains(&Promise::Done);
    let sound = dir.verify().map_err(|error| error.to_string())?;
    let has_manifest = dir.file("MANIFEST.json").exists();
    if done && !reopened && !(dir.is_done() && sound.is_empty()) {
        return Err(format!("the run was done: {sound:?}"));
    }
    if has_manifest && !sound.is_empty() {
        return Err(format!("a manifest of what is not there: {sound:?}"));
    }
    if given.contains(&Promise::Reopened) && has_manifest {
        return Err("the run was to be trained again".into());
    }
    // A run that is done needs no checkpoint.
    if done || has_manifest {
        return Ok(());
    }
    let newest = dir.newest_checkpoint().map_err(|error| error.to_string())?;
    let newest = newest
        .newest
        .map(|checkpoint| checkpoint.position.run_steps);
    for promise in given {
        match *promise {
            Promise::Checkpoint(step) if newest < Some(step) => {
                return Err(format!(
                    "checkpoint {step} is lost, the newest is {newest:?}"
                ));
            }
            Promise::Metrics(step) => {
                let bytes = std::fs::read(dir.file(METRICS)).map_err(|error| error.to_string())?;
                let rows =
                    supcon::record::decode_metrics(RUN, &bytes).map_err(|e| e.to_string())?;
                if rows.iter().all(|row| row.step < step) {
                    return Err(format!("the figures of step {step} are lost"));
                }
            }
            Promise::Checkpoint(_) | Promise::Done | Promise::Reopened => {}
        }
    }
    Ok(())
}

/// Recordings on a file system that can exchange two names, and of less on one that cannot.
fn recordings() -> [Recording; 2] {
    [
        record(&Disk::recording(), &STEPS),
        record(&Disk::recording().without_exchange(), &STEPS[3..]),
    ]
}

#[test]
fn every_state_that_a_power_cut_can_leave_opens_with_all_that_was_acknowledged() {
    for recording in recordings() {
        let states = replay(&recording, None).unwrap_or_else(|why| panic!("{why}"));
        println!("{} operations, {states} states", recording.operations.len());
        assert!(recording.operations.len() > 60 && states > 300, "{states}");
    }
}

#[test]
fn each_sync_is_needed_by_a_promise() {
    for recording in recordings() {
        let mut idle = Vec::new();
        let mut syncs = 0;
        for (number, operation) in recording.operations.iter().enumerate() {
            if !matches!(operation, Operation::SyncFile(_) | Operation::SyncFolder(_)) {
                continue;
            }
            syncs += 1;
            if replay(&recording, Some(number)).is_ok() {
                idle.push(format!("{operation:?}"));
            }
        }
        println!("{syncs} syncs, each taken away once");
        assert!(syncs > 20, "{syncs}");
        assert!(idle.is_empty(), "not needed: {idle:#?}");
    }
}

/// A process's work in the folder of runs.
type Life = fn(&Disk, &Path);

fn begins(disk: &Disk, runs: &Path) {
    let dir = RunDir::create_on(disk, runs, RUN);
    // Killed somewhere in it.
    let _ = dir.and_then(|dir| dir.write_checkpoint(&checkpoint(9)));
}

fn begins_and_repeats(disk: &Disk, runs: &Path) {
    begins(disk, runs);
    begins(disk, runs);
}

fn ends(disk: &Disk, runs: &Path) {
    begins(disk, runs);
    let dir = RunDir::create(runs, RUN).expect("a folder").on(disk);
    let _ = dir.finish();
}

fn goes_on(disk: &Disk, runs: &Path) {
    let dir = RunDir::create_on(disk, runs, RUN).expect("a folder");
    dir.take_over().expect("taken over");
    dir.write_checkpoint(&checkpoint(9)).expect("written");
}

fn takes_over(disk: &Disk, runs: &Path) {
    let dir = RunDir::create(runs, RUN).expect("a folder").on(disk);
    dir.take_over().expect("taken over");
}

fn cleans_up(disk: &Disk, runs: &Path) {
    takes_over(disk, runs);
    let dir = RunDir::create(runs, RUN).expect("a folder").on(disk);
    dir.drop_checkpoints().expect("removed");
}

/// What one process does until it is killed in place of the sync of this folder, the last one of it, and then another.
fn two_lives((first, folder): (Life, &str), second: Life, end: Promise) -> Recording {
    let root = tempfile::tempdir().expect("a temporary folder");
    let whole = root.path().join("whole");
    let runs = |root: &Path| {
        std::fs::create_dir(root).expect("a folder");
        root.join("runs")
    };
    let disk = Disk::recording();
    first(&disk, &runs(&whole));
    let mut all = disk.recorded();
    let sync = Operation::SyncFolder(whole.join(folder));
    let at = all.iter().rposition(|operation| *operation == sync);
    let at = at.expect("such a sync");
    all.truncate(at);
    // The same once more, up to there, so that the other process finds what is there then.
    let killed = root.path().join("killed");
    let runs = runs(&killed);
    let fault = supcon::record::Fault::parse(&format!("once@{}", at + 1)).expect("a fault");
    first(&Disk::faulty(fault), &runs);
    let mut recording = Recording::of(all, Vec::new(), &whole);
    let before = recording.operations.len();
    let disk = Disk::recording();
    second(&disk, &runs);
    let after = Recording::of(disk.recorded(), Vec::new(), &killed).operations;
    recording.operations.extend(after);
    if end == Promise::Done {
        recording.promises.push((before, Promise::Checkpoint(9)));
    }
    let count = recording.operations.len();
    recording.promises.push((count, end));
    recording
}

#[test]
fn what_a_killed_process_named_and_did_not_sync_is_made_safe_by_the_next() {
    let run = format!("runs/{RUN}");
    let checkpoints = format!("{run}/checkpoints");
    let kept = Promise::Checkpoint(9);
    let lives: [(Life, &str, Life, Promise); 4] = [
        (begins, "runs", goes_on, kept),
        (begins, &run, goes_on, kept),
        (begins_and_repeats, &checkpoints, takes_over, kept),
        (ends, &run, cleans_up, Promise::Done),
    ];
    for (first, folder, second, end) in lives {
        let recording = two_lives((first, folder), second, end);
        let states = replay(&recording, None).unwrap_or_else(|why| panic!("{folder}: {why}"));
        let sync = Operation::SyncFolder(folder.into());
        let operations = recording.operations.iter();
        let mut syncs = operations
            .enumerate()
            .filter(|(_, operation)| **operation == sync);
        let (last, _) = syncs
            .next_back()
            .unwrap_or_else(|| panic!("{folder} is not synced"));
        let without = replay(&recording, Some(last));
        assert!(without.is_err(), "the sync of {folder} is not needed");
        println!("killed before the sync of {folder}: {states} states");
    }
}
