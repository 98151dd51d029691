//! The layers that encoders and heads are made of, with Keras' initialisation: convolution, batch norm, dense, dropout.
//!
//! Shapes: B images, H W pixels, C channels, I inputs, O outputs; everything is channels-last. Field names are
//! PyTorch's, so that a module's paths are the names in `model.safetensors`.

mod conv;
mod dense;
mod init;
mod norm;
mod prepared;

use crate::ops::{Product, Window};
use crate::plan::Precision;
use burn::module::Param;
use burn::tensor::Tensor;
pub use conv::Conv;
pub use dense::{Dense, dropout};
pub use init::{ConvInit, Initializer};
pub use norm::{BatchNorm, KERAS_MOMENTUM, PYTORCH_MOMENTUM};
pub use prepared::Prepared;

/// How a forward pass runs, and in which precision it multiplies.
#[derive(Clone, Copy, Debug)]
pub enum Pass<'a> {
    /// With a graph; batch norm uses and follows the statistics of the batch.
    Train(Precision),
    /// Without a graph; batch norm uses its moving statistics, and what is made of the weights is kept.
    Infer(Precision, &'a Prepared),
}

impl Pass<'_> {
    /// The parameter's tensor as this pass needs it.
    fn parameter<const D: usize>(self, parameter: &Param<Tensor<D>>) -> Tensor<D> {
        match self {
            Self::Train(_) => parameter.val(),
            Self::Infer(..) => plain(parameter),
        }
    }

    /// How this pass multiplies under a window.
    const fn product(self, window: Window) -> Product {
        let (Self::Train(precision) | Self::Infer(precision, _)) = self;
        Product { window, precision }
    }
}

/// The parameter's tensor without a graph.
fn plain<const D: usize>(parameter: &Param<Tensor<D>>) -> Tensor<D> {
    parameter.val().without_autodiff()
}
