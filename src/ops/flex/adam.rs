//! The Adam update of one parameter in one pass.

use super::super::AdamStep;
use super::{Float, Triple};
use rayon::prelude::*;

/// Floats of one piece of work.
const PIECE: usize = 1 << 15;

pub(super) fn update(
    mut parameter: Float,
    grad: &Float,
    mut first: Float,
    mut second: Float,
    step: AdamStep,
) -> Triple {
    let (alpha, epsilon) = (step.alpha() as f32, step.epsilon as f32);
    let (keep_1, keep_2) = (step.beta_1 as f32, step.beta_2 as f32);
    let (take_1, take_2) = ((1.0 - step.beta_1) as f32, (1.0 - step.beta_2) as f32);
    let pieces = parameter.storage_mut::<f32>().par_chunks_mut(PIECE);
    let pieces = pieces.zip(grad.storage::<f32>().par_chunks(PIECE));
    let pieces = pieces.zip(first.storage_mut::<f32>().par_chunks_mut(PIECE));
    pieces
        .zip(second.storage_mut::<f32>().par_chunks_mut(PIECE))
        .for_each(|(((w, g), m), v)| {
            for i in 0..w.len() {
                m[i] = keep_1 * m[i] + take_1 * g[i];
                v[i] = keep_2 * v[i] + take_2 * g[i] * g[i];
                w[i] -= alpha * m[i] / (v[i].sqrt() + epsilon);
            }
        });
    (parameter, first, second)
}
