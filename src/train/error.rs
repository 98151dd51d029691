//! How training can end early.

use crate::record::RecordError;

/// Why a run ended before its last phase.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The stop flag was set; the last checkpoint is of that moment.
    #[error("stopped in epoch {epoch} of phase `{phase}`")]
    Interrupted {
        /// Phase that was running.
        phase: String,
        /// Epoch that was running, from 1.
        epoch: u32,
    },
    /// The loss or a gradient was not finite; the update of that step was not taken.
    #[error(
        "the {} of phase `{phase}` is not finite at step {step} (loss {loss}); images of the batch: {ids:?}",
        array.as_ref().filter(|_| loss.is_finite()).map_or("loss".into(), |name| format!("gradient of `{name}`"))
    )]
    Diverged {
        /// Phase that was running.
        phase: String,
        /// Step over the whole run, from 0.
        step: u64,
        /// Loss of the step.
        loss: f64,
        /// First parameter whose gradient is not finite.
        array: Option<String>,
        /// Positions in the training split.
        ids: Vec<u32>,
    },
    /// A figure of an evaluation or of an epoch is not finite, although every step was.
    #[error(
        "{metric} of phase `{phase}` on the `{split}` split is {value} behind step {step} of the phase, while every training \
         step was finite; lower the learning rate, or look at the images of that split"
    )]
    NotFinite {
        /// Phase that was running.
        phase: String,
        /// Steps of the phase behind which it was evaluated.
        step: u64,
        /// `train`, `validation` or `test`.
        split: String,
        /// `loss`, `accuracy`, ...
        metric: String,
        /// The figure.
        value: f64,
    },
    /// The embeddings are all equal, and the loss sits where that puts it.
    #[error(
        "phase `{phase}` has collapsed at step {step}: the loss is {loss:.4}, that of equal embeddings is {plateau:.4}, \
         and the embeddings' deviation is {spread:.1e}; lower the learning rate, raise the temperature, or look at the labels"
    )]
    Collapsed {
        /// Phase that was running.
        phase: String,
        /// Step over the whole run, from 0.
        step: u64,
        /// Loss of the step.
        loss: f64,
        /// Loss of a batch of equal embeddings.
        plateau: f64,
        /// Deviation of the unit embeddings.
        spread: f64,
    },
    /// A checkpoint that is not one of this run.
    #[error("the checkpoint does not fit the run: {0}")]
    Checkpoint(String),
    /// What training handed out could not be kept.
    #[error("{0}")]
    Record(#[from] RecordError),
}
