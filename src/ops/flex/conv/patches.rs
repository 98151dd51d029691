//! Convolution through patches (im2col). A few images at a time, so that their patches stay in the cache: each piece of
//! work copies them, multiplies, and scatters on one thread, and the threads share the pieces.

use super::geometry::{Geometry, Run};
use super::product::{Matrix, Workers, product};
use rayon::prelude::*;

/// Floats of patches that one piece of work holds: within a second-level cache of 1 MiB.
const PIECE: usize = 1 << 17;
/// Partial sums of a weight gradient. Fixed, so that the bytes do not depend on the number of threads.
const GROUPS: usize = 16;

impl Geometry {
    /// Images in one piece of work.
    fn piece(&self) -> usize {
        (PIECE / (self.positions() * self.patch())).max(1)
    }
}

/// Copies the patch under every window position of every image into a row of `columns`; padding is left as it is.
fn gather(x: &[f32], g: &Geometry, runs: &[Run], columns: &mut [f32]) {
    let (inputs, patch) = (g.inputs, g.patch());
    let images = columns.chunks_exact_mut(g.positions() * patch);
    for (rows, x) in images.zip(x.chunks_exact(g.image())) {
        for run in runs {
            let to = run.position * patch + run.tap * inputs;
            let from = run.pixel * inputs;
            let length = run.taps * inputs;
            rows[to..to + length].copy_from_slice(&x[from..from + length]);
        }
    }
}

/// Adds every patch's gradient back onto the pixels that it came from.
fn scatter(columns: &[f32], g: &Geometry, runs: &[Run], grad_x: &mut [f32]) {
    let (inputs, patch) = (g.inputs, g.patch());
    let images = columns.chunks_exact(g.positions() * patch);
    for (rows, x) in images.zip(grad_x.chunks_exact_mut(g.image())) {
        for run in runs {
            let from = run.position * patch + run.tap * inputs;
            let to = run.pixel * inputs;
            let length = run.taps * inputs;
            let pixels = x[to..to + length].iter_mut();
            for (x, row) in pixels.zip(&rows[from..from + length]) {
                *x += row;
            }
        }
    }
}

/// Adds the convolution to `out`, which holds the bias.
pub(super) fn forward(g: &Geometry, x: &[f32], w: &[f32], out: &mut [f32]) {
    let (piece, patch, runs) = (g.piece(), g.patch(), g.runs());
    let w = Matrix::rows(w, patch).transposed();
    let buffer = || vec![0.0; piece * g.positions() * patch];
    out.par_chunks_mut(piece * g.image_out())
        .zip(x.par_chunks(piece * g.image()))
        .for_each_init(buffer, |columns, (out, x)| {
            let rows = out.len() / g.outputs;
            let columns = &mut columns[..rows * patch];
            gather(x, g, &runs, columns);
            let (shape, columns) = ([rows, g.outputs, patch], Matrix::rows(columns, patch));
            product(shape, (out, g.outputs), true, columns, w, Workers::One);
        });
}

/// Gradients for the weights, and for the images unless `to_x` is empty.
pub(super) fn backward(
    g: &Geometry,
    go: &[f32],
    x: &[f32],
    w: &[f32],
    to_x: &mut [f32],
    to_w: &mut [f32],
) {
    let (group, runs) = (g.images.div_ceil(GROUPS), g.runs());
    let groups = g.images.div_ceil(group);
    let mut parts: Vec<&mut [f32]> = to_x.chunks_mut(group * g.image()).collect();
    parts.resize_with(groups, || &mut []);
    let sums: Vec<Vec<f32>> = go
        .par_chunks(group * g.image_out())
        .zip(x.par_chunks(group * g.image()))
        .zip(parts)
        .map(|((go, x), to_x)| backward_group(g, &runs, go, x, w, to_x))
        .collect();
    const STRETCH: usize = 1 << 12;
    to_w.par_chunks_mut(STRETCH)
        .enumerate()
        .for_each(|(number, to)| {
            for sum in &sums {
                let from = &sum[number * STRETCH..][..to.len()];
                to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
            }
        });
}

/// The weight gradient of a few images, whose own gradient goes to `to_x`.
fn backward_group(
    g: &Geometry,
    runs: &[Run],
    go: &[f32],
    x: &[f32],
    w: &[f32],
    to_x: &mut [f32],
) -> Vec<f32> {
    let (piece, patch, outputs) = (g.piece(), g.patch(), g.outputs);
    let mut sum = vec![0.0; outputs * patch];
    let mut columns = vec![0.0; piece * g.positions() * patch];
    let mut grads = if to_x.is_empty() {
        Vec::new()
    } else {
        columns.clone()
    };
    let pieces = go
        .chunks(piece * g.image_out())
        .zip(x.chunks(piece * g.image()));
    for (number, (go, x)) in pieces.enumerate() {
        let rows = go.len() / outputs;
        let go = Matrix::rows(go, outputs);
        gather(x, g, runs, &mut columns[..rows * patch]);
        let (shape, values) = ([outputs, patch, rows], Matrix::rows(&columns, patch));
        product(
            shape,
            (&mut sum, patch),
            true,
            go.transposed(),
            values,
            Workers::One,
        );
        if !to_x.is_empty() {
            let (shape, w) = ([rows, patch, outputs], Matrix::rows(w, patch));
            product(shape, (&mut grads, patch), false, go, w, Workers::One);
            let to = &mut to_x[number * piece * g.image()..][..x.len()];
            scatter(&grads[..rows * patch], g, runs, to);
        }
    }
    sum
}
