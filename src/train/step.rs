//! One training step: forward, backward, the guards, the update.

use super::batches::Batch;
use super::evaluate::largest;
use super::guard;
use super::laps::Laps;
use super::live::Live;
use super::network::{images, scalar, values};
use super::{Context, Kept, TrainError};
use crate::augment::Pixels;
use crate::loss;
use crate::plan::PhasePlan;
use burn::tensor::Gradients;

/// What the forward and backward pass of a step give.
pub(super) struct Pass {
    pub(super) loss: f64,
    /// Right answers, 0 where there are no classes.
    correct: usize,
    /// Deviation of the embeddings, where the loss has a value at a collapse.
    spread: Option<f64>,
    pub(super) grads: Gradients,
}

/// Forward and backward on one batch.
pub(super) fn pass(
    context: &Context,
    phase: &PhasePlan,
    live: &mut Live,
    (pixels, labels): (Pixels, &[u32]),
    laps: &mut Laps,
) -> Pass {
    let count = labels.len();
    let input = images(pixels, count, context.device);
    let (seed, step) = (context.plan.seed, live.position.run_steps);
    let output = live.network.train(input, phase, seed, step);
    laps.end(|times| &mut times.forward);
    let mut correct = 0;
    if phase.classifies() {
        let classes = output.dims()[1];
        let scores = values(output.clone());
        let hits = scores.chunks_exact(classes).zip(labels);
        correct = hits.filter(|(row, label)| largest(row) == **label).count();
    }
    let spread = loss::at_collapse(&phase.loss, count).map(|_| guard::spread(&output));
    let loss = loss::compute(&phase.loss, output, labels);
    let value = scalar(loss.clone());
    laps.end(|times| &mut times.loss);
    let grads = loss.backward();
    laps.end(|times| &mut times.backward);
    Pass {
        loss: value,
        correct,
        spread,
        grads,
    }
}

/// Takes one step. A loss or gradient that is not finite stops the run before the update, with a capsule that fails the
/// same way again.
pub(super) fn step(
    context: &mut Context,
    phase: &PhasePlan,
    mut live: Live,
    batch: Batch,
    laps: &mut Laps,
) -> Result<Live, TrainError> {
    let (count, ids) = (batch.labels.len(), batch.indices);
    let Pass {
        loss,
        correct,
        spread,
        mut grads,
    } = pass(
        context,
        phase,
        &mut live,
        (batch.pixels, &batch.labels),
        laps,
    );
    let gradient_norm = live.network.gradient_norm(phase, &grads);
    if !(loss.is_finite() && gradient_norm.is_finite()) {
        let norms = live.network.gradient_norms(phase, &grads);
        // The capsule may need their memory.
        drop(grads);
        let capsule = live.checkpoint(context);
        (context.hooks.keep)(Kept::Capsule(capsule))?;
        return Err(TrainError::Diverged {
            phase: phase.name.clone(),
            step: live.position.run_steps,
            loss,
            array: guard::worst(norms),
            ids,
        });
    }
    let plateau = loss::at_collapse(&phase.loss, count);
    if let (Some(plateau), Some(spread)) = (plateau, spread)
        && guard::collapsed(&mut live.position.collapsed_steps, loss, plateau, spread)
    {
        return Err(TrainError::Collapsed {
            phase: phase.name.clone(),
            step: live.position.run_steps,
            loss,
            plateau,
            spread,
        });
    }
    live.averages.add(loss, correct, count);
    laps.end(|times| &mut times.guards);
    live.network = live.network.update(&mut live.optimizer, phase, &mut grads);
    laps.end(|times| &mut times.update);
    laps.times.images = count;
    Ok(live)
}
