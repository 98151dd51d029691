//! How an attempt ended. A worker that died without a word has its status written for it, under the run's lease: if another
//! process has begun the run since, its word counts, and if one has completed it, that is the run's fate.

use super::{Attempt, leased, take};
use crate::diag::Code;
use crate::disk::Disk;
use crate::record::lease::{self, Holder, LEASE};
use crate::record::{self, RecordError, RunDir, State, Status};
use crate::runner::death::death;
use crate::runner::fate::Fate;
#[cfg(unix)]
use crate::runner::stop::SIGNALS;
use crate::runner::{crashes, exit};
use std::process::ExitStatus;

/// How an attempt ended.
pub(in crate::runner) enum Verdict {
    Ended(Fate),
    /// A worker of a killed batch was faster, and is about to end.
    Later(Fate),
}

impl Attempt<'_> {
    /// Waits for the worker, whose output has ended, and judges how the run ended.
    pub(in crate::runner) fn end(mut self, disk: &Disk) -> Verdict {
        let ended = match self.worker.wait() {
            Ok(ended) => ended,
            Err(error) => {
                let cause = format!("nobody knows how its process ended: {error}");
                return Verdict::Ended(Fate::failed(Code::RunFailed, cause, exit::FAILED));
            }
        };
        if code(ended) == Some(exit::LEASED) {
            // It may be gone again.
            let holder = lease::holder(&self.dir.file(LEASE)).ok().flatten();
            let ends = holder.as_ref().is_none_or(Holder::ends);
            let verdict = if ends { Verdict::Later } else { Verdict::Ended };
            return verdict(leased(holder.as_ref()));
        }
        let plan = self.plan;
        let fate = self.judge(ended, disk);
        Verdict::Ended(fate.unwrap_or_else(|error| Fate::unrecorded(plan, &error)))
    }

    fn judge(self, ended: ExitStatus, disk: &Disk) -> Result<Fate, RecordError> {
        if self.dir.completed()? {
            // What is on the disk counts: libtorch can crash while it is unloaded.
            return self.done(ended, disk);
        }
        match code(ended) {
            Some(exit::INTERRUPTED) => Ok(Fate::Interrupted),
            _ if was_told_to(ended, self.asked) => self.interrupted(),
            _ => self.failed(ended, disk),
        }
    }

    fn done(&self, ended: ExitStatus, disk: &Disk) -> Result<Fate, RecordError> {
        if !self.trains {
            return Ok(Fate::Skipped);
        }
        match take(&self.dir, "cleaning up") {
            Ok(Ok(_lease)) => {
                // What is left over costs nothing but space.
                let _ = crashes::forget(&self.dir, disk);
                if !ended.success() {
                    // The worker may have failed at the sync that makes the manifest's name last.
                    self.dir.settle()?;
                }
            }
            Err(error) if !ended.success() => return Err(error),
            Ok(Err(_)) | Err(_) => {}
        }
        let resumed = self.resumed;
        Ok(Fate::Done { resumed })
    }

    /// The signal came before the worker listened, or a second one ended it at once.
    fn interrupted(&self) -> Result<Fate, RecordError> {
        let cause = "stopped by a signal before the step in hand had ended";
        let code = Code::RunInterrupted.as_str();
        let Ok(_lease) = take(&self.dir, RECORDING)? else {
            return Ok(Fate::Interrupted);
        };
        let completed = write(&self.dir, State::Interrupted, code, cause)?;
        Ok(completed.unwrap_or(Fate::Interrupted))
    }

    /// An error: the worker's own word in its status, its last words, or what it died of.
    fn failed(self, ended: ExitStatus, disk: &Disk) -> Result<Fate, RecordError> {
        let dir = &self.dir;
        let exit = self::code(ended).unwrap_or(exit::FAILED);
        if let Some((code, cause)) = self.last_words {
            // Where the disk is full this fails too, and the words are what there is.
            let written = record_failure(dir, disk, &code, &cause);
            let completed = written.ok().flatten();
            return Ok(completed.unwrap_or(Fate::Failed { code, cause, exit }));
        }
        if let Some((code, cause)) = self.before.new_status(dir)? {
            return Ok(Fate::Failed { code, cause, exit });
        }
        let (code, cause) = death(dir, ended, &self.before.evidence(dir));
        let completed = record_failure(dir, disk, code.as_str(), &cause)?;
        Ok(completed.unwrap_or_else(|| Fate::failed(code, cause, exit)))
    }
}

/// What the parent holds a lease for behind the end of a worker.
const RECORDING: &str = "recording how the run ended";

/// Writes what a worker could not write, and counts a crash. The run's fate, if another process has completed it.
fn record_failure(
    dir: &RunDir,
    disk: &Disk,
    code: &str,
    cause: &str,
) -> Result<Option<Fate>, RecordError> {
    let Ok(_lease) = take(dir, RECORDING)? else {
        return Ok(None);
    };
    let completed = write(dir, State::Failed, code, cause)?;
    if completed.is_none() && crashes::is_crash(code) {
        crashes::count(dir, disk)?;
    }
    Ok(completed)
}

/// Writes how a run ended whose worker is gone, for whoever holds its lease.
fn write(dir: &RunDir, state: State, code: &str, cause: &str) -> Result<Option<Fate>, RecordError> {
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
