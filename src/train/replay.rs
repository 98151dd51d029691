//! The step of a capsule once more: the same batch on the same weights, without the update.

use super::laps::Laps;
use super::live::{self, Live};
use super::network::Network;
use super::{Context, TrainError, batches, step};
use crate::augment::Moment;
use crate::record::Checkpoint;

/// What the step of a capsule gives.
#[derive(Clone, Debug)]
pub struct Replay {
    /// Name of the phase.
    pub phase: String,
    /// Step over the whole run, from 0.
    pub step: u64,
    /// Loss of the batch.
    pub loss: f64,
    /// Length of the gradient over all parameters as a run sees it, which may overflow where none of them does.
    pub gradient_norm: f64,
    /// Length of each parameter's gradient, in the order of the network.
    pub gradient_norms: Vec<(String, f64)>,
    /// Images of the batch: positions in the training split.
    pub ids: Vec<u32>,
}

impl Replay {
    /// Whether a run ends at this step.
    #[must_use]
    pub fn fails(&self) -> bool {
        !(self.loss.is_finite() && self.gradient_norm.is_finite())
    }
}

/// Takes the step before which the capsule was written.
pub(super) fn replay(context: &mut Context, capsule: Checkpoint) -> Result<Replay, TrainError> {
    let device = context.device.clone().autodiff();
    let position = capsule.position.clone();
    let phase = context.plan.phases.get(position.phase);
    let phase = phase.ok_or_else(|| TrainError::Checkpoint("no such phase".into()))?;
    let classes = context.data.class_names.len();
    let encoder = live::encoder(context, &device);
    let network = Network::new(encoder, context.plan, position.phase, classes, &device);
    let mut live = Live::restore(network, context, capsule).map_err(TrainError::Checkpoint)?;
    let first = Moment {
        seed: context.plan.seed,
        epoch: position.run_epochs,
        step: position.run_steps,
    };
    let (augmenter, train) = (context.augmenter(phase), &context.data.train);
    let batch = std::thread::scope(|scope| {
        let done = position.steps as usize;
        let batches = batches::epoch(scope, train, &augmenter, phase.batch_size, first, done);
        batches.recv().ok()
    });
    let batch = batch.ok_or_else(|| TrainError::Checkpoint("no batch is left".into()))?;
    let images = (batch.pixels, batch.labels.as_slice());
    let passed = step::pass(context, phase, &mut live, images, &mut Laps::begin());
    Ok(Replay {
        phase: phase.name.clone(),
        step: position.run_steps,
        loss: passed.loss,
        gradient_norm: live.network.gradient_norm(phase, &passed.grads),
        gradient_norms: live.network.gradient_norms(phase, &passed.grads),
        ids: batch.indices,
    })
}
