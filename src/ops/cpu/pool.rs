//! Max pooling over channels-last maps; the padding is a zero that takes part.

use super::super::Window;
use super::Fresh;
use super::simd::for_best;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Where the windows of one image lie.
struct Places {
    /// For each window: its pixels that lie inside, as first channels.
    pixels: Vec<Vec<usize>>,
    /// Pixels of a window without padding.
    whole: usize,
}

impl Places {
    fn new([height, width, channels]: [usize; 3], window: Window) -> Self {
        let inside = |position: usize, size: usize| {
            let start = position * window.stride;
            (start..start + window.kernel)
                .filter_map(move |pixel| pixel.checked_sub(window.padding))
                .filter(move |&pixel| pixel < size)
        };
        let (out_height, out_width) = (window.output(height), window.output(width));
        let positions = (0..out_height).flat_map(|oy| (0..out_width).map(move |ox| (oy, ox)));
        let pixels = positions.map(|(oy, ox)| {
            let rows = inside(oy, height);
            rows.flat_map(|y| inside(ox, width).map(move |x| (y * width + x) * channels))
                .collect()
        });
        Self {
            pixels: pixels.collect(),
            whole: window.kernel * window.kernel,
        }
    }

    /// What the maximum starts from.
    fn floor(&self, pixels: &[usize]) -> f32 {
        if pixels.len() < self.whole {
            0.0
        } else {
            f32::NEG_INFINITY
        }
    }
}

/// Largest value in each window of `x [B, H, W, C]`.
pub fn forward(x: &[f32], shape: [usize; 3], window: Window, y: &mut Fresh) {
    let (places, channels) = (Places::new(shape, window), shape[2]);
    let image = shape.iter().product();
    y.par_chunks_mut(places.pixels.len() * channels)
        .zip(x.par_chunks(image))
        .for_each(|(y, x)| one_forward(x, &places, channels, y));
}

/// Gradient of `forward`: goes to the first largest pixel of each window, nowhere if the padding won.
pub fn backward(go: &[f32], x: &[f32], shape: [usize; 3], window: Window, to_x: &mut Fresh) {
    let (places, channels) = (Places::new(shape, window), shape[2]);
    let image = shape.iter().product();
    to_x.par_chunks_mut(image)
        .zip(go.par_chunks(places.pixels.len() * channels))
        .zip(x.par_chunks(image))
        .for_each(|((to, go), x)| one_backward(go, x, &places, channels, to));
}

for_best! {
    fn one_forward(x: &[f32], places: &Places, channels: usize, y: &mut Fresh) {
        for (y, pixels) in y.chunks_exact_mut(channels).zip(&places.pixels) {
            y.fill(MaybeUninit::new(places.floor(pixels)));
            // SAFETY: filled in the line before.
            #[expect(unsafe_code, reason = "read what `fill` wrote")]
            let y = unsafe { y.assume_init_mut() };
            for &pixel in pixels {
                for (y, x) in y.iter_mut().zip(&x[pixel..pixel + channels]) {
                    *y = y.max(*x);
                }
            }
        }
    }

    fn one_backward(go: &[f32], x: &[f32], places: &Places, channels: usize, to: &mut Fresh) {
        to.fill(MaybeUninit::new(0.0));
        // SAFETY: filled in the line before.
        #[expect(unsafe_code, reason = "read what `fill` wrote")]
        let to = unsafe { to.assume_init_mut() };
        let (mut best, mut winner) = (vec![0.0; channels], vec![0_u32; channels]);
        for (go, pixels) in go.chunks_exact(channels).zip(&places.pixels) {
            best.fill(places.floor(pixels));
            winner.fill(u32::MAX);
            for (number, &pixel) in pixels.iter().enumerate() {
                let values = best.iter_mut().zip(&mut winner);
                for ((best, winner), x) in values.zip(&x[pixel..pixel + channels]) {
                    *winner = if *x > *best { number as u32 } else { *winner };
                    *best = if *x > *best { *x } else { *best };
                }
            }
            for (number, &pixel) in pixels.iter().enumerate() {
                let to = &mut to[pixel..pixel + channels];
                for ((to, go), winner) in to.iter_mut().zip(go).zip(&winner) {
                    *to += if *winner == number as u32 { *go } else { 0.0 };
                }
            }
        }
    }
}
