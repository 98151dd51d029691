//! `supcon report`: loads runs, prints the table, and says where the page is.

use super::out;
use crate::record::{RunDir, RunRecord, load};
use crate::report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(super) const MORE: &str = "\
Reads records only: nothing is trained, and the specs are not needed.

Examples:
  supcon report                                   all runs below results/runs
  supcon report --name keras-supcon --name keras-baseline
  supcon report other/results/runs --out other/report";

/// Where runs lie if nobody says otherwise.
const DEFAULT_RUNS: &str = "results/runs";

/// Reports on the runs at or below `paths`; `names` keeps only these experiments.
pub fn report(paths: &[PathBuf], out: &Path, names: &[String]) -> ExitCode {
    let default = [PathBuf::from(DEFAULT_RUNS)];
    let paths = if paths.is_empty() {
        default.as_slice()
    } else {
        paths
    };
    let (mut runs, damaged) = match gather(paths, names) {
        Ok(found) => found,
        Err(problem) => return refuse(&problem, 2),
    };
    report::tell_apart(&mut runs);
    let title = title(&runs);
    let built = match report::build(&runs, out, &title) {
        Ok(built) => built,
        Err(error @ report::ReportError::Write { .. }) => return refuse(&error.to_string(), 7),
        Err(error) => return refuse(&error.to_string(), 4),
    };
    let page = built.page.display();
    out::print(&format!("{}\nreport: {page}\n", report::table(&runs)));
    ExitCode::from(damaged)
}

/// The sound runs, and the exit code that the damaged ones ask for; each of those is one line on stderr.
fn gather(paths: &[PathBuf], names: &[String]) -> Result<(Vec<RunRecord>, u8), String> {
    let mut dirs = Vec::new();
    for path in paths {
        let below = RunDir::list(path);
        if below.is_empty() {
            let path = path.display();
            return Err(format!(
                "no runs at or below {path}; `supcon run` makes some"
            ));
        }
        dirs.extend(below);
    }
    dirs.sort_by(|a, b| a.path().cmp(b.path()));
    dirs.dedup();
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
    if !names.is_empty() {
        let known = known(&runs);
        if let Some(name) = names.iter().find(|name| !known.contains(name)) {
            let known = known.join("`, `");
            return Err(format!(
                "no run of an experiment `{name}`; there are `{known}`"
            ));
        }
        runs.retain(|run| names.contains(&run.plan.name));
    }
    Ok((runs, code))
}

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

    #[test]
    fn a_damaged_run_is_left_out_and_sets_the_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        commit(&study(), folder.path());
        let paths = [
            folder.path().to_owned(),
            folder.path().join("supcon-s0-0123abcd"),
        ];
        assert_eq!(gather(&paths, &[]).map(|x| (x.0.len(), x.1)), Ok((7, 0)));
        std::fs::write(folder.path().join("supcon-s0-0123abcd").join(METRICS), b"x").unwrap();
        assert_eq!(gather(&paths, &[]).map(|x| (x.0.len(), x.1)), Ok((6, 4)));
    }

    #[test]
    fn names_keep_their_experiments_and_unknown_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        commit(&study(), folder.path());
        let paths = [folder.path().to_owned()];
        let supcon = gather(&paths, &["supcon".to_owned()]).unwrap().0;
        assert_eq!(supcon.len(), 3);
        let problem = gather(&paths, &["supcn".to_owned()]).unwrap_err();
        assert_eq!(
            problem,
            "no run of an experiment `supcn`; there are `baseline`, `supcon`"
        );
    }

    #[test]
    fn a_folder_without_runs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(
            gather(&[folder.path().to_owned()], &[])
                .unwrap_err()
                .starts_with("no runs at")
        );
        assert!(gather(&[folder.path().join("absent")], &[]).is_err());
    }
}
