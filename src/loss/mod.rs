//! Objectives: a head's output and labels in, one number out. One file a loss.

mod cross_entropy;
mod npairs;

pub use cross_entropy::cross_entropy;
pub use npairs::npairs;

use crate::plan::LossPlan;
use burn::tensor::Tensor;

/// Computes the loss that a plan names, `[1]`, on a head's output `[B, O]` and labels `[B]`.
#[must_use]
pub fn compute(plan: &LossPlan, output: Tensor<2>, labels: &[u32]) -> Tensor<1> {
    match *plan {
        LossPlan::Npairs { temperature } => npairs(output, labels, temperature),
        LossPlan::CrossEntropy => cross_entropy(output, labels),
    }
}

/// The loss of a batch of `images` whose outputs are all equal, `None` for a loss that has no such plateau. It is what a
/// run sits on when its embeddings have collapsed.
#[must_use]
pub fn at_collapse(plan: &LossPlan, images: usize) -> Option<f64> {
    match plan {
        // Every similarity is equal, so each softmax is uniform over the batch.
        LossPlan::Npairs { .. } => Some((images as f64).ln()),
        LossPlan::CrossEntropy => None,
    }
}
