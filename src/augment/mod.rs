//! Augmentation on the host, image by image in parallel: every draw is a function of (seed, epoch, image), pixels are
//! read once by one warp, normalised once, and resized for a whole batch. Semantics are Keras' (see each step's file).

mod resize;
mod warp;

pub use resize::resize;
pub use warp::{Warp, warp};

use crate::plan::AugmentPlan;
use crate::random::{Draws, Purpose};
use rayon::prelude::*;

/// Images as bytes, `[n, height, width, 3]`, borrowed from a data set.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Row-major pixels.
    pub pixels: &'a [u8],
    /// Rows of each image.
    pub height: usize,
    /// Columns of each image.
    pub width: usize,
}

impl<'a> Source<'a> {
    fn image(self, index: u32) -> &'a [u8] {
        let length = self.height * self.width * CHANNELS;
        &self.pixels[index as usize * length..][..length]
    }
}

/// A batch of images ready for the network, `[n, height, width, 3]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Row-major values.
    pub values: Vec<f32>,
    /// Rows of each image.
    pub height: usize,
    /// Columns of each image.
    pub width: usize,
}

/// Red, green, blue.
pub const CHANNELS: usize = 3;

/// Mean and deviation of each channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// On the 0..255 scale.
    pub mean: [f64; CHANNELS],
    /// Population deviation on the 0..255 scale, at least 1e-7 (Keras `Normalization`).
    pub deviation: [f64; CHANNELS],
}

impl Statistics {
    /// Leaves pixels as they are.
    const IDENTITY: Self = Self {
        mean: [0.0; CHANNELS],
        deviation: [1.0; CHANNELS],
    };

    /// Mean and population deviation of each channel over all pixels.
    #[must_use]
    pub fn of(source: Source) -> Self {
        let mut counts = [[0u64; 256]; CHANNELS];
        for pixel in source.pixels.chunks_exact(CHANNELS) {
            for (counts, &value) in counts.iter_mut().zip(pixel) {
                counts[value as usize] += 1;
            }
        }
        let n = (source.pixels.len() / CHANNELS) as f64;
        let moment = |counts: &[u64; 256], f: &dyn Fn(f64) -> f64| {
            counts
                .iter()
                .enumerate()
                .map(|(v, &c)| f(v as f64) * c as f64)
                .sum::<f64>()
                / n
        };
        let mean = counts.map(|c| moment(&c, &|v| v));
        let deviation = std::array::from_fn(|channel| {
            let centre = mean[channel];
            moment(&counts[channel], &|v| (v - centre) * (v - centre))
                .sqrt()
                .max(1e-7)
        });
        Self { mean, deviation }
    }
}

/// Where a batch stands in a run: the counters of its draws.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Seed of the run.
    pub seed: u64,
    /// Epoch over the whole run, from 0.
    pub epoch: u64,
    /// Step over the whole run, from 0.
    pub step: u64,
}

/// The steps of one phase, with the statistics that they need.
#[derive(Clone, Debug)]
pub struct Augmenter {
    steps: Vec<AugmentPlan>,
    statistics: Statistics,
}

impl Augmenter {
    /// Prepares the steps; `statistics` are those of the training split.
    #[must_use]
    pub fn new(steps: &[AugmentPlan], statistics: Statistics) -> Self {
        let normalize = steps.contains(&AugmentPlan::NormalizePerChannel);
        let statistics = if normalize {
            statistics
        } else {
            Statistics::IDENTITY
        };
        Self {
            steps: steps.to_vec(),
            statistics,
        }
    }

    /// The images of one training batch, with this moment's draws.
    #[must_use]
    pub fn train(&self, source: Source, indices: &[u32], moment: Moment) -> Pixels {
        let mut batch = Draws::new(moment.seed, Purpose::Batch, moment.step);
        let mut pixels = self.assemble(source, indices, |index| {
            let stream = (moment.epoch << 32) | u64::from(index);
            self.warps(&mut Draws::new(moment.seed, Purpose::Augment, stream))
        });
        for step in &self.steps {
            let mut scaled = |size: usize, range: f64| {
                // Keras truncates: `int(factor * size)`. A range close to 1 would leave nothing of a small image.
                ((batch.between(1.0 - range, 1.0 + range) * size as f64) as usize).max(1)
            };
            match *step {
                AugmentPlan::RandomWidth(range) => {
                    let width = scaled(source.width, range);
                    pixels = resize(&pixels, pixels.height, width);
                }
                AugmentPlan::RandomHeight(range) => {
                    let height = scaled(source.height, range);
                    pixels = resize(&pixels, height, pixels.width);
                }
                AugmentPlan::NormalizePerChannel
                | AugmentPlan::FlipHorizontal
                | AugmentPlan::Rotate(_) => {}
            }
        }
        pixels
    }

    /// The images as evaluation sees them: normalised, nothing random.
    #[must_use]
    pub fn evaluate(&self, source: Source, indices: &[u32]) -> Pixels {
        self.assemble(source, indices, |_| Vec::new())
    }

    /// A batch as bytes, with the normalisation undone: what a person can look at.
    #[must_use]
    pub fn bytes(&self, pixels: &Pixels) -> Vec<u8> {
        let Statistics { mean, deviation } = self.statistics;
        let values = pixels.values.iter().enumerate().map(|(at, &value)| {
            let channel = at % CHANNELS;
            let value = f64::from(value) * deviation[channel] + mean[channel];
            value.round().clamp(0.0, 255.0) as u8
        });
        values.collect()
    }

