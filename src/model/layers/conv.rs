//! Convolution, alone or with what follows it.

use super::{BatchNorm, ConvInit, Initializer, Pass, Prepared, plain};
use crate::ops::{self, PackedConv, Window};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// A convolution with a square window.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[O, K, K, I]`.
    pub weight: Param<Tensor<4>>,
    /// `[O]`, if there is one.
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    window: Window,
}

impl Conv {
    /// A convolution from `inputs` to `outputs` channels.
    pub fn new(
        init: &mut Initializer,
        [inputs, outputs]: [usize; 2],
        window: Window,
        bias: bool,
        how: ConvInit,
    ) -> Self {
        let area = window.kernel * window.kernel;
        let shape = [outputs, window.kernel, window.kernel, inputs];
        let weight = match how {
            ConvInit::Glorot => init.glorot(shape, area * inputs, area * outputs),
            ConvInit::He => init.he_normal(shape, area * inputs),
        };
        Self {
            weight,
            bias: bias.then(|| init.constant(outputs, 0.0)),
            window,
        }
    }

    /// `[B, H, W, I]` -> `[B, H', W', O]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        match pass {
            Pass::Train(_) => ops::conv2d(
                x,
                self.weight.val(),
                self.shift(),
                pass.product(self.window),
            ),
            Pass::Infer(_, prepared) => self.packed(None, pass, prepared).forward(x, None, false),
        }
    }

    /// The same and batch norm behind it; in inference one pass over the output does both.
    #[must_use]
    pub fn forward_normed(&self, norm: &mut BatchNorm, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        match pass {
            Pass::Train(_) => norm.forward(self.forward(x, pass), pass),
            Pass::Infer(_, prepared) => {
                let packed = self.packed(Some(norm), pass, prepared);
                packed.forward(x, None, norm.relu)
            }
        }
    }

    /// The end of a residual block: the same, batch norm only if there is one, plus a shortcut as [`ops::add`] takes it, then
    /// ReLU if asked; in inference in one pass if the shortcut has all channels.
    #[must_use]
    pub fn forward_added(
        &self,
        norm: Option<&mut BatchNorm>,
        x: Tensor<4>,
        (shortcut, relu): (Tensor<4>, bool),
        pass: Pass,
    ) -> Tensor<4> {
        match pass {
            Pass::Infer(_, prepared)
                if shortcut.dims()[3] == self.weight.dims()[0]
                    && norm.as_ref().is_none_or(|norm| !norm.relu) =>
            {
                let packed = self.packed(norm.as_deref(), pass, prepared);
                packed.forward(x, Some(shortcut), relu)
            }
            _ => {
                let y = match norm {
                    Some(norm) => self.forward_normed(norm, x, pass),
                    None => self.forward(x, pass),
                };
                ops::add(y, shortcut, relu)
            }
        }
    }

    /// In inference form, with a batch norm's scale and shift if there is one.
    fn packed(&self, norm: Option<&BatchNorm>, pass: Pass, prepared: &Prepared) -> PackedConv {
        prepared.conv(self.weight.id, || {
            let bias = self.shift().without_autodiff();
            let [scale, shift] = match norm {
                Some(norm) => {
                    let [scale, shift] = norm.affine();
                    [scale.clone(), shift + bias * scale]
                }
                None => [bias.ones_like(), bias],
            };
            PackedConv::new(
                plain(&self.weight),
                [scale, shift],
                pass.product(self.window),
            )
        })
    }

    /// The bias, or zeros.
    fn shift(&self) -> Tensor<1> {
        let weight = self.weight.val();
        let zeros = || Tensor::zeros([weight.dims()[0]], (&weight.device(), weight.dtype()));
        self.bias.as_ref().map_or_else(zeros, Param::val)
    }
}
