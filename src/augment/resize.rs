//! Bilinear resizing of a batch with half-pixel centres and no antialiasing: `tf.image.resize`, which Keras' `RandomWidth`
//! and `RandomHeight` use (`tensorflow/core/kernels/image/resize_bilinear_op.cc`).

use super::{CHANNELS, Pixels};
use rayon::prelude::*;

/// For each output position the two input positions around it and the weight of the second.
fn taps(from: usize, to: usize) -> Vec<(usize, usize, f32)> {
    let scale = from as f32 / to as f32;
    let tap = |position: usize| {
        let centre = (position as f32 + 0.5) * scale - 0.5;
        let first = centre.floor();
        let upper = (centre.ceil().max(0.0) as usize).min(from - 1);
        (first.max(0.0) as usize, upper, centre - first)
    };
    (0..to).map(tap).collect()
}

/// The batch at another size.
#[must_use]
pub fn resize(pixels: &Pixels, height: usize, width: usize) -> Pixels {
    if (height, width) == (pixels.height, pixels.width) {
        return pixels.clone();
    }
    let (rows, columns) = (taps(pixels.height, height), taps(pixels.width, width));
    let image = pixels.height * pixels.width * CHANNELS;
    let images = pixels.values.len() / image;
    let mut values = vec![0.0; images * height * width * CHANNELS];
    let stride = pixels.width * CHANNELS;
    values
        .par_chunks_mut(height * width * CHANNELS)
        .zip(pixels.values.par_chunks(image))
        .for_each(|(to, from)| {
            for (row, &(upper, lower, down)) in to.chunks_exact_mut(width * CHANNELS).zip(&rows) {
                for (pixel, &(left, right, across)) in row.chunks_exact_mut(CHANNELS).zip(&columns)
                {
                    for (c, value) in pixel.iter_mut().enumerate() {
                        let read = |y: usize, x: usize| from[y * stride + x * CHANNELS + c];
                        let lerp = |a: f32, b: f32, weight: f32| a + (b - a) * weight;
                        let above = lerp(read(upper, left), read(upper, right), across);
                        let below = lerp(read(lower, left), read(lower, right), across);
                        *value = lerp(above, below, down);
                    }
                }
            }
        });
    Pixels {
        values,
        height,
        width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_a_row_gives_tensorflows_weights() {
        // tf.image.resize([[0, 1, 2, 3]], [1, 8]) = 0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3
        let values = (0..4).flat_map(|v| [v as f32; CHANNELS]).collect();
        let wide = resize(
            &Pixels {
                values,
                height: 1,
                width: 4,
            },
            1,
            8,
        );
        let red: Vec<f32> = wide.values.iter().step_by(CHANNELS).copied().collect();
        assert_eq!(red, [0.0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3.0]);
    }
}