    /// Draws one image's flips and rotations, in the order of the list.
    fn warps(&self, draws: &mut Draws) -> Vec<warp::Warp> {
        let draw = |step: &AugmentPlan| match *step {
            AugmentPlan::FlipHorizontal => (draws.unit() < 0.5).then_some(warp::Warp::Flip),
            AugmentPlan::Rotate(range) => {
                let angle = draws.between(-range, range) * std::f64::consts::TAU;
                Some(warp::Warp::Rotate(angle))
            }
            // The whole batch has one size, and normalisation follows all warps.
            AugmentPlan::NormalizePerChannel
            | AugmentPlan::RandomWidth(_)
            | AugmentPlan::RandomHeight(_) => None,
        };
        self.steps.iter().filter_map(draw).collect()
    }

    fn assemble(
        &self,
        source: Source,
        indices: &[u32],
        warps: impl Fn(u32) -> Vec<warp::Warp> + Sync,
    ) -> Pixels {
        let (height, width) = (source.height, source.width);
        let length = height * width * CHANNELS;
        let mut values = vec![0.0; indices.len() * length];
        let scale = self.statistics.deviation.map(|d| (1.0 / d) as f32);
        let mean = self.statistics.mean.map(|m| m as f32);
        values
            .par_chunks_mut(length)
            .zip(indices)
            .for_each(|(to, &index)| {
                warp::warp(source.image(index), [height, width], &warps(index), to);
                for pixel in to.chunks_exact_mut(CHANNELS) {
                    for c in 0..CHANNELS {
                        pixel[c] = (pixel[c] - mean[c]) * scale[c];
                    }
                }
            });
        Pixels {
            values,
            height,
            width,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(images: usize, size: usize) -> Vec<u8> {
        let mut draws = Draws::new(1, Purpose::Shapes, 0);
        (0..images * size * size * CHANNELS)
            .map(|_| draws.below(256) as u8)
            .collect()
    }

    #[test]
    fn a_batch_depends_on_its_moment_and_images_alone() {
        let pixels = noise(8, 16);
        let source = Source {
            pixels: &pixels,
            height: 16,
            width: 16,
        };
        let steps = [AugmentPlan::FlipHorizontal, AugmentPlan::Rotate(0.1)];
        let augmenter = Augmenter::new(&steps, Statistics::of(source));
        let at = |epoch, step| Moment {
            seed: 7,
            epoch,
            step,
        };
        let whole = augmenter.train(source, &[0, 1, 2, 3], at(2, 0));
        let half = augmenter.train(source, &[2, 3], at(2, 9));
        assert_eq!(whole.values[whole.values.len() / 2..], half.values);
        assert_ne!(whole, augmenter.train(source, &[0, 1, 2, 3], at(3, 0)));
    }

    #[test]
    fn a_resized_batch_has_one_size_within_the_range() {
        let pixels = noise(4, 32);
        let source = Source {
            pixels: &pixels,
            height: 32,
            width: 32,
        };
        let steps = [
            AugmentPlan::RandomWidth(0.2),
            AugmentPlan::RandomHeight(0.2),
        ];
        let augmenter = Augmenter::new(&steps, Statistics::of(source));
        let mut sizes = std::collections::BTreeSet::new();
        for step in 0..200 {
            let batch = augmenter.train(
                source,
                &[0, 1],
                Moment {
                    seed: 0,
                    epoch: 0,
                    step,
                },
            );
            assert_eq!(
                batch.values.len(),
                2 * batch.height * batch.width * CHANNELS
            );
            sizes.insert(batch.width);
        }
        assert_eq!(sizes.first(), Some(&25));
        assert_eq!(sizes.last(), Some(&38));
    }

    #[test]
    fn a_range_close_to_one_leaves_a_pixel() {
        let pixels = noise(1, 4);
        let source = Source {
            pixels: &pixels,
            height: 4,
            width: 4,
        };
        let steps = [
            AugmentPlan::RandomWidth(0.99),
            AugmentPlan::RandomHeight(0.99),
        ];
        let augmenter = Augmenter::new(&steps, Statistics::of(source));
        let at = |step| Moment {
            seed: 0,
            epoch: 0,
            step,
        };
        let batches: Vec<_> = (0..100)
            .map(|step| augmenter.train(source, &[0], at(step)))
            .collect();
        assert!(
            batches
                .iter()
                .all(|b| b.values.len() == b.height * b.width * CHANNELS)
        );
        let smallest = batches.iter().map(|b| b.height.min(b.width)).min();
        assert_eq!(smallest, Some(1));
    }

    #[test]
    fn bytes_of_a_normalised_batch_are_the_images() {
        let pixels = noise(3, 8);
        let source = Source {
            pixels: &pixels,
            height: 8,
            width: 8,
        };
        let image = &pixels[8 * 8 * CHANNELS..][..8 * 8 * CHANNELS];
        let lists: [&[AugmentPlan]; 2] = [&[], &[AugmentPlan::NormalizePerChannel]];
        for steps in lists {
            let augmenter = Augmenter::new(steps, Statistics::of(source));
            assert_eq!(augmenter.bytes(&augmenter.evaluate(source, &[1])), image);
        }
    }

    #[test]
    fn normalised_pixels_have_mean_zero_and_deviation_one() {
        let pixels = noise(16, 8);
        let source = Source {
            pixels: &pixels,
            height: 8,
            width: 8,
        };
        let steps = [AugmentPlan::NormalizePerChannel];
        let augmenter = Augmenter::new(&steps, Statistics::of(source));
        let indices: Vec<u32> = (0..16).collect();
        let batch = augmenter.evaluate(source, &indices);
        let n = batch.values.len() as f64;
        let mean = batch.values.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let square = batch.values.iter().map(|&v| f64::from(v * v)).sum::<f64>() / n;
        assert!(
            mean.abs() < 1e-5 && (square - 1.0).abs() < 1e-5,
            "{mean} {square}"
        );
    }
}
