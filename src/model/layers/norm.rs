//! Batch normalisation, and the moving statistics that stand for a batch in inference.

use super::{Initializer, Pass, Prepared, plain};
use crate::ops;
use burn::module::{Module, Param, ParamId};
use burn::tensor::Tensor;

/// Batch normalisation over the channels, with an optional ReLU behind it. The moving variance follows the unbiased
/// batch variance (n / (n - 1)), as Keras 2's fused kernel and PyTorch do.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Gamma, `[C]`.
    pub weight: Param<Tensor<1>>,
    /// Beta, `[C]`.
    pub bias: Param<Tensor<1>>,
    /// Moving mean, `[C]`.
    pub running_mean: Param<Tensor<1>>,
    /// Moving variance, `[C]`.
    pub running_var: Param<Tensor<1>>,
    #[module(skip)]
    pub(super) relu: bool,
    #[module(skip)]
    momentum: f64,
}

/// Keras ResNet's epsilon (`keras/applications/resnet.py`).
const NORM_EPSILON: f64 = 1.001e-5;
/// Share of the old moving statistics that a step keeps in Keras' ResNets.
pub const KERAS_MOMENTUM: f64 = 0.99;
/// The same in PyTorch's default (`momentum=0.1` there), which short runs need: 0.99 forgets the start after 500 steps.
pub const PYTORCH_MOMENTUM: f64 = 0.9;

impl BatchNorm {
    /// Gamma one, beta zero, moving mean zero, moving variance one.
    pub fn new(init: &mut Initializer, channels: usize, relu: bool, momentum: f64) -> Self {
        Self {
            weight: init.constant(channels, 1.0),
            bias: init.constant(channels, 0.0),
            running_mean: statistic(Tensor::zeros([channels], init.device)),
            running_var: statistic(Tensor::ones([channels], init.device)),
            relu,
            momentum,
        }
    }

    /// `[B, H, W, C]` -> the same shape.
    pub fn forward(&mut self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        match pass {
            Pass::Train(_) => self.train(x).y,
            Pass::Infer(_, prepared) => self.infer(x, prepared),
        }
    }

    /// The same, and the input as the second summand of [`ops::add`] (see [`ops::Normed::skip`]).
    pub fn forward_with_skip(&mut self, x: Tensor<4>, pass: Pass) -> (Tensor<4>, Tensor<4>) {
        match pass {
            Pass::Train(_) => {
                let normed = self.train(x);
                (normed.y, normed.skip)
            }
            Pass::Infer(_, prepared) => (self.infer(x.clone(), prepared), x),
        }
    }

    fn train(&mut self, x: Tensor<4>) -> ops::Normed {
        let [b, h, w, _] = x.dims();
        let (gamma, beta) = (self.weight.val(), self.bias.val());
        let normed = ops::batch_norm(x, gamma, beta, NORM_EPSILON, self.relu);
        let statistics = [&normed.mean, &normed.inv_std].map(|s| s.clone().without_autodiff());
        self.follow(statistics, b * h * w);
        normed
    }

    fn infer(&self, x: Tensor<4>, prepared: &Prepared) -> Tensor<4> {
        let [scale, shift] = prepared.norm(self.weight.id, || self.affine());
        ops::scale_shift(x, scale, shift, self.relu)
    }

    /// Scale and shift of the inference form, without a graph.
    pub(super) fn affine(&self) -> [Tensor<1>; 2] {
        let inv_std = (self.running_var.val() + NORM_EPSILON).sqrt().recip();
        let scale = plain(&self.weight) * inv_std;
        let shift = plain(&self.bias) - self.running_mean.val() * scale.clone();
        [scale, shift]
    }

    /// Moves the statistics towards those of a batch with `n` values a channel.
    fn follow(&mut self, [mean, inv_std]: [Tensor<1>; 2], n: usize) {
        // A single value has no unbiased variance; Keras' kernel then uses n itself.
        let bessel = n as f64 / (n.max(2) - 1) as f64;
        let variance = (inv_std.powi_scalar(-2) - NORM_EPSILON).clamp_min(0.0) * bessel;
        let (keep, take) = (self.momentum, 1.0 - self.momentum);
        self.running_mean = statistic(self.running_mean.val() * keep + mean * take);
        self.running_var = statistic(self.running_var.val() * keep + variance * take);
    }
}

/// A tensor that is recorded with the model but never trained.
fn statistic(tensor: Tensor<1>) -> Param<Tensor<1>> {
    Param::initialized(ParamId::new(), tensor.without_autodiff())
}
