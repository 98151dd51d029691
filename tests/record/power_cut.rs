//! A power cut by model: the operations of a save are recorded, then replayed up to each of them without what no sync had
//! made safe. New names, renames and removals that wait for a sync happened or did not: in every combination where up to
//! ten wait (six, behind a process that was killed), and of more in those where at most one did or at most one did not.
//! The bytes of the one file that waits are missing, torn or there. Every such state must open, with all that was
//! acknowledged. The same for processes that begin where another one was killed, at each of its operations. Each sync, and
//! all of each line of the code that syncs, is then taken out of the recordings, which must break a promise: none is there
//! for nothing.

mod lives;
mod model;

use model::{Data, Model};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::Location;
use std::path::{Path, PathBuf};
use supcon::disk::{Disk, Operation};
use supcon::record::{Checkpoint, METRICS, MODEL, MetricRow, NamedTensor, Position, RunDir};

/// Changes of names that may wait for a sync so that every combination of them is looked at.
const MOST: usize = 10;
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
    /// For each of them the line of the code that asked for it.
    places: Vec<String>,
    /// (operations so far, what a reader must find from then on)
    promises: Vec<(usize, Promise)>,
    /// States behind fewer operations are looked at in another recording.
    from: usize,
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
    // Damage, of which the model knows nothing.
    std::fs::write(dir.file(MODEL), b"").expect("written");
    let problem = dir.damage().expect("a look").expect("damage");
    assert!(problem.starts_with(MODEL), "{problem}");
    dir.reopen().expect("moved");
    promises.push((disk.recorded().len(), Promise::Reopened));
    Recording::of(disk, promises, folder.path())
}

impl Recording {
    /// Operations with paths below the temporary folder, without those above it.
    fn of(disk: &Disk, promises: Vec<(usize, Promise)>, root: &Path) -> Self {
        let all = disk.recorded_at();
        let is_above = |operation: &Operation| matches!(operation, Operation::SyncFolder(path) if !path.starts_with(root));
        let cut = |at: usize| at - all[..at].iter().filter(|(one, _)| is_above(one)).count();
        let promises = promises.into_iter().map(|(at, what)| (cut(at), what));
        let promises = promises.collect();
        let inner = all.iter().filter(|(operation, _)| !is_above(operation));
        let place = |at: &&Location| format!("{}:{}", at.file(), at.line());
        let (operations, places) = inner
            .map(|(operation, at)| (inside(operation.clone(), root), place(at)))
            .unzip();
        Self {
            operations,
            places,
            promises,
            from: 0,
        }
    }

    /// The first `count` operations, with what had been promised by then.
    fn up_to(&self, count: usize) -> Self {
        let promises = self.promises.iter().filter(|(at, _)| *at <= count);
        Self {
            operations: self.operations[..count].to_vec(),
            places: self.places[..count].to_vec(),
            promises: promises.copied().collect(),
            from: 0,
        }
    }

    /// What another process does behind it.
    fn then(mut self, next: Self) -> Self {
        let before = self.operations.len();
        self.from = before;
        self.operations.extend(next.operations);
        self.places.extend(next.places);
        let promises = next.promises.into_iter();
        self.promises
            .extend(promises.map(|(at, what)| (at + before, what)));
        self
    }

