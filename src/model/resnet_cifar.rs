//! The CIFAR ResNets of He et al. 2015, "Deep Residual Learning", section 4.2: three stages of basic blocks with widths
//! w, 2w, 4w, post-activation, shortcuts without parameters (option A: subsampling and zero channels).

use super::layers::{BatchNorm, Conv, ConvInit, Initializer, PYTORCH_MOMENTUM, Pass};
use crate::ops::{self, Window};
use burn::module::Module;
use burn::tensor::Tensor;

const fn three_by_three(stride: usize) -> Window {
    Window {
        kernel: 3,
        stride,
        padding: 1,
    }
}

/// `[B, H, W, 3]` -> `[B, 4 * width]`.
#[derive(Module, Debug)]
pub struct ResnetCifar {
    conv1: Conv,
    bn1: BatchNorm,
    stages: Vec<Stage>,
}

#[derive(Module, Debug)]
struct Stage {
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Block {
    conv1: Conv,
    bn1: BatchNorm,
    conv2: Conv,
    bn2: BatchNorm,
    #[module(skip)]
    stride: usize,
}

impl ResnetCifar {
    /// Initialises all weights for `blocks` blocks a stage.
    pub fn new(init: &mut Initializer, blocks: usize, width: usize) -> Self {
        let conv1 = Conv::new(init, [3, width], three_by_three(1), false, ConvInit::He);
        let bn1 = BatchNorm::new(init, width, true, PYTORCH_MOMENTUM);
        let mut inputs = width;
        let mut stages = Vec::new();
        for stage in 0..3 {
            let outputs = width << stage;
            let mut made = Vec::new();
            for block in 0..blocks {
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                made.push(Block::new(init, [inputs, outputs], stride));
                inputs = outputs;
            }
            stages.push(Stage { blocks: made });
        }
        Self { conv1, bn1, stages }
    }

    /// `[B, H, W, 3]` -> `[B, 4 * width]`.
    pub fn forward(&mut self, x: Tensor<4>, pass: Pass) -> Tensor<2> {
        let mut x = self.conv1.forward_normed(&mut self.bn1, x, pass);
        for block in self.stages.iter_mut().flat_map(|stage| &mut stage.blocks) {
            x = block.forward(x, pass);
        }
        super::average_pool(x)
    }
}

impl Block {
    fn new(init: &mut Initializer, [inputs, outputs]: [usize; 2], stride: usize) -> Self {
        let mut conv = |channels, stride| {
            Conv::new(init, channels, three_by_three(stride), false, ConvInit::He)
        };
        let conv1 = conv([inputs, outputs], stride);
        let conv2 = conv([outputs, outputs], 1);
        let bn1 = BatchNorm::new(init, outputs, true, PYTORCH_MOMENTUM);
        Self {
            conv1,
            bn1,
            conv2,
            bn2: BatchNorm::new(init, outputs, false, PYTORCH_MOMENTUM),
            stride,
        }
    }

    fn forward(&mut self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let y = self.conv1.forward_normed(&mut self.bn1, x.clone(), pass);
        let shortcut = if self.stride == 1 {
            x
        } else {
            ops::max_pool(
                x,
                Window {
                    kernel: 1,
                    stride: self.stride,
                    padding: 0,
                },
            )
        };
        // The missing channels of the shortcut are zero (option A).
        let norm = Some(&mut self.bn2);
        self.conv2.forward_added(norm, y, (shortcut, true), pass)
    }
}
