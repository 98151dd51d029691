//! Training: one loop for every phase, evaluation, the events, rows and checkpoints of a run. Draws nothing and writes no
//! file: whoever calls it keeps what it hands out.

mod batches;
mod context;
mod error;
mod evaluate;
mod event;
mod guard;
mod laps;
mod live;
mod measure;
mod network;
mod phase;
mod replay;
mod step;
mod trial;

pub use error::TrainError;
pub use event::Event;
pub use laps::StepTimes;
pub use measure::Measured;
pub use network::Network;
pub use replay::Replay;
pub use trial::Trial;

use crate::augment::CHANNELS;
use crate::data::Dataset;
use crate::model::{self, Layout};
use crate::plan::{PhasePlan, RunPlan};
use crate::record::{Checkpoint, MetricRow, NamedTensor, Position, PredictionRow, RecordError};
use burn::tensor::Device;
use context::Context;
use live::Live;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// What training hands out to be kept.
#[derive(Debug)]
pub enum Kept {
    /// A moment from which the run can go on.
    Moment(Checkpoint),
    /// A finished phase that others follow: its index, and what they need of it.
    Phase(usize, Checkpoint),
    /// The moment before a step that failed.
    Capsule(Checkpoint),
}

/// Where the training of a run begins.
#[derive(Debug)]
pub enum Begin {
    /// At its first step.
    First,
    /// At a moment of its own that was kept.
    Resumed(Checkpoint),
    /// Behind a phase that another run has finished.
    Shared(Checkpoint),
}

/// How a run speaks with whoever started it.
pub struct Hooks<'a> {
    /// Ends the run after the step in hand.
    pub stop: &'a AtomicBool,
    /// Counts signs of life: steps and batches of an evaluation.
    pub beats: &'a AtomicU64,
    /// Hears what happens.
    pub sink: &'a mut dyn FnMut(Event),
    /// Commits what must not be lost. An error ends the run.
    pub keep: &'a mut dyn FnMut(Kept) -> Result<(), RecordError>,
}

/// How often a moment is kept between the ends of epochs, which always are.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// After each so many steps of the run.
    pub steps: Option<u64>,
    /// After this time.
    pub every: Duration,
    /// Stops as if by a signal after this step of the run.
    pub stop_after: Option<u64>,
    /// What goes wrong on trial.
    pub trial: Option<Trial>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            steps: None,
            every: Duration::from_secs(300),
            stop_after: None,
            trial: None,
        }
    }
}

impl Pace {
    /// The same with what `SUPCON_FAULT` (`worker:stop@17`, `worker:panic@17`) asks this process to do.
    #[must_use]
    pub fn on_trial(self) -> Self {
        let asked = crate::disk::asked_of("worker");
        let mut stops = asked.iter().filter_map(|text| text.strip_prefix("stop@"));
        let stop = stops.find_map(|at| at.parse().ok());
        Self {
            stop_after: stop.or(self.stop_after),
            trial: asked.iter().find_map(|text| Trial::parse(text)),
            ..self
        }
    }

    fn due(&self, step: u64, since: Duration) -> bool {
        self.steps
            .is_some_and(|every| step.is_multiple_of(every.max(1)))
            || since >= self.every
    }
}

/// What training a run gives, complete or up to where it ended.
#[derive(Debug, Default)]
pub struct Outcome {
    /// All figures in the order in which they were read.
    pub rows: Vec<MetricRow>,
    /// The test split, if the last phase classifies.
    pub predictions: Vec<PredictionRow>,
    /// Weights of encoder and last head in PyTorch's layout, once every phase is trained.
    pub weights: Vec<NamedTensor>,
    /// Mean and deviation of each channel of the training split, on the 0..255 scale.
    pub statistics: [[f64; CHANNELS]; 2],
    /// Trainable parameters of the encoder.
    pub encoder_parameters: usize,
    /// Median training speed of each finished phase.
    pub images_per_sec: Vec<f64>,
    /// Seconds of training and evaluation, of earlier processes too.
    pub wall_secs: f64,
}

/// Trains what is left of a run on a plain `device` and evaluates the test split at the end. What was read until an error is in the outcome beside it.
pub fn run(
    plan: &RunPlan,
    data: &Dataset,
    device: &Device,
    (begin, pace): (Begin, Pace),
    hooks: Hooks,
) -> (Outcome, Result<(), TrainError>) {
    let mut outcome = Outcome::default();
    let mut context = Context::new(plan, data, device, hooks);
    context.pace = pace;
    let result = phases(&mut context, &mut outcome, begin);
    outcome.wall_secs = context.elapsed();
    outcome.rows = context.rows;
    outcome.images_per_sec = context.images_per_sec;
    outcome.encoder_parameters = context.encoder_parameters;
    outcome.statistics = [context.statistics.mean, context.statistics.deviation];
    (outcome, result)
}

