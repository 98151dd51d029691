//! Finished phases that runs share, `phases/<key>/` beside the folder of runs, and the state before a step that failed,
//! `capsule/` in a run's folder: checkpoints in other places, under the same commit rule.

use super::checkpoint::{Checkpoint, verified};
use super::{RecordError, RunDir};
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

    /// Stores a finished phase under its key, unless it is there.
    ///
    /// # Errors
    /// The disk refused.
    pub fn store_phase(&self, key: &str, phase: &Checkpoint) -> Result<(), RecordError> {
        let path = self.phases_folder().join(key);
        if verified(&path).is_ok() {
            return Ok(());
        }
        // Two runs may store the same phase at once: each writes beside, and the name goes to one of them.
        let own = path.with_file_name(format!("{key}-{}", std::process::id()));
        phase.commit(self, &own, key)?;
        let disk = self.disk();
        disk.retract_folder(&path)
            .map_err(RecordError::write(&path))?;
        if disk.rename(&own, &path).is_err() && verified(&path).is_ok() {
            return disk.retract_folder(&own).map_err(RecordError::write(&own));
        }
        let above = self.phases_folder();
        disk.sync_folder(&above).map_err(RecordError::write(&above))
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

    /// The state before the step that failed.
    ///
    /// # Errors
    /// There is no sound capsule.
    pub fn capsule(&self) -> Result<Checkpoint, RecordError> {
        Checkpoint::read(&self.file(CAPSULE), &self.run_id())
            .map_err(|problem| self.damaged(CAPSULE, &problem))
    }
}
