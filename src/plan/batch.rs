//! Many specs at once: files and folders to the runs that they ask for, with the problems of all of them together.

use super::RunPlan;
use super::reference::References;
use super::resolve::resolve;
use crate::diag::{Code, Found, Place, Problem, Problems};
use crate::spec::{Loaded, Overrides, Reading, read};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// Loads and resolves every spec below `paths`; runs stand in the order of paths, files within a folder sorted. All of
/// them together may not be more than the limit.
///
/// # Errors
/// The problems of all files together.
pub fn load_runs(paths: &[PathBuf], overrides: &Overrides) -> Result<Vec<RunPlan>, Problems> {
    let runs = check_specs(paths, overrides)?;
    if runs.len() <= overrides.max_runs {
        return Ok(runs);
    }
    let message = format!("these specs ask for {} runs", runs.len());
    let note = format!("the limit is {}", overrides.max_runs);
    let problem = Problem::new(Code::TooManyRuns, message).note(note);
    let help = "give fewer specs, or raise the limit with `--max-runs`";
    Err(problem.help(help).into())
}

/// As `load_runs`, but with the limit for each spec by itself: nothing is begun.
///
/// # Errors
/// The problems of all files together.
pub fn check_specs(paths: &[PathBuf], overrides: &Overrides) -> Result<Vec<RunPlan>, Problems> {
    let mut walked = Vec::new();
    let files = find_files(paths, &mut walked);
    let mut found = Found::default();
    found.extend(walked);
    let outcomes: Vec<Outcome> = files.iter().map(|file| outcome(file, overrides)).collect();
    let bases: BTreeSet<&PathBuf> = outcomes.iter().flat_map(|one| &one.bases).collect();
    // What a folder holds for others to extend is no experiment that lacks a name.
    let is_base = |one: &Outcome| {
        let id = || one.file.path.canonicalize().ok();
        one.file.walked && !one.named && id().is_some_and(|id| bases.contains(&id))
    };
    let base: Vec<bool> = outcomes.iter().map(is_base).collect();
    let mut names: BTreeMap<String, Option<Place>> = BTreeMap::new();
    let mut runs = Vec::new();
    for (one, base) in outcomes.into_iter().zip(base) {
        if base {
            continue;
        }
        found.begin_another();
        found.extend(one.problems);
        runs.extend(one.runs);
        for (name, place) in one.names {
            if let Some(earlier) = names.get(&name) {
                found.push(same_name(&name, place.clone(), earlier.clone()));
            }
            names.entry(name).or_insert(place);
        }
    }
    Problems::or(found.finish(), runs)
}

/// What one file gives.
struct Outcome {
    file: SpecFile,
    runs: Vec<RunPlan>,
    problems: Vec<Problem>,
    /// Name of each point and where it was written.
    names: Vec<(String, Option<Place>)>,
    named: bool,
    bases: Vec<PathBuf>,
}

fn outcome(file: &SpecFile, overrides: &Overrides) -> Outcome {
    let reading = read(&file.path, overrides);
    let (named, bases) = (reading.named, reading.bases.clone());
    let name = |point: &Loaded| (point.spec.name.clone(), point.place("name"));
    let names = if reading.problems.is_empty() {
        reading.points.iter().map(name).collect()
    } else {
        Vec::new()
    };
    let (runs, problems) = match resolve_reading(reading) {
        Ok(runs) => (runs, Vec::new()),
        Err(problems) => (Vec::new(), problems.into_vec()),
    };
    Outcome {
        file: file.clone(),
        runs,
        problems,
        names,
        named,
        bases,
    }
}

/// The runs of a spec that was read.
///
/// # Errors
/// What is wrong with single values, and all conflicts between those that are right.
pub fn resolve_reading(reading: Reading) -> Result<Vec<RunPlan>, Problems> {
    let wrong = !reading.problems.is_empty();
    let (label, extended) = (reading.label, reading.extended);
    let mut found = Found::default();
    found.extend(reading.problems);
    let mut runs = Vec::new();
    match resolve_all(&reading.points) {
        // Two mended points may be alike because of what was mended.
        Err(more) => found.extend(
            more.into_vec()
                .into_iter()
                .filter(|problem| !wrong || problem.code != Code::DuplicatePoint),
        ),
        Ok(all) => runs = all,
    }
    let mut problems = found.finish();
    for problem in &mut problems {
        name_spec(problem, &label, &extended);
    }
    Problems::or(problems, runs)
}

/// Says which spec was asked for, where a problem is shown in a base of it.
fn name_spec(problem: &mut Problem, label: &str, extended: &[String]) {
    let file = problem.place.as_ref().map(|place| place.file.clone());
    let Some(file) = file.filter(|file| file != label && extended.contains(file)) else {
        return;
    };
    // A chain of bases begins with the spec.
    let named = problem
        .note
        .as_ref()
        .is_some_and(|note| note.contains(label));
    if !named {
        problem.add_note(&format!("in {label}, which extends {file}"));
    }
}