    fn syncs(&self) -> Vec<usize> {
        let is_sync = |&at: &usize| {
            let operation = &self.operations[at];
            matches!(operation, Operation::SyncFile(_) | Operation::SyncFolder(_))
        };
        (0..self.operations.len()).filter(is_sync).collect()
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

/// Replays the recording without the operations `without`; the first broken promise, or how many states held.
fn replay(recording: &Recording, without: &[usize]) -> Result<usize, String> {
    let mut seen = BTreeSet::new();
    replay_beside(recording, without, &mut seen).map(|()| seen.len())
}

/// Files of a state and what was promised by then.
type Seen = BTreeSet<Vec<(PathBuf, Vec<u8>)>>;

/// The same without a look at states that have held before.
fn replay_beside(recording: &Recording, without: &[usize], seen: &mut Seen) -> Result<(), String> {
    let mut model = Model::new();
    // Of two lives every set of a few changes: there are many of them.
    let most = if recording.from > 0 { 6 } else { MOST };
    for (number, operation) in recording.operations.iter().enumerate() {
        if !without.contains(&number) {
            model.apply(operation);
        }
        if number < recording.from {
            continue;
        }
        let given = recording.promises.iter();
        let given: Vec<Promise> = given
            .filter(|(at, _)| *at <= number + 1)
            .map(|p| p.1)
            .collect();
        let doing = recording.promises.iter().find(|(at, _)| *at > number + 1);
        let doing = doing.map(|p| p.1);
        // Up to there nothing differs from the whole recording; behind it the worst case is enough.
        let first = without.first();
        let skips = |data| first.is_some_and(|&at| number < at || !matches!(data, Data::Missing));
        for (state, data) in model
            .states(most)
            .into_iter()
            .filter(|(_, data)| !skips(*data))
        {
            let files = state.files(data);
            // Promises only grow, so a state that held under fewer of them is looked at again.
            let key = files.into_iter().collect::<Vec<_>>();
            let key_with = [
                key.clone(),
                vec![(PathBuf::from(format!("{given:?} {doing:?}")), vec![])],
            ]
            .concat();
            if seen.insert(key_with) {
                judge(&key, &given, doing)
                    .map_err(|why| format!("cut behind {operation:?}, {data:?}: {why}"))?;
            }
        }
    }
    Ok(())
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

/// The changes of names, and the files with bytes, that wait for a sync behind each operation.
fn waiting(recording: &Recording) -> Vec<[usize; 2]> {
    let mut model = Model::new();
    let waiting = recording.operations.iter().map(|operation| {
        model.apply(operation);
        model.waiting()
    });
    waiting.collect()
}

#[test]
fn every_state_that_the_model_of_a_power_cut_leaves_opens_with_all_that_was_acknowledged() {
    for recording in recordings() {
        let states = replay(&recording, &[]).unwrap_or_else(|why| panic!("{why}"));
        let waiting = waiting(&recording);
        // Two files that wait would lose their bytes independently of each other.
        assert!(waiting.iter().all(|[_, files]| *files < 2));
        let operations = waiting.len();
        let many = waiting.iter().filter(|[names, _]| *names > MOST).count();
        println!("{operations} operations, {states} states; behind {many} not every combination");
        assert!(recording.operations.len() > 60 && states > 300, "{states}");
    }
}

#[test]
fn each_sync_is_needed_by_a_promise() {
    for recording in recordings() {
        let syncs = recording.syncs();
        let is_idle = |&&at: &&usize| replay(&recording, &[at]).is_ok();
        let idle: Vec<&usize> = syncs.iter().filter(is_idle).collect();
        let idle: Vec<&Operation> = idle.iter().map(|at| &recording.operations[**at]).collect();
        println!("{} syncs, each taken away once", syncs.len());
        assert!(syncs.len() > 20, "{}", syncs.len());
        assert!(idle.is_empty(), "not needed: {idle:#?}");
    }
}

/// Lines of the code of records and of what they stand on that sync.
fn syncs_in_the_code() -> BTreeSet<String> {
    let folders = ["src/record", "src/disk"];
    let folders = folders.map(|folder| Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    let mut places = BTreeSet::new();
    let mut others = Vec::new();
    for entry in folders.iter().flat_map(walkdir::WalkDir::new) {
        let path = entry.expect("an entry").into_path();
        if path.extension().is_none_or(|ending| ending != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR"));
        let name = name.expect("below the root").display();
        let code = text.lines().take_while(|line| *line != "#[cfg(test)]");
        for (number, line) in code.enumerate() {
            let place = format!("{name}:{}", number + 1);
            if line.contains(".sync_folder(") || line.contains(".write_and_sync(") {
                places.insert(place);
            } else if line.contains("sync_all(") || line.contains("sync_data(") {
                others.push(place);
            }
        }
    }
    assert_eq!(
        others.len(),
        3,
        "the gate alone asks the system: {others:?}"
    );
    places
}

#[test]
fn each_line_that_syncs_is_needed_by_a_promise() {
    let mut needed = BTreeSet::new();
    for recording in recordings().into_iter().chain(lives::lives()) {
        let syncs = recording.syncs();
        let places = syncs.iter().map(|&at| recording.places[at].clone());
        let places: BTreeSet<String> = places.collect();
        for place in places.difference(&needed.clone()) {
            let is_there = |&&at: &&usize| recording.places[at] == *place;
            let all: Vec<usize> = syncs.iter().filter(is_there).copied().collect();
            if replay(&recording, &all).is_err() {
                needed.insert(place.clone());
            }
        }
    }
    println!(
        "{} lines that sync, each taken away: {needed:?}",
        needed.len()
    );
    assert_eq!(needed, syncs_in_the_code());
}
