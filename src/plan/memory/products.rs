//! What the products of a layer allocate while they are computed, beside what goes in and what comes out: weights in the order
//! of the kernels, partial sums, and in bf16 both factors once more, two to a word (`src/ops/cpu/half.rs`).

use crate::plan::{Layer, Operation, Precision};

/// Floats of the partial sums of a weight gradient, and groups of images that have one, at most
/// (`src/ops/cpu/conv/weights.rs`).
const PARTIAL: usize = 1 << 19;
const GROUPS: usize = 16;

/// A batch and the numbers in which it is multiplied.
#[derive(Clone, Copy)]
pub(super) struct Products {
    pub(super) images: usize,
    pub(super) precision: Precision,
}

impl Products {
    /// Floats for the products of a trained layer, whose weight gradient is the largest of them: it sums over images, so they
    /// are what is paired.
    pub(super) fn trained(self, layer: &Layer) -> usize {
        if !multiplies(layer) {
            return 0;
        }
        let Self { images, precision } = self;
        let [input, output] = floats(layer);
        let (pairs, summed) = match precision {
            Precision::F32 => (0, images),
            Precision::Bf16 => {
                let two = images.div_ceil(2);
                (two * (input + output), two)
            }
        };
        let weights = layer.parameters;
        let groups = (PARTIAL / weights.max(1)).clamp(1, GROUPS).min(summed);
        let sums = if groups > 1 { groups * weights } else { 0 };
        weights + sums + pairs
    }

    /// Floats of the packed convolutions of an encoder that stands still.
    pub(super) fn packed(self, layers: &[Layer]) -> usize {
        let weights = |layer: &Layer| match layer.kind {
            Operation::Conv { .. } if self.pairs(layer) => layer.parameters / 2,
            Operation::Conv { .. } => layer.parameters,
            _ => 0,
        };
        layers.iter().map(weights).sum()
    }

    /// Whether the forward product multiplies pairs, which are neighbours of a channel.
    fn pairs(self, layer: &Layer) -> bool {
        self.precision == Precision::Bf16 && layer.input[2].is_multiple_of(2)
    }

    /// Floats for the product of a layer that is not trained, beside what is packed.
    pub(super) fn inferred(self, layer: &Layer) -> usize {
        if !multiplies(layer) {
            return layer.parameters;
        }
        let [input, _] = floats(layer);
        let pairs = if self.pairs(layer) {
            self.images * input / 2
        } else {
            0
        };
        match layer.kind {
            Operation::Dense { .. } => layer.parameters + pairs,
            _ => pairs,
        }
    }
}

fn multiplies(layer: &Layer) -> bool {
    matches!(layer.kind, Operation::Conv { .. } | Operation::Dense { .. })
}

/// Floats of one image that come in and that go out.
fn floats(layer: &Layer) -> [usize; 2] {
    [layer.input.iter().product(), layer.output.iter().product()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::EncoderPlan;

    #[test]
    fn factors_take_half_a_word_each_where_they_can_be_paired() {
        let layers = EncoderPlan::ResnetCifar {
            blocks: 1,
            width: 4,
        }
        .layers([8, 8]);
        let of = |name: &str| layers.iter().find(|layer| layer.name == name).unwrap();
        let more = |images, need: fn(Products, &Layer) -> usize, name: &str| {
            let [single, half] = [Precision::F32, Precision::Bf16]
                .map(|precision| need(Products { images, precision }, of(name)));
            half - single
        };
        let block = "stages.0.blocks.0.conv1";
        assert_eq!(more(32, Products::inferred, block), 32 * 8 * 8 * 4 / 2);
        assert_eq!(more(32, Products::trained, block), 32 / 2 * 2 * 8 * 8 * 4);
        // Three channels leave one over; images can be paired all the same.
        assert_eq!(more(32, Products::inferred, "conv1"), 0);
        assert_eq!(
            more(32, Products::trained, "conv1"),
            32 / 2 * 8 * 8 * (3 + 4)
        );
        // What multiplies nothing has no factors.
        assert_eq!(more(32, Products::inferred, "bn1"), 0);
        assert_eq!(more(32, Products::trained, "bn1"), 0);
    }
}