/// The runs of all points of one spec, in their order.
///
/// # Errors
/// Every conflict between sections, and points that describe the same runs.
pub fn resolve_all(points: &[Loaded]) -> Result<Vec<RunPlan>, Problems> {
    let (mut runs, mut found) = (Vec::new(), Found::default());
    let mut references = References::default();
    let mut conflicts: Vec<(&Loaded, Problem)> = Vec::new();
    let mut counts: HashMap<(String, Option<Place>), usize> = HashMap::new();
    let mut seen: BTreeMap<String, &Loaded> = BTreeMap::new();
    for loaded in points {
        let mut problems = Vec::new();
        let resolved = resolve(loaded, &mut references, &mut problems);
        if let Some(first) = resolved.first().filter(|_| problems.is_empty()) {
            let earlier = seen.insert(first.identity(), loaded);
            found.extend(earlier.map(|earlier| same_point(loaded, earlier)));
        }
        runs.extend(resolved);
        for problem in problems {
            let count = counts.entry((problem.message.clone(), problem.place.clone()));
            let count = count.or_default();
            *count += 1;
            if *count == 1 {
                conflicts.push((loaded, problem));
            }
        }
    }
    for (loaded, mut problem) in conflicts {
        let count = counts[&(problem.message.clone(), problem.place.clone())];
        // What is wrong at every point is not the sweep's doing.
        if count < points.len()
            && let Some(note) = loaded.point_note(problem.place.as_ref())
        {
            problem.add_note(&note);
        }
        found.push(problem);
    }
    Problems::or(found.finish(), runs)
}

fn same_point(loaded: &Loaded, earlier: &Loaded) -> Problem {
    let pairs = loaded.point.iter().zip(&earlier.point);
    let other: Vec<_> = pairs.filter(|(a, b)| a.1 != b.1).collect();
    // The first value that differs, or the first swept key where none does.
    let key = other
        .first()
        .map_or_else(|| loaded.point.first(), |(key, _)| Some(key));
    let key = key.map_or("name", |(key, _)| key.as_str());
    let shown = |point: &[(String, String)]| {
        let each = point.iter().map(|(key, value)| format!("{key} = {value}"));
        each.collect::<Vec<_>>().join(", ")
    };
    let message = format!(
        "two points of the sweep describe the same runs: {}",
        shown(&loaded.point)
    );
    let problem = Problem::new(Code::DuplicatePoint, message)
        .at(loaded.place(key))
        .label("again")
        .related(earlier.place(key), "the first of them")
        .help("delete one of the values: a run is never trained twice");
    let same = |((key, now), (_, then)): &(&(String, String), &(String, String))| {
        format!("the values {then} and {now} of `{key}` make no difference")
    };
    match &other.iter().map(same).collect::<Vec<_>>()[..] {
        [] => problem,
        same => problem.note(same.join("; ")),
    }
}

fn same_name(name: &str, place: Option<Place>, earlier: Option<Place>) -> Problem {
    Problem::new(
        Code::DuplicateName,
        format!("two experiments are called `{name}`"),
    )
    .at(place)
    .label("written again")
    .related(earlier, "first written")
    .help("give one of them another name: it labels runs, charts and tables")
}

/// A spec file.
#[derive(Clone)]
struct SpecFile {
    path: PathBuf,
    /// It was found in a folder and not named itself.
    walked: bool,
}

/// The spec files that are meant by `paths`: files as they are, folders walked; each file once.
pub fn spec_files(paths: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let files = find_files(paths, problems).into_iter();
    files.map(|file| file.path).collect()
}

fn find_files(paths: &[PathBuf], problems: &mut Vec<Problem>) -> Vec<SpecFile> {
    let mut files: Vec<SpecFile> = Vec::new();
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    for path in paths {
        let walked = path.is_dir();
        let found = if walked {
            folder(path, problems)
        } else {
            vec![path.clone()]
        };
        for path in found {
            let id = path.canonicalize().unwrap_or_else(|_| path.clone());
            let place = *places.entry(id).or_insert(files.len());
            if place == files.len() {
                files.push(SpecFile { path, walked });
            } else {
                files[place].walked &= walked;
            }
        }
    }
    files
}

/// Every `*.yaml` and `*.yml` below a folder, sorted; not in hidden folders, and not the plans of recorded runs.
fn folder(path: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let hidden = |entry: &walkdir::DirEntry| {
        entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.')
    };
    let entries = walkdir::WalkDir::new(path).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(|entry| !hidden(entry)) {
        match entry {
            Ok(entry) => {
                let ending = entry.path().extension().and_then(|ending| ending.to_str());
                let spec = matches!(ending, Some("yaml" | "yml")) && !entry.file_type().is_dir();
                if spec && !is_plan(entry.path()) {
                    files.push(entry.into_path());
                }
            }
            Err(error) => problems.push(
                Problem::new(Code::Unreadable, format!("cannot read the folder: {error}"))
                    .help("make it readable, or name the specs one by one"),
            ),
        }
    }
    if files.is_empty() {
        let message = format!("the folder `{}` holds no spec", path.display());
        problems.push(Problem::new(Code::NotFound, message).help("specs end in `.yaml` or `.yml`"));
    }
    files
}

/// Whether a file is the plan of a recorded run: `plan.yaml` in a folder named after its run.
fn is_plan(path: &Path) -> bool {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    let folder = folder.to_string_lossy();
    let hash = folder.rsplit_once('-').map_or("", |(_, hash)| hash);
    let named = hash.len() == HASH && hash.chars().all(|c| c.is_ascii_hexdigit());
    named && path.file_name().is_some_and(|name| name == "plan.yaml")
}

/// Letters at the end of a run's id.
const HASH: usize = 8;
