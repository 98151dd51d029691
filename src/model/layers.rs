//! The layers that encoders and heads are made of, with Keras' initialisation: convolution, batch norm, dense, dropout.
//!
//! Shapes: B images, H W pixels, C channels, I inputs, O outputs; everything is channels-last. Field names are
//! PyTorch's, so that a module's paths are the names in `model.safetensors`.

use crate::ops::{self, Product, Window};
use crate::plan::Precision;
use crate::random::{Draws, Purpose};
use burn::module::{Module, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

/// How a forward pass runs, and in which precision it multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// With a graph; batch norm uses and follows the statistics of the batch.
    Train(Precision),
    /// Without a graph; batch norm uses its moving statistics.
    Infer(Precision),
}

impl Pass {
    /// The parameter's tensor as this pass needs it.
    fn parameter<const D: usize>(self, parameter: &Param<Tensor<D>>) -> Tensor<D> {
        match self {
            Self::Train(_) => parameter.val(),
            Self::Infer(_) => parameter.val().without_autodiff(),
        }
    }

    /// How this pass multiplies under a window.
    const fn product(self, window: Window) -> Product {
        let (Self::Train(precision) | Self::Infer(precision)) = self;
        Product { window, precision }
    }
}

/// Makes initial weights: parameter number n of a part always gets the same draws for the same seed.
pub struct Initializer<'a> {
    seed: u64,
    next: u64,
    device: &'a Device,
}

impl<'a> Initializer<'a> {
    /// Starts at parameter number `first` on an autodiff device.
    #[must_use]
    pub const fn new(seed: u64, first: u64, device: &'a Device) -> Self {
        Self {
            seed,
            next: first,
            device,
        }
    }

    /// Glorot uniform (Glorot & Bengio 2010, eq. 16): limit sqrt(6 / (fan_in + fan_out)).
    fn glorot<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
    ) -> Param<Tensor<D>> {
        let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
        self.fill(shape, |draws| draws.between(-limit, limit))
    }

    /// Normal with deviation sqrt(2 / fan_in) (He et al. 2015b).
    fn he_normal<const D: usize>(&mut self, shape: [usize; D], fan_in: usize) -> Param<Tensor<D>> {
        let deviation = (2.0 / fan_in as f64).sqrt();
        self.fill(shape, |draws| deviation * draws.normal())
    }

    fn fill<const D: usize>(
        &mut self,
        shape: [usize; D],
        mut value: impl FnMut(&mut Draws) -> f64,
    ) -> Param<Tensor<D>> {
        let mut draws = Draws::new(self.seed, Purpose::Init, self.next);
        self.next += 1;
        let values = (0..shape.iter().product())
            .map(|_| value(&mut draws) as f32)
            .collect();
        let data = TensorData::new::<f32, _>(values, shape);
        Param::from_tensor(Tensor::from_data(data, self.device))
    }

    fn constant(&mut self, length: usize, value: f32) -> Param<Tensor<1>> {
        self.next += 1;
        Param::from_tensor(Tensor::full([length], value, self.device))
    }
}

/// A tensor that is recorded with the model but never trained.
fn statistic(tensor: Tensor<1>) -> Param<Tensor<1>> {
    Param::initialized(ParamId::new(), tensor.without_autodiff())
}

/// How a convolution's weights begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvInit {
    /// Keras' default.
    Glorot,
    /// He et al. 2015b, for networks with a ReLU after every convolution.
    He,
}

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
        let weight = pass.parameter(&self.weight);
        let bias = self.bias.as_ref().map_or_else(
            || Tensor::zeros([weight.dims()[0]], (&x.device(), weight.dtype())),
            |bias| pass.parameter(bias),
        );
        ops::conv2d(x, weight, bias, pass.product(self.window))
    }

    /// The same and batch norm behind it; in inference one pass over the output does both.
    #[must_use]
    pub fn forward_normed(&self, norm: &mut BatchNorm, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let Pass::Infer(_) = pass else {
            return norm.forward(self.forward(x, pass), pass);
        };
        let [scale, mut shift] = norm.affine();
        if let Some(bias) = &self.bias {
            shift = shift + pass.parameter(bias) * scale.clone();
        }
        let weight = pass.parameter(&self.weight);
        ops::conv2d_normed(
            x,
            weight,
            [scale, shift],
            pass.product(self.window),
            norm.relu,
        )
    }
}

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
    relu: bool,
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
            Pass::Infer(_) => self.infer(x),
        }
    }

    /// The same, and the input as the second summand of [`ops::add`] (see [`ops::Normed::skip`]).
    pub fn forward_with_skip(&mut self, x: Tensor<4>, pass: Pass) -> (Tensor<4>, Tensor<4>) {
        match pass {
            Pass::Train(_) => {
                let normed = self.train(x);
                (normed.y, normed.skip)
            }
            Pass::Infer(_) => (self.infer(x.clone()), x),
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

    fn infer(&self, x: Tensor<4>) -> Tensor<4> {
        let [scale, shift] = self.affine();
        ops::scale_shift(x, scale, shift, self.relu)
    }

    /// Scale and shift of the inference form, without a graph.
    fn affine(&self) -> [Tensor<1>; 2] {
        let plain = |parameter: &Param<Tensor<1>>| parameter.val().without_autodiff();
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

/// A fully connected layer, Glorot uniform with zero bias.
#[derive(Module, Debug)]
pub struct Dense {
    /// `[O, I]`.
    pub weight: Param<Tensor<2>>,
    /// `[O]`.
    pub bias: Param<Tensor<1>>,
}

impl Dense {
    /// A layer from `inputs` to `outputs` features.
    pub fn new(init: &mut Initializer, inputs: usize, outputs: usize) -> Self {
        Self {
            weight: init.glorot([outputs, inputs], inputs, outputs),
            bias: init.constant(outputs, 0.0),
        }
    }

    /// `[B, I]` -> `[B, O]`.
    #[must_use]
    pub fn forward(&self, x: Tensor<2>, pass: Pass) -> Tensor<2> {
        let [images, inputs] = x.dims();
        let weight = pass.parameter(&self.weight);
        let outputs = weight.dims()[0];
        let window = Window {
            kernel: 1,
            stride: 1,
            padding: 0,
        };
        let x = x.reshape([images, 1, 1, inputs]);
        let weight = weight.reshape([outputs, 1, 1, inputs]);
        let product = pass.product(window);
        ops::conv2d(x, weight, pass.parameter(&self.bias), product).reshape([images, outputs])
    }
}

/// Inverted dropout (Srivastava et al. 2014): keeps each value with probability 1 - `rate` and divides it by that. The
/// mask comes from the draws of (`seed`, `index`), the same on every backend.
#[must_use]
pub fn dropout(x: Tensor<2>, rate: f64, seed: u64, index: u64) -> Tensor<2> {
    let [images, features] = x.dims();
    let mut draws = Draws::new(seed, Purpose::Dropout, index);
    let keep = (1.0 / (1.0 - rate)) as f32;
    // 32 of the 64 bits decide one value.
    let limit = (rate * f64::from(u32::MAX)) as u32;
    let mut mask = Vec::with_capacity(images * features + 1);
    while mask.len() < images * features {
        let bits = draws.bits();
        for half in [bits as u32, (bits >> 32) as u32] {
            mask.push(if half < limit { 0.0 } else { keep });
        }
    }
    mask.truncate(images * features);
    let mask = TensorData::new(mask, [images, features]);
    let device = x.device();
    x * Tensor::from_data(mask, &device)
}
