//! ResNet50V2 as Keras builds it (`keras/applications/resnet_v2.py`, `resnet.py` `block2`, `stack2`; He et al. 2016,
//! "Identity Mappings"): pre-activation, biases on stem, shortcut and last convolution, zeros that take part in the
//! stem's pooling, and the stride in the LAST block of a stack. Names follow timm's `resnetv2`.

use super::layers::{BatchNorm, Conv, ConvInit, Initializer, KERAS_MOMENTUM, Pass};
use crate::ops::{self, Window};
use burn::module::Module;
use burn::tensor::Tensor;

/// (bottleneck width, blocks, stride of the last block) of each stack.
const STACKS: [(usize, usize, usize); 4] = [(64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)];
/// Channels that leave a block, as a multiple of its width.
const EXPANSION: usize = 4;

const fn window(kernel: usize, stride: usize, padding: usize) -> Window {
    Window {
        kernel,
        stride,
        padding,
    }
}

/// Keras' batch norm with a ReLU behind it.
fn norm(init: &mut Initializer, channels: usize) -> BatchNorm {
    BatchNorm::new(init, channels, true, KERAS_MOMENTUM)
}

/// The network without its top: `[B, H, W, 3]` -> `[B, 2048]`.
#[derive(Module, Debug)]
pub struct Resnet50V2 {
    stem: Stem,
    stages: Vec<Stage>,
    norm: BatchNorm,
}

#[derive(Module, Debug)]
struct Stem {
    conv: Conv,
}

#[derive(Module, Debug)]
struct Stage {
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Block {
    norm1: BatchNorm,
    downsample: Option<Downsample>,
    conv1: Conv,
    norm2: BatchNorm,
    conv2: Conv,
    norm3: BatchNorm,
    conv3: Conv,
    #[module(skip)]
    stride: usize,
}

#[derive(Module, Debug)]
struct Downsample {
    conv: Conv,
}

impl Resnet50V2 {
    /// Initialises all weights.
    pub fn new(init: &mut Initializer) -> Self {
        let stem = Conv::new(init, [3, 64], window(7, 2, 3), true, ConvInit::Glorot);
        let mut inputs = 64;
        let mut stages = Vec::new();
        for (width, blocks, last_stride) in STACKS {
            let mut stage = Vec::new();
            for block in 0..blocks {
                let stride = if block + 1 == blocks { last_stride } else { 1 };
                stage.push(Block::new(init, inputs, width, stride, block == 0));
                inputs = EXPANSION * width;
            }
            stages.push(Stage { blocks: stage });
        }
        Self {
            stem: Stem { conv: stem },
            stages,
            norm: norm(init, inputs),
        }
    }

    /// `[B, H, W, 3]` -> `[B, 2048]`.
    pub fn forward(&mut self, x: Tensor<4>, pass: Pass) -> Tensor<2> {
        let x = self.stem.conv.forward(x, pass);
        let mut x = ops::max_pool(x, window(3, 2, 1));
        for block in self.stages.iter_mut().flat_map(|stage| &mut stage.blocks) {
            x = block.forward(x, pass);
        }
        super::average_pool(self.norm.forward(x, pass))
    }
}

impl Block {
    fn new(
        init: &mut Initializer,
        inputs: usize,
        width: usize,
        stride: usize,
        project: bool,
    ) -> Self {
        let outputs = EXPANSION * width;
        let mut conv =
            |channels, window, bias| Conv::new(init, channels, window, bias, ConvInit::Glorot);
        let conv1 = conv([inputs, width], window(1, 1, 0), false);
        let conv2 = conv([width, width], window(3, stride, 1), false);
        let conv3 = conv([width, outputs], window(1, 1, 0), true);
        let downsample = project.then(|| Downsample {
            conv: conv([inputs, outputs], window(1, 1, 0), true),
        });
        Self {
            norm1: norm(init, inputs),
            downsample,
            conv1,
            norm2: norm(init, width),
            conv2,
            norm3: norm(init, width),
            conv3,
            stride,
        }
    }

    fn forward(&mut self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let (active, skip) = self.norm1.forward_with_skip(x.clone(), pass);
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.conv.forward(active.clone(), pass),
            // Keras: MaxPooling2D(1, strides), plain subsampling of the input.
            None if self.stride > 1 => ops::max_pool(x, window(1, self.stride, 0)),
            None => skip,
        };
        let y = self.conv1.forward_normed(&mut self.norm2, active, pass);
        let y = self.conv2.forward_normed(&mut self.norm3, y, pass);
        self.conv3.forward_added(None, y, (shortcut, false), pass)
    }
}
