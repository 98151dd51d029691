//! `supcon run`: makes every run of the given specs complete, then reports on them.

mod changed;
mod ending;
mod keep;
mod room;
mod table;

use keep::KeepArgs;

use super::{FolderArgs, Format, SpecArgs, check};
use crate::diag::{Code, Problem};
use crate::plan::{self, counted};
use crate::runner::{
    self, BatchError, BatchOptions, Layout, LayoutError, Progress, SlotError, Style, WorkerOptions,
    exit,
};
use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

const MORE: &str = "\
The same command always makes the runs complete: a finished run is not trained again, an
interrupted one goes on where it stopped. Ctrl-C stops at the end of a step, twice at once.

Examples:
  supcon run exp.yaml
  supcon run experiments --jobs 2              two runs at a time
  supcon run experiments --device libtorch:cuda --jobs 4
  supcon run exp.yaml --set 'seeds=[0,1,2]'    with a value changed
  supcon run exp.yaml --profile smoke          with a section of `profiles`
  supcon run experiments --json > events.jsonl";

/// Arguments of `run`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct RunArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// Device: `cpu`, `libtorch`, `libtorch:cuda:N`, or `auto` for the fastest that is there.
    ///
    /// `libtorch:cuda` without a number takes GPUs that no other batch on this machine uses, one for each of `--jobs`.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Train N runs at a time, each in a process of its own.
    #[arg(long, short, value_name = "N", default_value = "1", value_parser = at_least_one)]
    jobs: usize,
    /// Threads, divided between the runs that train at a time [default: all processors].
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    threads: Option<usize>,
    /// After a failure, go on with the other runs or stop all [default: go on, but stop when three runs fail with the
    /// same error before any has finished an epoch].
    #[arg(long, value_enum, value_name = "WHAT")]
    on_failure: Option<OnFailure>,
    #[command(flatten)]
    keep: KeepArgs,
    /// Begin runs again that crashed five times without a step forward.
    #[arg(long)]
    retry: bool,
    #[command(flatten)]
    folders: FolderArgs,
    /// Print the final table only.
    #[arg(long, short)]
    quiet: bool,
    /// Print each event of each run as a line of JSON, and the final table as the last one.
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
}

/// What follows a failed run.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum OnFailure {
    /// Train the other runs, whatever fails.
    Continue,
    /// Begin no other run and ask those that train to stop.
    Stop,
}

impl From<OnFailure> for runner::OnFailure {
    fn from(policy: OnFailure) -> Self {
        match policy {
            OnFailure::Continue => Self::Continue,
            OnFailure::Stop => Self::Stop,
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it is 0, and at least 1 is needed".to_owned()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

/// Arguments of the hidden `worker`.
#[derive(Args)]
pub(super) struct WorkerArgs {
    /// Folder of the run.
    run: PathBuf,
    #[arg(long)]
    device: String,
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    data: Option<PathBuf>,
    #[arg(long)]
    cache: PathBuf,
    #[command(flatten)]
    keep: KeepArgs,
}

/// Trains one prepared run.
pub(super) fn worker(args: WorkerArgs) -> ExitCode {
    ExitCode::from(runner::work(&WorkerOptions {
        run: args.run,
        device: args.device,
        threads: args.threads,
        data_dir: args.data,
        cache_dir: args.cache,
        pace: args.keep.pace(),
        stall: args.keep.stall(),
        restart: args.keep.restart(),
    }))
}

/// Trains what is not complete and reports on all of it.
pub(super) fn run(args: &RunArgs) -> ExitCode {
    let format = if args.json {
        Format::Json
    } else {
        args.specs.format
    };
    let plans = match plan::load_runs(&args.specs.paths, &args.specs.overrides()) {
        Ok(plans) => plans,
        Err(problems) => return check::refuse(&problems, format),
    };
    let threads = args.threads.unwrap_or_else(processors);
    let layout = match Layout::new(&args.device, args.jobs, threads) {
        Ok(layout) => layout,
        Err(error @ LayoutError::OneGpu { .. }) => {
            ending::warn(&format!("error: {error}"));
            return ExitCode::from(exit::REFUSED);
        }
        Err(error) => {
            let problem = Problem::new(Code::EnvDevice, error.to_string())
                .help("`supcon doctor` says what is there");
            check::show(&problem.into(), format);
            return ExitCode::from(exit::ENVIRONMENT);
        }
    };
    let runs = args.folders.results.join("runs");
    if !args.quiet && !args.json {
        ending::warn(&heading(plans.len(), &layout));
    }
    if let Some(warning) = room::warning(&plans, &runs, args.jobs) {
        ending::warn(&warning);
    }
    let options = BatchOptions {
        runs,
        layout,
        data_dir: args.folders.data.clone(),
        cache_dir: args.folders.cache(),
        keep: args.keep.arguments(),
        on_failure: args.on_failure.map(Into::into),
        retry: args.retry || args.keep.restart(),
    };
    let mut progress = Progress::new(style(args));
    let batch = runner::run(&plans, &options, &mut progress);
    progress.finish();
    if let Some(note) = changed::note(&plans, &args.specs.paths, &args.specs.overrides()) {
        ending::warn(&note);
    }
    match batch {
        Ok(batch) => {
            // Whoever asked it to stop does not wait for a look at all images.
            if batch.requests == 0 {
                let others = changed::other_images(&batch.ended, args.folders.data.as_ref());
                others.iter().for_each(|note| ending::warn(note));
            }
            ending::conclude(&batch, &plans, &args.folders.results, args.json)
        }
        Err(error) => {
            ending::warn(&format!("error: {error}"));
            ExitCode::from(match error {
                BatchError::Slots(SlotError::Taken { .. }) => exit::LEASED,
                BatchError::Slots(SlotError::Lease(_)) | BatchError::Signals(_) => {
                    exit::ENVIRONMENT
                }
            })
        }
    }
}

pub(super) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn style(args: &RunArgs) -> Style {
    if args.json {
        Style::Json
    } else if args.quiet {
        Style::Quiet
    } else if std::io::stderr().is_terminal() {
        Style::Live
    } else {
        Style::Plain
    }
}

/// What is about to happen, in one line.
fn heading(runs: usize, layout: &Layout) -> String {
    let (device, threads) = (layout.device(), counted(layout.threads(), "thread"));
    let at_a_time = match layout.jobs() {
        1 => String::new(),
        jobs => format!(", {jobs} at a time"),
    };
    format!(
        "{} on {device}{at_a_time}, {threads} a run",
        counted(runs, "run")
    )
}
