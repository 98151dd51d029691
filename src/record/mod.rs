//! What a run leaves behind: rows, Parquet tables, the commit rule, the run folder. Knows plans, but nothing of training.

mod checkpoint;
mod commit;
mod confirm;
mod error;
mod files;
mod finished;
mod fsck;
mod garbage;
mod glance;
pub mod lease;
mod load;
mod manifest;
mod metrics;
mod parquet;
mod phase_store;
mod predictions;
mod rows;
mod run_dir;
#[cfg(test)]
pub(crate) mod samples;
mod status;
mod survey;
mod weights;

pub use checkpoint::{CHECKPOINTS, Checkpoint, Found, Position};
pub use commit::{MANIFEST, sha256_hex};
pub use error::RecordError;
pub use finished::damaged_name;
pub use fsck::{Examined, Finding, examine, examine_phases};
pub use garbage::{Beside, Garbage, Kind, garbage_beside};
pub use glance::{Glance, Reached, Standing};
pub use load::{RunRecord, load, recorded_status};
pub use manifest::{Entry, Manifest};
pub use metrics::{decode_metrics, encode_metrics};
pub use parquet::TableError;
pub use phase_store::{CAPSULE, read_capsule};
pub use predictions::{decode_predictions, encode_predictions};
pub use rows::*;
pub use run_dir::{LOG, METRICS, MODEL, PLAN, PREDICTIONS, RunDir, STATUS};
pub use status::{decode_status, encode_status};
pub use survey::{name_and_seed, plan_and_status, run_folders};
pub use weights::{NamedTensor, WeightsError, decode_weights, encode_weights};
