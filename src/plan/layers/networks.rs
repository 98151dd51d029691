//! The layers of every encoder and head as a table. Follows `src/model` line by line, without a tensor;
//! `tests/compute/costs.rs` compares the two.

use super::{Layer, Map, Operation};
use crate::plan::{EncoderPlan, HeadPlan};
use crate::spec::Activation;

impl EncoderPlan {
    /// The layers in the order in which they compute, for images of `[height, width]`.
    #[must_use]
    pub fn layers(&self, [height, width]: [usize; 2]) -> Vec<Layer> {
        let images = [height, width, 3];
        match self {
            Self::Resnet50V2 => resnet50_v2(images),
            Self::ResnetCifar { blocks, width } => resnet_cifar(images, *blocks, *width),
        }
    }
}

impl HeadPlan {
    /// The layers on `features` inputs, for `classes` classes.
    #[must_use]
    pub fn layers(&self, features: usize, classes: usize) -> Vec<Layer> {
        let (widths, relu, last_relu, rate) = match self {
            Self::Projection { widths, activation } => {
                let relu = *activation == Activation::Relu;
                (widths.clone(), relu, relu, 0.0)
            }
            Self::Classifier { hidden, dropout } => {
                let widths = hidden.iter().copied().chain([classes]).collect();
                (widths, true, false, *dropout)
            }
        };
        let mut table = Table::default();
        let mut inputs = features;
        for (number, &outputs) in widths.iter().enumerate() {
            let (from, to) = ([1, 1, inputs], [1, 1, outputs]);
            if rate > 0.0 {
                table.push(
                    &format!("dropout.{number}"),
                    Operation::Dropout { rate },
                    from,
                    from,
                );
                // The mask.
                table.keep(from);
            }
            let relu = if number + 1 == widths.len() {
                last_relu
            } else {
                relu
            };
            let kind = Operation::Dense {
                inputs,
                outputs,
                relu,
            };
            table.push(&format!("layers.{number}"), kind, from, to);
            table.keep(from);
            if relu {
                // burn's ReLU keeps what comes in.
                table.keep(to);
            }
            inputs = outputs;
        }
        table.layers
    }
}

/// Layers as they are listed, below a common prefix of their names. What a layer keeps is counted at the first layer that
/// holds it: a norm holds input and output, so that the convolution behind it keeps nothing more.
#[derive(Default)]
struct Table {
    layers: Vec<Layer>,
    prefix: String,
    carried: usize,
}

impl Table {
    fn push(&mut self, name: &str, kind: Operation, input: Map, output: Map) -> Map {
        let name = format!("{}{name}", self.prefix);
        let carried = self.carried;
        self.layers.push(Layer {
            carried,
            ..Layer::new(name, kind, input, output)
        });
        output
    }

    /// The layer that was listed last keeps a map of this size.
    fn keep(&mut self, map: Map) {
        if let Some(layer) = self.layers.last_mut() {
            layer.kept += floats(map);
        }
    }

    fn conv(
        &mut self,
        name: &str,
        input: Map,
        [kernel, stride]: [usize; 2],
        outputs: usize,
        bias: bool,
    ) -> Map {
        let [height, width, inputs] = input;
        let kind = Operation::Conv {
            kernel,
            stride,
            inputs,
            outputs,
            bias,
        };
        let output = [height.div_ceil(stride), width.div_ceil(stride), outputs];
        self.push(name, kind, input, output)
    }

    fn norm(&mut self, name: &str, input: Map, relu: bool) -> Map {
        let channels = input[2];
        self.push(name, Operation::Norm { channels, relu }, input, input);
        self.keep(input);
        self.keep(input);
        input
    }

    fn pool(&mut self, name: &str, input: Map, [kernel, stride]: [usize; 2]) -> Map {
        let [height, width, channels] = input;
        let output = [height.div_ceil(stride), width.div_ceil(stride), channels];
        self.push(name, Operation::MaxPool { kernel, stride }, input, output)
    }

    /// A block of `resnet50_v2`, pre-activation: `x` -> the map behind the sum.
    fn bottleneck(&mut self, x: Map, width: usize, stride: usize, project: bool) -> Map {
        let outputs = 4 * width;
        self.carried = floats([x[0].div_ceil(stride), x[1].div_ceil(stride), outputs]);
        let active = self.norm("norm1", x, true);
        if project {
            self.conv("downsample.conv", active, [1, 1], outputs, true);
        } else if stride > 1 {
            self.pool("shortcut", x, [1, stride]);
        }
        let y = self.conv("conv1", active, [1, 1], width, false);
        let y = self.norm("norm2", y, true);
        let y = self.conv("conv2", y, [3, stride], width, false);
        let y = self.norm("norm3", y, true);
        let y = self.conv("conv3", y, [1, 1], outputs, true);
        self.carried = 0;
        self.push("add", Operation::Add { relu: false }, y, y)
    }

