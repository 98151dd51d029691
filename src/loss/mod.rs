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
