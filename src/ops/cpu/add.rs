//! The sum at the end of a residual block, with the ReLU behind it.

use super::simd::for_best;
use super::{Fresh, at_least};
use rayon::prelude::*;

/// Floats of one piece of work, about.
const PIECE: usize = 1 << 15;

/// `a + b`, where rows of `b` may have fewer `channels` (`[a's, b's]`) than those of `a`; then ReLU if asked.
pub fn forward(a: &[f32], b: &[f32], channels: [usize; 2], relu: bool, y: &mut Fresh) {
    let rows = (PIECE / channels[0]).max(1);
    let floor = if relu { 0.0 } else { f32::NEG_INFINITY };
    y.par_chunks_mut(rows * channels[0])
        .zip(a.par_chunks(rows * channels[0]))
        .zip(b.par_chunks(rows * channels[1]))
        .for_each(|((y, a), b)| add_rows(a, b, channels, floor, y));
}

/// What passes the ReLU whose output is `y`, cut to the first channels of each row: `channels` are `[y's, kept]`.
pub fn backward(go: &[f32], y: &[f32], channels: [usize; 2], relu: bool, to: &mut Fresh) {
    let rows = (PIECE / channels[0]).max(1);
    let below = if relu { 0.0 } else { f32::NEG_INFINITY };
    to.par_chunks_mut(rows * channels[1])
        .zip(go.par_chunks(rows * channels[0]))
        .zip(y.par_chunks(rows * channels[0]))
        .for_each(|((to, go), y)| pass_rows(go, y, channels, below, to));
}

for_best! {
    fn add_rows(a: &[f32], b: &[f32], channels: [usize; 2], floor: f32, y: &mut Fresh) {
        if channels[0] == channels[1] {
            for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                y.write(at_least(a + b, floor));
            }
            return;
        }
        let rows = y.chunks_exact_mut(channels[0]).zip(a.chunks_exact(channels[0]));
        for ((y, a), b) in rows.zip(b.chunks_exact(channels[1])) {
            for ((y, a), b) in y.iter_mut().zip(a).zip(b) {
                y.write(at_least(a + b, floor));
            }
            for (y, a) in y[channels[1]..].iter_mut().zip(&a[channels[1]..]) {
                y.write(at_least(*a, floor));
            }
        }
    }

    fn pass_rows(go: &[f32], y: &[f32], channels: [usize; 2], below: f32, to: &mut Fresh) {
        if channels[0] == channels[1] {
            for ((to, go), y) in to.iter_mut().zip(go).zip(y) {
                to.write(if *y > below { *go } else { 0.0 });
            }
            return;
        }
        let rows = go.chunks_exact(channels[0]).zip(y.chunks_exact(channels[0]));
        for (to, (go, y)) in to.chunks_exact_mut(channels[1]).zip(rows) {
            for ((to, go), y) in to.iter_mut().zip(go).zip(y) {
                to.write(if *y > below { *go } else { 0.0 });
            }
        }
    }
}
