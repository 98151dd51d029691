//! Max pooling over channels-last maps; the padding is a zero that takes part.

use super::{Float, Window, dims, zeros};
use rayon::prelude::*;

/// Calls `visit(first channel of the output pixel, pixels of the window that lie inside, whether padding takes part)`.
fn windows(
    [height, width, channels]: [usize; 3],
    window: Window,
    mut visit: impl FnMut(usize, &[usize], bool),
) {
    let (out_height, out_width) = (window.output(height), window.output(width));
    let inside = |position: usize, size: usize| {
        let start = position * window.stride;
        (start..start + window.kernel)
            .filter_map(move |pixel| pixel.checked_sub(window.padding))
            .filter(move |&pixel| pixel < size)
    };
    let mut pixels = Vec::new();
    for oy in 0..out_height {
        for ox in 0..out_width {
            pixels.clear();
            for y in inside(oy, height) {
                pixels.extend(inside(ox, width).map(|x| (y * width + x) * channels));
            }
            let padded = pixels.len() < window.kernel * window.kernel;
            visit((oy * out_width + ox) * channels, &pixels, padded);
        }
    }
}

pub(super) fn forward(x: &Float, window: Window) -> Float {
    let [images, height, width, channels] = dims(x);
    let (out_height, out_width) = (window.output(height), window.output(width));
    let mut y = zeros([images, out_height, out_width, channels]);
    let out = y
        .storage_mut::<f32>()
        .par_chunks_mut(out_height * out_width * channels);
    out.zip(x.storage::<f32>().par_chunks(height * width * channels))
        .for_each(|(y, x)| {
            windows([height, width, channels], window, |to, pixels, padded| {
                let y = &mut y[to..to + channels];
                y.fill(if padded { 0.0 } else { f32::NEG_INFINITY });
                for &pixel in pixels {
                    for (y, x) in y.iter_mut().zip(&x[pixel..pixel + channels]) {
                        *y = y.max(*x);
                    }
                }
            });
        });
    y
}

pub(super) fn backward(grad: &Float, x: &Float, window: Window) -> Float {
    let [images, height, width, channels] = dims(x);
    let positions = window.output(height) * window.output(width);
    let mut grad_x = zeros([images, height, width, channels]);
    let image = height * width * channels;
    let to = grad_x.storage_mut::<f32>().par_chunks_mut(image);
    let from = grad.storage::<f32>().par_chunks(positions * channels);
    to.zip(from)
        .zip(x.storage::<f32>().par_chunks(image))
        .for_each(|((to, go), x)| {
            windows([height, width, channels], window, |from, pixels, padded| {
                for c in 0..channels {
                    let start = if padded { 0.0 } else { f32::NEG_INFINITY };
                    let mut winner = (start, None);
                    for &pixel in pixels {
                        if x[pixel + c] > winner.0 {
                            winner = (x[pixel + c], Some(pixel + c));
                        }
                    }
                    if let Some(winner) = winner.1 {
                        to[winner] += go[from + c];
                    }
                }
            });
        });
    grad_x
}
