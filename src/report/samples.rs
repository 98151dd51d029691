//! Studies made of the synthetic runs of `record`, for the tests of this folder.

use crate::record::samples::{metric_rows, plan, prediction_rows, status};
use crate::record::{NamedTensor, RunDir, RunRecord, State};
use std::collections::BTreeMap;
use std::path::Path;

/// Finished runs of one experiment with these seeds and test accuracies, on no disk.
pub fn runs(name: &str, seeds: &[(u64, f64)]) -> Vec<RunRecord> {
    seeds
        .iter()
        .map(|&(seed, accuracy)| run(name, seed, accuracy))
        .collect()
}

/// Two experiments with three seeds each, and a run that failed.
pub fn study() -> Vec<RunRecord> {
    let mut all = runs("baseline", &[(0, 0.4622), (1, 0.4910), (2, 0.4795)]);
    all.extend(runs("supcon", &[(0, 0.5121), (1, 0.4934), (2, 0.5043)]));
    let mut failed = run("baseline", 3, 0.0);
    failed.status = status(State::Failed);
    failed.metrics.truncate(12);
    failed.predictions.clear();
    all.push(failed);
    all
}

/// Writes the runs below `results`, as a batch would.
pub fn commit(runs: &[RunRecord], results: &Path) {
    for run in runs {
        let dir = RunDir::create(results, &run.plan.run_id).unwrap();
        dir.write_plan(&run.plan).unwrap();
        dir.write_status(&run.status).unwrap();
        dir.write_metrics(&run.metrics).unwrap();
        if run.status.state == State::Done {
            dir.write_predictions(&run.predictions).unwrap();
            dir.write_model(&tensors(), &metadata()).unwrap();
            dir.finish().unwrap();
        }
    }
}

fn tensors() -> Vec<NamedTensor> {
    let tensor = |name: &str, shape: &[usize]| NamedTensor {
        name: name.into(),
        shape: shape.to_vec(),
        values: vec![0.5; shape.iter().product()],
    };
    vec![
        tensor("encoder.conv1.weight", &[64, 3, 7, 7]),
        tensor("head.bias", &[10]),
    ]
}

fn metadata() -> BTreeMap<String, String> {
    let pairs = [
        ("format", "pt"),
        ("preprocessing", "normalize: per_channel"),
    ];
    pairs
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

fn run(name: &str, seed: u64, accuracy: f64) -> RunRecord {
    let plan = plan(name, seed);
    RunRecord {
        dir: RunDir::at(Path::new("results/runs").join(&plan.run_id)),
        status: status(State::Done),
        metrics: metric_rows(&plan, accuracy),
        predictions: prediction_rows(seed, 1000),
        plan,
    }
}
