//! `supcon gc`: what can go from a folder of results, and with `--apply` its removal.

use super::out;
use super::store::{self, ResultsArgs, bytes, shown};
use crate::disk::Disk;
use crate::plan::counted;
use crate::record::lease::Lease;
use crate::record::{Garbage, RecordError, RunDir, garbage_beside, run_folders};
use clap::Args;
use std::fmt::Write;
use std::process::ExitCode;

const MORE: &str = "\
What can go: files that a killed process left half written; checkpoints of finished runs;
capsules (the state before a failure) of runs that are finished since; stored phases, once
every run of the folder is finished, except those that a run has taken (its status names
them); with `--cache` decoded images, but no download. A run that another process holds is
not touched. Killed at any point, the same command completes it.

Examples:
  supcon gc                       what can go, and why
  supcon gc --apply               remove it
  supcon gc --cache --apply       decoded images too";

/// Arguments of `gc`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct GcArgs {
    #[command(flatten)]
    results: ResultsArgs,
    /// Remove what is listed; without it nothing is changed.
    #[arg(long)]
    apply: bool,
    /// Decoded images too.
    #[arg(long)]
    cache: bool,
}

/// What was found or removed so far.
#[derive(Default)]
struct Tally {
    out: String,
    pieces: usize,
    bytes: u64,
    /// Exit code of the last error.
    code: u8,
}

/// Lists or removes what can go.
pub(super) fn gc(args: &GcArgs) -> ExitCode {
    if let Err(problem) = args.results.is_there() {
        return store::refuse(&problem);
    }
    let disk = Disk::of("gc");
    let runs: Vec<RunDir> = run_folders(&args.results.runs())
        .into_iter()
        .map(|run| run.on(&disk))
        .collect();
    let mut tally = Tally::default();
    for run in &runs {
        if run.garbage().is_empty() {
            continue;
        }
        match hold(run, args.apply) {
            Ok(Ok(_lease)) => {
                // Once more: it may have gone on until the lease was ours.
                tally.take(&run.garbage(), args.apply.then_some(&disk));
            }
            Ok(Err(holder)) => {
                let line = store::leased(&run.run_id(), &holder);
                let _ = writeln!(tally.out, "kept: {line}");
            }
            Err(error) => tally.code = store::fail(&error),
        }
    }
    let beside = garbage_beside(&args.results.results, &runs, args.cache);
    tally.take(&beside.garbage, args.apply.then_some(&disk));
    if let Some(reason) = beside.kept {
        let _ = writeln!(tally.out, "kept: {}", shown(&reason));
    }
    tally.out.push_str(&summary(&tally, args.apply));
    out::print(&tally.out);
    ExitCode::from(tally.code)
}

/// The lease of a run, none where nothing is going to be changed, or who holds it.
fn hold(run: &RunDir, apply: bool) -> Result<Result<Option<Lease>, String>, RecordError> {
    if apply {
        return Ok(store::take(run, "collecting garbage")?.map(Some));
    }
    Ok(run.holder().map_or(Ok(None), Err))
}

impl Tally {
    /// Lists pieces, and removes them from a disk if there is one.
    fn take(&mut self, garbage: &[Garbage], disk: Option<&Disk>) {
        for piece in garbage {
            if let Some(Err(error)) = disk.map(|disk| piece.discard(disk)) {
                self.code = store::fail(&error);
                continue;
            }
            self.pieces += 1;
            self.bytes += piece.bytes;
            let (size, path) = (bytes(piece.bytes), piece.path.display().to_string());
            let why = piece.kind.why();
            let _ = writeln!(self.out, "{size:>9}  {}: {why}", shown(&path));
        }
    }
}

fn summary(tally: &Tally, apply: bool) -> String {
    let (pieces, size) = (counted(tally.pieces, "piece"), bytes(tally.bytes));
    match (tally.pieces, apply) {
        (0, _) => "nothing can go\n".to_owned(),
        (_, true) => format!("{pieces} removed, {size}\n"),
        (_, false) => format!("{pieces} can go, {size}; `--apply` removes them\n"),
    }
}