    /// A block of `resnet_cifar`, post-activation: `x` -> the map behind the last ReLU. `made` says that `x` comes out of
    /// another block's ReLU and not out of a norm, which would hold it already.
    fn basic(&mut self, x: Map, outputs: usize, stride: usize, made: bool) -> Map {
        self.carried = floats([x[0].div_ceil(stride), x[1].div_ceil(stride), outputs]);
        let y = self.conv("conv1", x, [3, stride], outputs, false);
        if made {
            self.keep(x);
        }
        let y = self.norm("bn1", y, true);
        let y = self.conv("conv2", y, [3, 1], outputs, false);
        let y = self.norm("bn2", y, false);
        if stride > 1 {
            self.pool("shortcut", x, [1, stride]);
        }
        self.carried = 0;
        self.push("add", Operation::Add { relu: true }, y, y);
        // burn's ReLU keeps the sum.
        self.keep(y);
        y
    }

    /// Closes an encoder with the mean over all pixels.
    fn averaged(mut self, map: Map) -> Vec<Layer> {
        self.prefix.clear();
        self.push("pool", Operation::AveragePool, map, [1, 1, map[2]]);
        self.layers
    }
}

fn floats(map: Map) -> usize {
    map.iter().product()
}

/// `keras/applications/resnet_v2.py` and `resnet.py` at v2.15.0, `block2` and `stack2`: the stride is in the last block.
fn resnet50_v2(images: Map) -> Vec<Layer> {
    let mut table = Table::default();
    let stem = table.conv("stem.conv", images, [7, 2], 64, true);
    table.keep(images);
    let mut map = table.pool("stem.pool", stem, [3, 2]);
    table.keep(stem);
    let stacks = [(64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)];
    for (stage, (width, blocks, last_stride)) in stacks.into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if block + 1 == blocks { last_stride } else { 1 };
            table.prefix = format!("stages.{stage}.blocks.{block}.");
            map = table.bottleneck(map, width, stride, block == 0);
        }
    }
    table.prefix.clear();
    let map = table.norm("norm", map, true);
    table.averaged(map)
}

/// He et al. 2015, section 4.2, shortcuts of option A: no parameters.
fn resnet_cifar(images: Map, blocks: usize, width: usize) -> Vec<Layer> {
    let mut table = Table::default();
    let map = table.conv("conv1", images, [3, 1], width, false);
    table.keep(images);
    let mut map = table.norm("bn1", map, true);
    for stage in 0..3 {
        for block in 0..blocks {
            let stride = if stage > 0 && block == 0 { 2 } else { 1 };
            table.prefix = format!("stages.{stage}.blocks.{block}.");
            map = table.basic(map, width << stage, stride, stage + block > 0);
        }
    }
    table.averaged(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counted by hand from Keras' layer list.
    #[test]
    fn resnet50_v2_multiplies_71_million_times_at_32_pixels_and_3_5_billion_times_at_224() {
        let count = |size| -> u64 {
            let layers = EncoderPlan::Resnet50V2.layers([size, size]);
            layers.iter().map(|layer| layer.multiply_accumulates).sum()
        };
        assert_eq!((count(32), count(224)), (71_024_640, 3_480_207_360));
    }

    #[test]
    fn resnet50_v2_halves_in_the_last_block_of_a_stage() {
        let layers = EncoderPlan::Resnet50V2.layers([38, 25]);
        let output = |name: &str| {
            let layer = layers.iter().find(|layer| layer.name == name);
            layer.map(|layer| layer.output.clone()).unwrap_or_default()
        };
        assert_eq!(output("stem.conv"), [19, 13, 64]);
        assert_eq!(output("stem.pool"), [10, 7, 64]);
        assert_eq!(output("stages.0.blocks.1.add"), [10, 7, 256]);
        assert_eq!(output("stages.0.blocks.2.shortcut"), [5, 4, 256]);
        assert_eq!(output("stages.3.blocks.2.add"), [2, 1, 2048]);
        assert_eq!(output("pool"), [2048]);
    }

    #[test]
    fn every_dense_layer_has_its_dropout_in_front() {
        let head = HeadPlan::Classifier {
            hidden: vec![16],
            dropout: 0.5,
        };
        let rows: Vec<String> = head
            .layers(32, 10)
            .iter()
            .map(|layer| format!("{} {} {:?}", layer.name, layer.kind, layer.output))
            .collect();
        let expected = [
            "dropout.0 dropout 0.5 [32]",
            "layers.0 dense, relu [16]",
            "dropout.1 dropout 0.5 [16]",
            "layers.1 dense [10]",
        ];
        assert_eq!(rows, expected);
    }
}
