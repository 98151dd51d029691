//! Batch norm with ReLU in one pass each way, and the sums over rows that it needs.

use super::{Float, Triple, dims, vector, zeros};
use rayon::prelude::*;

/// Floats of one piece of work: fits the second-level cache and does not depend on the number of threads.
const PIECE: usize = 1 << 16;

fn piece_of(channels: usize) -> usize {
    (PIECE / channels).max(1) * channels
}

/// What the forward pass keeps for the gradient.
pub(super) struct Saved<'a> {
    pub(super) y: &'a Float,
    pub(super) x: &'a Float,
    pub(super) mean: &'a Float,
    pub(super) inv_std: &'a Float,
    pub(super) relu: bool,
}

/// Two sums a channel, each piece in f32 and the pieces together in f64, in order.
fn two_sums<F>(rows: usize, channels: usize, piece: F) -> (Vec<f64>, Vec<f64>)
where
    F: Fn(usize, usize, &mut [f32], &mut [f32]) + Sync,
{
    let length = piece_of(channels);
    let total = rows * channels;
    let parts: Vec<_> = (0..total.div_ceil(length))
        .into_par_iter()
        .map(|part| {
            let (mut first, mut second) = (vec![0.0; channels], vec![0.0; channels]);
            let start = part * length;
            piece(start, (start + length).min(total), &mut first, &mut second);
            (first, second)
        })
        .collect();
    let (mut first, mut second) = (vec![0.0; channels], vec![0.0; channels]);
    for (a, b) in &parts {
        for c in 0..channels {
            first[c] += f64::from(a[c]);
            second[c] += f64::from(b[c]);
        }
    }
    (first, second)
}