/// Takes the step of a capsule once more.
///
/// # Errors
/// The capsule is not one of this plan.
pub fn replay(
    plan: &RunPlan,
    data: &Dataset,
    device: &Device,
    capsule: Checkpoint,
) -> Result<Replay, TrainError> {
    let stop = AtomicBool::new(false);
    let hooks = Hooks {
        stop: &stop,
        beats: &AtomicU64::new(0),
        sink: &mut |_| {},
        keep: &mut |_| Ok(()),
    };
    replay::replay(&mut Context::new(plan, data, device, hooks), capsule)
}

/// Takes `steps` full steps of a phase and says how long everything took.
///
/// # Errors
/// What would end a run; nothing is recorded but what `hooks` keep.
pub fn measure(
    plan: &RunPlan,
    data: &Dataset,
    device: &Device,
    (phase, steps): (usize, usize),
    hooks: Hooks,
) -> Result<Measured, TrainError> {
    let mut context = Context::new(plan, data, device, hooks);
    context.measures = true;
    measure::measure(&mut context, phase, steps)
}

fn phases(context: &mut Context, outcome: &mut Outcome, begin: Begin) -> Result<(), TrainError> {
    let mut start = announce(context, begin);
    let (plan, device) = (context.plan, context.device.clone().autodiff());
    let first = start.as_ref().map_or(0, |start| start.position.phase);
    let mut encoder = live::encoder(context, &device);
    context.encoder_parameters = model::trainable(&encoder);
    let mut position = Position::default();
    for (index, phase) in plan.phases.iter().enumerate().skip(first) {
        let classes = context.data.class_names.len();
        let network = Network::new(encoder, plan, index, classes, &device);
        let live = match start.take() {
            Some(start) => go_on(context, network, start)?,
            None => Live::begin(network, phase, position),
        };
        if index == first {
            // Each process tries the disk before its first step, not after an epoch.
            phase::keep(context, &live)?;
        }
        let mut live = phase::train(context, phase, live)?;
        if index + 1 == plan.phases.len() {
            finish(context, phase, &mut live, outcome)?;
        } else {
            let finished = live.finished_phase(context);
            (context.hooks.keep)(Kept::Phase(index, finished))?;
        }
        position = Position {
            phase: index + 1,
            run_epochs: live.position.run_epochs,
            run_steps: live.position.run_steps,
            ..Position::default()
        };
        encoder = live.network.encoder;
    }
    Ok(())
}

/// Says where a run begins that does not at its first step.
fn announce(context: &mut Context, begin: Begin) -> Option<Checkpoint> {
    let (start, is_own) = match begin {
        Begin::First => return None,
        Begin::Resumed(start) => (start, true),
        Begin::Shared(start) => (start, false),
    };
    let plan = &context.plan.phases[start.position.phase];
    let phase = plan.name.clone();
    (context.hooks.sink)(if is_own {
        Event::Resumed {
            phase,
            // Behind its last epoch a phase is finished, and the next one begins.
            epoch: (start.position.epochs + 1).min(plan.epochs as u32),
            step: start.position.run_steps,
        }
    } else {
        Event::Shared { phase }
    });
    Some(start)
}

/// Takes up a run where a checkpoint left it.
fn go_on(
    context: &mut Context,
    network: Network,
    mut start: Checkpoint,
) -> Result<Live, TrainError> {
    context.rows = std::mem::take(&mut start.rows);
    context.earlier = start.position.wall_secs;
    context
        .images_per_sec
        .clone_from(&start.position.images_per_sec);
    Live::restore(network, context, start).map_err(TrainError::Checkpoint)
}

/// Evaluates the test split and reads the weights of the finished network.
fn finish(
    context: &mut Context,
    phase: &PhasePlan,
    live: &mut Live,
    outcome: &mut Outcome,
) -> Result<(), TrainError> {
    let mut test_accuracy = None;
    if phase.classifies() {
        let (network, split) = (&mut live.network, &context.data.test);
        let Ok(test) = evaluate::classify(network, phase, split, context) else {
            return Err(TrainError::Interrupted {
                phase: phase.name.clone(),
                epoch: phase.epochs as u32,
            });
        };
        let epoch = phase.epochs as u32;
        let at = (epoch, context.steps(phase) * u64::from(epoch));
        let row = |metric, value| context.row(&phase.name, at, "test", metric, value);
        let rows = [row("loss", test.loss), row("accuracy", test.accuracy)];
        guard::finite(&rows)?;
        context.rows.extend(rows);
        outcome.predictions = test.predictions;
        test_accuracy = Some(test.accuracy);
    }
    let weights = model::export(&live.network, Layout::PyTorch);
    outcome.weights = weights.into_iter().map(live::tensor).collect();
    (context.hooks.sink)(Event::Finished { test_accuracy });
    Ok(())
}
