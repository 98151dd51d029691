//! The child: trains the one run whose plan lies in its folder, and leaves its record there. Everything that it prints on
//! standard output is an event; its standard error goes to the run's `log.txt`.

use super::exit;
use super::stop::Requests;
use crate::data::{self, Dataset, LoadOptions};
use crate::device::{self, DeviceName};
use crate::diag::Code;
use crate::model::Weight;
use crate::plan::RunPlan;
use crate::record::{self, NamedTensor, RecordError, RunDir, State, Status};
use crate::train::{self, Event, Outcome, TrainError};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

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
}

/// Trains the run and returns the process's exit code.
#[must_use]
pub fn work(options: &WorkerOptions) -> u8 {
    device::keep_memory();
    match RunDir::open(&options.run).and_then(|dir| Worker::prepare(dir, options)) {
        Ok(mut worker) => match worker.work(options) {
            Ok(code) => code,
            Err(error) => report(&error),
        },
        Err(error) => report(&error),
    }
}

/// Says a record error on standard error and returns its exit code.
fn report(error: &RecordError) -> u8 {
    let _ = writeln!(std::io::stderr(), "error: {error}");
    error.exit_code()
}

struct Worker {
    dir: RunDir,
    plan: RunPlan,
    status: Status,
    begun: Instant,
}

impl Worker {
    fn prepare(dir: RunDir, options: &WorkerOptions) -> Result<Self, RecordError> {
        let plan = record::load(dir.path())?.plan;
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
            started_at: started.as_secs(),
        };
        Ok(Self {
            dir,
            plan,
            status,
            begun: Instant::now(),
        })
    }

    fn work(&mut self, options: &WorkerOptions) -> Result<u8, RecordError> {
        let name = match DeviceName::parse(&options.device) {
            Ok(name) => name,
            Err(error) => {
                return self.end(State::Failed, Code::EnvDevice, &error, exit::ENVIRONMENT);
            }
        };
        self.status.device = name.to_string();
        self.status.version = format!("{}, {}", self.status.version, name.backend());
        self.dir.write_status(&self.status)?;
        device::set_threads(options.threads);
        let device = match name.open() {
            Ok(device) => device,
            Err(error) => {
                return self.end(State::Failed, Code::EnvDevice, &error, exit::ENVIRONMENT);
            }
        };
        let data = match self.load(options) {
            Ok(data) => data,
            Err(error) => return self.end(State::Failed, error.code(), &error, exit::FAILED),
        };
        for note in &data.notes {
            self.dir.log(note)?;
        }
        self.status.class_names.clone_from(&data.class_names);
        self.status.data_hash.clone_from(&data.hash);
        self.dir.write_status(&self.status)?;
        self.begun = Instant::now();
        let (outcome, result) = self.train(&data, &device);
        self.record(&outcome)?;
        match result {
            Ok(()) => self.finish(&outcome),
            Err(error @ TrainError::Interrupted { .. }) => self.end(
                State::Interrupted,
                Code::RunInterrupted,
                &error,
                exit::INTERRUPTED,
            ),
            Err(error @ TrainError::Diverged { .. }) => {
                self.end(State::Diverged, Code::RunDiverged, &error, exit::FAILED)
            }
        }
    }

    fn load(&self, options: &WorkerOptions) -> Result<Dataset, data::DataError> {
        let told = Mutex::new(Instant::now());
        let progress = |progress: data::Progress| {
            let Ok(mut told) = told.try_lock() else {
                return;
            };
            if told.elapsed() > Duration::from_millis(100) {
                *told = Instant::now();
                let (what, done) = (progress.what.to_owned(), progress.done);
                say(&Event::Preparing {
                    what,
                    done,
                    total: progress.total,
                });
            }
        };
        let load = LoadOptions {
            data_dir: options.data_dir.clone(),
            cache_dir: options.cache_dir.clone(),
            progress: &progress,
        };
        data::load(&self.plan.data, &load)
    }

    fn train(
        &self,
        data: &Dataset,
        device: &burn::tensor::Device,
    ) -> (Outcome, Result<(), TrainError>) {
        let stop = AtomicBool::new(false);
        let requests = Requests::listen();
        let mut sink = |event: Event| {
            // Nobody listens any more: the parent is gone, so this run ends as if it were interrupted.
            if !say(&event) {
                stop.store(true, Ordering::Relaxed);
            }
        };
        let (stop, done) = (&stop, &AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    if requests.as_ref().is_ok_and(|requests| requests.count() > 0) {
                        stop.store(true, Ordering::Relaxed);
                    }
                    std::thread::park_timeout(Duration::from_millis(20));
                }
            });
            let trained = train::run(&self.plan, data, device, stop, &mut sink);
            done.store(true, Ordering::Relaxed);
            trained
        })
    }

    /// Writes what was read so far; complete or not.
    fn record(&mut self, outcome: &Outcome) -> Result<(), RecordError> {
        self.status.wall_secs = self.begun.elapsed().as_secs_f64();
        self.status
            .images_per_sec
            .clone_from(&outcome.images_per_sec);
        self.status.encoder_parameters = outcome.encoder_parameters;
        self.dir.write_metrics(&outcome.rows)
    }

    fn finish(&mut self, outcome: &Outcome) -> Result<u8, RecordError> {
        if !outcome.predictions.is_empty() {
            self.dir.write_predictions(&outcome.predictions)?;
        }
        let tensors: Vec<NamedTensor> = outcome.weights.iter().map(named).collect();
        let status = &self.status;
        let metadata =
            self.plan
                .model_metadata(&status.version, &status.class_names, &status.data_hash);
        self.dir.write_model(&tensors, &metadata)?;
        self.status.state = State::Done;
        self.dir.write_status(&self.status)?;
        self.dir.finish()?;
        Ok(0)
    }

    /// Ends the run without a result: status and log say why.
    fn end(
        &mut self,
        state: State,
        code: Code,
        cause: &dyn std::fmt::Display,
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

fn named(weight: &Weight) -> NamedTensor {
    NamedTensor {
        name: weight.name.clone(),
        shape: weight.shape.clone(),
        values: weight.values.clone(),
    }
}

/// Writes one event line; false if nobody reads any more.
fn say(event: &Event) -> bool {
    let Ok(mut line) = serde_json::to_vec(event) else {
        return true;
    };
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).is_ok()
}
