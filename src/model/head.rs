//! Heads: the layers between the encoder's features and a phase's loss.

use super::layers::{Dense, Initializer, Pass, dropout};
use crate::plan::HeadPlan;
use crate::spec::Activation;
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

/// Dense layers with an activation between or after them.
#[derive(Module, Debug)]
pub struct Head {
    layers: Vec<Dense>,
    #[module(skip)]
    activate_last: bool,
    #[module(skip)]
    activate: bool,
    #[module(skip)]
    dropout: f64,
}

impl Head {
    /// Builds the head that a plan describes, on `features` inputs, for `classes` classes.
    pub fn new(init: &mut Initializer, plan: &HeadPlan, features: usize, classes: usize) -> Self {
        let (widths, activate, activate_last, dropout) = match plan {
            HeadPlan::Projection { widths, activation } => {
                let relu = *activation == Activation::Relu;
                (widths.clone(), relu, relu, 0.0)
            }
            HeadPlan::Classifier { hidden, dropout } => {
                let widths = hidden.iter().copied().chain([classes]).collect();
                (widths, true, false, *dropout)
            }
        };
        let mut inputs = features;
        let mut layers = Vec::new();
        for outputs in widths {
            layers.push(Dense::new(init, inputs, outputs));
            inputs = outputs;
        }
        Self {
            layers,
            activate_last,
            activate,
            dropout,
        }
    }

    /// Features `[B, F]` -> embedding or logits `[B, O]`. In training, dropout draws from (`seed`, `step`).
    #[must_use]
    pub fn forward(&self, features: Tensor<2>, pass: Pass, seed: u64, step: u64) -> Tensor<2> {
        let mut x = features;
        for (number, layer) in self.layers.iter().enumerate() {
            if matches!(pass, Pass::Train(_)) && self.dropout > 0.0 {
                x = dropout(x, self.dropout, seed, (step << 8) | number as u64);
            }
            x = layer.forward(x, pass);
            let last = number + 1 == self.layers.len();
            if if last {
                self.activate_last
            } else {
                self.activate
            } {
                x = relu(x);
            }
        }
        x
    }
}
