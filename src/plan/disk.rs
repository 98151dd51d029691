//! Bytes of a finished run's folder. `model.safetensors` and `plan.yaml` exactly: the one from the names and shapes of its
//! arrays, the other as it is written. What the figures of the run itself decide cannot be known before it: the Parquet
//! tables are told by what their columns take in measured runs, and in `status.json` the digits of measured times vary.

use super::cost::Host;
use super::{Array, AugmentPlan, RunPlan};
use serde::Serialize;
use std::collections::BTreeMap;

/// Bytes of the files of a finished run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disk {
    /// `model.safetensors`, exactly.
    pub model: u64,
    /// `plan.yaml`, exactly.
    pub plan: u64,
    /// About `predictions.parquet`, 0 if the last phase has no classes.
    pub predictions: u64,
    /// About `metrics.parquet`.
    pub metrics: u64,
    /// About `status.json` and `MANIFEST.json`.
    pub status: u64,
    /// All of them.
    pub total: u64,
}

/// Bytes of one Parquet column without its values: headers, statistics and its part of the footer. This and the figures
/// of predictions are those of the quickstart runs (1,000 predictions).
const COLUMN: usize = 350;
/// Bytes of `metrics.parquet` without rows, of each of the first rows, and of each further one, whose words were written
/// before: within 6 % of 23 runs of two phases with 6 to 452 rows.
const METRICS: usize = 2900;
const METRIC: usize = 16;
const FIRST_METRICS: usize = 100;
const FURTHER_METRIC: usize = 12;
/// Columns of `predictions.parquet` in front of the scores, and their bytes for one image.
const PREDICTION_COLUMNS: usize = 3;
const PREDICTION: f64 = 3.0;
/// Bytes of one score: an f32 of which the exponent compresses.
const SCORE: f64 = 3.6;
/// Bytes of `status.json` without class names and phases, and of one phase in it.
const STATUS: usize = 355;
const STATUS_PHASE: usize = 23;
/// Bytes around a class name in `status.json`.
const STATUS_NAME: usize = 8;
/// Bytes of `MANIFEST.json` without files, and of one file in it.
const MANIFEST: usize = 62;
const MANIFEST_FILE: usize = 130;
/// Letters of a SHA-256.
const HASH: usize = 64;
/// Checkpoints that lie on the disk at once: two are kept while the next one is written.
const CHECKPOINTS: u64 = 3;
/// Arrays of a checkpoint for each array of the network: itself and Adam's two moments.
const CHECKPOINT_ARRAYS: u64 = 3;
/// What a run in progress writes beside models and checkpoints, at most: tables, plan, log.
const SMALL_FILES: u64 = 4 << 20;

/// The folder of a finished run, `None` while classes or images are unknown.
pub(super) fn of(plan: &RunPlan, host: &Host) -> Option<Disk> {
    let names = plan.data.class_names()?;
    let images = plan.data.split_sizes()?;
    let last = plan.phases.last()?;
    let metadata = plan.model_metadata(&ModelFacts {
        producer: &host.producer,
        class_names: &names,
        data_hash: &"0".repeat(HASH),
        statistics: [[0.0; 3]; 2],
    });
    let network = plan.network(last, plan.data.source.image_size());
    let arrays: Vec<Array> = network.iter().flat_map(super::Layer::arrays).collect();
    let model = model_bytes(&arrays, &metadata);
    let classifies = last.classifies();
    let predictions = if classifies {
        let columns = PREDICTION_COLUMNS + names.len();
        let image = PREDICTION + SCORE * names.len() as f64;
        COLUMN * columns + (images.test as f64 * image) as usize
    } else {
        0
    };
    let rows = metric_rows(plan, images.validation > 0);
    let first = rows.min(FIRST_METRICS);
    let metrics = METRICS + METRIC * first + FURTHER_METRIC * (rows - first);
    let letters: usize = names.iter().map(|name| name.len() + STATUS_NAME).sum();
    let status = STATUS + letters + STATUS_PHASE * plan.phases.len();
    let manifest = MANIFEST + MANIFEST_FILE * (4 + usize::from(classifies));
    let text = plan.to_yaml().map_or(0, |text| text.len());
    let small = [text, predictions, metrics, status + manifest].map(|bytes| bytes as u64);
    let [plan, predictions, metrics, status] = small;
    Some(Disk {
        model,
        plan,
        predictions,
        metrics,
        status,
        total: model + small.iter().sum::<u64>(),
    })
}

/// Rows of `metrics.parquet`.
fn metric_rows(plan: &RunPlan, validation: bool) -> usize {
    let mut rows = 0;
    for (index, phase) in plan.phases.iter().enumerate() {
        rows += phase.epoch_figures(validation).len() * phase.epochs;
        if index + 1 == plan.phases.len() {
            rows += phase.test_figures().len();
        }
    }
    rows
}

impl RunPlan {
    /// Bytes that the run may take on the disk at its worst moment, for images of `size`: checkpoints, the finished model,
    /// and the encoder of each phase that others can share.
    #[must_use]
    pub fn working_bytes(&self, size: [usize; 2]) -> u64 {
        let network = |phase| {
            let arrays = self.network(phase, size);
            let arrays = arrays.iter().flat_map(super::Layer::arrays);
            let values = arrays.map(|array| array.shape.iter().product::<usize>());
            4 * values.sum::<usize>() as u64
        };
        let largest = self.phases.iter().map(network).max().unwrap_or(0);
        let models = CHECKPOINTS * CHECKPOINT_ARRAYS + self.phases.len() as u64;
        models * largest + SMALL_FILES
    }

