//! The state before a step that failed, read as it is: the step may have failed because something in it is not finite.

use super::checkpoint::Checkpoint;
use super::phase_store::CAPSULE;
use super::{RecordError, RunDir};

/// The capsule of a run, if each of its files is what its manifest says.
///
/// # Errors
/// There is no sound capsule.
pub fn read_capsule(dir: &RunDir) -> Result<Checkpoint, RecordError> {
    let read = Checkpoint::decode(&dir.file(CAPSULE), &dir.run_id());
    read.map_err(|problem| dir.damaged(CAPSULE, &problem))
}
