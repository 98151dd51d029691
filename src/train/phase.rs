//! One phase: the training loop that every experiment uses.

use super::batches;
use super::evaluate;
use super::guard;
use super::laps::Laps;
use super::live::{Averages, Live};
use super::step::step;
use super::{Context, Event, Kept, TrainError};
use crate::augment::Moment;
use crate::plan::PhasePlan;
use crate::record::MetricRow;
use std::time::{Duration, Instant};

/// Least time between two step events: nobody reads faster.
const STEP_EVENT: Duration = Duration::from_millis(200);

/// Trains what is left of one phase.
pub(super) fn train(
    context: &mut Context,
    phase: &PhasePlan,
    mut live: Live,
) -> Result<Live, TrainError> {
    let steps_per_epoch = context.steps(phase);
    (context.hooks.sink)(Event::PhaseStarted {
        phase: phase.name.clone(),
        epochs: phase.epochs as u32,
        steps_per_epoch,
    });
    while (live.position.epochs as usize) < phase.epochs {
        live = epoch(context, phase, live)?;
    }
    let mut speeds = live.position.speeds.clone();
    speeds.sort_by(f64::total_cmp);
    let median = speeds.get(speeds.len() / 2).copied().unwrap_or(0.0);
    // A phase that came from another run brings its own speed.
    context.images_per_sec.truncate(live.position.phase);
    context.images_per_sec.push(median);
    Ok(live)
}

/// Trains what is left of one epoch, and commits its end.
fn epoch(context: &mut Context, phase: &PhasePlan, live: Live) -> Result<Live, TrainError> {
    let (begun, before) = (Instant::now(), live.averages.images);
    let mut live = steps(context, phase, live)?;
    let images = live.averages.images - before;
    let images_per_sec = images as f64 / begun.elapsed().as_secs_f64();
    let Ok(rows) = figures(context, phase, &mut live) else {
        return Err(stop(context, phase, &live));
    };
    guard::finite(&rows)?;
    context.rows.extend(rows.iter().cloned());
    live.averages = Averages::default();
    live.position.speeds.push(images_per_sec);
    live.position.epochs += 1;
    live.position.run_epochs += 1;
    live.position.steps = 0;
    keep(context, &live)?;
    (context.hooks.sink)(Event::EpochEnded {
        rows,
        images_per_sec,
    });
    Ok(live)
}

/// Takes the steps that are left of an epoch.
pub(super) fn steps(
    context: &mut Context,
    phase: &PhasePlan,
    mut live: Live,
) -> Result<Live, TrainError> {
    let augmenter = context.augmenter(phase);
    let data = context.data;
    let (begun, before) = (Instant::now(), live.averages.images);
    let (mut told, mut kept) = (Instant::now(), Instant::now());
    let first = Moment {
        seed: context.plan.seed,
        epoch: live.position.run_epochs,
        step: live.position.run_steps,
    };
    let done = live.position.steps as usize;
    std::thread::scope(|scope| {
        let batches = batches::epoch(
            scope,
            &data.train,
            &augmenter,
            phase.batch_size,
            first,
            done,
        );
        let mut laps = Laps::begin();
        for batch in batches.iter() {
            laps.end(|times| &mut times.wait);
            if context.stopped() {
                return Err(stop(context, phase, &live));
            }
            live = step(context, phase, live, batch, &mut laps)?;
            context.laps.extend(context.measures.then_some(laps.times));
            live.position.steps += 1;
            live.position.run_steps += 1;
            context.pass(&live);
            if told.elapsed() >= STEP_EVENT {
                told = Instant::now();
                let images = live.averages.images - before;
                (context.hooks.sink)(Event::Step {
                    phase: phase.name.clone(),
                    epoch: live.position.epochs + 1,
                    step: live.position.steps,
                    loss: live.averages.loss(),
                    images_per_sec: images as f64 / begun.elapsed().as_secs_f64(),
                });
            }
            let last = live.position.steps == context.steps(phase);
            if !last && context.pace.due(live.position.run_steps, kept.elapsed()) {
                keep(context, &live)?;
                kept = Instant::now();
            }
            laps = Laps::begin();
        }
        Ok(live)
    })
}

/// Commits this moment, and says that it was asked to stop.
fn stop(context: &mut Context, phase: &PhasePlan, live: &Live) -> TrainError {
    if let Err(error) = keep(context, live) {
        return error;
    }
    TrainError::Interrupted {
        phase: phase.name.clone(),
        epoch: live.position.epochs + 1,
    }
}

/// Commits this moment.
pub(super) fn keep(context: &mut Context, live: &Live) -> Result<(), TrainError> {
    let begun = Instant::now();
    let checkpoint = live.checkpoint(context);
    (context.hooks.keep)(Kept::Moment(checkpoint))?;
    context.keep_secs = begun.elapsed().as_secs_f64();
    Ok(())
}

/// The rows of an epoch whose steps are taken: training averages, and the validation split where there is one.
fn figures(
    context: &Context,
    phase: &PhasePlan,
    live: &mut Live,
) -> Result<Vec<MetricRow>, evaluate::Stopped> {
    let epoch = live.position.epochs + 1;
    let at = (epoch, context.steps(phase) * u64::from(epoch));
    let row = |split, metric, value| context.row(&phase.name, at, split, metric, value);
    let averages = live.averages;
    let mut rows = vec![row("train", "loss", averages.loss())];
    if !phase.classifies() {
        return Ok(rows);
    }
    rows.push(row("train", "accuracy", averages.accuracy()));
    if let Some(split) = &context.data.validation {
        let held_out = evaluate::classify(&mut live.network, phase, split, context)?;
        rows.push(row("validation", "loss", held_out.loss));
        rows.push(row("validation", "accuracy", held_out.accuracy));
    }
    Ok(rows)
}
