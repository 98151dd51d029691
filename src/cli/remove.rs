//! `supcon rm`: removes recorded runs, for good.

use super::out;
use super::store::{self, LEASED, Names, ResultsArgs, bytes, shown};
use crate::disk::Disk;
use crate::plan::counted;
use crate::record::RunDir;
use crate::record::lease::Lease;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

const MORE: &str = "\
A run that another process holds is not removed, nor are those that were named beside it
(exit code 6). The manifest goes first, so that a run which was removed by half never counts
as done.

Examples:
  supcon rm mine-s0-1f2e3d4c      one run
  supcon rm results/runs/mine-s0-1f2e3d4c
  supcon rm mine                  lists the runs of an experiment
  supcon rm mine --yes            removes them";

/// Arguments of `rm`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct RmArgs {
    /// Run ids, experiments, or folders.
    #[arg(required = true, value_name = "RUN")]
    words: Vec<PathBuf>,
    #[command(flatten)]
    results: ResultsArgs,
    /// Remove more than one run.
    #[arg(long)]
    yes: bool,
}

/// Removes runs.
pub(super) fn remove(args: &RmArgs) -> ExitCode {
    let runs = match store::select(&args.words, &args.results.runs(), Names::Whole) {
        Ok(runs) => runs,
        Err(problem) => return store::refuse(&problem),
    };
    let list = list(&runs);
    if runs.len() > 1 && !args.yes {
        out::print(&list);
        let count = counted(runs.len(), "run");
        return store::refuse(&format!("{count} match; `--yes` removes them"));
    }
    let disk = Disk::of("rm");
    let runs: Vec<RunDir> = runs.into_iter().map(|run| run.on(&disk)).collect();
    let leases = match hold(&runs) {
        Ok(leases) => leases,
        Err(code) => return code,
    };
    let mut code = 0;
    for (run, lease) in runs.into_iter().zip(leases) {
        match run.remove() {
            Ok(()) => drop(lease),
            Err(error) => code = store::fail(&error),
        }
    }
    if code == 0 {
        out::print(&format!("removed:\n{list}"));
    }
    ExitCode::from(code)
}

fn list(runs: &[RunDir]) -> String {
    let line = |run: &RunDir| {
        let path = run.path().display().to_string();
        format!("{:>9}  {}\n", bytes(run.bytes()), shown(&path))
    };
    runs.iter().map(line).collect()
}

/// The leases of all runs, before any is removed.
fn hold(runs: &[RunDir]) -> Result<Vec<Lease>, ExitCode> {
    let mut leases = Vec::new();
    for run in runs {
        match store::take(run, "removing the run") {
            Ok(Ok(lease)) => leases.push(lease),
            Ok(Err(holder)) => {
                let line = store::leased(&run.run_id(), &holder);
                out::warn(&format!("error: {line}; nothing was removed\n"));
                return Err(ExitCode::from(LEASED));
            }
            Err(error) => return Err(ExitCode::from(store::fail(&error))),
        }
    }
    Ok(leases)
}
