//! One phase: the training loop that every experiment uses.

use super::batches::{self, Batch};
use super::evaluate::{self, largest};
use super::network::{Network, images, scalar, values};
use super::{Clock, Context, Event, TrainError};
use crate::augment::Moment;
use crate::loss;
use crate::optim::Optimizer;
use crate::plan::{HeadPlan, PhasePlan};
use crate::record::MetricRow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Least time between two step events: nobody reads faster.
const STEP_EVENT: Duration = Duration::from_millis(200);

/// Running averages over one epoch with training behaviour, as Keras prints them: each batch counts with its size.
#[derive(Default)]
struct Averages {
    images: usize,
    loss: f64,
    correct: usize,
}

impl Averages {
    fn add(&mut self, loss: f64, correct: usize, images: usize) {
        self.images += images;
        self.loss += loss * images as f64;
        self.correct += correct;
    }

    fn loss(&self) -> f64 {
        self.loss / self.images.max(1) as f64
    }

    fn accuracy(&self) -> f64 {
        self.correct as f64 / self.images.max(1) as f64
    }
}

/// Trains one phase and returns the network. `clock` counts epochs and steps over the whole run.
pub(super) fn train(
    context: &mut Context,
    phase: &PhasePlan,
    mut network: Network,
    clock: &mut Clock,
) -> Result<Network, TrainError> {
    let mut optimizer = Optimizer::new(phase.optimizer.clone());
    let steps = context.data.train.labels.len().div_ceil(phase.batch_size) as u64;
    (context.sink)(Event::PhaseStarted {
        phase: phase.name.clone(),
        epochs: phase.epochs as u32,
        steps_per_epoch: steps,
    });
    let mut speeds = Vec::new();
    for epoch in 1..=phase.epochs as u32 {
        let begun = Instant::now();
        let averages;
        (network, averages) = one_epoch(context, phase, network, &mut optimizer, epoch, clock)?;
        let images_per_sec = averages.images as f64 / begun.elapsed().as_secs_f64();
        speeds.push(images_per_sec);
        let step = u64::from(epoch) * steps;
        let rows = figures(context, phase, &mut network, &averages, (epoch, step));
        context.rows.extend(rows.iter().cloned());
        (context.sink)(Event::EpochEnded {
            rows,
            images_per_sec,
        });
        clock.epoch += 1;
    }
    speeds.sort_by(f64::total_cmp);
    context
        .images_per_sec
        .push(speeds.get(speeds.len() / 2).copied().unwrap_or(0.0));
    Ok(network)
}

/// Whether a phase's output is one score a class.
pub(super) fn classifies(phase: &PhasePlan) -> bool {
    matches!(phase.head, HeadPlan::Classifier { .. })
}

fn one_epoch(
    context: &mut Context,
    phase: &PhasePlan,
    mut network: Network,
    optimizer: &mut Optimizer,
    epoch: u32,
    clock: &mut Clock,
) -> Result<(Network, Averages), TrainError> {
    let augmenter = context.augmenter(phase);
    let (data, begun) = (context.data, Instant::now());
    let mut averages = Averages::default();
    let mut told = Instant::now();
    let first = Moment {
        seed: context.plan.seed,
        epoch: clock.epoch,
        step: clock.step,
    };
    std::thread::scope(|scope| {
        let batches = batches::epoch(scope, &data.train, &augmenter, phase.batch_size, first);
        for (number, batch) in batches.iter().enumerate() {
            if context.stop.load(Ordering::Relaxed) {
                return Err(TrainError::Interrupted {
                    phase: phase.name.clone(),
                    epoch,
                });
            }
            network = step(
                context,
                phase,
                network,
                optimizer,
                batch,
                clock,
                &mut averages,
            )?;
            clock.step += 1;
            if told.elapsed() >= STEP_EVENT {
                told = Instant::now();
                (context.sink)(Event::Step {
                    phase: phase.name.clone(),
                    epoch,
                    step: number as u64 + 1,
                    loss: averages.loss(),
                    images_per_sec: averages.images as f64 / begun.elapsed().as_secs_f64(),
                });
            }
        }
        Ok((network, averages))
    })
}

/// Forward, backward, update on one batch. A loss that is not finite stops the run before the update.
fn step(
    context: &Context,
    phase: &PhasePlan,
    mut network: Network,
    optimizer: &mut Optimizer,
    batch: Batch,
    clock: &Clock,
    averages: &mut Averages,
) -> Result<Network, TrainError> {
    let count = batch.labels.len();
    let input = images(batch.pixels, count, context.device);
    let output = network.train(input, phase, context.plan.seed, clock.step);
    let mut correct = 0;
    if classifies(phase) {
        let classes = output.dims()[1];
        let scores = values(output.clone());
        let hits = scores.chunks_exact(classes).zip(&batch.labels);
        correct = hits.filter(|(row, label)| largest(row) == **label).count();
    }
    let loss = loss::compute(&phase.loss, output, &batch.labels);
    let value = scalar(loss.clone());
    if !value.is_finite() {
        let phase = phase.name.clone();
        return Err(TrainError::Diverged {
            phase,
            step: clock.step,
            value,
            ids: batch.indices,
        });
    }
    averages.add(value, correct, count);
    let mut grads = loss.backward();
    Ok(network.update(optimizer, phase, &mut grads))
}

/// The rows of a finished epoch: training averages, and the validation split where there is one.
fn figures(
    context: &Context,
    phase: &PhasePlan,
    network: &mut Network,
    averages: &Averages,
    at: (u32, u64),
) -> Vec<MetricRow> {
    let mut rows = vec![context.row(&phase.name, at, "train", "loss", averages.loss())];
    if !classifies(phase) {
        return rows;
    }
    rows.push(context.row(&phase.name, at, "train", "accuracy", averages.accuracy()));
    if let Some(split) = &context.data.validation {
        let augmenter = context.augmenter(phase);
        let held_out = evaluate::classify(network, split, &augmenter, context.device);
        rows.push(context.row(&phase.name, at, "validation", "loss", held_out.loss));
        rows.push(context.row(&phase.name, at, "validation", "accuracy", held_out.accuracy));
    }
    rows
}
