//! Evaluation of a model on a split: no graph, moving statistics, nothing random.

use super::Context;
use super::network::Network;
use crate::data::Split;
use crate::loss;
use crate::plan::{LossPlan, PhasePlan};
use crate::record::PredictionRow;
use burn::tensor::activation::softmax;

/// Images in one evaluation batch; has no effect on the figures.
const BATCH: usize = 256;

/// Figures of a split and what the model says of each image.
pub(super) struct Evaluation {
    /// Mean loss in nats.
    pub(super) loss: f64,
    /// Fraction of images whose largest score is their class.
    pub(super) accuracy: f64,
    pub(super) predictions: Vec<PredictionRow>,
}

/// The stop flag was set before the end; nothing of it is worth keeping.
#[derive(Debug)]
pub(super) struct Stopped;

/// Runs the classifier of a phase over a split in order.
pub(super) fn classify(
    network: &mut Network,
    phase: &PhasePlan,
    split: &Split,
    context: &Context,
) -> Result<Evaluation, Stopped> {
    let augmenter = context.augmenter(phase);
    let indices: Vec<u32> = (0..split.labels.len() as u32).collect();
    let (mut total, mut predictions) = (0.0, Vec::with_capacity(indices.len()));
    for indices in indices.chunks(BATCH) {
        if context.stopped() {
            return Err(Stopped);
        }
        context.beat("an evaluation");
        let pixels = augmenter.evaluate(split.source(), indices);
        let labels: Vec<u32> = indices.iter().map(|&i| split.labels[i as usize]).collect();
        let images = super::network::images(pixels, indices.len(), context.device);
        let logits = network.infer(images, phase.precision);
        let loss = loss::compute(&LossPlan::CrossEntropy, logits.clone(), &labels);
        total += super::network::scalar(loss) * indices.len() as f64;
        let classes = logits.dims()[1];
        let scores = super::network::values(softmax(logits, 1));
        for (row, (&index, &label)) in scores
            .chunks_exact(classes)
            .zip(indices.iter().zip(&labels))
        {
            let (predicted, scores) = (largest(row), row.to_vec());
            predictions.push(PredictionRow {
                index,
                label,
                predicted,
                scores,
            });
        }
    }
    network.evaluated(phase);
    let images = predictions.len().max(1) as f64;
    let correct = predictions
        .iter()
        .filter(|p| p.predicted == p.label)
        .count();
    Ok(Evaluation {
        loss: total / images,
        accuracy: correct as f64 / images,
        predictions,
    })
}

/// Position of the largest value; the first one wins a tie. Nothing is larger than a NaN in the first place; such scores
/// have a loss that ends the run.
pub(super) fn largest(row: &[f32]) -> u32 {
    let mut best = 0;
    for (position, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = position;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equal_scores_wins() {
        assert_eq!(largest(&[0.1, 0.4, 0.4, 0.1]), 1);
        assert_eq!(largest(&[0.5]), 0);
        assert_eq!(largest(&[f32::NAN, 1.0]), 0);
        assert_eq!(largest(&[0.5, f32::NAN, 1.0]), 2);
    }
}
