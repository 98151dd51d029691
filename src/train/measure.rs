//! What a phase costs here, measured on its real loop: some steps, an evaluation and a checkpoint.

use super::evaluate;
use super::laps::StepTimes;
use super::live::{self, Averages, Live};
use super::network::Network;
use super::phase;
use super::{Context, TrainError};
use crate::record::Position;
use std::time::Instant;

/// Steps before those that count: the first ones allocate.
const WARM_UP: usize = 2;
/// Images of the evaluation, at most.
const EVALUATED: usize = 1024;

/// What some steps of a phase took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Each full step behind the first ones.
    pub steps: Vec<StepTimes>,
    /// Images and seconds of an evaluation, if the phase classifies.
    pub evaluation: Option<(usize, f64)>,
    /// Seconds of a checkpoint.
    pub checkpoint: f64,
}

/// Takes `steps` full steps of a phase from fresh weights.
pub(super) fn measure(
    context: &mut Context,
    index: usize,
    asked: usize,
) -> Result<Measured, TrainError> {
    let device = context.device.clone().autodiff();
    let phase = &context.plan.phases[index];
    let classes = context.data.class_names.len();
    let encoder = live::encoder(context, &device);
    let mut network = Network::new(encoder, context.plan, index, classes, &device);
    let evaluation = phase
        .classifies()
        .then(|| evaluate(context, index, &mut network));
    let position = Position {
        phase: index,
        ..Position::default()
    };
    let mut live = Live::begin(network, phase, position);
    let full = context.data.train.labels.len() / phase.batch_size;
    let per_epoch = context.steps(phase) as usize;
    // An epoch may end in a step that is not full.
    let needed = WARM_UP + asked + asked.div_ceil(full.max(1)) * (per_epoch - full);
    context.pace.stop_after = Some(needed as u64);
    let ended = loop {
        live = match phase::steps(context, phase, live) {
            Ok(live) => live,
            Err(error) => break error,
        };
        live.averages = Averages::default();
        live.position.epochs += 1;
        live.position.run_epochs += 1;
        live.position.steps = 0;
    };
    if !matches!(ended, TrainError::Interrupted { .. }) {
        return Err(ended);
    }
    let taken = context.laps.drain(..).skip(WARM_UP);
    let mut steps: Vec<StepTimes> = taken.collect();
    if full > 0 {
        steps.retain(|step| step.images == phase.batch_size);
    }
    // Room was left for steps that are not full.
    steps.truncate(asked);
    Ok(Measured {
        steps,
        evaluation: evaluation.flatten(),
        checkpoint: context.keep_secs,
    })
}

/// Images and seconds of an evaluation of part of the test split.
fn evaluate(context: &Context, index: usize, network: &mut Network) -> Option<(usize, f64)> {
    let mut split = context.data.test.clone();
    split.labels.truncate(EVALUATED);
    let phase = &context.plan.phases[index];
    let begun = Instant::now();
    evaluate::classify(network, phase, &split, context).ok()?;
    Some((split.labels.len(), begun.elapsed().as_secs_f64()))
}
