//! Batch norm with ReLU in one pass each way, and the sums over rows that it needs.

use super::simd::for_best;
use super::{Fresh, at_least};
use rayon::prelude::*;

/// Floats of one piece of work: fits the second-level cache and does not depend on the number of threads.
const PIECE: usize = 1 << 15;
/// Floats that one turn of an inner loop covers, at least: few channels are taken several rows at a time.
const WIDE: usize = 64;

/// Rows that one turn of an inner loop covers.
const fn rows_at_once(channels: usize) -> usize {
    if channels < WIDE { WIDE / channels } else { 1 }
}

/// Floats of one turn, and of one piece in whole turns.
fn lengths(channels: usize) -> (usize, usize) {
    let turn = channels * rows_at_once(channels);
    (turn, (PIECE / turn).max(1) * turn)
}

/// A vector of one value a channel, repeated for every row of a turn.
fn spread(values: &[f32]) -> Vec<f32> {
    values.repeat(rows_at_once(values.len()))
}

/// Two sums a channel, each piece in f32 and the pieces together in f64, in order. `piece(range, first, second)` adds to
/// sums of one turn.
fn two_sums<F>(total: usize, channels: usize, piece: F) -> (Vec<f64>, Vec<f64>)
where
    F: Fn(std::ops::Range<usize>, &mut [f32], &mut [f32]) + Sync,
{
    let (turn, length) = lengths(channels);
    let parts: Vec<_> = (0..total.div_ceil(length))
        .into_par_iter()
        .map(|part| {
            let (mut first, mut second) = (vec![0.0; turn], vec![0.0; turn]);
            let start = part * length;
            piece(start..(start + length).min(total), &mut first, &mut second);
            (first, second)
        })
        .collect();
    let (mut first, mut second) = (vec![0.0; channels], vec![0.0; channels]);
    for (a, b) in &parts {
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            first[i % channels] += f64::from(*a);
            second[i % channels] += f64::from(*b);
        }
    }
    (first, second)
}

