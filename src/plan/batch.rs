//! Many specs at once: files and folders to the runs that they ask for, with the problems of all of them together.

use super::{RunPlan, resolve};
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
        let resolved = load(&file, overrides).and_then(|loaded| {
            let found = resolve(&loaded);
            if let Some(earlier) = names.get(&loaded.spec.name) {
                problems.push(same_name(&loaded, earlier));
            }
            names.entry(loaded.spec.name.clone()).or_insert(loaded);
            found
        });
        match resolved {
            Ok(found) => runs.extend(found),
            Err(found) => problems.extend(found.into_vec()),
        }
    }
    Problems::or(problems, runs)
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
