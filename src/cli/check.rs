//! `supcon check`: says whether specs are right, and everything that is wrong with them.

use crate::diag::Problems;
use crate::plan::load_runs;
use crate::spec::Overrides;
use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of a command that was refused before any work.
pub const REFUSED: u8 = 2;

/// Checks every spec below `paths`.
#[must_use]
pub fn check(paths: &[PathBuf], overrides: &Overrides) -> ExitCode {
    match load_runs(paths, overrides) {
        Ok(runs) => {
            let specs = runs
                .iter()
                .map(|run| &run.name)
                .collect::<BTreeSet<_>>()
                .len();
            println!(
                "ok: {}, {}",
                counted(specs, "spec"),
                counted(runs.len(), "run")
            );
            ExitCode::SUCCESS
        }
        Err(problems) => refuse(&problems),
    }
}

/// Prints problems, in colour on a terminal unless `NO_COLOR` is set.
#[must_use]
pub fn refuse(problems: &Problems) -> ExitCode {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    eprint!(
        "{}",
        problems.render(std::io::stderr().is_terminal() && !no_color)
    );
    ExitCode::from(REFUSED)
}

/// A count with its noun.
fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
