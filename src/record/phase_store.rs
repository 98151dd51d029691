//! Finished phases that runs share, `phases/<key>/` beside the folder of runs, and the state before a step that failed,
//! `capsule/` in a run's folder: checkpoints in other places, under the same commit rule.
//! A capsule is read as it is: the step may have failed because something in it is not finite.

use super::checkpoint::Checkpoint;
use super::confirm::sound;
use super::manifest::Refused;
use super::{RecordError, RunDir};
use crate::disk::readable;
use std::path::{Path, PathBuf};

/// Folder of the state before a step that failed.
pub const CAPSULE: &str = "capsule";

impl RunDir {
    /// Folder of finished phases that runs share: beside the folder of runs.
    #[must_use]
    pub fn phases_folder(&self) -> PathBuf {
        let runs = self.path().parent().unwrap_or(Path::new("."));
        runs.with_file_name("phases")
    }

    /// Stores a finished phase under its key, unless it is there. What cannot be read there may be sound and stays.
    ///
    /// # Errors
    /// The disk refused.
    pub fn store_phase(&self, key: &str, phase: &Checkpoint) -> Result<(), RecordError> {
        let path = self.phases_folder().join(key);
        if !matches!(sound(&path), Err(Refused::Damaged(_))) {
            return Ok(());
        }
        let folder = self.phases_folder();
        let made = self.disk().create_folders(&folder);
        made.map_err(RecordError::write(&folder))?;
        match phase.commit(self, &path, key) {
            // Another run was faster: what it stored is the same.
            Err(_) if sound(&path).is_ok() => Ok(()),
            stored => stored,
        }
    }

    /// The finished phase of this key, `None` if there is no sound one.
    #[must_use]
    pub fn stored_phase(&self, key: &str) -> Option<Checkpoint> {
        Checkpoint::read(&self.phases_folder().join(key), key).ok()
    }

    /// Commits the state before a step that failed, as the folder `capsule`.
    ///
    /// # Errors
    /// The disk refused.
    pub fn write_capsule(&self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        checkpoint.commit(self, &self.file(CAPSULE), &self.run_id())
    }
}

/// The capsule of a run, if each of its files is what its manifest says.
///
/// # Errors
/// There is no sound capsule.
pub fn read_capsule(dir: &RunDir) -> Result<Checkpoint, RecordError> {
    let read = Checkpoint::decode(&readable(&dir.file(CAPSULE)), &dir.run_id());
    read.map_err(|problem| dir.damaged(CAPSULE, &problem))
}
