//! When a run counts as done, and how one that does no more is begun again: a manifest lists what it is made of.

use super::checkpoint::CHECKPOINTS;
use super::commit::{MANIFEST, file_length};
use super::confirm;
use super::manifest::{Entry, Manifest, Refused};
use super::run_dir::{METRICS, MODEL, PREDICTIONS, RESULTS, STATUS};
use super::{RecordError, RunDir};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What a damaged result leaves beside itself until the run is finished again.
const REMAINS: [&str; 5] = [MANIFEST, STATUS, METRICS, PREDICTIONS, MODEL];

/// Where a file of a damaged result waits. Hidden: no reader takes it for a result.
#[must_use]
pub fn damaged_name(name: &str) -> String {
    format!(".{name}.damaged")
}

/// Whether a file of this name waits for its run to be finished again.
pub(super) fn is_remains(name: &str) -> bool {
    REMAINS.iter().any(|known| damaged_name(known) == name)
}

impl RunDir {
    /// Writes `MANIFEST.json`: from here on the run is done. It lists the run's own files; what somebody else puts beside
    /// them is not part of it.
    ///
    /// # Errors
    /// The disk refused.
    pub fn finish(&self) -> Result<(), RecordError> {
        let mut files = BTreeMap::new();
        for name in RESULTS {
            if let Some(bytes) = self.read(name)? {
                files.insert(name.to_owned(), Entry::of(&[bytes]));
            }
        }
        let bytes = Manifest::new(files)
            .encode()
            .map_err(RecordError::encode(&self.file(MANIFEST)))?;
        self.write(MANIFEST, &bytes)
    }

    /// The manifest is there and each file has its length. Cheap: no file is hashed. For whoever only looks; one who would
    /// begin the run again asks `completed`.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.completed().unwrap_or(false)
    }

    /// As `is_done`, but what cannot be read is an error: it says nothing of the run.
    ///
    /// # Errors
    /// The disk refused.
    pub fn completed(&self) -> Result<bool, RecordError> {
        match confirm::manifest(self.path()) {
            Ok(Some(manifest)) => Ok(self.lack(&manifest)?.is_none()),
            Ok(None) | Err(Refused::Damaged(_) | Refused::Format(_)) => Ok(false),
            Err(Refused::Unreadable(error)) => Err(RecordError::read(&self.file(MANIFEST))(error)),
        }
    }

    /// The first file that has not its length.
    fn lack(&self, manifest: &Manifest) -> Result<Option<String>, RecordError> {
        for (name, entry) in &manifest.files {
            let path = self.file(name);
            match file_length(&path).map_err(RecordError::read(&path))? {
                Some(length) if length == entry.bytes => {}
                None => return Ok(Some(format!("{name} is missing"))),
                Some(length) => {
                    let bytes = entry.bytes;
                    return Ok(Some(format!(
                        "{name} has {length} bytes instead of {bytes}"
                    )));
                }
            }
        }
        Ok(None)
    }

    /// What is wrong with the result of a run that was finished, so that it has to be trained again: no more than a look at
    /// the folder tells. `None` if the run was not finished, or is sound.
    ///
    /// # Errors
    /// The disk refused, or another version of the program has finished the run.
    pub fn damage(&self) -> Result<Option<String>, RecordError> {
        match confirm::manifest(self.path()) {
            // A process was killed while it moved such a result aside: nothing of it is of the new life yet.
            Ok(None) if !self.is_aside() => Ok(Some(format!("{MANIFEST} is missing"))),
            Ok(None) => Ok(None),
            Ok(Some(manifest)) => self.lack(&manifest),
            Err(Refused::Damaged(problem)) => Ok(Some(format!("{MANIFEST}: {problem}"))),
            Err(refused) => Err(self.refused(refused)),
        }
    }

    /// Whether nothing of a damaged result still has to follow its manifest aside.
    fn is_aside(&self) -> bool {
        let is_there = |name: &str| self.file(name).symlink_metadata().is_ok();
        let follows = |name: &&str| is_there(name) && !is_there(&damaged_name(name));
        !is_there(&damaged_name(MANIFEST))
            || !self.checkpoint_steps().is_empty()
            || !REMAINS.iter().any(follows)
    }

    /// Makes a run whose result is damaged one that is not finished: the manifest goes aside, then what it stood for.
    ///
    /// # Errors
    /// The disk refused.
    pub fn reopen(&self) -> Result<(), RecordError> {
        let disk = self.disk();
        let begins = self.file(MANIFEST).symlink_metadata().is_ok();
        for name in REMAINS {
            let (path, aside) = (self.file(name), self.file(&damaged_name(name)));
            let follows = begins || aside.symlink_metadata().is_err();
            if follows && path.symlink_metadata().is_ok() {
                let moved = disk.rename(&path, &aside);
                moved.map_err(RecordError::write(&path))?;
            }
            if name == MANIFEST {
                // Before anything that it stands for goes: a run with a manifest has all its files.
                let synced = disk.sync_folder(self.path());
                synced.map_err(RecordError::write(self.path()))?;
            }
        }
        Ok(())
    }

    /// Takes away what a finished run needs no more: its checkpoints, and the remains of an earlier result.
    ///
    /// # Errors
    /// The disk refused.
    pub fn tidy(&self) -> Result<(), RecordError> {
        self.drop_checkpoints()?;
        for path in self.remains() {
            let gone = self.disk().remove_all(&path);
            gone.map_err(RecordError::write(&path))?;
        }
        Ok(())
    }

    /// Whether `tidy` would take something away.
    #[must_use]
    pub fn is_untidy(&self) -> bool {
        self.file(CHECKPOINTS).exists() || !self.remains().is_empty()
    }

    /// What a damaged result has left beside itself.
    pub(super) fn remains(&self) -> Vec<PathBuf> {
        let all = REMAINS
            .map(|name| self.file(&damaged_name(name)))
            .into_iter();
        all.filter(|path| path.symlink_metadata().is_ok()).collect()
    }

    /// One line for each file that is not what the manifest says; none for a sound run.
    ///
    /// # Errors
    /// The disk refused, or the manifest itself is damaged.
    pub fn verify(&self) -> Result<Vec<String>, RecordError> {
        let Some(manifest) = self.manifest()? else {
            return Ok(vec![format!(
                "{MANIFEST}: the file is missing: the run is not finished"
            )]);
        };
        let mut problems = Vec::new();
        for (name, entry) in &manifest.files {
            let problem = entry.problem(self.read(name)?.as_deref());
            problems.extend(problem.map(|problem| format!("{name}: {problem}")));
        }
        Ok(problems)
    }

    /// The manifest of a finished run.
    pub(super) fn manifest(&self) -> Result<Option<Manifest>, RecordError> {
        confirm::manifest(self.path()).map_err(|refused| self.refused(refused))
    }

    fn refused(&self, refused: Refused) -> RecordError {
        match refused {
            Refused::Unreadable(error) => RecordError::read(&self.file(MANIFEST))(error),
            other => self.damaged(MANIFEST, &other.to_string()),
        }
    }
}
