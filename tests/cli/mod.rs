//! The language as a user meets it: every kind of problem with its text, the layers, the order of phases, the identity
//! of runs, every shipped spec, every key, and the faults that a spec can have. What they share is here.

mod axes;
mod codes;
mod columns;
mod conflicts;
mod editor;
mod faults;
mod files;
mod grammar;
mod identity;
mod keys;
mod layers;
#[cfg(target_os = "linux")]
mod limits;
mod misplaced;
mod mistakes;
mod nearest;
mod phases;
#[cfg(unix)]
mod pipes;
mod plans;
mod preview;
mod problems;
mod repair;
mod shipped;
mod survives;
mod sweeps;
mod typos;
mod values;
mod without_effect;

use std::path::{Path, PathBuf};
use supcon::diag::Problems;
use supcon::plan::{RunPlan, resolve_reading};
use supcon::spec::{Loaded, Overrides, Reading, read_with};

/// A spec without a mistake.
const GOOD: &str = "\
name: good
seeds: [0, 1]
data: {dataset: shapes, train_size: 100}
augment: [{normalize: per_channel}, {flip: horizontal}]
encoder: {name: resnet_cifar, blocks: 1}
phases:
  pretrain:
    epochs: 2
    batch_size: 20
    head: {name: projection, widths: [16]}
    loss: {name: npairs, temperature: 0.05}
    optimizer: {name: adam}
  classify:
    epochs: 1
    batch_size: 20
    freeze: [encoder]
    head: {name: classifier}
    loss: {name: cross_entropy}
    optimizer: {name: adam, learning_rate: 1e-3}
expect:
  - {metric: test_accuracy, min: 0.2}
";

/// A folder with spec files.
struct Case {
    dir: tempfile::TempDir,
    overrides: Overrides,
    env: Vec<(String, String)>,
}

impl Case {
    fn new(spec: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let case = Self {
            dir,
            overrides: Overrides::default(),
            env: Vec::new(),
        };
        case.file("spec.yaml", spec.as_bytes())
    }

    fn file(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
        self
    }

    /// As `file`, of a case that is still needed.
    fn file_again(&self, name: &str, bytes: &[u8]) -> &Self {
        std::fs::write(self.dir.path().join(name), bytes).expect("written");
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.overrides.set.push(text.into());
        self
    }

    fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    fn read(&self) -> Reading {
        read_with(
            &self.dir.path().join("spec.yaml"),
            &self.overrides,
            &self.env,
        )
    }

    /// The first point, which is the only one without a sweep.
    fn loaded(&self) -> Loaded {
        let Reading {
            points, problems, ..
        } = self.read();
        assert!(problems.is_empty(), "{problems:?}");
        points.into_iter().next().expect("a point")
    }

    fn resolve(&self) -> Result<Vec<RunPlan>, Problems> {
        resolve_reading(self.read())
    }

    fn runs(&self) -> Vec<RunPlan> {
        self.resolve()
            .unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn problems(&self) -> Problems {
        self.resolve().expect_err("problems")
    }

    /// The drawn problems, with the folder's name taken out.
    fn text(&self) -> String {
        let folder = format!("{}/", self.dir.path().display());
        self.problems().to_string().replace(&folder, "")
    }
}

/// How the program ended, and what it wrote to stderr.
struct Told {
    exit: Option<i32>,
    text: String,
}

/// Runs the program on the case's spec, in its folder, and asserts that it leaves every file as it is and makes none.
fn told(case: &Case, arguments: &[&str]) -> Told {
    let before = listing(case.dir.path());
    let sets = case.overrides.set.iter().map(|set| format!("--set={set}"));
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_supcon"))
        .args(arguments)
        .arg("spec.yaml")
        .args(sets)
        .current_dir(case.dir.path())
        .stdin(std::process::Stdio::null())
        .output()
        .expect("supcon starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(listing(case.dir.path()), before, "{arguments:?}: {text}");
    Told {
        exit: output.status.code(),
        text,
    }
}

/// Every path below a folder, with the size and the time of the last change.
fn listing(folder: &Path) -> Vec<(PathBuf, u64, std::time::SystemTime)> {
    let entries = walkdir::WalkDir::new(folder).sort_by_file_name();
    let about = |entry: walkdir::Result<walkdir::DirEntry>| {
        let entry = entry.expect("readable");
        let about = entry.metadata().expect("readable");
        let changed = about.modified().expect("a time");
        (entry.into_path(), about.len(), changed)
    };
    entries.into_iter().map(about).collect()
}

/// Code and line of each problem of a text.
fn codes(text: &[u8]) -> Vec<(&'static str, usize)> {
    let case = Case::new("").file("spec.yaml", text);
    let found = found(&case).into_iter();
    found.map(|(code, line, _)| (code, line)).collect()
}

/// `GOOD` with one piece replaced.
fn edited(from: &str, to: &str) -> Case {
    assert!(GOOD.contains(from), "{from}");
    Case::new(&GOOD.replacen(from, to, 1))
}

/// Code, line and label of each problem.
fn found(case: &Case) -> Vec<(&'static str, usize, String)> {
    let problems = case.problems();
    let line = |p: &supcon::diag::Problem| p.place.as_ref().map_or(0, |place| place.line);
    problems
        .iter()
        .map(|p| {
            (
                p.code.as_str(),
                line(p),
                p.label.clone().unwrap_or_default(),
            )
        })
        .collect()
}

/// Asserts that the edit gives exactly one problem of this code on this line, whose text holds all `parts`.
fn one(from: &str, to: &str, code: &str, line: usize, parts: &[&str]) {
    let case = edited(from, to);
    let found = found(&case);
    let text = case.text();
    assert_eq!(found.len(), 1, "{from} -> {to}\n{text}");
    assert_eq!(
        (found[0].0, found[0].1),
        (code, line),
        "{from} -> {to}\n{text}"
    );
    for part in parts {
        assert!(
            text.contains(part),
            "{from} -> {to}: no `{part}` in\n{text}"
        );
    }
}
