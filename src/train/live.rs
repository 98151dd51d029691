//! A phase in progress: network, optimizer and position as one value, and its way into a checkpoint and back.

use super::Context;
use super::network::Network;
use crate::model::{self, Encoder, Layout, Weight};
use crate::optim::{Optimizer, OptimizerState};
use crate::plan::PhasePlan;
use crate::record::{Checkpoint, NamedTensor, Position};
use burn::tensor::Device;

/// Running averages over one epoch with training behaviour, as Keras prints them: each batch counts with its size.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Averages {
    pub(super) images: u64,
    loss: f64,
    correct: u64,
}

impl Averages {
    pub(super) fn add(&mut self, loss: f64, correct: usize, images: usize) {
        self.images += images as u64;
        self.loss += loss * images as f64;
        self.correct += correct as u64;
    }

    pub(super) fn loss(&self) -> f64 {
        self.loss / self.images.max(1) as f64
    }

    pub(super) fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images.max(1) as f64
    }

    const fn of(position: &Position) -> Self {
        Self {
            images: position.images,
            loss: f64::from_bits(position.loss_bits),
            correct: position.correct,
        }
    }
}

/// Everything that training one phase changes.
pub(super) struct Live {
    pub(super) network: Network,
    pub(super) optimizer: Optimizer,
    pub(super) position: Position,
    pub(super) averages: Averages,
}

impl Live {
    /// A phase at its first step.
    pub(super) fn begin(network: Network, phase: &PhasePlan, position: Position) -> Self {
        Self {
            network,
            optimizer: Optimizer::new(phase.optimizer.clone()),
            position,
            averages: Averages::default(),
        }
    }

    /// A phase as a checkpoint of it left it. Of a finished phase that others follow only the encoder matters.
    ///
    /// # Errors
    /// Says which array of the checkpoint does not fit the network.
    pub(super) fn restore(
        network: Network,
        context: &Context,
        checkpoint: Checkpoint,
    ) -> Result<Self, String> {
        let Checkpoint {
            position,
            model,
            optimizer,
            ..
        } = checkpoint;
        let phase = &context.plan.phases[position.phase];
        let done = position.epochs as usize == phase.epochs;
        let last = position.phase + 1 == context.plan.phases.len();
        let weights: Vec<Weight> = model.into_iter().map(weight).collect();
        let arrays = weights.len();
        let network = if done && !last {
            Network {
                encoder: model::import(network.encoder, &inner(&weights), Layout::Own)?,
                ..network
            }
        } else {
            model::import(network, &weights, Layout::Own)?
        };
        let state = state((position.optimizer_steps, arrays), optimizer)?;
        Ok(Self {
            network,
            optimizer: Optimizer::resume(phase.optimizer.clone(), state, context.device),
            averages: Averages::of(&position),
            position,
        })
    }

    /// This moment as a checkpoint.
    pub(super) fn checkpoint(&self, context: &Context) -> Checkpoint {
        let state = self.optimizer.state();
        let position = Position {
            format: 1,
            optimizer_steps: state.steps,
            images: self.averages.images,
            correct: self.averages.correct,
            loss_bits: self.averages.loss.to_bits(),
            encoder_parameters: context.encoder_parameters,
            images_per_sec: context.images_per_sec.clone(),
            wall_secs: context.elapsed(),
            data_hash: context.data.hash.clone(),
            ..self.position.clone()
        };
        let weights = model::export(&self.network, Layout::Own);
        Checkpoint {
            position,
            model: weights.into_iter().map(tensor).collect(),
            optimizer: tensors(state),
            rows: context.rows.clone(),
        }
    }

    /// What later phases need of a finished one.
    pub(super) fn finished_phase(&self, context: &Context) -> Checkpoint {
        let mut checkpoint = self.checkpoint(context);
        checkpoint
            .model
            .retain(|tensor| tensor.name.starts_with(ENCODER));
        checkpoint.optimizer.clear();
        checkpoint.position.optimizer_steps = 0;
        checkpoint
    }
}

/// What the names of the encoder's arrays begin with in a whole network.
const ENCODER: &str = "encoder.";

/// The encoder's arrays under the encoder's own names.
fn inner(weights: &[Weight]) -> Vec<Weight> {
    let named = |weight: &Weight| {
        let name = weight.name.strip_prefix(ENCODER)?.to_owned();
        Some(Weight {
            name,
            ..weight.clone()
        })
    };
    weights.iter().filter_map(named).collect()
}

fn weight(tensor: NamedTensor) -> Weight {
    Weight {
        name: tensor.name,
        shape: tensor.shape,
        values: tensor.values,
        trainable: false,
    }
}

/// An array of a module for the record.
pub(super) fn tensor(weight: Weight) -> NamedTensor {
    NamedTensor {
        name: weight.name,
        shape: weight.shape,
        values: weight.values,
    }
}

/// `<number of the parameter>.<first|second>` for each moment.
fn tensors(state: OptimizerState) -> Vec<NamedTensor> {
    let mut tensors = Vec::new();
    for (number, moments) in state.moments.into_iter().enumerate() {
        for (which, values) in ["first", "second"]
            .iter()
            .zip(moments.into_iter().flatten())
        {
            tensors.push(NamedTensor {
                name: format!("{number}.{which}"),
                shape: vec![values.len()],
                values,
            });
        }
    }
    tensors
}

/// The optimizer behind so many steps on a network of so many arrays.
fn state(
    (steps, arrays): (u64, usize),
    tensors: Vec<NamedTensor>,
) -> Result<OptimizerState, String> {
    let mut moments: Vec<Option<[Vec<f32>; 2]>> = Vec::new();
    for tensor in tensors {
        let number = tensor.name.split_once('.');
        let parsed =
            number.and_then(|(number, which)| Some((number.parse::<usize>().ok()?, which)));
        let Some((number, which)) = parsed else {
            return Err(format!("`{}` is no moment", tensor.name));
        };
        // A number from a file must not decide how much memory is taken.
        if number >= arrays {
            let name = &tensor.name;
            return Err(format!(
                "`{name}` is the moment of array {number}, there are {arrays}"
            ));
        }
        let missing = (number + 1).saturating_sub(moments.len());
        moments.extend(std::iter::repeat_n(None, missing));
        let pair = moments[number].get_or_insert_with(Default::default);
        pair[usize::from(which == "second")] = tensor.values;
    }
    Ok(OptimizerState { steps, moments })
}

/// The encoder of a run's first phase, or the one that goes from phase to phase.
pub(super) fn encoder(context: &Context, device: &Device) -> Encoder {
    let mut init = model::Initializer::new(context.plan.seed, 0, device);
    Encoder::new(&mut init, &context.plan.encoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_arrays_that_are_not_there_are_refused() {
        let moment = |name: &str| NamedTensor {
            name: name.into(),
            shape: vec![1],
            values: vec![0.5],
        };
        let found = state((3, 2), vec![moment("1.first"), moment("1.second")]).unwrap();
        assert_eq!(found.moments.len(), 2);
        for name in ["2.first", "4000000000000.second", "-1.first", "first"] {
            assert!(state((3, 2), vec![moment(name)]).is_err(), "{name}");
        }
    }
}
