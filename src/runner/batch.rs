//! The parent: skips runs that are done, trains the others one after the other, each in a process of its own.

use super::child::{Heard, Worker};
use super::exit;
use super::progress::Progress;
use super::stop::Requests;
use crate::diag::Code;
use crate::plan::RunPlan;
use crate::record::{self, Disk, LOG, RecordError, RunDir, State, Status};
use crate::train::Event;
use std::path::PathBuf;
use std::process::ExitStatus;

/// How a batch runs.
#[derive(Clone, Debug)]
pub struct BatchOptions {
    /// Folder of run folders.
    pub runs: PathBuf,
    /// Device by name.
    pub device: String,
    /// Threads of each worker.
    pub threads: usize,
    /// `--data`.
    pub data_dir: Option<PathBuf>,
    /// Downloads and decoded images.
    pub cache_dir: PathBuf,
    /// Arguments of each worker about checkpoints and stalls.
    pub keep: Vec<String>,
}

impl BatchOptions {
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--device={}", self.device),
            format!("--threads={}", self.threads),
            format!("--cache={}", self.cache_dir.display()),
        ];
        arguments.extend(
            self.data_dir
                .iter()
                .map(|dir| format!("--data={}", dir.display())),
        );
        arguments.extend(self.keep.iter().cloned());
        arguments
    }
}

/// How one run of a batch ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was complete before this batch.
    Skipped,
    /// Trained and recorded.
    Done,
    /// Ended with an error: code and cause.
    Failed {
        /// Stable code.
        code: String,
        /// One line.
        cause: String,
        /// Exit code of its worker.
        exit: u8,
    },
    /// A signal ended it, or it was not begun because of one.
    Interrupted,
}

/// A run of a batch and its fate.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The run's folder.
    pub dir: RunDir,
    /// How it ended.
    pub fate: Fate,
}

/// Makes every run of `plans` complete. The second value is how often a signal asked to stop.
///
/// # Errors
/// The disk refused a run's folder or its plan.
pub fn run(
    plans: &[RunPlan],
    options: &BatchOptions,
    progress: &mut Progress,
) -> Result<(Vec<Ended>, usize), RecordError> {
    let requests = Requests::listen().map_err(RecordError::write(&options.runs))?;
    let disk = Disk::of("batch");
    let mut ended = Vec::new();
    for (number, plan) in plans.iter().enumerate() {
        let dir = RunDir::create_on(&disk, &options.runs, &plan.run_id)?;
        let fate = if dir.is_done() {
            Fate::Skipped
        } else if requests.count() > 0 {
            Fate::Interrupted
        } else {
            // A finished run whose files are damaged is begun again from nothing.
            dir.reopen()?;
            dir.write_plan(plan)?;
            progress.begin(&plan.run_id, number + 1, plans.len());
            train(&dir, options, progress, &requests)?
        };
        progress.end(&plan.run_id, &fate);
        ended.push(Ended { dir, fate });
    }
    Ok((ended, requests.count()))
}

/// Runs one worker to its end.
fn train(
    dir: &RunDir,
    options: &BatchOptions,
    progress: &mut Progress,
    requests: &Requests,
) -> Result<Fate, RecordError> {
    let io = |error| RecordError::write(&dir.file(LOG))(error);
    let mut worker = Worker::start(dir, &options.arguments()).map_err(io)?;
    let (mut passed_on, mut last_words) = (0, None);
    loop {
        if requests.count() > passed_on {
            passed_on = requests.count();
            if passed_on == 1 {
                worker.ask_to_stop();
            } else {
                worker.kill();
            }
        }
        match worker.hear() {
            Heard::Event(Event::Ended { code, cause }) => last_words = Some((code, cause)),
            Heard::Event(event) => progress.show(&event),
            Heard::Silence => {}
            Heard::End => break,
        }
    }
    let status = worker.wait().map_err(io)?;
    settle(dir, status, passed_on > 0, last_words)
}

/// Reads how a worker ended; if it died without a word, its status is written for it.
fn settle(
    dir: &RunDir,
    ended: ExitStatus,
    asked: bool,
    last_words: Option<(String, String)>,
) -> Result<Fate, RecordError> {
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    if code == Some(0) && dir.is_done() {
        return Ok(Fate::Done);
    }
    if code == Some(exit::INTERRUPTED) {
        return Ok(Fate::Interrupted);
    }
    let mut status = record::load(dir.path())?.status;
    if let Some((code, cause)) = last_words {
        (status.code, status.cause) = (Some(code), Some(cause));
        status.state = State::Failed;
        dir.write_status(&status)?;
    }
    if asked && code.is_none() {
        // The signal came before it listened, or a second one ended it at once.
        dir.write_status(&Status {
            state: State::Interrupted,
            code: Some(Code::RunInterrupted.to_string()),
            cause: Some("stopped by a signal before the step in hand had ended".into()),
            ..status
        })?;
        return Ok(Fate::Interrupted);
    }
    if status.code.is_none() {
        let (code, cause) = death(dir, ended);
        status = Status {
            state: State::Failed,
            code: Some(code.to_string()),
            cause: Some(cause),
            ..status
        };
        dir.write_status(&status)?;
    }
    Ok(Fate::Failed {
        code: status.code.unwrap_or_default(),
        cause: status.cause.unwrap_or_default(),
        exit: code.unwrap_or(exit::FAILED),
    })
}

/// Code and cause of a worker that left no code of its own.
#[must_use]
pub fn death(dir: &RunDir, ended: ExitStatus) -> (Code, String) {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        let likely = if signal == 9 {
            "; often the system was out of memory"
        } else {
            ""
        };
        return (
            Code::RunKilled,
            format!("killed by signal {signal}{likely}"),
        );
    }
    let log = std::fs::read_to_string(dir.file(LOG)).unwrap_or_default();
    let mut lines = log.lines().filter(|line| !line.trim().is_empty()).rev();
    let panicked = log.lines().rev().find(|line| line.contains("panicked at"));
    let last = lines
        .find(|line| !line.starts_with("note:"))
        .unwrap_or("no message");
    let code = if panicked.is_some() {
        Code::RunPanic
    } else {
        Code::RunFailed
    };
    (
        code,
        format!("{}; see {}", last.trim(), dir.file(LOG).display()),
    )
}
