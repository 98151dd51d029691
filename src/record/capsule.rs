//! The state before a step that failed, read as it is: the step may have failed because something in it is not finite.

use super::checkpoint::{Checkpoint, verified};
use super::metrics::decode_metrics;
use super::phase_store::CAPSULE;
use super::run_dir::{METRICS, MODEL};
use super::weights::decode_weights;
use super::{RecordError, RunDir};
use std::fmt::Display;

const OPTIMIZER: &str = "optimizer.safetensors";
const STATE: &str = "state.json";

/// The capsule of a run, if each of its files is what its manifest says.
///
/// # Errors
/// There is no sound capsule.
pub fn read_capsule(dir: &RunDir) -> Result<Checkpoint, RecordError> {
    let read = read(dir);
    read.map_err(|problem| dir.damaged(CAPSULE, &problem))
}

fn read(dir: &RunDir) -> Result<Checkpoint, String> {
    let files = verified(&dir.file(CAPSULE))?;
    let file = |name: &str| {
        let bytes = files.get(name).map(Vec::as_slice);
        bytes.ok_or_else(|| format!("{name}: not in the manifest"))
    };
    let position = serde_json::from_slice(file(STATE)?).map_err(text)?;
    let (model, _) = decode_weights(file(MODEL)?).map_err(text)?;
    let (optimizer, _) = decode_weights(file(OPTIMIZER)?).map_err(text)?;
    let rows = decode_metrics(&dir.run_id(), file(METRICS)?).map_err(text)?;
    Ok(Checkpoint {
        position,
        model,
        optimizer,
        rows,
    })
}

fn text(error: impl Display) -> String {
    error.to_string()
}
