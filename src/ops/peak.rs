//! How fast a device multiplies: what the times of a step are held against.

use super::{Product, Window, conv2d};
use crate::plan::Precision;
use burn::tensor::{Device, Tensor};
use std::time::Instant;

/// Images, side and channels of the product that is timed: matrices of 16,384 x 512 and 512 x 512, a shape that every
/// device likes.
const SHAPE: [usize; 3] = [256, 8, 512];
/// Repetitions, of which the fastest counts.
const TIMES: usize = 10;

/// Floating-point operations a second in the fastest of some large products on a plain device, in f32; a
/// multiply-accumulate counts as two.
#[must_use]
pub fn peak_products(device: &Device) -> f64 {
    let [images, side, channels] = SHAPE;
    let x = Tensor::<4>::ones([images, side, side, channels], device);
    let w = Tensor::<4>::ones([channels, 1, 1, channels], device);
    let product = Product {
        window: Window {
            kernel: 1,
            stride: 1,
            padding: 0,
        },
        precision: Precision::F32,
    };
    let work = 2.0 * (images * side * side * channels * channels) as f64;
    let run = || {
        let begun = Instant::now();
        let y = conv2d(
            x.clone(),
            w.clone(),
            Tensor::zeros([channels], device),
            product,
        );
        // A device that computes behind our back ends here.
        let _ = y.slice([0..1, 0..1, 0..1, 0..1]).into_data();
        work / begun.elapsed().as_secs_f64()
    };
    (0..TIMES).map(|_| run()).fold(0.0, f64::max)
}
