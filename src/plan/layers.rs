//! A layer of a network in a plan: its name, shapes, arrays and multiply-accumulates for one image, and what training keeps
//! of it. The one source of a plan's sizes; `networks` lists the layers of every encoder and head.

mod networks;

use serde::{Serialize, Serializer};
use std::fmt;

/// Height, width and channels of one image's map; features are a map of one pixel.
pub(super) type Map = [usize; 3];

/// What a layer computes, with the sizes that its arrays follow from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operation {
    /// Convolution with a square window of odd side and zeros of half a window around the image.
    Conv {
        /// Side of the window in pixels.
        kernel: usize,
        /// Pixels from one position to the next.
        stride: usize,
        /// Channels that come in.
        inputs: usize,
        /// Channels that go out.
        outputs: usize,
        /// Whether one number a channel is added.
        bias: bool,
    },
    /// Batch norm over the channels.
    Norm {
        /// Channels.
        channels: usize,
        /// Whether a ReLU follows.
        relu: bool,
    },
    /// Largest value in a square window; a window of one pixel only subsamples.
    MaxPool {
        /// Side of the window in pixels.
        kernel: usize,
        /// Pixels from one position to the next.
        stride: usize,
    },
    /// The shortcut is added.
    Add {
        /// Whether a ReLU follows.
        relu: bool,
    },
    /// Mean over all pixels.
    AveragePool,
    /// Values are dropped at random in training.
    Dropout {
        /// Probability of a value to be dropped.
        rate: f64,
    },
    /// Every output from every input.
    Dense {
        /// Values that come in.
        inputs: usize,
        /// Values that go out.
        outputs: usize,
        /// Whether a ReLU follows.
        relu: bool,
    },
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let then = |relu: &bool| if *relu { ", relu" } else { "" };
        match self {
            Self::Conv { kernel, stride, .. } => write!(f, "conv {kernel}x{kernel}/{stride}"),
            Self::Norm { relu, .. } => write!(f, "norm{}", then(relu)),
            Self::MaxPool { kernel, stride } => write!(f, "max pool {kernel}x{kernel}/{stride}"),
            Self::Add { relu } => write!(f, "add{}", then(relu)),
            Self::AveragePool => f.write_str("average pool"),
            Self::Dropout { rate } => write!(f, "dropout {rate}"),
            Self::Dense { relu, .. } => write!(f, "dense{}", then(relu)),
        }
    }
}

impl Serialize for Operation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Operation {
    /// Field, shape in PyTorch's layout and whether it is trained, for each array of the layer.
    fn arrays(self) -> Vec<(&'static str, Vec<usize>, bool)> {
        match self {
            Self::Conv {
                kernel,
                inputs,
                outputs,
                bias,
                ..
            } => {
                let mut arrays = vec![("weight", vec![outputs, inputs, kernel, kernel], true)];
                if bias {
                    arrays.push(("bias", vec![outputs], true));
                }
                arrays
            }
            Self::Norm { channels, .. } => vec![
                ("weight", vec![channels], true),
                ("bias", vec![channels], true),
                ("running_mean", vec![channels], false),
                ("running_var", vec![channels], false),
            ],
            Self::Dense {
                inputs, outputs, ..
            } => vec![
                ("weight", vec![outputs, inputs], true),
                ("bias", vec![outputs], true),
            ],
            Self::MaxPool { .. } | Self::Add { .. } | Self::AveragePool | Self::Dropout { .. } => {
                Vec::new()
            }
        }
    }
}

/// One array of a network, as `model.safetensors` holds it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Array {
    /// Path of the field, such as `stages.0.blocks.1.conv2.weight`.
    pub name: String,
    /// Convolutions `[O, I, K, K]`, dense layers `[O, I]`, everything else `[C]`.
    pub shape: Vec<usize>,
    /// Whether gradients reach it; moving statistics have none.
    pub trainable: bool,
}

/// One layer at a given size of the images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Layer {
    /// Path of the module; layers without arrays have a name of their own beside the modules.
    pub name: String,
    /// What it computes.
    pub kind: Operation,
    /// `[height, width, channels]` of one image, or `[features]`.
    pub output: Vec<usize>,
    /// Numbers that gradients reach.
    pub parameters: usize,
    /// Moving means and variances.
    pub statistics: usize,
    /// Of one image forward; padding is multiplied too.
    pub multiply_accumulates: u64,
    #[serde(skip)]
    pub(super) input: Map,
    /// Floats of one image that stay for the backward pass from this layer on.
    #[serde(skip)]
    pub(super) kept: usize,
    /// Floats of one image that wait beside this layer: the shortcut of its block.
    #[serde(skip)]
    pub(super) carried: usize,
}

impl Layer {
    fn new(name: String, kind: Operation, input: Map, output: Map) -> Self {
        let arrays = kind.arrays();
        let count = |trained: bool| -> usize {
            let chosen = arrays
                .iter()
                .filter(|(_, _, trainable)| *trainable == trained);
            chosen
                .map(|(_, shape, _)| shape.iter().product::<usize>())
                .sum()
        };
        let [height, width, channels] = output;
        let weight: usize = arrays
            .first()
            .map_or(0, |(_, shape, _)| shape.iter().product());
        let multiply_accumulates = match kind {
            Operation::Conv { .. } | Operation::Dense { .. } => height * width * weight,
            _ => 0,
        };
        let output = match kind {
            Operation::AveragePool | Operation::Dropout { .. } | Operation::Dense { .. } => {
                vec![channels]
            }
            _ => vec![height, width, channels],
        };
        Self {
            name,
            kind,
            output,
            parameters: count(true),
            statistics: count(false),
            multiply_accumulates: multiply_accumulates as u64,
            input,
            kept: 0,
            carried: 0,
        }
    }

    /// The arrays of the layer.
    #[must_use]
    pub fn arrays(&self) -> Vec<Array> {
        let arrays = self.kind.arrays().into_iter();
        let named = arrays.map(|(field, shape, trainable)| Array {
            name: format!("{}.{field}", self.name),
            shape,
            trainable,
        });
        named.collect()
    }

    /// The layer as a part of a larger module.
    #[must_use]
    pub(super) fn within(self, part: &str) -> Self {
        let name = format!("{part}.{}", self.name);
        Self { name, ..self }
    }
}
