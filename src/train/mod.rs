//! Training: one loop for every phase, evaluation, the events and rows of a run. Draws nothing and writes no file.

mod batches;
mod evaluate;
mod event;
mod network;
mod phase;

pub use event::Event;
pub use network::Network;

use crate::augment::{Augmenter, Statistics};
use crate::data::Dataset;
use crate::model::{self, Encoder, Initializer, Weight};
use crate::plan::{PhasePlan, RunPlan};
use crate::record::{MetricRow, PredictionRow};
use burn::tensor::Device;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Why a run ended before its last phase.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The stop flag was set.
    #[error("stopped in epoch {epoch} of phase `{phase}`")]
    Interrupted {
        /// Phase that was running.
        phase: String,
        /// Epoch that was running, from 1.
        epoch: u32,
    },
    /// The loss was not finite; the update of that step was not taken.
    #[error("the loss of phase `{phase}` is {value} at step {step}; images of the batch: {ids:?}")]
    Diverged {
        /// Phase that was running.
        phase: String,
        /// Step over the whole run, from 0.
        step: u64,
        /// NaN or an infinity.
        value: f64,
        /// Positions in the training split.
        ids: Vec<u32>,
    },
}

/// What training a run gives, complete or up to where it ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// All figures in the order in which they were read.
    pub rows: Vec<MetricRow>,
    /// The test split, if the last phase classifies.
    pub predictions: Vec<PredictionRow>,
    /// Weights of encoder and last head, once every phase is trained.
    pub weights: Vec<Weight>,
    /// Trainable parameters of the encoder.
    pub encoder_parameters: usize,
    /// Median training speed of each finished phase.
    pub images_per_sec: Vec<f64>,
}

/// Epochs and steps over the whole run, from 0.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    epoch: u64,
    step: u64,
}

/// What every part of a run needs.
struct Context<'a> {
    plan: &'a RunPlan,
    data: &'a Dataset,
    /// Without autodiff.
    device: &'a Device,
    stop: &'a AtomicBool,
    sink: &'a mut dyn FnMut(Event),
    statistics: Statistics,
    begun: Instant,
    rows: Vec<MetricRow>,
    images_per_sec: Vec<f64>,
}

impl Context<'_> {
    fn augmenter(&self, phase: &PhasePlan) -> Augmenter {
        Augmenter::new(&phase.augment, self.statistics)
    }

    fn row(
        &self,
        phase: &str,
        (epoch, step): (u32, u64),
        split: &str,
        metric: &str,
        value: f64,
    ) -> MetricRow {
        MetricRow {
            phase: phase.to_owned(),
            epoch,
            step,
            split: split.to_owned(),
            metric: metric.to_owned(),
            value,
            wall_secs: self.begun.elapsed().as_secs_f64(),
        }
    }
}

/// Trains all phases of a run on a plain `device` and evaluates the test split at the end. `stop` ends it after the step
/// in hand. What was read until an error is in the outcome beside it.
pub fn run(
    plan: &RunPlan,
    data: &Dataset,
    device: &Device,
    stop: &AtomicBool,
    sink: &mut dyn FnMut(Event),
) -> (Outcome, Result<(), TrainError>) {
    let mut outcome = Outcome::default();
    let mut context = Context {
        plan,
        data,
        device,
        stop,
        sink,
        statistics: Statistics::of(data.train.source()),
        begun: Instant::now(),
        rows: Vec::new(),
        images_per_sec: Vec::new(),
    };
    let result = phases(&mut context, &mut outcome);
    outcome.rows = context.rows;
    outcome.images_per_sec = context.images_per_sec;
    (outcome, result)
}

fn phases(context: &mut Context, outcome: &mut Outcome) -> Result<(), TrainError> {
    let (plan, device) = (context.plan, context.device.clone().autodiff());
    let mut encoder = Encoder::new(&mut Initializer::new(plan.seed, 0, &device), &plan.encoder);
    outcome.encoder_parameters = model::trainable(&encoder);
    let mut clock = Clock::default();
    for (index, phase) in plan.phases.iter().enumerate() {
        let classes = context.data.class_names.len();
        let network = Network::new(encoder, plan, index, classes, &device);
        let mut network = phase::train(context, phase, network, &mut clock)?;
        if index + 1 == plan.phases.len() {
            finish(context, phase, &mut network, outcome);
        }
        encoder = network.encoder;
    }
    Ok(())
}

/// Evaluates the test split and reads the weights of the finished network.
fn finish(context: &mut Context, phase: &PhasePlan, network: &mut Network, outcome: &mut Outcome) {
    outcome.weights = model::export(network);
    let mut test_accuracy = None;
    if phase::classifies(phase) {
        let augmenter = context.augmenter(phase);
        let test = evaluate::classify(network, &context.data.test, &augmenter, context.device);
        let epoch = phase.epochs as u32;
        let steps = context.data.train.labels.len().div_ceil(phase.batch_size) as u64;
        let at = (epoch, steps * u64::from(epoch));
        for (metric, value) in [("loss", test.loss), ("accuracy", test.accuracy)] {
            let row = context.row(&phase.name, at, "test", metric, value);
            context.rows.push(row);
        }
        outcome.predictions = test.predictions;
        test_accuracy = Some(test.accuracy);
    }
    (context.sink)(Event::Finished { test_accuracy });
}
