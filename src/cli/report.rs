//! `supcon report`: loads runs, prints the table, and says where the page is.

use super::out;
use super::store::{self, Names, ResultsArgs, shown};
use crate::record::{PLAN, RunRecord, load};
use crate::report;
use crate::runner::exit;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

const MORE: &str = "\
Reads records only: nothing is trained, and the specs are not needed.

Examples:
  supcon report                                 all runs below results/runs
  supcon report keras-supcon keras-baseline     two experiments
  supcon report --results other --out page      other records, another place";

/// Arguments of `report`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct ReportArgs {
    /// Experiments, run ids, folders, or how one of them begins [default: every run].
    #[arg(value_name = "PATH|NAME")]
    words: Vec<PathBuf>,
    #[command(flatten)]
    results: ResultsArgs,
    /// Folder of the report [default: `report` below the results].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Reports on the runs that the arguments name.
pub(super) fn report(args: &ReportArgs) -> ExitCode {
    let (mut runs, damaged) = match gather(args) {
        Ok(found) => found,
        Err(problem) => return refuse(&problem, exit::REFUSED),
    };
    report::tell_apart(&mut runs);
    let title = title(&runs);
    let beside = || args.results.results.join("report");
    let out = args.out.clone().unwrap_or_else(beside);
    let built = match report::build(&runs, &out, &title) {
        Ok(built) => built,
        Err(error @ report::ReportError::Write { .. }) => {
            return refuse(&error.to_string(), exit::DISK);
        }
        Err(error) => return refuse(&error.to_string(), exit::DAMAGED),
    };
    let page = built.page.display();
    out::print(&format!("{}\nreport: {page}\n", report::table(&runs)));
    ExitCode::from(damaged)
}

/// The sound runs, and the exit code that the damaged ones ask for; each of those is one line on stderr.
fn gather(args: &ReportArgs) -> Result<(Vec<RunRecord>, u8), String> {
    let mut dirs = store::select(&args.words, &args.results.runs(), Names::Beginnings)?;
    // What is left of a run that was removed by half is `fsck`'s to name.
    dirs.retain(|dir| dir.path().join(PLAN).is_file());
    if dirs.is_empty() {
        let folder = args.results.runs();
        let folder = shown(&folder.to_string_lossy());
        return Err(format!(
            "no runs below {folder}; `supcon run` makes some, and `--results DIR` names other records"
        ));
    }
    let (mut runs, mut code) = (Vec::new(), 0);
    for dir in dirs {
        match load(dir.path()) {
            Ok(run) => runs.push(run),
            Err(error) => {
                out::warn(&format!("error[{}]: {error}\n", error.code()));
                code = code.max(error.exit_code());
            }
        }
    }
    Ok((runs, code))
}

/// Names of the experiments.
fn known(runs: &[RunRecord]) -> Vec<String> {
    let mut names: Vec<String> = runs.iter().map(|run| run.plan.name.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The names of a few experiments, or the number of many.
fn title(runs: &[RunRecord]) -> String {
    let names = known(runs);
    match names.len() {
        1..=3 => names.join(", "),
        n => format!("{n} experiments"),
    }
}

fn refuse(problem: &str, code: u8) -> ExitCode {
    out::warn(&format!("error: {problem}\n"));
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::METRICS;
    use crate::report::samples::{commit, study};
    use std::path::Path;

    /// A store with the study's seven runs, and `report` of these words in it.
    fn store() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        commit(&study(), &folder.path().join("runs"));
        folder
    }

    fn gathered(folder: &Path, words: &[&str]) -> Result<(Vec<RunRecord>, u8), String> {
        gather(&ReportArgs {
            words: words.iter().map(PathBuf::from).collect(),
            results: ResultsArgs {
                results: folder.to_owned(),
            },
            out: None,
        })
    }

    #[test]
    fn a_damaged_run_is_left_out_and_sets_the_exit_code() {
        let folder = store();
        let run = folder.path().join("runs/supcon-s0-0123abcd");
        let count = || gathered(folder.path(), &[]).map(|found| (found.0.len(), found.1));
        assert_eq!(count(), Ok((7, 0)));
        std::fs::write(run.join(METRICS), b"x").unwrap();
        assert_eq!(count(), Ok((6, 4)));
    }

    #[test]
    fn words_name_runs_as_they_do_for_the_other_verbs() {
        let folder = store();
        let count = |words: &[&str]| gathered(folder.path(), words).map(|found| found.0.len());
        assert_eq!(count(&["supcon"]), Ok(3));
        assert_eq!(count(&["supcon", "supcon-s0-0123abcd"]), Ok(3));
        let runs = folder.path().join("runs");
        let elsewhere = gathered(Path::new("absent"), &[&runs.to_string_lossy()]);
        assert_eq!(elsewhere.map(|found| found.0.len()), Ok(7));
        let problem = count(&["supcn"]).unwrap_err();
        assert!(problem.contains("nearest: `supcon`"), "{problem}");
    }

    #[test]
    fn a_folder_without_runs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let problem = gathered(folder.path(), &[]).unwrap_err();
        assert!(problem.starts_with("no runs below "), "{problem}");
        assert!(gathered(&folder.path().join("absent"), &[]).is_err());
    }
}