/// Sum over rows for each of the `channels` columns.
pub fn column_sums(values: &[f32], channels: usize) -> Vec<f32> {
    let (sums, _) = two_sums(values.len(), channels, |range, first, _| {
        add_rows(&values[range], first);
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

for_best! {
    fn add_rows(rows: &[f32], sums: &mut [f32]) {
        for row in rows.chunks(sums.len()) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }

    /// Deviations from `pivot` and their squares.
    fn add_deviations(rows: &[f32], pivot: &[f32], first: &mut [f32], second: &mut [f32]) {
        for row in rows.chunks(pivot.len()) {
            let sums = first.iter_mut().zip(second.iter_mut());
            for ((x, pivot), (first, second)) in row.iter().zip(pivot).zip(sums) {
                let deviation = x - pivot;
                *first += deviation;
                *second += deviation * deviation;
            }
        }
    }

    /// `to = max((from - mean) * scale + beta, floor)`. The mean goes first: folded into one offset it would cancel digits
    /// where it is large against the deviation.
    fn apply_rows(from: &[f32], to: &mut Fresh, vectors: [&[f32]; 3], floor: f32) {
        let [mean, scale, beta] = vectors;
        for (to, from) in to.chunks_mut(mean.len()).zip(from.chunks(mean.len())) {
            let vectors = mean.iter().zip(scale).zip(beta);
            for ((to, from), ((mean, scale), beta)) in to.iter_mut().zip(from).zip(vectors) {
                to.write(at_least((from - mean) * scale + beta, floor));
            }
        }
    }

    fn scale_rows(from: &[f32], to: &mut Fresh, scale: &[f32], shift: &[f32], floor: f32) {
        for (to, from) in to.chunks_mut(scale.len()).zip(from.chunks(scale.len())) {
            for ((to, from), (scale, shift)) in to.iter_mut().zip(from).zip(scale.iter().zip(shift)) {
                to.write(at_least(from * scale + shift, floor));
            }
        }
    }

    /// What passes the ReLU, and its products with the deviations of `x`.
    fn add_passed(given: [&[f32]; 3], mean: &[f32], below: f32, first: &mut [f32], second: &mut [f32]) {
        let [go, y, x] = given.map(|values| values.chunks(mean.len()));
        for ((go, y), x) in go.zip(y).zip(x) {
            let sums = first.iter_mut().zip(second.iter_mut());
            let values = go.iter().zip(y).zip(x).zip(mean);
            for ((((go, y), x), mean), (first, second)) in values.zip(sums) {
                let passed = if *y > below { *go } else { 0.0 };
                *first += passed;
                *second += passed * (x - mean);
            }
        }
    }

    /// The gradient for `x`: `scale * (passed - grad_mean - (x - mean) * slope)`.
    fn backward_rows(given: [&[f32]; 3], vectors: [&[f32]; 4], below: f32, to: &mut Fresh) {
        let [mean, scale, grad_mean, slope] = vectors;
        let [go, y, x] = given.map(|values| values.chunks(mean.len()));
        for (((to, go), y), x) in to.chunks_mut(mean.len()).zip(go).zip(y).zip(x) {
            let vectors = mean.iter().zip(scale).zip(grad_mean).zip(slope);
            let values = to.iter_mut().zip(go).zip(y).zip(x);
            for ((((to, go), y), x), (((mean, scale), grad_mean), slope)) in values.zip(vectors) {
                let passed = if *y > below { *go } else { 0.0 };
                to.write(scale * (passed - grad_mean - (x - mean) * slope));
            }
        }
    }

    /// Adds to what `backward_rows` wrote.
    fn add_to(values: &[f32], to: &mut Fresh) {
        for (to, value) in to.iter_mut().zip(values) {
            // SAFETY: the caller wrote it.
            #[expect(unsafe_code, reason = "read what was just written")]
            let before = unsafe { to.assume_init() };
            to.write(before + value);
        }
    }
}

/// Mean and biased variance of each column. A piece takes its deviations from its own mean, and the pieces are put together
/// in f64 (Chan, Golub & LeVeque 1983, eq. 2.1): neither a common offset nor a few far values cancel digits.
fn moments(x: &[f32], channels: usize) -> (Vec<f64>, Vec<f64>) {
    let (turn, length) = lengths(channels);
    let pieces = x.par_chunks(length).map(|piece| {
        let mut sums = vec![0.0; turn];
        add_rows(piece, &mut sums);
        let rows = (piece.len() / channels) as f64;
        let centre: Vec<f32> = (0..channels)
            .map(|c| (every(&sums, c, channels) / rows) as f32)
            .collect();
        let (mut first, mut second) = (vec![0.0; turn], vec![0.0; turn]);
        add_deviations(piece, &spread(&centre), &mut first, &mut second);
        let column = |c: usize| {
            let (sum, squares) = (every(&first, c, channels), every(&second, c, channels));
            (
                f64::from(centre[c]) + sum / rows,
                squares - sum * sum / rows,
            )
        };
        (rows, (0..channels).map(column).collect::<Vec<_>>())
    });
    let pieces: Vec<_> = pieces.collect();
    let n = (x.len() / channels) as f64;
    let column = |c: usize| {
        let mean = pieces
            .iter()
            .map(|(rows, columns)| rows * columns[c].0)
            .sum::<f64>()
            / n;
        let squares = pieces.iter().map(|(rows, columns)| {
            let (centre, within) = columns[c];
            within + rows * (centre - mean).powi(2)
        });
        (mean, (squares.sum::<f64>() / n).max(0.0))
    };
    (0..channels).map(column).unzip()
}

/// Sum of what a turn holds for one channel.
fn every(turn: &[f32], channel: usize, channels: usize) -> f64 {
    let values = turn.iter().skip(channel).step_by(channels);
    values.map(|&value| f64::from(value)).sum()
}

const fn floor(relu: bool) -> f32 {
    if relu { 0.0 } else { f32::NEG_INFINITY }
}

/// Writes the normalised `x` to `y` and returns `(mean, 1 / sqrt(var + epsilon))`.
pub fn forward(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    epsilon: f64,
    relu: bool,
    y: &mut Fresh,
) -> (Vec<f32>, Vec<f32>) {
    let (mean, variance) = moments(x, gamma.len());
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
    apply(x, y, [&centre, &scale, &beta], floor(relu));
    (centre, narrow(&inv_std))
}

fn apply(from: &[f32], to: &mut Fresh, vectors: [&[f32]; 3], floor: f32) {
    let (_, length) = lengths(vectors[0].len());
    let [mean, scale, beta] = vectors.map(spread);
    let pieces = to.par_chunks_mut(length).zip(from.par_chunks(length));
    pieces.for_each(|(to, from)| apply_rows(from, to, [&mean, &scale, &beta], floor));
}

/// `max(x * scale + shift, floor)` for each channel.
pub fn scale_shift(x: &[f32], scale: &[f32], shift: &[f32], relu: bool, y: &mut Fresh) {
    let (_, length) = lengths(scale.len());
    let (scale, shift, floor) = (spread(scale), spread(shift), floor(relu));
    let pieces = y.par_chunks_mut(length).zip(x.par_chunks(length));
    pieces.for_each(|(y, x)| scale_rows(x, y, &scale, &shift, floor));
}

/// What the forward pass keeps for the gradient.
pub struct Saved<'a> {
    pub y: &'a [f32],
    pub x: &'a [f32],
    pub gamma: &'a [f32],
    pub mean: &'a [f32],
    pub inv_std: &'a [f32],
    pub relu: bool,
}

/// Writes the gradient for `x`, with what came over a skip connection added unless that is empty, and returns those for
/// gamma and beta.
pub fn backward(
    go: &[f32],
    skipped: &[f32],
    saved: &Saved,
    to_x: &mut Fresh,
) -> (Vec<f32>, Vec<f32>) {
    let Saved { y, x, gamma, .. } = *saved;
    let channels = gamma.len();
    let (_, length) = lengths(channels);
    let mean = spread(saved.mean);
    // What does not pass the ReLU has no gradient; without a ReLU every value lies above minus infinity.
    let below = floor(saved.relu);
    let (sums, products) = two_sums(x.len(), channels, |range, first, second| {
        let given = [go, y, x].map(|values| &values[range.clone()]);
        add_passed(given, &mean, below, first, second);
    });
    let n = (x.len() / channels) as f64;
    let narrow = |f: &dyn Fn(usize) -> f64| (0..channels).map(|c| f(c) as f32).collect::<Vec<_>>();
    let inv = |c: usize| f64::from(saved.inv_std[c]);
    let scale = spread(&narrow(&|c| f64::from(gamma[c]) * inv(c)));
    let grad_mean = spread(&narrow(&|c| sums[c] / n));
    let slope = spread(&narrow(&|c| products[c] * inv(c) * inv(c) / n));
    let pieces = to_x.par_chunks_mut(length).zip(go.par_chunks(length));
    let pieces = pieces.zip(y.par_chunks(length)).zip(x.par_chunks(length));
    let vectors = [&mean[..], &scale, &grad_mean, &slope];
    pieces.enumerate().for_each(|(number, (((to, go), y), x))| {
        backward_rows([go, y, x], vectors, below, to);
        if !skipped.is_empty() {
            // Still in the cache.
            add_to(&skipped[number * length..][..to.len()], to);
        }
    });
    (narrow(&|c| products[c] * inv(c)), narrow(&|c| sums[c]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first row used to be the common pivot: where it alone lay far away, the variance lost five digits.
    #[test]
    fn variance_keeps_its_digits_beside_far_values_and_offsets() {
        let (channels, rows) = (3, 40_001);
        let wave = |i: usize| ((i * 7919 % 1000) as f32 / 500.0 - 1.0) * 0.01;
        for (far, offset) in [(1000.0, 0.0), (0.0, 1000.0), (0.0, 0.0)] {
            let mut x: Vec<f32> = (0..rows * channels).map(|i| offset + wave(i)).collect();
            x[..channels].fill(offset + far);
            let (means, variances) = moments(&x, channels);
            for c in 0..channels {
                let column = || x.iter().skip(c).step_by(channels).map(|&v| f64::from(v));
                let mean = column().sum::<f64>() / rows as f64;
                let variance = column().map(|v| (v - mean).powi(2)).sum::<f64>() / rows as f64;
                let off =
                    [(means[c], mean), (variances[c], variance)].map(|(a, b)| (a / b - 1.0).abs());
                assert!(off[1] < 1e-5, "{far} {offset}: variance off by {off:?}");
                assert!(
                    (means[c] - mean).abs() < 1e-6 * variance.sqrt(),
                    "{far} {offset}: {off:?}"
                );
            }
        }
    }
}
