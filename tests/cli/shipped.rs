//! Every spec that the project ships: the experiments and the one in the README.

use super::Case;
use std::path::{Path, PathBuf};
use supcon::plan::{RunPlan, load_runs};
use supcon::spec::Overrides;

/// The repository's folder of experiments.
pub(super) fn experiments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

/// The runs of all of them.
pub(super) fn shipped() -> Vec<RunPlan> {
    load_runs(&[experiments()], &Overrides::default())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_shipped_spec_resolves() {
    let runs = shipped();
    let names: std::collections::BTreeSet<&str> =
        runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!((names.len(), runs.len()), (8, 30));
    let points = |name: &str| {
        runs.iter()
            .find(|run| run.name == name)
            .map(|run| run.reference[0].points.len())
    };
    assert_eq!(points("keras-supcon"), Some(50 + 2 * 50 + 2));
    assert_eq!(points("mini-baseline"), Some(2 * (2 * 10 + 2)));
}

#[test]
fn every_shipped_spec_opens_with_its_five_lines() {
    for entry in walkdir::WalkDir::new(experiments()) {
        let path = entry.expect("readable").into_path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = std::fs::read_to_string(&path).expect("text");
            let heads = [
                "# claim:    ",
                "# source:   ",
                "# cost:     ",
                "# expected: ",
                "# command:  supcon run ",
            ];
            for (line, head) in text.lines().zip(heads) {
                assert!(line.starts_with(head), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn the_spec_in_the_readme_is_valid() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README");
    let (_, rest) = readme.split_once("```yaml\n").expect("a spec");
    let (spec, _) = rest.split_once("```").expect("its end");
    let runs = Case::new(spec).runs();
    assert_eq!((runs.len(), runs[0].phases.len()), (3, 2));
}