    /// What somebody who opens the finished model alone must know: the metadata of `model.safetensors`.
    #[must_use]
    pub fn model_metadata(&self, facts: &ModelFacts<'_>) -> BTreeMap<String, String> {
        let augment = self.phases.last().map_or(&[][..], |phase| &phase.augment);
        let class_names = serde_json::to_string(facts.class_names).unwrap_or_default();
        let preprocessing = serde_json::to_string(augment).unwrap_or_default();
        let normalization = augment
            .contains(&AugmentPlan::NormalizePerChannel)
            .then(|| normalization(facts.statistics));
        let pairs = [
            ("format", "pt"),
            ("producer", facts.producer),
            ("run_id", &self.run_id),
            ("class_names", &class_names),
            ("data_hash", facts.data_hash),
            ("preprocessing", &preprocessing),
            ("input", INPUT),
        ];
        let normalization = normalization.as_deref().map(|text| ("normalization", text));
        let pairs = pairs.into_iter().chain(normalization);
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }
}

/// What a plan cannot know of its finished model.
#[derive(Clone, Copy, Debug)]
pub struct ModelFacts<'a> {
    /// Program and backend.
    pub producer: &'a str,
    /// Name of each class, in the order of the logits.
    pub class_names: &'a [String],
    /// SHA-256 over images and labels as used.
    pub data_hash: &'a str,
    /// Mean and deviation of each channel of the training split, on the 0..255 scale.
    pub statistics: [[f64; 3]; 2],
}

/// What the weights expect, as PyTorch lays images out.
const INPUT: &str = "NCHW f32, channels red green blue on the 0..255 scale; then (x - mean) / deviation if there is a normalization";

/// Letters of the longest number in f64's shortest form.
const NUMBER: usize = 24;

/// The figures of the normalisation as JSON whose length does not depend on them: a plan foretells the file's bytes.
fn normalization([mean, deviation]: [[f64; 3]; 2]) -> String {
    let list = |values: [f64; 3]| values.map(|value| format!("{value:NUMBER$e}")).join(",");
    format!(
        "{{\"mean\":[{}],\"deviation\":[{}]}}",
        list(mean),
        list(deviation)
    )
}

/// Bytes of a safetensors file of these f32 arrays, as `src/record/weights.rs` writes it: the length of the header in 8
/// bytes, the header filled up to a multiple of 8, the values.
#[must_use]
pub fn model_bytes(arrays: &[Array], metadata: &BTreeMap<String, String>) -> u64 {
    let mut arrays: Vec<&Array> = arrays.iter().collect();
    arrays.sort_by(|a, b| a.name.cmp(&b.name));
    let metadata = serde_json::to_string(metadata).unwrap_or_default();
    let mut header = format!("{{\"__metadata__\":{metadata}").len();
    let mut begin = 0;
    for array in arrays {
        let end = begin + 4 * array.shape.iter().product::<usize>();
        let shape: Vec<String> = array.shape.iter().map(ToString::to_string).collect();
        let (name, shape) = (&array.name, shape.join(","));
        let entry = format!(
            ",\"{name}\":{{\"dtype\":\"F32\",\"shape\":[{shape}],\"data_offsets\":[{begin},{end}]}}"
        );
        header += entry.len();
        begin = end;
    }
    // The brace that closes the header.
    (8 + (header + 1).next_multiple_of(8) + begin) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{NamedTensor, encode_weights, samples};

    #[test]
    fn model_bytes_are_those_of_the_writer() {
        let plan = samples::plan("supcon", 0);
        let names = ["a \"quoted\" name".to_owned(), "b".to_owned()];
        let facts = ModelFacts {
            producer: "supcon 0.1.0",
            class_names: &names,
            data_hash: "5f3a",
            statistics: [
                [125.306_918, 122.950_394, 113.865_383],
                [f64::MIN_POSITIVE, 1e-7, 66.7],
            ],
        };
        let metadata = plan.model_metadata(&facts);
        let figures: serde_json::Value = serde_json::from_str(&metadata["normalization"]).unwrap();
        assert_eq!(figures["mean"][0], 125.306_918);
        assert_eq!(figures["deviation"][0], f64::MIN_POSITIVE);
        let unknown = plan.model_metadata(&ModelFacts {
            statistics: [[0.0; 3]; 2],
            ..facts
        });
        assert_eq!(model_bytes(&[], &metadata), model_bytes(&[], &unknown));
        let encoder = crate::plan::EncoderPlan::ResnetCifar {
            blocks: 2,
            width: 3,
        };
        let layers = encoder.layers([8, 8]);
        for count in 0..layers.len() {
            let arrays: Vec<Array> = layers[..count]
                .iter()
                .flat_map(crate::plan::Layer::arrays)
                .collect();
            let tensors: Vec<NamedTensor> = arrays
                .iter()
                .map(|array| NamedTensor {
                    name: array.name.clone(),
                    shape: array.shape.clone(),
                    values: vec![0.0; array.shape.iter().product()],
                })
                .collect();
            let written = encode_weights(&tensors, &metadata).unwrap().concat();
            assert_eq!(
                model_bytes(&arrays, &metadata),
                written.len() as u64,
                "{count}"
            );
        }
    }

    #[test]
    fn the_parts_add_up_and_grow_with_what_is_recorded() {
        let host = Host {
            producer: "supcon 0.1.0".into(),
            threads: 1,
        };
        let mut plan = samples::plan("supcon", 0);
        plan.phases[0].epochs = FIRST_METRICS;
        let small = of(&plan, &host).unwrap();
        assert_eq!(
            small.total,
            small.model + small.plan + small.predictions + small.metrics + small.status
        );
        plan.phases[0].epochs += 100;
        let longer = of(&plan, &host).unwrap();
        assert_eq!(longer.metrics - small.metrics, 100 * FURTHER_METRIC as u64);
        assert_eq!(longer.model, small.model);
    }
}
