//! The child: trains the one run whose plan lies in its folder, and leaves its record there. Everything that it prints on
//! standard output is an event; its standard error goes to the run's `log.txt`.

use super::exit;
use super::loading;
use super::resume::{self, Origin, Refused};
use super::room;
use super::stop::Requests;
use super::watch::{self, Done, Growth};
use crate::data::{self, Dataset};
use crate::device::{self, DeviceName};
use crate::diag::Code;
use crate::disk::Disk;
use crate::plan::{ModelFacts, RunPlan};
use crate::record::lease::{self, Holder, LeaseError};
use crate::record::{self, RecordError, RunDir, State, Status};
use crate::train::{self, Begin, Event, Hooks, Kept, Outcome, Pace, TrainError};
use burn::tensor::Device;
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a worker needs beside the plan.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    /// Folder of the run, with `plan.yaml` in it.
    pub run: PathBuf,
    /// Device by name.
    pub device: String,
    /// Threads of this process.
    pub threads: usize,
    /// `--data`.
    pub data_dir: Option<PathBuf>,
    /// Downloads and decoded images.
    pub cache_dir: PathBuf,
    /// How often a checkpoint is committed.
    pub pace: Pace,
    /// Silence after which the run counts as stalled, `None` for ever.
    pub stall: Option<Duration>,
    /// Begins from nothing, whatever checkpoints there are.
    pub restart: bool,
}

/// Trains the run and returns the process's exit code.
#[must_use]
pub fn work(options: &WorkerOptions) -> u8 {
    // From the first moment on: a wish to stop that comes while images are read is no crash.
    let requests = Requests::listen().ok();
    let dir = RunDir::at(options.run.clone()).on(&Disk::of("worker"));
    let lease = match dir.lease("training") {
        Ok(lease) => lease,
        Err(LeaseError::Taken(holder)) => return leased(options, holder.as_ref()),
        Err(LeaseError::Io(path, error)) => return end(&dir, &RecordError::write(&path)(error)),
    };
    let ended = match dir.settle() {
        // Between the look of our parent and this lease another process was at it.
        Ok(true) => Ok(0),
        Ok(false) => Worker::prepare(dir.clone(), options, requests)
            .and_then(|mut worker| worker.work(options)),
        Err(error) => Err(error),
    };
    let code = ended.unwrap_or_else(|error| end(&dir, &error));
    drop(lease);
    code
}

/// Another process trains the run.
fn leased(options: &WorkerOptions, holder: Option<&Holder>) -> u8 {
    let (run, holder) = (options.run.display(), lease::told(holder));
    let _ = writeln!(std::io::stderr(), "{run}: held by {holder}");
    exit::LEASED
}

fn end(dir: &RunDir, error: &RecordError) -> u8 {
    let cause = match record::plan_and_status(dir) {
        Ok((plan, _)) => room::explain(&plan, error),
        Err(_) => error.to_string(),
    };
    last_words(error.code(), cause, error.exit_code())
}

/// Says an error that may be unable to be recorded, since the disk may be full: the parent hears of it all the same.
fn last_words(code: &str, cause: String, exit: u8) -> u8 {
    let _ = writeln!(std::io::stderr(), "error[{code}]: {cause}");
    let code = code.to_owned();
    say(&Event::Ended { code, cause });
    exit
}

/// Why a worker ended that was asked to while it read images.
const NOTHING_TO_LOSE: &str = "stopped before the first step of this process";

struct Worker {
    dir: RunDir,
    plan: RunPlan,
    /// As the process before this one left it.
    before: Option<Status>,
    status: Status,
    requests: Option<Requests>,
}

impl Worker {
    fn prepare(
        dir: RunDir,
        options: &WorkerOptions,
        requests: Option<Requests>,
    ) -> Result<Self, RecordError> {
        let (plan, before) = record::plan_and_status(&dir)?;
        if options.restart {
            dir.drop_checkpoints()?;
        }
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let status = Status {
            state: State::Running,
            code: None,
            cause: None,
            device: options.device.clone(),
            threads: options.threads,
            version: format!("supcon {}", env!("CARGO_PKG_VERSION")),
            class_names: Vec::new(),
            data_hash: String::new(),
            encoder_parameters: 0,
            wall_secs: 0.0,
            images_per_sec: Vec::new(),
            data_place: None,
            data_files: None,
            shared_phases: Vec::new(),
            backends: Vec::new(),
            started_at: started.as_secs(),
        };
        Ok(Self {
            dir,
            plan,
            before,
            status,
            requests,
        })
    }

