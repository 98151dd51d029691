//! `supcon report`: loads runs, prints the table, and says where the page is.

use crate::record::{RunDir, RunRecord, load};
use crate::report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

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
    let (runs, damaged) = match gather(paths, names) {
        Ok(found) => found,
        Err(problem) => return refuse(&problem, 2),
    };
    let title = title(&runs);
    let built = match report::build(&runs, out, &title) {
        Ok(built) => built,
        Err(error @ report::ReportError::Write { .. }) => return refuse(&error.to_string(), 7),
        Err(error) => return refuse(&error.to_string(), 4),
    };
    print!("{}", report::table(&runs));
    println!("\nreport: {}", built.page.display());
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
    dirs.sort_unstable();
    dirs.dedup();
    let (mut runs, mut code) = (Vec::new(), 0);
    for dir in dirs {
        match load(dir.path()) {
            Ok(run) => runs.push(run),
            Err(error) => {
                eprintln!("error: {error}");
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
    if runs.is_empty() {
        return Err("none of the runs can be read, so there is nothing to report on".to_owned());
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
    eprintln!("error: {problem}");
    ExitCode::from(code)
}
