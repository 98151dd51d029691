//! One attempt at a run as its parent makes it: the folder is prepared, a worker started, and at its end judged. A worker
//! that died without a word has its status written for it. While the parent writes in a run's folder it holds the run's
//! lease; in between the worker holds it.

use super::batch::BatchOptions;
use super::child::{Voice, Worker};
use super::death::{Before, death};
use super::fate::Fate;
use super::slots::Slot;
#[cfg(unix)]
use super::stop::SIGNALS;
use super::{crashes, exit};
use crate::diag::Code;
use crate::plan::RunPlan;
use crate::record::lease::{self, Holder, LEASE, Lease, LeaseError};
use crate::record::{self, Disk, LOG, RecordError, RunDir, State, Status};
use crate::train::Event;
use std::fs::OpenOptions;
use std::process::ExitStatus;

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
            .unwrap_or_else(|error| Begun::Ended(Fate::unrecorded(&error)))
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
            Err(holder) if holder.is_orphan() => return Ok(Begun::Later(leased(&holder))),
            Err(holder) => return Ok(Begun::Ended(leased(&holder))),
        };
        // Another batch may have finished it since this one looked.
        if dir.is_done() {
            return Ok(Begun::Ended(Fate::Skipped));
        }
        if options.retry {
            crashes::forget(&dir, disk)?;
        } else if let Some(count) = crashes::too_many(&dir) {
            return Ok(Begun::Ended(crash_loop(&dir, count)));
        }
        // A finished run whose files are damaged is begun again from nothing.
        dir.reopen()?;
        dir.write_plan(plan)?;
        let before = Before::now(&dir);
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(dir.file(LOG));
        let log = log.map_err(RecordError::write(&dir.file(LOG)))?;
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
            | Event::Step { .. }
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

    /// Waits for the worker, whose output has ended, and judges how the run ended.
    pub(super) fn end(mut self, disk: &Disk) -> Fate {
        let ended = match self.worker.wait() {
            Ok(ended) => ended,
            Err(error) => {
                let cause = format!("nobody knows how its process ended: {error}");
                return Fate::failed(Code::RunFailed, cause, exit::FAILED);
            }
        };
        let fate = if self.dir.is_done() {
            // What is on the disk counts: libtorch can crash while it is unloaded.
            self.done(ended, disk)
        } else if code(ended) == Some(exit::LEASED) {
            let holder = lease::holder(&self.dir.file(LEASE)).ok().flatten();
            Ok(holder.map_or_else(someone, |holder| leased(&holder)))
        } else if code(ended) == Some(exit::INTERRUPTED) {
            Ok(Fate::Interrupted)
        } else if self.asked > 0 && was_told_to(ended) {
            self.interrupted()
        } else {
            self.failed(ended, disk)
        };
        fate.unwrap_or_else(|error| Fate::unrecorded(&error))
    }

    fn done(&self, ended: ExitStatus, disk: &Disk) -> Result<Fate, RecordError> {
        if code(ended) == Some(exit::LEASED) {
            return Ok(Fate::Skipped);
        }
        crashes::forget(&self.dir, disk)?;
        if !ended.success()
            && let Ok(_lease) = take(&self.dir, "cleaning up")?
        {
            // It died behind its last commit. What is left over costs nothing but space.
            let _ = self.dir.sweep().and_then(|()| self.dir.drop_checkpoints());
        }
        let resumed = self.resumed;
        Ok(Fate::Done { resumed })
    }

    /// The signal came before the worker listened, or a second one ended it at once.
    fn interrupted(&self) -> Result<Fate, RecordError> {
        let cause = "stopped by a signal before the step in hand had ended";
        let code = Code::RunInterrupted.as_str();
        write(&self.dir, State::Interrupted, code, cause)?;
        Ok(Fate::Interrupted)
    }

    /// An error: the worker's own word in its status, its last words, or what it died of.
    fn failed(self, ended: ExitStatus, disk: &Disk) -> Result<Fate, RecordError> {
        let dir = &self.dir;
        let (code, cause) = if let Some((code, cause)) = self.last_words {
            // Where the disk is full this fails too, and the words are what there is.
            let _ = write(dir, State::Failed, &code, &cause);
            (code, cause)
        } else if let Some(own) = self.before.new_status(dir)? {
            own
        } else {
            let (code, cause) = death(dir, ended, &self.before.evidence(dir));
            write(dir, State::Failed, code.as_str(), &cause)?;
            (code.to_string(), cause)
        };
        if crashes::is_crash(&code) {
            crashes::count(dir, disk)?;
        }
        let exit = self::code(ended).unwrap_or(exit::FAILED);
        Ok(Fate::Failed { code, cause, exit })
    }
}

/// What a run says that is not begun again.
fn crash_loop(dir: &RunDir, count: u32) -> Fate {
    let status = record::load(dir.path()).map(|run| run.status);
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

fn leased(holder: &Holder) -> Fate {
    let holder = holder.to_string();
    Fate::Leased { holder }
}

/// The holder is gone again, or its name cannot be read.
fn someone() -> Fate {
    let holder = "another process".to_owned();
    Fate::Leased { holder }
}

fn code(ended: ExitStatus) -> Option<u8> {
    ended.code().and_then(|code| u8::try_from(code).ok())
}

/// Whether a worker ended by a signal that its parent sends, or that a cluster sends to every process of a job: before
/// its first step a worker does not listen.
fn was_told_to(ended: ExitStatus) -> bool {
    #[cfg(unix)]
    let told = std::os::unix::process::ExitStatusExt::signal(&ended)
        .is_some_and(|signal| signal == libc::SIGKILL || SIGNALS.contains(&signal));
    #[cfg(not(unix))]
    let told = !ended.success();
    told
}

/// The lease of a run for its parent, or who holds it.
fn take(dir: &RunDir, what: &str) -> Result<Result<Lease, Holder>, RecordError> {
    match Lease::take(&dir.file(LEASE), what) {
        Ok(lease) => Ok(Ok(lease)),
        Err(LeaseError::Taken(holder)) => Ok(Err(holder)),
        Err(LeaseError::Io(path, error)) => Err(RecordError::write(&path)(error)),
    }
}

/// Writes how a run ended whose worker is gone. If another process has begun it since, its word counts.
fn write(dir: &RunDir, state: State, code: &str, cause: &str) -> Result<(), RecordError> {
    let Ok(_lease) = take(dir, "recording how the run ended")? else {
        return Ok(());
    };
    let status = record::load(dir.path())?.status;
    dir.write_status(&Status {
        state,
        code: Some(code.to_owned()),
        cause: Some(cause.to_owned()),
        ..status
    })
}
