//! The Adam update of one parameter in one pass.

use super::super::AdamStep;
use super::simd::for_best;
use rayon::prelude::*;

/// Floats of one piece of work.
const PIECE: usize = 1 << 15;

/// Updates a parameter and its moments in place.
pub fn update(
    parameter: &mut [f32],
    grad: &[f32],
    first: &mut [f32],
    second: &mut [f32],
    step: AdamStep,
) {
    let pieces = parameter.par_chunks_mut(PIECE).zip(grad.par_chunks(PIECE));
    let moments = first
        .par_chunks_mut(PIECE)
        .zip(second.par_chunks_mut(PIECE));
    pieces
        .zip(moments)
        .for_each(|((w, g), (m, v))| update_piece(w, g, m, v, step));
}

for_best! {
    fn update_piece(w: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], step: AdamStep) {
        let (alpha, epsilon) = (step.alpha() as f32, step.epsilon as f32);
        let (keep_1, keep_2) = (step.beta_1 as f32, step.beta_2 as f32);
        let (take_1, take_2) = ((1.0 - step.beta_1) as f32, (1.0 - step.beta_2) as f32);
        for (((w, g), m), v) in w.iter_mut().zip(g).zip(m).zip(v) {
            *m = keep_1 * *m + take_1 * g;
            *v = keep_2 * *v + take_2 * g * g;
            *w -= alpha * *m / (v.sqrt() + epsilon);
        }
    }
}
