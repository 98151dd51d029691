//! `supcon run`: makes every run of the given specs complete, then reports on them.

use super::{FolderArgs, SpecArgs, check};
use crate::device::DeviceName;
use crate::diag::{self, Code, Problem};
use crate::plan::{self, RunPlan};
use crate::record;
use crate::report;
use crate::runner::{self, BatchOptions, Ended, Fate, Progress, Style, WorkerOptions, exit};
use crate::train::Pace;
use clap::Args;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `run`.
#[derive(Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// Device: `cpu`, `libtorch`, `libtorch:cuda:N`, or `auto` for the fastest that is there.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Threads of a run [default: all processors].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    folders: FolderArgs,
    #[command(flatten)]
    keep: KeepArgs,
    /// Print the final table only.
    #[arg(long, short)]
    quiet: bool,
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

/// When a run is kept, and when it is given up.
#[derive(Args, Clone)]
pub(super) struct KeepArgs {
    /// Commit a checkpoint after every N steps too; it is always done at the end of an epoch.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    checkpoint_steps: Option<u64>,
    /// Commit a checkpoint at least after so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    checkpoint_secs: u64,
    /// Give a run up if no step ends for so many seconds and for much longer than ever before; 0 waits for ever.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    stall_secs: u64,
    /// Begin unfinished runs again from nothing, whatever checkpoints there are.
    #[arg(long)]
    restart: bool,
}

impl KeepArgs {
    /// As arguments of a worker.
    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--checkpoint-secs={}", self.checkpoint_secs),
            format!("--stall-secs={}", self.stall_secs),
        ];
        arguments.extend(
            self.checkpoint_steps
                .map(|n| format!("--checkpoint-steps={n}")),
        );
        arguments.extend(self.restart.then(|| "--restart".to_owned()));
        arguments
    }

    fn pace(&self) -> Pace {
        let (stop_after, hang_after) = Pace::trials();
        Pace {
            steps: self.checkpoint_steps,
            every: Duration::from_secs(self.checkpoint_secs),
            stop_after,
            hang_after,
        }
    }
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
        stall: (args.keep.stall_secs > 0).then(|| Duration::from_secs(args.keep.stall_secs)),
        restart: args.keep.restart,
    }))
}

/// Trains what is not complete and reports on all of it.
pub(super) fn run(args: &RunArgs) -> ExitCode {
    let plans = match plan::load_runs(&args.specs.paths, &args.specs.overrides()) {
        Ok(plans) => plans,
        Err(problems) => return check::refuse(&problems, args.specs.format),
    };
    let device = match DeviceName::parse(&args.device).and_then(|name| name.open().map(|_| name)) {
        Ok(device) => device,
        Err(error) => {
            let problem = Problem::new(Code::EnvDevice, error.to_string())
                .help("`supcon doctor` says what is there");
            check::show(&problem.into(), args.specs.format);
            return ExitCode::from(exit::ENVIRONMENT);
        }
    };
    let threads = args.threads.unwrap_or_else(processors);
    if !args.quiet {
        eprintln!(
            "{} on {device}, {threads} threads a run",
            counted(plans.len(), "run")
        );
    }
    let options = BatchOptions {
        runs: args.folders.results.join("runs"),
        device: device.to_string(),
        threads,
        data_dir: args.folders.data.clone(),
        cache_dir: args.folders.cache(),
        keep: args.keep.arguments(),
    };
    let mut progress = Progress::new(style(args.quiet));
    let batch = runner::run(&plans, &options, &mut progress);
    progress.finish();
    match batch {
        Ok((ended, requests)) => conclude(args, &plans, &ended, requests),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn style(quiet: bool) -> Style {
    if quiet {
        Style::Quiet
    } else if std::io::stderr().is_terminal() {
        Style::Live
    } else {
        Style::Plain
    }
}

fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Prints table and fates, writes the report, picks the exit code.
fn conclude(args: &RunArgs, plans: &[RunPlan], ended: &[Ended], requests: usize) -> ExitCode {
    let count = |wanted: fn(&Fate) -> bool| ended.iter().filter(|run| wanted(&run.fate)).count();
    let done = count(|fate| *fate == Fate::Done);
    let skipped = count(|fate| *fate == Fate::Skipped);
    let failed = count(|fate| matches!(fate, Fate::Failed { .. }));
    let interrupted = count(|fate| *fate == Fate::Interrupted);
    let report_code = if done + skipped + failed > 0 {
        report(args, plans, ended)
    } else {
        0
    };
    if skipped == plans.len() {
        println!(
            "nothing to do: {} already complete",
            counted(skipped, "run")
        );
    } else {
        println!(
            "done {done}, already complete {skipped}, failed {failed}, interrupted {interrupted}"
        );
    }
    let mut codes = Vec::new();
    for run in ended {
        if let Fate::Failed { code, cause, .. } = &run.fate {
            eprintln!("error[{code}]: {}: {cause}", run.dir.run_id());
            codes.push(code.as_str());
        }
    }
    eprint!("{}", diag::pointer(codes));
    if interrupted > 0 {
        println!("the same command trains what is missing");
        return ExitCode::from(if requests > 1 {
            exit::STOPPED
        } else {
            exit::INTERRUPTED
        });
    }
    ExitCode::from(if failed == 0 {
        report_code
    } else {
        failure(ended)
    })
}

/// A cause that all failures share has its own code; otherwise some runs failed.
fn failure(ended: &[Ended]) -> u8 {
    let mut codes = ended.iter().filter_map(|run| match run.fate {
        Fate::Failed { exit, .. } => Some(exit),
        _ => None,
    });
    let first = codes.next().unwrap_or(exit::FAILED);
    let shared =
        [exit::ENVIRONMENT, exit::DISK].contains(&first) && codes.all(|code| code == first);
    if shared { first } else { exit::FAILED }
}

/// Longest name of a report's folder, in bytes: file systems take 255.
const MAX_FOLDER: usize = 120;

/// The folder's name: all experiments, or the first one and how many more.
fn folder(names: &[&str]) -> String {
    let all = names.join("+");
    match names {
        [first, rest @ ..] if all.len() > MAX_FOLDER && !rest.is_empty() => {
            format!("{first}-and-{}-more", rest.len())
        }
        _ => all,
    }
}

/// Reports on the runs of this batch; its exit code.
fn report(args: &RunArgs, plans: &[RunPlan], ended: &[Ended]) -> u8 {
    let mut code = 0;
    let mut runs = Vec::new();
    for run in ended {
        match record::load(run.dir.path()) {
            Ok(run) => runs.push(run),
            // A run that was never begun has no record to miss.
            Err(_) if run.fate == Fate::Interrupted => {}
            Err(error) => {
                eprintln!("error: {error}");
                code = error.exit_code();
            }
        }
    }
    report::tell_apart(&mut runs);
    let mut names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let out = args.folders.results.join("report").join(folder(&names));
    print!("{}", report::table(&runs));
    match report::build(&runs, &out, &names.join(", ")) {
        Ok(paths) => println!("\nreport: {}", paths.page.display()),
        Err(error) => {
            eprintln!("error: {error}");
            code = exit::DISK;
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_of_a_large_sweep_has_a_name_that_file_systems_take() {
        assert_eq!(folder(&["a", "b"]), "a+b");
        let names: Vec<String> = (0..1000).map(|n| format!("sweep-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(folder(&names), "sweep-0-and-999-more");
    }
}
