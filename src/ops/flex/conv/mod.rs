//! Convolution as matrix products over batch x positions: directly for 1x1, tap by tap where the map is so small that
//! most taps meet only padding, and through patches (im2col) otherwise.

mod geometry;
mod patches;
mod product;

use super::{Float, Triple, Window, zeros};
use geometry::Geometry;
use product::{Matrix, Workers, product};
use rayon::prelude::*;

pub(super) fn forward(x: &Float, w: &Float, b: &Float, window: Window) -> Float {
    let g = Geometry::new(x, w, window);
    let mut y = zeros(g.output());
    let (x, w, b) = (x.storage::<f32>(), w.storage::<f32>(), b.storage::<f32>());
    let out = y.storage_mut::<f32>();
    out.par_chunks_mut(g.outputs * 256).for_each(|rows| {
        rows.chunks_exact_mut(g.outputs)
            .for_each(|row| row.copy_from_slice(b));
    });
    if g.tap_by_tap() {
        forward_by_taps(&g, x, w, out);
    } else if window.is_pointwise() {
        let shape = [g.images * g.positions(), g.outputs, g.inputs];
        let (x, w) = (Matrix::rows(x, g.inputs), Matrix::rows(w, g.inputs));
        product(
            shape,
            (out, g.outputs),
            true,
            x,
            w.transposed(),
            Workers::All,
        );
    } else {
        patches::forward(&g, x, w, out);
    }
    y
}

pub(super) fn backward(grad: &Float, x: &Float, w: &Float, window: Window, want_x: bool) -> Triple {
    let g = Geometry::new(x, w, window);
    let mut grad_x = if want_x {
        zeros([g.images, g.height, g.width, g.inputs])
    } else {
        zeros([0])
    };
    let mut grad_w = zeros([g.outputs, window.kernel, window.kernel, g.inputs]);
    let (go, xs, ws) = (
        grad.storage::<f32>(),
        x.storage::<f32>(),
        w.storage::<f32>(),
    );
    let to_x = if want_x {
        grad_x.storage_mut::<f32>()
    } else {
        &mut []
    };
    let to_w = grad_w.storage_mut::<f32>();
    if g.tap_by_tap() {
        backward_by_taps(&g, go, xs, ws, to_x, to_w);
    } else if window.is_pointwise() {
        backward_pointwise(&g, go, xs, ws, to_x, to_w);
    } else {
        patches::backward(&g, go, xs, ws, to_x, to_w);
    }
    let grad_b = super::vector(&super::norm::column_sums(go, g.outputs));
    (grad_x, grad_w, grad_b)
}

fn forward_by_taps(g: &Geometry, x: &[f32], w: &[f32], out: &mut [f32]) {
    for (position, tap, pixel) in g.meetings() {
        let a = Matrix::rows(&x[pixel * g.inputs..], g.image());
        let taps = Matrix::rows(&w[tap * g.inputs..], g.patch()).transposed();
        let c = (&mut out[position * g.outputs..], g.image_out());
        let shape = [g.images, g.outputs, g.inputs];
        product(shape, c, true, a, taps, Workers::All);
    }
}

fn backward_by_taps(
    g: &Geometry,
    go: &[f32],
    x: &[f32],
    w: &[f32],
    to_x: &mut [f32],
    to_w: &mut [f32],
) {
    let (inputs, outputs, patch) = (g.inputs, g.outputs, g.patch());
    for (position, tap, pixel) in g.meetings() {
        let go = Matrix::rows(&go[position * outputs..], g.image_out());
        let x = Matrix::rows(&x[pixel * inputs..], g.image());
        let (shape, c) = (
            [outputs, inputs, g.images],
            (&mut to_w[tap * inputs..], patch),
        );
        product(shape, c, true, go.transposed(), x, Workers::All);
        if !to_x.is_empty() {
            let w = Matrix::rows(&w[tap * inputs..], patch);
            let c = (&mut to_x[pixel * inputs..], g.image());
            product([g.images, inputs, outputs], c, true, go, w, Workers::All);
        }
    }
}

fn backward_pointwise(
    g: &Geometry,
    go: &[f32],
    x: &[f32],
    w: &[f32],
    to_x: &mut [f32],
    to_w: &mut [f32],
) {
    let (inputs, outputs, rows) = (g.inputs, g.outputs, g.images * g.positions());
    let (go, x, w) = (
        Matrix::rows(go, outputs),
        Matrix::rows(x, inputs),
        Matrix::rows(w, inputs),
    );
    let (shape, c) = ([outputs, inputs, rows], (to_w, inputs));
    product(shape, c, false, go.transposed(), x, Workers::All);
    if !to_x.is_empty() {
        product(
            [rows, inputs, outputs],
            (to_x, inputs),
            false,
            go,
            w,
            Workers::All,
        );
    }
}
