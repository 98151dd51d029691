//! The parent: skips runs that are done and trains the others, one in each slot at a time, each in a process of its own.

use super::attempt::{Attempt, Begun};
use super::child::{Heard, Voice};
use super::fate::{Ended, Fate};
use super::halt::{BURST, Failure, Failures, Halt, OnFailure, StopWish};
use super::progress::Progress;
use super::queue::Queue;
use super::slots::{Layout, Slot, SlotError};
use super::stop::Requests;
use crate::disk::Disk;
use crate::plan::RunPlan;
use crate::record::RunDir;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// How a batch runs.
#[derive(Clone, Debug)]
pub struct BatchOptions {
    /// Folder of run folders.
    pub runs: PathBuf,
    /// Where runs train at the same time.
    pub layout: Layout,
    /// `--data`.
    pub data_dir: Option<PathBuf>,
    /// Downloads and decoded images.
    pub cache_dir: PathBuf,
    /// Arguments of each worker about checkpoints and stalls.
    pub keep: Vec<String>,
    /// `--on-failure`; without it runs go on unless all fail alike.
    pub on_failure: Option<OnFailure>,
    /// Begin runs again that crashed too often.
    pub retry: bool,
}

impl BatchOptions {
    /// What every worker is told.
    pub(super) fn arguments(&self) -> Vec<String> {
        let data = self.data_dir.iter();
        let data = data.map(|dir| format!("--data={}", dir.display()));
        let cache = format!("--cache={}", self.cache_dir.display());
        let keep = self.keep.iter().cloned();
        data.chain([cache]).chain(keep).collect()
    }
}

/// A batch that could not begin.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// Signals cannot be listened to.
    #[error("the system refused to say when it is asked to stop: {0}")]
    Signals(std::io::Error),
    /// The devices cannot be had.
    #[error(transparent)]
    Slots(#[from] SlotError),
}

/// How a batch ended.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Every run, in the order of the plans.
    pub ended: Vec<Ended>,
    /// How often a signal asked to stop.
    pub requests: usize,
    /// Why it was stopped before its end, if no signal did.
    pub stopped: Option<String>,
}

/// Makes every run of `plans` complete.
///
/// # Errors
/// The batch could not begin: another process holds a device, or the system refused.
pub fn run(
    plans: &[RunPlan],
    options: &BatchOptions,
    progress: &mut Progress,
) -> Result<Batch, BatchError> {
    let requests = Requests::listen().map_err(BatchError::Signals)?;
    let done = |plan: &RunPlan| is_done(options, plan).then_some(Fate::Skipped);
    let fates: Vec<Option<Fate>> = plans.iter().map(done).collect();
    // Devices are not needed where there is nothing to do.
    let slots = if fates.iter().all(Option::is_some) {
        Vec::new()
    } else {
        options.layout.take()?
    };
    let mut floor = Floor::new(plans, options, progress, requests, slots, fates);
    loop {
        floor.fill();
        if floor.is_empty() {
            return Ok(floor.close());
        }
        floor.hear();
        floor.pass_on_requests();
    }
}

/// Whether a run is complete. What a killed batch has left of it goes, and its last name is made safe.
fn is_done(options: &BatchOptions, plan: &RunPlan) -> bool {
    let dir = RunDir::open(&options.runs.join(&plan.run_id));
    let Some(dir) = dir.ok().filter(RunDir::is_done) else {
        return false;
    };
    if dir.is_untidy()
        && let Ok(_lease) = dir.lease("cleaning up")
    {
        // What stays costs nothing but space.
        let _ = dir.settle();
    }
    true
}

/// Longest time in which a signal is not seen.
const PATIENCE: Duration = Duration::from_millis(50);

/// So long after its begin a batch waits for workers of a killed one: a step and a save take less.
const ORPHANS: Duration = Duration::from_secs(120);

/// All that happens at the same time: the slots, what trains in them, and what waits.
struct Floor<'a> {
    plans: &'a [RunPlan],
    options: &'a BatchOptions,
    disk: Disk,
    progress: &'a mut Progress,
    requests: Requests,
    stop: StopWish,
    slots: Vec<Slot>,
    /// For each slot the number of its run and the attempt at it.
    training: Vec<Option<(usize, Attempt<'a>)>>,
    queue: Queue,
    /// Runs to try again, which a worker of a killed batch holds.
    later: Vec<usize>,
    begun: Instant,
    fates: Vec<Option<Fate>>,
    failures: Failures,
    halt: Option<Halt>,
    mouth: Sender<(usize, Heard)>,
    ear: Receiver<(usize, Heard)>,
}

impl<'a> Floor<'a> {
    fn new(
        plans: &'a [RunPlan],
        options: &'a BatchOptions,
        progress: &'a mut Progress,
        requests: Requests,
        slots: Vec<Slot>,
        fates: Vec<Option<Fate>>,
    ) -> Self {
        let (mouth, ear) = channel();
        let open = (0..plans.len()).filter(|&run| fates[run].is_none());
        Self {
            queue: Queue::new(plans, open),
            later: Vec::new(),
            begun: Instant::now(),
            training: slots.iter().map(|_| None).collect(),
            plans,
            options,
            disk: Disk::of("batch"),
            progress,
            requests,
            stop: StopWish::default(),
            slots,
            fates,
            failures: Failures::new(options.on_failure),
            halt: None,
            mouth,
            ear,
        }
    }

