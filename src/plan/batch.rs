//! Many specs at once: files and folders to the runs that they ask for, with the problems of all of them together.

use super::RunPlan;
use super::resolve::resolve;
use crate::diag::{Code, Problem, Problems};
use crate::spec::{Loaded, Overrides, load};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Loads and resolves every spec below `paths`; runs stand in the order of paths, files within a folder sorted.
///
/// # Errors
/// The problems of all files together.
pub fn load_runs(paths: &[PathBuf], overrides: &Overrides) -> Result<Vec<RunPlan>, Problems> {
    let mut problems = Vec::new();
    let files = spec_files(paths, &mut problems);
    let mut names: BTreeMap<String, Loaded> = BTreeMap::new();
    let mut runs = Vec::new();
    for file in files {
        match load(&file, overrides) {
            Err(found) => problems.extend(found.into_vec()),
            Ok(points) => {
                match resolve_all(&points) {
                    Ok(found) => runs.extend(found),
                    Err(found) => problems.extend(found.into_vec()),
                }
                for loaded in points {
                    if let Some(earlier) = names.get(&loaded.spec.name) {
                        problems.push(same_name(&loaded, earlier));
                    }
                    names.entry(loaded.spec.name.clone()).or_insert(loaded);
                }
            }
        }
    }
    if runs.len() > overrides.max_runs {
        let message = format!("these specs ask for {} runs", runs.len());
        let note = format!("the limit is {}", overrides.max_runs);
        let problem = Problem::new(Code::TooManyRuns, message).note(note);
        problems.push(problem.help("give fewer specs, or raise the limit with `--max-runs`"));
    }
    Problems::or(problems, runs)
}

/// The runs of all points of one spec, in their order.
///
/// # Errors
/// Every conflict between sections, and points that describe the same runs.
pub fn resolve_all(points: &[Loaded]) -> Result<Vec<RunPlan>, Problems> {
    let (mut runs, mut problems) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<String, &Loaded> = BTreeMap::new();
    for loaded in points {
        match resolve(loaded) {
            Err(found) => problems.extend(found.into_vec()),
            Ok(found) => {
                let first = found.first();
                let earlier = first.and_then(|run| seen.insert(run.identity(), loaded));
                problems.extend(earlier.map(|earlier| same_point(loaded, earlier)));
                runs.extend(found);
            }
        }
    }
    Problems::or(problems, runs)
}

fn same_point(loaded: &Loaded, earlier: &Loaded) -> Problem {
    let key = loaded.point.iter().zip(&earlier.point);
    // The first value that differs, or the first swept key where none does.
    let key = key
        .clone()
        .find(|(a, b)| a.1 != b.1)
        .or_else(|| key.clone().next());
    let key = key.map_or("name", |((key, _), _)| key.as_str());
    let shown = |point: &[(String, String)]| {
        let each = point.iter().map(|(key, value)| format!("{key} = {value}"));
        each.collect::<Vec<_>>().join(", ")
    };
    let message = format!(
        "two points of the sweep describe the same runs: {}",
        shown(&loaded.point)
    );
    Problem::new(Code::DuplicatePoint, message)
        .at(loaded.place(key))
        .label("again")
        .related(earlier.place(key), "the first of them")
        .help("delete one of the values: a run is never trained twice")
}

fn same_name(loaded: &Loaded, earlier: &Loaded) -> Problem {
    Problem::new(
        Code::DuplicateName,
        format!("two experiments are called `{}`", loaded.spec.name),
    )
    .at(loaded.place("name"))
    .label("written again")
    .related(earlier.place("name"), "first written")
    .help("give one of them another name: it labels runs, charts and tables")
}

/// The spec files that are meant by `paths`: files as they are, folders walked; each file once.
pub fn spec_files(paths: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for path in paths {
        let found = if path.is_dir() {
            folder(path, problems)
        } else {
            vec![path.clone()]
        };
        for file in found {
            if seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                files.push(file);
            }
        }
    }
    files
}

/// Every `*.yaml` and `*.yml` below a folder, sorted.
fn folder(path: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(path).sort_by_file_name() {
        match entry {
            Ok(entry) => {
                let ending = entry.path().extension().and_then(|ending| ending.to_str());
                if matches!(ending, Some("yaml" | "yml")) && !entry.file_type().is_dir() {
                    files.push(entry.into_path());
                }
            }
            Err(error) => problems.push(Problem::new(
                Code::Unreadable,
                format!("cannot read the folder: {error}"),
            )),
        }
    }
    if files.is_empty() {
        let message = format!("the folder `{}` holds no spec", path.display());
        problems.push(Problem::new(Code::NotFound, message).help("specs end in `.yaml` or `.yml`"));
    }
    files
}
