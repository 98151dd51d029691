//! Fully connected layers, and dropout between them.

use super::{Initializer, Pass};
use crate::ops::{self, Window};
use crate::random::{Draws, Purpose};
use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};

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