    /// Begins a run in each free slot, while runs wait and nothing stops the batch.
    fn fill(&mut self) {
        self.queue.put_back(self.later.drain(..));
        for slot in 0..self.slots.len() {
            while self.training[slot].is_none() && !self.is_stopped() {
                let training = self.training.iter().flatten();
                let training: Vec<_> = training.map(|(run, at)| (*run, at.finished())).collect();
                match self.queue.next(&training) {
                    Some(run) => self.begin(run, slot),
                    None => return,
                }
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.halt.is_some() || self.requests.count() > 0
    }

    fn begin(&mut self, run: usize, slot: usize) {
        let plan = &self.plans[run];
        let ear = self.mouth.clone();
        let voice = Voice { slot, ear };
        match Attempt::begin(plan, self.options, &self.disk, &self.slots[slot], voice) {
            Begun::Training(attempt) => {
                let number = (run + 1, self.plans.len());
                self.progress.begin(slot, &plan.run_id, number);
                self.training[slot] = Some((run, attempt));
            }
            Begun::Later(_) if self.begun.elapsed() < ORPHANS => self.later.push(run),
            Begun::Ended(fate) | Begun::Later(fate) => {
                self.progress.settle(&plan.run_id, &fate);
                self.settle(run, fate, true);
            }
        }
    }

    /// Nothing trains, and nothing will.
    fn is_empty(&self) -> bool {
        let idle = self.training.iter().all(Option::is_none);
        idle && (self.later.is_empty() || self.is_stopped())
    }

    /// Waits a moment for words of the workers.
    fn hear(&mut self) {
        let mut next = self.ear.recv_timeout(PATIENCE).ok();
        while let Some((slot, heard)) = next {
            self.take(slot, heard);
            next = self.ear.try_recv().ok();
        }
    }

    fn take(&mut self, slot: usize, heard: Heard) {
        match heard {
            Heard::Event(event) => {
                if let Some((_, attempt)) = &mut self.training[slot] {
                    attempt.hear(&event);
                    if !attempt.is_early() {
                        self.failures.epoch_finished();
                    }
                }
                self.progress.show(slot, &event);
            }
            Heard::End => {
                if let Some((run, attempt)) = self.training[slot].take() {
                    let early = attempt.is_early();
                    let fate = attempt.end(&self.disk);
                    self.progress.end(slot, &fate);
                    self.settle(run, fate, early);
                }
            }
        }
    }

    /// Takes note of how a run ended; its failure may be the last one.
    fn settle(&mut self, run: usize, fate: Fate, early: bool) {
        if let Fate::Failed { code, cause, exit } = &fate {
            let halt = self.failures.add(&Failure {
                run: &self.plans[run].run_id,
                code,
                cause,
                exit: *exit,
                early,
            });
            if let Some(halt) = halt.filter(|_| self.halt.is_none() && self.has_more()) {
                self.progress.say(&format!("stopping: {}", halt.reason));
                self.halt = Some(halt);
            }
        }
        self.fates[run] = Some(fate);
    }

    /// Whether a run waits or trains.
    fn has_more(&self) -> bool {
        let waits = !self.queue.is_empty() || !self.later.is_empty();
        waits || self.training.iter().any(Option::is_some)
    }

    /// Asks the runs that train to stop, as often as signals or the batch itself want it.
    fn pass_on_requests(&mut self) {
        let before = self.stop.times();
        let times = self.stop.see(self.requests.count());
        if before == 0 && times > 0 {
            self.progress.say(
                "stopping: each run ends its step and is recorded; a second signal stops at once",
            );
        }
        let asks = self.halt.as_ref().is_some_and(|halt| halt.asks);
        for (_, attempt) in self.training.iter_mut().flatten() {
            attempt.stop(times.max(usize::from(asks)));
        }
    }

    /// The fates of all runs. What another process trained in the meantime may be complete by now.
    fn close(mut self) -> Batch {
        let requests = self.stop.see(self.requests.count());
        // The report can be drawn again: whoever interrupts it is not asked to wait.
        self.requests.release(BURST);
        let ended = self.plans.iter().zip(self.fates).map(|(plan, fate)| {
            let fate = match fate {
                None => Fate::NotBegun,
                Some(Fate::Leased { .. }) if is_done(self.options, plan) => Fate::Skipped,
                Some(fate) => fate,
            };
            Ended {
                run: plan.run_id.clone(),
                path: self.options.runs.join(&plan.run_id),
                fate,
            }
        });
        Batch {
            ended: ended.collect(),
            requests,
            stopped: self.halt.map(|halt| halt.reason),
        }
    }
}
