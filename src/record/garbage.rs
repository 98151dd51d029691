//! What can go from a folder of results, and how it goes: each piece loses its name before its bytes, so that whoever is
//! killed here leaves something that the next call finds and nothing that anybody takes for a record.

use super::checkpoint::CHECKPOINTS;
use super::commit::MANIFEST;
use super::files::Files;
use super::phase_store::CAPSULE;
use super::{RecordError, RunDir};
use crate::disk::{Disk, is_temporary};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Something that can go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// A file, or a folder.
    pub path: PathBuf,
    /// Bytes of it.
    pub bytes: u64,
    /// What it is.
    pub kind: Kind,
}

/// Why something can go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Half written by a process that is gone.
    Leftover,
    /// Checkpoints of a finished run.
    Checkpoints,
    /// The state before a step that failed, of a run that is finished since.
    Capsule,
    /// A finished phase that no run has taken, and every run is finished.
    Phase,
    /// Decoded images, which are decoded again when they are needed.
    Cache,
}

impl Kind {
    /// Why it can go, for people.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::Leftover => "left half written by a process that was killed",
            Self::Checkpoints => "checkpoints of a finished run",
            Self::Capsule => "state before a failure, of a run that is finished since",
            Self::Phase => "finished phase that no run has taken, and every run is finished",
            Self::Cache => "decoded images, decoded again when they are needed",
        }
    }
}

/// What can go beside the runs, and why the rest is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// What can go.
    pub garbage: Vec<Garbage>,
    /// Why stored phases are kept, where somebody may wonder.
    pub kept: Option<String>,
}

/// What can go from `results` beside its `runs`: leftovers, unless a run is being trained; stored phases that no run has
/// taken, once every run is finished; with `cache` the decoded images.
#[must_use]
pub fn garbage_beside(results: &Path, runs: &[RunDir], cache: bool) -> Beside {
    let busy = runs.iter().any(|run| run.holder().is_some());
    let mut garbage = half_removed(&results.join("runs"));
    let phases = results.join("phases");
    if !busy {
        garbage.extend(leftovers(&phases));
    }
    let (stored, kept) = match unneeded(&phases, runs) {
        Ok(stored) => (stored, None),
        Err(reason) => (Vec::new(), Some(reason)),
    };
    garbage.extend(stored);
    if cache {
        for path in children(&results.join("cache")) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("image-folder-") {
                garbage.push(Garbage::new(&path, Kind::Cache));
            } else if name.starts_with(".tmp") && !busy {
                garbage.push(Garbage::new(&path, Kind::Leftover));
            }
        }
    }
    Beside { garbage, kept }
}

/// Stored phases that nobody has taken, or why none of them can go.
fn unneeded(phases: &Path, runs: &[RunDir]) -> Result<Vec<Garbage>, String> {
    let stored: Vec<PathBuf> = children(phases)
        .into_iter()
        .filter(|path| path.is_dir() && !is_temporary(path))
        .collect();
    if stored.is_empty() {
        return Ok(Vec::new());
    }
    let mut taken = BTreeSet::new();
    for run in runs {
        let shared = taken_phases(run).ok_or_else(|| {
            let count = stored.len();
            format!(
                "{count} stored phases are kept: `{}` is not finished",
                run.run_id()
            )
        })?;
        taken.extend(shared);
    }
    let is_taken = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        taken.contains(&*name)
    };
    let free = stored.iter().filter(|path| !is_taken(path));
    Ok(free.map(|path| Garbage::new(path, Kind::Phase)).collect())
}

/// Keys of the stored phases that a finished run has taken, `None` if it is not finished or does not say.
fn taken_phases(run: &RunDir) -> Option<Vec<String>> {
    if !run.completed().ok()? || run.holder().is_some() {
        return None;
    }
    let files = Files::of(run).ok().filter(Files::is_finished)?;
    Some(files.status().ok()??.shared_phases)
}

/// Folders that lost their name to a removal which did not come to its end.
fn half_removed(runs: &Path) -> Vec<Garbage> {
    let mut found = leftovers(runs);
    // Its remover may be at work: then it holds the lease that went with the folder.
    found.retain(|left| RunDir::at(left.path.clone()).holder().is_none());
    found
}

fn leftovers(folder: &Path) -> Vec<Garbage> {
    let found = children(folder).into_iter();
    found
        .filter(|path| is_temporary(path))
        .map(|path| Garbage::new(&path, Kind::Leftover))
        .collect()
}

/// What lies in a folder, sorted.
fn children(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort_unstable();
    paths
}

impl Garbage {
    fn new(path: &Path, kind: Kind) -> Self {
        let (path, bytes) = (path.to_owned(), bytes_below(path));
        Self { path, bytes, kind }
    }

    /// Takes it away. What belongs to a run is for whoever holds the run's lease.
    ///
    /// # Errors
    /// The disk refused.
    pub fn discard(&self, disk: &Disk) -> Result<(), RecordError> {
        let path = &self.path;
        let gone = match self.kind {
            Kind::Leftover | Kind::Cache => disk.remove_all(path),
            Kind::Capsule | Kind::Phase => disk.retract_folder(path),
            Kind::Checkpoints => {
                let run = path.parent().unwrap_or(Path::new("."));
                let run = RunDir::at(run.to_owned()).on(disk);
                return run.take_over().and_then(|()| run.tidy());
            }
        };
        gone.map_err(RecordError::write(path))
    }
}

impl RunDir {
    /// What of this run nobody needs. Leftovers are those of dead processes only for whoever holds the lease.
    #[must_use]
    pub fn garbage(&self) -> Vec<Garbage> {
        let mut found = leftovers(self.path());
        let checkpoints = self.file(CHECKPOINTS);
        if !self.is_done() {
            found.extend(leftovers(&checkpoints));
            return found;
        }
        let remains = self.remains().into_iter();
        found.extend(remains.map(|path| Garbage::new(&path, Kind::Leftover)));
        for (path, kind) in [
            (checkpoints, Kind::Checkpoints),
            (self.file(CAPSULE), Kind::Capsule),
        ] {
            if path.is_dir() {
                found.push(Garbage::new(&path, kind));
            }
        }
        found
    }

    /// Takes the whole run away, for whoever holds its lease: the manifest first, so that a half removed run never counts as
    /// done, and the folder's name before its plan, so that one is found again by its name or as a leftover.
    ///
    /// # Errors
    /// The disk refused.
    pub fn remove(&self) -> Result<(), RecordError> {
        let (disk, manifest) = (self.disk(), self.file(MANIFEST));
        let gone = disk.remove_file(&manifest);
        gone.map_err(RecordError::write(&manifest))?;
        for path in children(self.path()) {
            if is_folder(&path) {
                disk.remove_all(&path).map_err(RecordError::write(&path))?;
            }
        }
        let path = self.path();
        disk.retract_folder(path).map_err(RecordError::write(path))
    }

    /// Bytes of its checkpoints.
    #[must_use]
    pub fn checkpoint_bytes(&self) -> u64 {
        bytes_below(&self.file(CHECKPOINTS))
    }

    /// Bytes of the finished phase of this key, 0 if there is none.
    #[must_use]
    pub fn stored_phase_bytes(&self, key: &str) -> u64 {
        bytes_below(&self.phases_folder().join(key))
    }

    /// Bytes of everything in the folder.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        bytes_below(self.path())
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_dir())
}

fn bytes_below(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => children(path).iter().map(|path| bytes_below(path)).sum(),
        Ok(about) => about.len(),
        Err(_) => 0,
    }
}
