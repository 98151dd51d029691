//! One attempt at a run as its parent makes it: the folder is prepared, a worker started, and at its end judged
//! (`verdict`). While the parent writes in a run's folder it holds the run's lease; in between the worker holds it.

mod verdict;

pub(super) use verdict::Verdict;

use super::batch::BatchOptions;
use super::child::{Voice, Worker};
use super::death::Before;
use super::fate::Fate;
use super::slots::Slot;
use super::{crashes, exit};
use crate::diag::Code;
use crate::disk::Disk;
use crate::plan::RunPlan;
use crate::record::lease::{self, Holder, Lease, LeaseError};
use crate::record::{self, RecordError, RunDir};
use crate::train::Event;

/// A run that trains.
pub(super) struct Attempt<'a> {
    plan: &'a RunPlan,
    dir: RunDir,
    worker: Worker,
    before: Before,
    /// How often it was asked to stop.
    asked: usize,
    /// Phases that it has finished.
    finished: usize,
    /// It has begun to train, so whatever completes the run is its own doing.
    trains: bool,
    resumed: bool,
    /// No epoch is finished, in this attempt or an earlier one.
    early: bool,
    /// Code and cause of an error that the worker may have been unable to record.
    last_words: Option<(String, String)>,
}

/// What came of the wish to train a run.
pub(super) enum Begun<'a> {
    Training(Attempt<'a>),
    /// There is nothing to train, or nobody may.
    Ended(Fate),
    /// A worker whose parent was killed is still at it; it ends soon.
    Later(Fate),
}

impl<'a> Attempt<'a> {
    /// Prepares the run's folder and starts a worker in `slot`.
    pub(super) fn begin(
        plan: &'a RunPlan,
        options: &BatchOptions,
        disk: &Disk,
        slot: &Slot,
        voice: Voice,
    ) -> Begun<'a> {
        Self::try_begin(plan, options, disk, slot, voice)
            .unwrap_or_else(|error| Begun::Ended(Fate::unrecorded(plan, &error)))
    }

    fn try_begin(
        plan: &'a RunPlan,
        options: &BatchOptions,
        disk: &Disk,
        slot: &Slot,
        voice: Voice,
    ) -> Result<Begun<'a>, RecordError> {
        let dir = RunDir::create_on(disk, &options.runs, &plan.run_id)?;
        let lease = match take(&dir, "preparing the run")? {
            Ok(lease) => lease,
            Err(holder) => {
                let begun = if holder.as_ref().is_some_and(Holder::ends) {
                    Begun::Later
                } else {
                    Begun::Ended
                };
                return Ok(begun(leased(holder.as_ref())));
            }
        };
        // Another batch may have finished it since this one looked. What cannot be read ends the attempt: it may be sound.
        if dir.completed()? {
            return Ok(Begun::Ended(Fate::Skipped));
        }
        if options.retry {
            crashes::forget(&dir, disk)?;
        } else if let Some(count) = crashes::too_many(&dir) {
            return Ok(Begun::Ended(crash_loop(&dir, count)));
        }
        if let Some(problem) = dir.damage()? {
            let text = format!("its result is damaged, so it is trained again: {problem}");
            dir.log(&format!("warning: {text}"))?;
            voice.say(Event::Warning { text });
            dir.reopen()?;
        }
        dir.write_plan(plan)?;
        let before = Before::now(&dir);
        let log = dir.open_log()?;
        drop(lease);
        let worker = Worker::start(dir.path(), &options.arguments(), slot, log, voice);
        Ok(match worker {
            Ok(worker) => Begun::Training(Self {
                plan,
                dir,
                worker,
                before,
                asked: 0,
                finished: 0,
                trains: false,
                resumed: false,
                early: true,
                last_words: None,
            }),
            Err(error) => {
                let cause = format!("its process cannot be started: {error}");
                Begun::Ended(Fate::failed(Code::RunFailed, cause, exit::FAILED))
            }
        })
    }

    /// Takes note of what the worker said.
    pub(super) fn hear(&mut self, event: &Event) {
        match event {
            Event::PhaseStarted { phase, .. } => {
                self.trains = true;
                let mut phases = self.plan.phases.iter();
                self.finished = phases.position(|plan| plan.name == *phase).unwrap_or(0);
            }
            Event::Resumed { .. } => {
                self.resumed = true;
                self.early = false;
            }
            Event::EpochEnded { .. } => self.early = false,
            Event::Ended { code, cause } => self.last_words = Some((code.clone(), cause.clone())),
            Event::Preparing { .. }
            | Event::Shared { .. }
            | Event::Step { .. }
            | Event::Note { .. }
            | Event::Warning { .. }
            | Event::Finished { .. } => {}
        }
    }

    /// Phases that it has finished.
    pub(super) fn finished(&self) -> usize {
        self.finished
    }

    /// Whether it has not finished an epoch yet.
    pub(super) fn is_early(&self) -> bool {
        self.early
    }

    /// Brings the worker to what was asked `times` times: the first time it ends after its step, the second at once.
    pub(super) fn stop(&mut self, times: usize) {
        if times > self.asked {
            self.asked = times;
            if times == 1 {
                self.worker.ask_to_stop();
            } else {
                self.worker.kill();
            }
        }
    }
}

/// What a run says that is not begun again.
fn crash_loop(dir: &RunDir, count: u32) -> Fate {
    let status = record::recorded_status(dir);
    let last = status.ok().and_then(|status| {
        let (code, cause) = status.code.zip(status.cause)?;
        Some(format!(", the last time by {code}: {cause}"))
    });
    let cause = format!(
        "crashed {count} times without a step forward{}; `--retry` begins it again",
        last.unwrap_or_default()
    );
    Fate::failed(Code::RunCrashLoop, cause, exit::FAILED)
}

fn leased(holder: Option<&Holder>) -> Fate {
    let holder = lease::told(holder);
    Fate::Leased { holder }
}

/// The lease of a run for its parent, or who holds it.
fn take(dir: &RunDir, what: &str) -> Result<Result<Lease, Option<Holder>>, RecordError> {
    match dir.lease(what) {
        Ok(lease) => Ok(Ok(lease)),
        Err(LeaseError::Taken(holder)) => Ok(Err(holder)),
        Err(LeaseError::Io(path, error)) => Err(RecordError::write(&path)(error)),
    }
}
