//! Update rules. An optimizer owns its state and sees parameters in the order in which a module's fields stand.

use crate::ops::{self, AdamStep};
use crate::plan::OptimizerPlan;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};

/// Adam (Kingma & Ba 2015) with Keras' epsilon-hat formula; checked against `tests/reference/optimizers.json`.
pub struct Optimizer {
    plan: OptimizerPlan,
    t: u64,
    /// First and second moment of each parameter that ever had a gradient.
    moments: Vec<Option<(Tensor<1>, Tensor<1>)>>,
}

/// What an optimizer has learnt, on the host: it goes on from this exactly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OptimizerState {
    /// Steps taken.
    pub steps: u64,
    /// First and second moment of each parameter, `None` for one without a gradient so far.
    pub moments: Vec<Option<[Vec<f32>; 2]>>,
}

impl Optimizer {
    /// A fresh optimizer: no steps taken, empty moments.
    #[must_use]
    pub const fn new(plan: OptimizerPlan) -> Self {
        Self {
            plan,
            t: 0,
            moments: Vec::new(),
        }
    }

    /// An optimizer that goes on from `state`, its moments on a plain device.
    #[must_use]
    pub fn resume(plan: OptimizerPlan, state: OptimizerState, device: &Device) -> Self {
        let tensor = |values: Vec<f32>| {
            let length = values.len();
            Tensor::from_data(TensorData::new(values, [length]), device)
        };
        let pair = |[first, second]: [Vec<f32>; 2]| (tensor(first), tensor(second));
        Self {
            plan,
            t: state.steps,
            moments: state.moments.into_iter().map(|m| m.map(pair)).collect(),
        }
    }

    /// What it has learnt so far.
    #[must_use]
    pub fn state(&self) -> OptimizerState {
        let values = |tensor: &Tensor<1>| {
            let data = tensor.clone().into_data();
            data.try_to_vec::<f32>().expect("moments are f32")
        };
        let pair = |(first, second): &(Tensor<1>, Tensor<1>)| [values(first), values(second)];
        OptimizerState {
            steps: self.t,
            moments: self.moments.iter().map(|m| m.as_ref().map(pair)).collect(),
        }
    }

    /// Takes one step on every parameter of `module` that has a gradient.
    #[must_use]
    pub fn step<M: Module>(&mut self, module: M, grads: &mut Gradients) -> M {
        self.t += 1;
        let OptimizerPlan::Adam {
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
        } = self.plan;
        let step = AdamStep {
            t: self.t,
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
        };
        module.map(&mut Updater {
            moments: &mut self.moments,
            next: 0,
            grads,
            step,
        })
    }
}

struct Updater<'a> {
    moments: &'a mut Vec<Option<(Tensor<1>, Tensor<1>)>>,
    next: usize,
    grads: &'a mut Gradients,
    step: AdamStep,
}

impl ModuleMapper for Updater<'_> {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        if self.next == self.moments.len() {
            self.moments.push(None);
        }
        let state = &mut self.moments[self.next];
        self.next += 1;
        let (id, tensor, mapper) = parameter.consume();
        let Some(grad) = tensor.grad_remove(self.grads) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let (shape, like) = (tensor.dims(), (&grad.device(), grad.dtype()));
        let n: usize = shape.iter().product();
        let zeros = || Tensor::zeros([n], like);
        let (first, second) = state.take().unwrap_or_else(|| (zeros(), zeros()));
        let flat = tensor.without_autodiff().reshape([n]);
        let (updated, first, second) = ops::adam(
            flat,
            grad.without_autodiff().reshape([n]),
            first,
            second,
            self.step,
        );
        *state = Some((first, second));
        let updated = updated.reshape(shape).autodiff().require_grad();
        Param::from_mapped_value(id, updated, mapper)
    }
}
