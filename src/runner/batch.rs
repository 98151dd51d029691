//! The parent: skips runs that are done and trains the others, one in each slot at a time, each in a process of its own.

use super::attempt::{Attempt, Begun, Verdict};
use super::child::{Heard, Voice};
use super::exit;
use super::fate::{Ended, Fate};
use super::halt::{BURST, Failure, Failures, Halt, OnFailure, StopWish};
use super::progress::Progress;
use super::queue::Queue;
use super::slots::{Layout, Slot, SlotError};
use super::stop::Requests;
use crate::disk::Disk;
use crate::plan::RunPlan;
use crate::record::lease::{Holder, LeaseError};
use crate::record::{RecordError, RunDir};
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
    let disk = Disk::of("batch");
    let fates: Vec<Option<Fate>> = plans
        .iter()
        .map(|plan| already(options, plan, &disk))
        .collect();
    // Devices are not needed where there is nothing to do.
    let slots = if fates.iter().all(Option::is_some) {
        Vec::new()
    } else {
        take(|| options.layout.take(), &requests)?
    };
    let mut floor = Floor::new(plans, (options, disk), progress, requests, slots, fates);
    floor.count_failures();
    loop {
        floor.fill();
        if floor.is_empty() {
            return Ok(floor.close());
        }
        floor.hear();
        floor.pass_on_requests();
    }
}

/// The fate of a run that is complete. What a killed batch has left of it goes, and its last name is made safe; where the disk
/// refuses that, nobody may say that all is well.
fn already(options: &BatchOptions, plan: &RunPlan, disk: &Disk) -> Option<Fate> {
    let dir = RunDir::open(&options.runs.join(&plan.run_id));
    let dir = dir.ok().filter(RunDir::is_done)?.on(disk);
    if !dir.is_untidy() {
        return Some(Fate::Skipped);
    }
    let error = match dir.lease("cleaning up") {
        Ok(_lease) => match dir.take_over() {
            Ok(()) => {
                // Somebody may have begun it again in between. What stays costs nothing but space.
                if dir.is_done() {
                    let _ = dir.tidy();
                }
                return Some(Fate::Skipped);
            }
            Err(error) => error,
        },
        // Whoever has it makes it safe.
        Err(LeaseError::Taken(_)) => return Some(Fate::Skipped),
        Err(LeaseError::Io(path, error)) => RecordError::write(&path)(error),
    };
    Some(Fate::unrecorded(plan, &error))
}

/// Takes the slots. A worker whose parent was killed may still hold a GPU, for as long as its step and its save take.
fn take(
    slots: impl Fn() -> Result<Vec<Slot>, SlotError>,
    requests: &Requests,
) -> Result<Vec<Slot>, SlotError> {
    let begun = Instant::now();
    loop {
        match slots() {
            Err(SlotError::Taken { holder, .. })
                if holder.as_ref().is_some_and(Holder::is_gone) && begun.elapsed() < ORPHANS =>
            {
                if requests.count() > 0 {
                    // Without a place for one no run is begun.
                    return Ok(Vec::new());
                }
                std::thread::sleep(PATIENCE);
            }
            taken => return taken,
        }
    }
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
        (options, disk): (&'a BatchOptions, Disk),
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
            disk,
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

    /// Counts the runs that failed before any was begun.
    fn count_failures(&mut self) {
        for run in 0..self.plans.len() {
            let failed = |fate: &mut Fate| matches!(fate, Fate::Failed { .. });
            if let Some(fate) = self.fates[run].take_if(failed) {
                self.progress.settle(&self.plans[run].run_id, &fate);
                self.settle(run, fate, false);
            }
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
                    match attempt.end(&self.disk) {
                        Verdict::Later(_) if self.begun.elapsed() < ORPHANS => {
                            self.progress.give_up(slot);
                            self.later.push(run);
                        }
                        Verdict::Ended(fate) | Verdict::Later(fate) => {
                            self.progress.end(slot, &fate);
                            self.settle(run, fate, early);
                        }
                    }
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
        let needs_room = |fate: &Option<Fate>| matches!(fate, Some(Fate::Failed { exit, .. }) if *exit == exit::DISK);
        let code = match requests {
            _ if self.fates.iter().any(needs_room) => exit::DISK,
            1 => exit::INTERRUPTED,
            _ => exit::STOPPED,
        };
        self.requests.release(BURST, code);
        let ended = self.plans.iter().zip(self.fates).map(|(plan, fate)| {
            let fate = match fate {
                None => Fate::NotBegun,
                Some(leased @ Fate::Leased { .. }) => {
                    already(self.options, plan, &self.disk).unwrap_or(leased)
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[cfg(unix)]
    #[test]
    fn a_batch_waits_for_a_gpu_of_a_worker_that_outlives_its_parent_and_for_no_other() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let gone = child.id();
        child.wait().unwrap();
        let tries = |pid: u32, requests: &Requests| {
            let (host, since) = (crate::disk::host(), 0);
            let (parent, what) = (None, "training on this GPU".to_owned());
            let holder = Holder {
                host,
                pid,
                parent,
                since,
                what,
            };
            let tried = Cell::new(0);
            let slots = || {
                tried.set(tried.get() + 1);
                if tried.get() == 3 {
                    return Ok(Vec::new());
                }
                Err(SlotError::Taken {
                    needed: 1,
                    free: 0,
                    gpu: "0".into(),
                    holder: Some(holder.clone()),
                })
            };
            (take(slots, requests).is_ok(), tried.get())
        };
        let nobody = Requests::default();
        assert_eq!(tries(gone, &nobody), (true, 3));
        assert_eq!(tries(std::process::id(), &nobody), (false, 1));
        // Whoever asks it to stop hears that it was interrupted.
        assert_eq!(tries(gone, &Requests::asked()), (true, 1));
    }
}
