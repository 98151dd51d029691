//! Two processes, one behind the other: the first is killed at each of its operations, the power is cut at each of the
//! second one's.

use super::{Promise, RUN, Recording, checkpoint, replay_beside, scratch};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use supcon::disk::{Disk, Operation};
use supcon::record::RunDir;

/// A process's work in the folder of runs, with what it promises on its way.
type Life = fn(&Disk, &Path, &mut dyn FnMut(Promise));

fn begins(disk: &Disk, runs: &Path, promise: &mut dyn FnMut(Promise)) {
    let dir = RunDir::create_on(disk, runs, RUN).expect("a folder");
    dir.write_checkpoint(&checkpoint(9)).expect("written");
    promise(Promise::Checkpoint(9));
}

fn begins_and_repeats(disk: &Disk, runs: &Path, promise: &mut dyn FnMut(Promise)) {
    begins(disk, runs, promise);
    begins(disk, runs, promise);
}

fn ends(disk: &Disk, runs: &Path, promise: &mut dyn FnMut(Promise)) {
    begins(disk, runs, promise);
    let dir = RunDir::create(runs, RUN).expect("a folder").on(disk);
    dir.finish().expect("written");
    promise(Promise::Done);
}

fn goes_on(disk: &Disk, runs: &Path, promise: &mut dyn FnMut(Promise)) {
    let dir = RunDir::create_on(disk, runs, RUN).expect("a folder");
    dir.take_over().expect("taken over");
    dir.write_checkpoint(&checkpoint(9)).expect("written");
    promise(Promise::Checkpoint(9));
}

fn cleans_up(disk: &Disk, runs: &Path, promise: &mut dyn FnMut(Promise)) {
    let dir = RunDir::create_on(disk, runs, RUN).expect("a folder");
    if dir.settle().expect("settled") {
        promise(Promise::Done);
    }
}

/// Does what was recorded, in a real folder.
fn perform(operations: &[Operation], root: &Path) {
    let at = |path: &Path| root.join(path);
    for operation in operations {
        let done = match operation {
            Operation::CreateFolder(path) => fs::create_dir(at(path)),
            Operation::Create(path) => File::create(at(path)).map(drop),
            Operation::Write(path, bytes) | Operation::Append(path, bytes) => {
                let file = OpenOptions::new().append(true).open(at(path));
                file.and_then(|mut file| file.write_all(bytes))
            }
            Operation::Overwrite(path, bytes) => fs::write(at(path), bytes),
            Operation::SyncFile(_) | Operation::SyncFolder(_) => Ok(()),
            Operation::Rename(from, to) => fs::rename(at(from), at(to)),
            Operation::Exchange(a, b) => {
                let [a, b, between] = [at(a), at(b), root.join("between")];
                let away = fs::rename(&a, &between).and_then(|()| fs::rename(&b, &a));
                away.and_then(|()| fs::rename(&between, &b))
            }
            Operation::RemoveFile(path) => match fs::remove_file(at(path)) {
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
            Operation::RemoveFolder(path) => fs::remove_dir(at(path)),
        };
        done.unwrap_or_else(|error| panic!("{operation:?}: {error}"));
    }
}

/// What a process does on this disk, with what it has promised by then.
fn record_life(life: Life, disk: &Disk, root: &Path) -> Recording {
    let mut promises = Vec::new();
    life(disk, &root.join("runs"), &mut |promise| {
        promises.push((disk.recorded().len(), promise));
    });
    Recording::of(disk, promises, root)
}

/// What one process does until it is killed behind `count` operations, and then another.
fn two_lives(first: &Recording, count: usize, second: Life, disk: &Disk) -> Recording {
    let root = scratch();
    perform(&first.operations[..count], root.path());
    let second = record_life(second, disk, root.path());
    first.up_to(count).then(second)
}

/// Each first process with the one behind it.
const LIVES: [(Life, Life); 3] = [
    (begins, goes_on),
    (begins_and_repeats, goes_on),
    (ends, cleans_up),
];

/// Recordings of two processes, the first of which was killed at each of its operations.
pub(super) fn lives() -> Vec<Recording> {
    let mut recordings = Vec::new();
    for exchanges in [true, false] {
        let disk = || match exchanges {
            true => Disk::recording(),
            false => Disk::recording().without_exchange(),
        };
        for (first, second) in LIVES {
            let first = record_life(first, &disk(), scratch().path());
            let counts = 1..=first.operations.len();
            let lives = counts.map(|count| two_lives(&first, count, second, &disk()));
            recordings.extend(lives);
        }
    }
    recordings
}

#[test]
fn what_a_killed_process_named_and_did_not_sync_is_made_safe_by_the_next() {
    let lives = lives();
    let mut seen = BTreeSet::new();
    for recording in &lives {
        let held = replay_beside(recording, &[], &mut seen);
        held.unwrap_or_else(|why| panic!("{why}"));
    }
    let (count, states) = (lives.len(), seen.len());
    println!("killed behind {count} operations, and then the power is cut: {states} states");
    assert!(count > 150 && states > 700, "{count}: {states}");
}
