//! Networks: encoders, heads, and their weights as named arrays.

mod head;
mod layers;
mod resnet50_v2;
mod resnet_cifar;
mod weights;

pub use head::Head;
pub use layers::{
    BatchNorm, Conv, ConvInit, Dense, Initializer, KERAS_MOMENTUM, PYTORCH_MOMENTUM, Pass,
    Prepared, dropout,
};
pub use resnet_cifar::ResnetCifar;
pub use resnet50_v2::Resnet50V2;
pub use weights::{Layout, Weight, export, import, trainable};

use crate::plan::EncoderPlan;
use burn::module::Module;
use burn::tensor::Tensor;

/// The network that all phases of a run share.
#[derive(Module, Debug)]
pub enum Encoder {
    /// Keras' ResNet50V2.
    Resnet50V2(Resnet50V2),
    /// He et al. 2015 for CIFAR.
    ResnetCifar(ResnetCifar),
}

impl Encoder {
    /// Builds the encoder that a plan names.
    pub fn new(init: &mut Initializer, plan: &EncoderPlan) -> Self {
        match *plan {
            EncoderPlan::Resnet50V2 => Self::Resnet50V2(Resnet50V2::new(init)),
            EncoderPlan::ResnetCifar { blocks, width } => {
                Self::ResnetCifar(ResnetCifar::new(init, blocks, width))
            }
        }
    }

    /// Images `[B, H, W, 3]` -> features `[B, F]`.
    pub fn forward(&mut self, images: Tensor<4>, pass: Pass) -> Tensor<2> {
        match self {
            Self::Resnet50V2(net) => net.forward(images, pass),
            Self::ResnetCifar(net) => net.forward(images, pass),
        }
    }
}

/// Mean over all positions: `[B, H, W, C]` -> `[B, C]`.
fn average_pool(x: Tensor<4>) -> Tensor<2> {
    let [b, h, w, c] = x.dims();
    x.reshape([b, h * w, c]).mean_dim(1).reshape([b, c])
}
