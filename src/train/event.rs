//! What a run says while it works. A run never draws anything; the runner turns events into lines on a screen.

use crate::record::MetricRow;
use serde::{Deserialize, Serialize};

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Something slow before training: reading, decoding, downloading.
    Preparing {
        /// What is being done.
        what: String,
        /// Units finished.
        done: u64,
        /// Units in all, if known.
        total: Option<u64>,
    },
    /// Training goes on from a checkpoint.
    Resumed {
        /// Name of the phase in hand.
        phase: String,
        /// Epoch in hand, from 1.
        epoch: u32,
        /// Steps that the checkpoint holds.
        step: u64,
    },
    /// Training begins behind a phase that another run has finished.
    Shared {
        /// Name of that phase.
        phase: String,
    },
    /// A phase begins.
    PhaseStarted {
        /// Its name.
        phase: String,
        /// Epochs that it has.
        epochs: u32,
        /// Steps in each of them.
        steps_per_epoch: u64,
    },
    /// A training step ended.
    Step {
        /// Name of the phase.
        phase: String,
        /// Epoch within the phase, from 1.
        epoch: u32,
        /// Step within the epoch, from 1.
        step: u64,
        /// Running mean of the loss over this epoch.
        loss: f64,
        /// Training images a second in this epoch so far.
        images_per_sec: f64,
    },
    /// An epoch ended; its figures.
    EpochEnded {
        /// Rows as they will be recorded.
        rows: Vec<MetricRow>,
        /// Training images a second in this epoch.
        images_per_sec: f64,
    },
    /// Something about the images, the same for each run that uses them.
    Note {
        /// One line.
        text: String,
    },
    /// Something that a person may want to know; the run goes on.
    Warning {
        /// One line.
        text: String,
    },
    /// The process ends with an error that it may be unable to record.
    Ended {
        /// Stable code.
        code: String,
        /// One line.
        cause: String,
    },
    /// The whole run is trained and evaluated.
    Finished {
        /// Accuracy on the test split, if the last phase classifies.
        test_accuracy: Option<f64>,
    },
}
