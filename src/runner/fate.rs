//! How a run of a batch ended, in the words of the final table.

use super::room;
use crate::diag::Code;
use crate::plan::RunPlan;
use crate::record::RecordError;
use serde::Serialize;
use std::path::PathBuf;

/// How one run of a batch ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum Fate {
    /// It was complete before this batch.
    Skipped,
    /// Trained and recorded.
    Done {
        /// It went on from a checkpoint of an earlier attempt.
        resumed: bool,
    },
    /// Ended with an error: code and cause.
    Failed {
        /// Stable code.
        code: String,
        /// One line.
        cause: String,
        /// Exit code of its worker.
        exit: u8,
    },
    /// Another process trains it.
    Leased {
        /// Who that is, as far as it is known.
        holder: String,
    },
    /// A signal ended it.
    Interrupted,
    /// The batch was stopped before it.
    NotBegun,
}

impl Fate {
    /// A failure outside the worker.
    pub(super) fn failed(code: Code, cause: impl ToString, exit: u8) -> Self {
        Self::Failed {
            code: code.to_string(),
            cause: cause.to_string(),
            exit,
        }
    }

    /// A run whose folder cannot be written or read.
    pub(super) fn unrecorded(plan: &RunPlan, error: &RecordError) -> Self {
        Self::Failed {
            code: error.code().to_owned(),
            cause: room::explain(plan, error),
            exit: error.exit_code(),
        }
    }
}

/// A run of a batch and its fate.
#[derive(Clone, Debug, Serialize)]
pub struct Ended {
    /// The run's id.
    pub run: String,
    /// Its folder; there is none if the run was never begun.
    pub path: PathBuf,
    /// How it ended.
    #[serde(flatten)]
    pub fate: Fate,
}