/// Sum over rows for each of the `channels` columns.
pub(super) fn column_sums(values: &[f32], channels: usize) -> Vec<f32> {
    let rows = values.len() / channels;
    let (sums, _) = two_sums(rows, channels, |start, end, first, _| {
        for row in values[start..end].chunks_exact(channels) {
            for (sum, value) in first.iter_mut().zip(row) {
                *sum += value;
            }
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Sum of squares: lanes in f32 within a short stretch, everything else in f64 and in order.
pub(super) fn sum_of_squares(values: &[f32]) -> f32 {
    const LANES: usize = 16;
    let stretch = |values: &[f32]| {
        let mut lanes = [0.0_f32; LANES];
        for group in values.chunks(LANES) {
            for (lane, value) in lanes.iter_mut().zip(group) {
                *lane += value * value;
            }
        }
        lanes.iter().map(|&lane| f64::from(lane)).sum::<f64>()
    };
    let pieces = values.par_chunks(PIECE);
    let sums: Vec<f64> = pieces
        .map(|piece| piece.chunks(64 * LANES).map(stretch).sum())
        .collect();
    sums.iter().sum::<f64>() as f32
}

/// Mean and biased variance of each column. Deviations are taken from the first row, so that a large common offset does
/// not cancel the digits of the variance.
fn moments(x: &[f32], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = x.len() / channels;
    let pivot = &x[..channels];
    let (sums, squares) = two_sums(rows, channels, |start, end, first, second| {
        for row in x[start..end].chunks_exact(channels) {
            for c in 0..channels {
                let deviation = row[c] - pivot[c];
                first[c] += deviation;
                second[c] += deviation * deviation;
            }
        }
    });
    let n = rows as f64;
    let variance = sums
        .iter()
        .zip(&squares)
        .map(|(s, q)| (q / n - (s / n) * (s / n)).max(0.0));
    let variance = variance.collect();
    let mean = sums
        .iter()
        .zip(pivot)
        .map(|(s, &p)| s / n + f64::from(p))
        .collect();
    (mean, variance)
}

/// `to = max((from - mean) * scale + beta, floor)` for each channel. The mean goes first: folded into one offset it would
/// cancel digits where it is large against the deviation.
fn apply(from: &[f32], to: &mut [f32], [mean, scale, beta]: [&[f32]; 3], floor: f32) {
    let (channels, length) = (scale.len(), piece_of(scale.len()));
    to.par_chunks_mut(length)
        .zip(from.par_chunks(length))
        .for_each(|(to, from)| {
            for (to, from) in to
                .chunks_exact_mut(channels)
                .zip(from.chunks_exact(channels))
            {
                for c in 0..channels {
                    to[c] = ((from[c] - mean[c]) * scale[c] + beta[c]).max(floor);
                }
            }
        });
}

const fn floor(relu: bool) -> f32 {
    if relu { 0.0 } else { f32::NEG_INFINITY }
}

pub(super) fn forward(x: &Float, gamma: &Float, beta: &Float, epsilon: f64, relu: bool) -> Triple {
    let shape: [usize; 4] = dims(x);
    let (xs, gamma, beta) = (
        x.storage::<f32>(),
        gamma.storage::<f32>(),
        beta.storage::<f32>(),
    );
    let (mean, variance) = moments(xs, gamma.len());
    let inv_std: Vec<f64> = variance
        .iter()
        .map(|v| 1.0 / (v + epsilon).sqrt())
        .collect();
    let narrow = |values: &[f64]| values.iter().map(|&v| v as f32).collect::<Vec<_>>();
    let scale: Vec<f32> = inv_std
        .iter()
        .zip(gamma)
        .map(|(i, &g)| (i * f64::from(g)) as f32)
        .collect();
    let centre = narrow(&mean);
    // What the mean loses in f32 goes into the offset.
    let beta: Vec<f32> = (0..beta.len())
        .map(|c| {
            let lost = f64::from(centre[c]) - mean[c];
            (f64::from(beta[c]) + lost * f64::from(scale[c])) as f32
        })
        .collect();
    let mut y = zeros(shape);
    apply(
        xs,
        y.storage_mut::<f32>(),
        [&centre, &scale, &beta],
        floor(relu),
    );
    (y, vector(&centre), vector(&narrow(&inv_std)))
}

pub(super) fn scale_shift(mut x: Float, scale: &Float, shift: &Float, relu: bool) -> Float {
    let (scale, shift, floor) = (scale.storage::<f32>(), shift.storage::<f32>(), floor(relu));
    let (channels, length) = (scale.len(), piece_of(scale.len()));
    // Copies first if somebody else holds the tensor.
    x.storage_mut::<f32>()
        .par_chunks_mut(length)
        .for_each(|piece| {
            for row in piece.chunks_exact_mut(channels) {
                for c in 0..channels {
                    row[c] = (row[c] * scale[c] + shift[c]).max(floor);
                }
            }
        });
    x
}

pub(super) fn backward(grad: &Float, gamma: &Float, saved: &Saved) -> Triple {
    let shape: [usize; 4] = dims(saved.x);
    let (go, y, x) = (
        grad.storage::<f32>(),
        saved.y.storage::<f32>(),
        saved.x.storage::<f32>(),
    );
    let (gamma, mean, inv_std) = (
        gamma.storage::<f32>(),
        saved.mean.storage::<f32>(),
        saved.inv_std.storage::<f32>(),
    );
    let channels = gamma.len();
    let rows = x.len() / channels;
    // What does not pass the ReLU has no gradient; without a ReLU every value lies above minus infinity.
    let below = floor(saved.relu);
    let (sums, products) = two_sums(rows, channels, |start, end, first, second| {
        let rows = go[start..end].chunks_exact(channels);
        let rows = rows.zip(y[start..end].chunks_exact(channels));
        for ((go, y), x) in rows.zip(x[start..end].chunks_exact(channels)) {
            for c in 0..channels {
                let passed = if y[c] > below { go[c] } else { 0.0 };
                first[c] += passed;
                second[c] += passed * (x[c] - mean[c]);
            }
        }
    });
    let n = rows as f64;
    let narrow = |f: &dyn Fn(usize) -> f64| (0..channels).map(|c| f(c) as f32).collect::<Vec<_>>();
    let inv = |c: usize| f64::from(inv_std[c]);
    let scale = narrow(&|c| f64::from(gamma[c]) * inv(c));
    let grad_mean = narrow(&|c| sums[c] / n);
    let slope = narrow(&|c| products[c] * inv(c) * inv(c) / n);
    let grad_gamma = narrow(&|c| products[c] * inv(c));
    let grad_beta = narrow(&|c| sums[c]);
    let mut grad_x = zeros(shape);
    let length = piece_of(channels);
    let pieces = grad_x.storage_mut::<f32>().par_chunks_mut(length);
    let pieces = pieces.zip(go.par_chunks(length)).zip(y.par_chunks(length));
    pieces
        .zip(x.par_chunks(length))
        .for_each(|(((to, go), y), x)| {
            for row in (0..to.len()).step_by(channels) {
                let row = row..row + channels;
                let (to, go) = (&mut to[row.clone()], &go[row.clone()]);
                let (y, x) = (&y[row.clone()], &x[row]);
                for c in 0..channels {
                    let passed = if y[c] > below { go[c] } else { 0.0 };
                    to[c] = scale[c] * (passed - grad_mean[c] - (x[c] - mean[c]) * slope[c]);
                }
            }
        });
    (grad_x, vector(&grad_gamma), vector(&grad_beta))
}
