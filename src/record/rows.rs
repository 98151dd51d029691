//! The rows that a run leaves behind: the columns of `metrics.parquet` and `predictions.parquet`.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One figure of a run. Columns of `metrics.parquet`, with `run_id` in front.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// Name of the phase.
    pub phase: String,
    /// Epoch within the phase, from 1.
    pub epoch: u32,
    /// Optimizer steps taken in the phase when the figure was read.
    pub step: u64,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// `loss`, `accuracy`, ...
    pub metric: String,
    /// The figure; accuracies are fractions in 0..1.
    pub value: f64,
    /// Seconds of training since the run began; the only column that differs between equal runs.
    pub wall_secs: f64,
}

impl MetricRow {
    /// What equal runs have in common, the figure to the bit: `==` takes -0.0 for 0.0, and NaN for no number.
    #[must_use]
    pub fn to_the_bit(&self) -> String {
        let Self {
            phase,
            epoch,
            step,
            split,
            metric,
            value,
            wall_secs: _,
        } = self;
        let bits = value.to_bits();
        format!("{phase} {epoch} {step} {split} {metric} {value} {bits:016x}")
    }
}

/// What the finished model says of one test image. Columns of `predictions.parquet`, `score_<k>` for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct PredictionRow {
    /// Position in the test split.
    pub index: u32,
    /// True class.
    pub label: u32,
    /// Class with the largest score.
    pub predicted: u32,
    /// Softmax probability of each class.
    pub scores: Vec<f32>,
}

/// `status.json`: how far a run got, and on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Where the run stands.
    pub state: State,
    /// Stable code of a failure, `None` if there was none.
    pub code: Option<String>,
    /// One line that says why, for states that need one.
    pub cause: Option<String>,
    /// Device as asked for: `cpu`, `libtorch`, `libtorch:cuda:0`.
    pub device: String,
    /// Worker threads of the run.
    pub threads: usize,
    /// `supcon` version and the backend's.
    pub version: String,
    /// Class names in label order; empty until the data was read.
    pub class_names: Vec<String>,
    /// SHA-256 over images and labels as used; empty until the data was read.
    pub data_hash: String,
    /// Trainable parameters of the encoder.
    pub encoder_parameters: usize,
    /// Seconds of wall time that training and evaluation took so far.
    pub wall_secs: f64,
    /// Training images a second, the median over epochs, for each phase in order.
    pub images_per_sec: Vec<f64>,
    /// Folder or archive that the images were read from; `None` if they are built in or were downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_place: Option<PathBuf>,
    /// Of an image folder, a hash over path, length and time of modification of each file: whether they are still those of
    /// then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_files: Option<String>,
    /// Keys of finished phases that were taken from other runs (`results/phases`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_phases: Vec<String>,
    /// Where it was trained, in order; more than one if it went on elsewhere. Places that give the same bytes have one name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backends: Vec<String>,
    /// Seconds since 1970 when the run began.
    pub started_at: u64,
}

/// States of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A process is at work, or was killed.
    Running,
    /// Everything is recorded and `MANIFEST.json` is there.
    Done,
    /// An error ended the run.
    Failed,
    /// The loss or a gradient was not finite.
    Diverged,
    /// The embeddings became equal, and the loss sits where that puts it.
    Collapsed,
    /// A signal ended the run.
    Interrupted,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_differ_in_every_bit_of_their_figure_and_not_in_time() {
        let row = |value: f64, wall_secs| MetricRow {
            phase: "a".into(),
            epoch: 1,
            step: 2,
            split: "train".into(),
            metric: "loss".into(),
            value,
            wall_secs,
        };
        let told = |value| row(value, 1.0).to_the_bit();
        assert_eq!(told(0.5), row(0.5, 2.0).to_the_bit());
        assert_eq!(told(0.5), "a 1 2 train loss 0.5 3fe0000000000000");
        assert_ne!(told(0.0), told(-0.0));
        assert_eq!(told(f64::NAN), told(f64::NAN));
        assert_ne!(told(f64::NAN), told(-f64::NAN));
    }
}
