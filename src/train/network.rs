//! The network of a phase: the shared encoder and the phase's head, and the ways in and out of the device.

use super::guard;
use crate::augment::{CHANNELS, Pixels};
use crate::model::{Encoder, Head, Initializer, Pass, Prepared};
use crate::optim::Optimizer;
use crate::plan::{PhasePlan, Precision, RunPlan};
use burn::module::Module;
use burn::tensor::{Device, Gradients, Tensor, TensorData};

/// First parameter number of a head; encoders have fewer parameters than this.
const HEAD_PARAMETERS: u64 = 1 << 20;

/// Encoder and head as one module, so that an optimizer sees both.
#[derive(Module, Debug)]
pub struct Network {
    /// Shared by all phases.
    pub encoder: Encoder,
    /// Of the current phase.
    pub head: Head,
    /// The encoder in inference form, for as long as it stands still.
    #[module(skip)]
    pub(super) prepared: Prepared,
}

impl Network {
    /// Builds the head of phase number `index` on an encoder.
    pub(super) fn new(
        encoder: Encoder,
        plan: &RunPlan,
        index: usize,
        classes: usize,
        device: &Device,
    ) -> Self {
        let first = HEAD_PARAMETERS * (index as u64 + 1);
        let mut init = Initializer::new(plan.seed, first, device);
        let features = plan.encoder.features();
        let head = Head::new(&mut init, &plan.phases[index].head, features, classes);
        Self {
            encoder,
            head,
            prepared: Prepared::default(),
        }
    }

    /// A training pass over plain images `[B, H, W, 3]`; a frozen encoder keeps no graph and uses its moving statistics.
    pub(super) fn train(
        &mut self,
        images: Tensor<4>,
        phase: &PhasePlan,
        seed: u64,
        step: u64,
    ) -> Tensor<2> {
        let train = Pass::Train(phase.precision);
        let features = if phase.freeze_encoder {
            let infer = Pass::Infer(phase.precision, &self.prepared);
            self.encoder.forward(images, infer)
        } else {
            self.prepared.clear();
            self.encoder.forward(images.autodiff(), train)
        };
        self.head.forward(features.autodiff(), train, seed, step)
    }

    /// An inference pass over plain images `[B, H, W, 3]`.
    pub(super) fn infer(&mut self, images: Tensor<4>, precision: Precision) -> Tensor<2> {
        let pass = Pass::Infer(precision, &self.prepared);
        let features = self.encoder.forward(images, pass);
        self.head.forward(features, pass, 0, 0)
    }

    /// The end of an evaluation: the inference form of an encoder that the phase trains is of no more use.
    pub(super) fn evaluated(&self, phase: &PhasePlan) {
        if !phase.freeze_encoder {
            self.prepared.clear();
        }
    }

    /// Length of the gradient of everything that the phase trains.
    pub(super) fn gradient_norm(&self, phase: &PhasePlan, grads: &Gradients) -> f64 {
        if phase.freeze_encoder {
            guard::gradient_norm(&self.head, grads)
        } else {
            guard::gradient_norm(self, grads)
        }
    }

    /// The same for each parameter by its name.
    pub(super) fn gradient_norms(
        &self,
        phase: &PhasePlan,
        grads: &Gradients,
    ) -> Vec<(String, f64)> {
        if phase.freeze_encoder {
            guard::gradient_norms(&self.head, grads)
        } else {
            guard::gradient_norms(self, grads)
        }
    }

    /// One optimizer step on everything that the phase trains.
    pub(super) fn update(
        self,
        optimizer: &mut Optimizer,
        phase: &PhasePlan,
        grads: &mut Gradients,
    ) -> Self {
        if phase.freeze_encoder {
            return Self {
                head: optimizer.step(self.head, grads),
                ..self
            };
        }
        optimizer.step(self, grads)
    }
}

/// Moves a batch of pixels to a plain device.
pub(super) fn images(pixels: Pixels, count: usize, device: &Device) -> Tensor<4> {
    let shape = [count, pixels.height, pixels.width, CHANNELS];
    Tensor::from_data(TensorData::new(pixels.values, shape), device)
}

/// Reads a tensor of one value.
pub(super) fn scalar(tensor: Tensor<1>) -> f64 {
    f64::from(values(tensor)[0])
}

/// Reads a tensor's values in row-major order.
pub(super) fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.without_autodiff().into_data();
    data.try_to_vec().expect("networks compute in f32")
}
