//! What every part of a run shares: the plan, the data, the way to whoever started it, and what was read so far.

use super::laps::StepTimes;
use super::live::Live;
use super::{Hooks, Pace};
use crate::augment::{Augmenter, Statistics};
use crate::data::Dataset;
use crate::plan::{PhasePlan, RunPlan};
use crate::record::MetricRow;
use burn::tensor::Device;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What every part of a run needs.
pub(super) struct Context<'a, 'h> {
    pub(super) plan: &'a RunPlan,
    pub(super) data: &'a Dataset,
    /// Without autodiff.
    pub(super) device: &'a Device,
    pub(super) hooks: Hooks<'h>,
    pub(super) pace: Pace,
    pub(super) statistics: Statistics,
    pub(super) begun: Instant,
    /// Seconds of earlier processes.
    pub(super) earlier: f64,
    pub(super) rows: Vec<MetricRow>,
    pub(super) images_per_sec: Vec<f64>,
    pub(super) encoder_parameters: usize,
    /// Whether the times of steps are kept.
    pub(super) measures: bool,
    pub(super) laps: Vec<StepTimes>,
    /// Seconds of the last checkpoint.
    pub(super) keep_secs: f64,
}

impl<'a, 'h> Context<'a, 'h> {
    pub(super) fn new(
        plan: &'a RunPlan,
        data: &'a Dataset,
        device: &'a Device,
        hooks: Hooks<'h>,
    ) -> Self {
        Self {
            plan,
            data,
            device,
            hooks,
            pace: Pace::default(),
            statistics: Statistics::of(data.train.source()),
            begun: Instant::now(),
            earlier: 0.0,
            rows: Vec::new(),
            images_per_sec: Vec::new(),
            encoder_parameters: 0,
            measures: false,
            laps: Vec::new(),
            keep_secs: 0.0,
        }
    }

    pub(super) fn augmenter(&self, phase: &PhasePlan) -> Augmenter {
        Augmenter::new(&phase.augment, self.statistics)
    }

    pub(super) fn elapsed(&self) -> f64 {
        self.earlier + self.begun.elapsed().as_secs_f64()
    }

    /// Steps in an epoch of this phase.
    pub(super) fn steps(&self, phase: &PhasePlan) -> u64 {
        self.data.train.labels.len().div_ceil(phase.batch_size) as u64
    }

    pub(super) fn stopped(&self) -> bool {
        self.hooks.stop.load(Ordering::Relaxed)
    }

    /// A step or a batch of an evaluation was taken.
    pub(super) fn beat(&self, doing: &str) {
        let beats = self.hooks.beats.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(trial) = self.pace.trial {
            trial.at_beat(beats, doing, self.hooks.stop);
        }
    }

    /// A step was taken.
    pub(super) fn pass(&self, live: &Live) {
        self.beat("a step");
        let taken = live.position.run_steps;
        if self.pace.stop_after == Some(taken) {
            self.hooks.stop.store(true, Ordering::Relaxed);
        }
        if let Some(trial) = self.pace.trial {
            trial.at_step(taken);
        }
    }

    pub(super) fn row(
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
            wall_secs: self.elapsed(),
        }
    }
}
