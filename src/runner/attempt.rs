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
use crate::record::{self, Disk, RecordError, RunDir, State, Status};
use crate::train::Event;
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
        // Another batch may have finished it since this one looked. What cannot be read ends the attempt: it may be sound.
        if dir.completed()? {
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
        let fate = self.judge(ended, disk);
        fate.unwrap_or_else(|error| Fate::unrecorded(&error))
    }

    fn judge(self, ended: ExitStatus, disk: &Disk) -> Result<Fate, RecordError> {
        if self.dir.completed()? {
            // What is on the disk counts: libtorch can crash while it is unloaded.
            return self.done(ended, disk);
        }
        match code(ended) {
            Some(exit::LEASED) => {
                let holder = lease::holder(&self.dir.file(LEASE)).ok().flatten();
                Ok(holder.map_or_else(someone, |holder| leased(&holder)))
            }
            Some(exit::INTERRUPTED) => Ok(Fate::Interrupted),
            _ if was_told_to(ended, self.asked) => self.interrupted(),
            _ => self.failed(ended, disk),
        }
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
            let dir = &self.dir;
            let _ = dir.take_over().and_then(|()| dir.drop_checkpoints());
        }
        let resumed = self.resumed;
        Ok(Fate::Done { resumed })
    }

    /// The signal came before the worker listened, or a second one ended it at once.
    fn interrupted(&self) -> Result<Fate, RecordError> {
        let cause = "stopped by a signal before the step in hand had ended";
        let code = Code::RunInterrupted.as_str();
        let completed = write(&self.dir, State::Interrupted, code, cause)?;
        Ok(completed.unwrap_or(Fate::Interrupted))
    }

    /// An error: the worker's own word in its status, its last words, or what it died of.
    fn failed(self, ended: ExitStatus, disk: &Disk) -> Result<Fate, RecordError> {
        let dir = &self.dir;
        let (code, cause) = if let Some((code, cause)) = self.last_words {
            // Where the disk is full this fails too, and the words are what there is.
            if let Ok(Some(completed)) = write(dir, State::Failed, &code, &cause) {
                return Ok(completed);
            }
            (code, cause)
        } else if let Some(own) = self.before.new_status(dir)? {
            own
        } else {
            let (code, cause) = death(dir, ended, &self.before.evidence(dir));
            if let Some(completed) = write(dir, State::Failed, code.as_str(), &cause)? {
                return Ok(completed);
            }
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

/// Whether a worker ended by a signal that asks to stop, which its parent or a cluster may have sent before it listened, or
/// by the one that ends it at once after it was asked.
fn was_told_to(ended: ExitStatus, asked: usize) -> bool {
    #[cfg(unix)]
    let told = std::os::unix::process::ExitStatusExt::signal(&ended)
        .is_some_and(|signal| SIGNALS.contains(&signal) || asked > 0 && signal == libc::SIGKILL);
    #[cfg(not(unix))]
    let told = asked > 0 && !ended.success();
    told
}

/// The lease of a run for its parent, or who holds it.
fn take(dir: &RunDir, what: &str) -> Result<Result<Lease, Holder>, RecordError> {
    match dir.lease(what) {
        Ok(lease) => Ok(Ok(lease)),
        Err(LeaseError::Taken(holder)) => Ok(Err(holder)),
        Err(LeaseError::Io(path, error)) => Err(RecordError::write(&path)(error)),
    }
}

/// Writes how a run ended whose worker is gone. If another process has begun it since, its word counts; if one has completed
/// it, that is the run's fate.
fn write(dir: &RunDir, state: State, code: &str, cause: &str) -> Result<Option<Fate>, RecordError> {
    let Ok(_lease) = take(dir, "recording how the run ended")? else {
        return Ok(None);
    };
    if dir.completed()? {
        return Ok(Some(Fate::Skipped));
    }
    let status = record::recorded_status(dir)?;
    dir.write_status(&Status {
        state,
        code: Some(code.to_owned()),
        cause: Some(cause.to_owned()),
        ..status
    })?;
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples::{metric_rows, plan, status};
    use crate::record::{MANIFEST, STATUS};

    fn run(folder: &std::path::Path) -> RunDir {
        let plan = plan("supcon", 1);
        let dir = RunDir::create(folder, &plan.run_id).unwrap();
        dir.write_plan(&plan).unwrap();
        dir.write_metrics(&metric_rows(&plan, 0.7)).unwrap();
        dir.write_status(&status(State::Done)).unwrap();
        dir
    }

    #[test]
    fn how_a_worker_ended_is_not_written_over_a_run_that_another_batch_completed() {
        let folder = tempfile::tempdir().unwrap();
        let dir = run(folder.path());
        let end = || write(&dir, State::Failed, "RUN-KILLED", "killed").unwrap();
        assert_eq!(end(), None);
        let failed = record::recorded_status(&dir).unwrap();
        assert_eq!(failed.state, State::Failed);
        dir.write_status(&status(State::Done)).unwrap();
        dir.finish().unwrap();
        let before = std::fs::read(dir.file(STATUS)).unwrap();
        assert_eq!(end(), Some(Fate::Skipped));
        assert_eq!(std::fs::read(dir.file(STATUS)).unwrap(), before);
        assert!(dir.completed().unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn wishes_to_stop_are_told_from_kills() {
        use std::os::unix::process::ExitStatusExt;
        let told = |signal, asked| was_told_to(ExitStatus::from_raw(signal), asked);
        for signal in SIGNALS {
            assert!(told(signal, 0), "{signal}");
        }
        assert!(!told(libc::SIGKILL, 0) && told(libc::SIGKILL, 2));
        assert!(!told(libc::SIGSEGV, 1));
    }

    #[cfg(unix)]
    #[test]
    fn a_manifest_that_cannot_be_read_is_an_error_and_nothing_is_removed() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let dir = run(folder.path());
        dir.finish().unwrap();
        // A file whose name is a loop of links cannot be opened by anybody, whoever runs this.
        let status = dir.file(STATUS);
        let away = folder.path().join("status.json");
        std::fs::rename(&status, &away).unwrap();
        symlink(&status, &status).unwrap();
        let error = dir.completed().unwrap_err();
        assert!(error.to_string().starts_with("cannot read "), "{error}");
        assert!(!dir.is_done(), "nobody may say that it is");
        std::fs::remove_file(&status).unwrap();
        std::fs::rename(away, &status).unwrap();
        assert!(dir.file(MANIFEST).is_file() && dir.completed().unwrap());
    }
}