    fn work(&mut self, options: &WorkerOptions) -> Result<u8, RecordError> {
        // Whoever begins the run again waits for the lease of one whose parent is gone.
        if self.requests.as_ref().is_some_and(|wish| wish.count() > 0) {
            let (state, code) = (State::Interrupted, Code::RunInterrupted);
            return self.end(state, code, &NOTHING_TO_LOSE, exit::INTERRUPTED);
        }
        let named = DeviceName::parse(&options.device);
        let opened = named.and_then(|name| {
            device::prepare(options.threads);
            name.open().map(|device| (name, device))
        });
        let (name, device) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                return self.end(State::Failed, Code::EnvDevice, &error, exit::ENVIRONMENT);
            }
        };
        self.status.device = name.to_string();
        self.status.version = format!("{}, {}", self.status.version, name.backend());
        self.dir.write_status(&self.status)?;
        let requests = self.requests.as_ref();
        let from = (options, self.dir.disk());
        let data = match loading::load(&self.plan, from, requests, &|| self.asked_before()) {
            Ok(data) => data,
            // Where records lie on the same disk, no status can be written either.
            Err(error) if error.is_of_disk() => {
                return Ok(last_words(
                    error.code().as_str(),
                    error.to_string(),
                    exit::DISK,
                ));
            }
            Err(error) => {
                let exit = error.exit_code(exit::FAILED);
                return self.end(State::Failed, error.code(), &error, exit);
            }
        };
        for text in data.notes.iter().cloned() {
            self.dir.log(&text)?;
            say(&Event::Note { text });
        }
        self.status.data_place = data::place(&self.plan.data, options.data_dir.clone());
        self.status.data_files.clone_from(&data.files);
        if let Some(place) = &self.status.data_place {
            self.dir.log(&format!("images from {}", place.display()))?;
        }
        self.status.class_names.clone_from(&data.class_names);
        self.status.data_hash.clone_from(&data.hash);
        let origin = Origin::new(name, &self.status.version, &data);
        if let Some(lack) = room::lacks(&self.dir, &self.plan, &data, &origin) {
            return self.end(State::Failed, Code::DiskPlan, &lack, exit::DISK);
        }
        if let Some(misfit) = resume::misfit(&self.plan, &data) {
            return self.end(State::Failed, Code::DataTooFew, &misfit, exit::FAILED);
        }
        let start = match resume::start(&self.dir, &self.plan, &data, &origin, options.restart) {
            Ok(start) => start,
            Err(Refused::Record(error)) => return Err(error),
            Err(Refused::Data(cause)) => {
                let cause = format!("{cause}{}", self.keep_images());
                return self.end(State::Failed, Code::ResumeData, &cause, exit::REFUSED);
            }
        };
        for note in &start.notes {
            self.dir.log(note)?;
        }
        self.status.shared_phases = start.shared;
        self.status.backends = start.backends;
        self.dir.write_status(&self.status)?;
        let (outcome, result) = self.train(&data, &device, start.begin, &origin, options);
        self.conclude(outcome, result)
    }

    /// Leaves in the status what it said of the images on which the run was trained so far; says how these here differ.
    fn keep_images(&mut self) -> String {
        let Some(before) = &self.before else {
            return String::new();
        };
        let difference = resume::difference(before, &self.status);
        self.status.class_names.clone_from(&before.class_names);
        self.status.data_hash.clone_from(&before.data_hash);
        self.status.data_place.clone_from(&before.data_place);
        self.status.data_files.clone_from(&before.data_files);
        difference
    }

    /// Trains while a second thread watches.
    fn train(
        &self,
        data: &Dataset,
        device: &Device,
        begin: Begin,
        origin: &Origin,
        options: &WorkerOptions,
    ) -> (Outcome, Result<(), TrainError>) {
        let (stop, done) = (AtomicBool::new(false), AtomicBool::new(false));
        let beats = AtomicU64::new(0);
        let mut growth = Growth::default();
        let mut sink = |event: Event| {
            if matches!(event, Event::EpochEnded { .. })
                && let Some(bytes) = watch::resident_bytes()
                && let Some(text) = growth.epoch(bytes, watch::available_bytes())
            {
                // A diary entry is no reason to fail.
                let _ = self.dir.log(&format!("warning: {text}"));
                say(&Event::Warning { text });
            }
            // Nobody listens any more: the parent is gone, so this run ends as if it were interrupted.
            if !say(&event) {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let mut keep = |kept: Kept| self.keep(kept, origin);
        let hooks = Hooks {
            stop: &stop,
            beats: &beats,
            sink: &mut sink,
            keep: &mut keep,
        };
        std::thread::scope(|scope| {
            let watched = (&stop, &done);
            let (beats, requests) = (&beats, self.requests.as_ref());
            let stalled = |limit| self.stalled(limit);
            scope.spawn(move || watch::watch(requests, watched, beats, options.stall, stalled));
            let _done = Done(&done);
            train::run(&self.plan, data, device, (begin, options.pace), hooks)
        })
    }

    /// Commits what training hands out.
    fn keep(&self, kept: Kept, origin: &Origin) -> Result<(), RecordError> {
        match kept {
            Kept::Moment(mut checkpoint) => {
                let (position, status) = (&mut checkpoint.position, &self.status);
                position.backends.clone_from(&status.backends);
                position.shared_phases.clone_from(&status.shared_phases);
                self.dir.write_checkpoint(&checkpoint)?;
                // For readers while the run goes on; the checkpoint is what counts.
                self.dir.write_metrics(&checkpoint.rows)
            }
            Kept::Phase(phase, checkpoint) => {
                let key = origin.key(&self.plan, phase);
                self.dir.store_phase(&key, &checkpoint)
            }
            Kept::Capsule(checkpoint) => self.dir.write_capsule(&checkpoint),
        }
    }

    /// Ends this process when it is asked to stop while it has nothing to lose.
    fn asked_before(&self) {
        self.end_at_once((State::Interrupted, Code::RunInterrupted), NOTHING_TO_LOSE);
        device::end_at_once(exit::INTERRUPTED);
    }

    /// Ends this process from beside a step that never ends.
    fn stalled(&self, limit: Duration) {
        let cause = format!("no step ended for more than {} s", limit.as_secs());
        self.end_at_once((State::Failed, Code::RunStalled), &cause);
        device::end_at_once(exit::FAILED);
    }

    /// Records an end from beside the thread that works. Whatever fails here, the process must end.
    fn end_at_once(&self, (state, code): (State, Code), cause: &str) {
        let status = Status {
            state,
            code: Some(code.to_string()),
            cause: Some(cause.to_owned()),
            ..self.status.clone()
        };
        let _ = self.dir.write_status(&status);
        let _ = self.dir.log(&format!("{code}: {cause}"));
    }

    /// Records how training ended.
    fn conclude(
        &mut self,
        outcome: Outcome,
        result: Result<(), TrainError>,
    ) -> Result<u8, RecordError> {
        self.status.wall_secs = outcome.wall_secs;
        self.status
            .images_per_sec
            .clone_from(&outcome.images_per_sec);
        self.status.encoder_parameters = outcome.encoder_parameters;
        let error = match result {
            Ok(()) => return self.finish(outcome),
            Err(TrainError::Record(error)) => return Err(error),
            Err(error) => error,
        };
        self.dir.write_metrics(&outcome.rows)?;
        let (state, code, exit) = match error {
            TrainError::Interrupted { .. } => {
                (State::Interrupted, Code::RunInterrupted, exit::INTERRUPTED)
            }
            TrainError::Diverged { .. } | TrainError::NotFinite { .. } => {
                (State::Diverged, Code::RunDiverged, exit::FAILED)
            }
            TrainError::Collapsed { .. } => (State::Collapsed, Code::RunCollapsed, exit::FAILED),
            TrainError::Checkpoint(_) | TrainError::Record(_) => {
                (State::Failed, Code::StoreDamaged, exit::DAMAGED)
            }
        };
        self.end(state, code, &error, exit)
    }

    fn finish(&mut self, outcome: Outcome) -> Result<u8, RecordError> {
        self.dir.write_metrics(&outcome.rows)?;
        if !outcome.predictions.is_empty() {
            self.dir.write_predictions(&outcome.predictions)?;
        }
        let status = &self.status;
        let metadata = self.plan.model_metadata(&ModelFacts {
            producer: &status.version,
            class_names: &status.class_names,
            data_hash: &status.data_hash,
            statistics: outcome.statistics,
        });
        self.dir.write_model(&outcome.weights, &metadata)?;
        // `finish` reads the model back.
        drop(outcome);
        self.status.state = State::Done;
        self.dir.write_status(&self.status)?;
        self.dir.finish()?;
        self.dir.tidy()?;
        Ok(0)
    }

    /// Ends the run without a result: status and log say why.
    fn end(
        &mut self,
        state: State,
        code: Code,
        cause: &dyn Display,
        exit: u8,
    ) -> Result<u8, RecordError> {
        self.status.state = state;
        self.status.code = Some(code.to_string());
        self.status.cause = Some(cause.to_string());
        self.dir.write_status(&self.status)?;
        self.dir.log(&format!("{code}: {cause}"))?;
        Ok(exit)
    }
}

/// Writes one event line; false if nobody reads any more.
pub(super) fn say(event: &Event) -> bool {
    let Ok(mut line) = serde_json::to_vec(event) else {
        return true;
    };
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).is_ok()
}
