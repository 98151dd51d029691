//! A hundred kills of workers at moments drawn from all that they do: each file operation, each step, each batch of an
//! evaluation. Where each of them fell is told by the worker's last line.

use super::super::runs::last_to_fail;
use super::{Batch, Bench, contents, device};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use supcon::disk::DEATH;
use supcon::record::LOG;

/// Kills of workers in the batches below.
const KILLS: usize = 100;
/// Different moments of a worker's life among them at least.
const MOMENTS: usize = 50;
/// Steps and batches of evaluations of a run below from its first moment to its last.
const BEATS: u64 = 2 * 5 + 2 * (5 + 1) + 1;
/// The operations that write a run's result and commit it.
const END: u64 = 20;

/// The fault of the batch that is started as this one: where a worker dies that gets so far. A run is done behind so many
/// operations.
fn fault(number: u64, operations: u64, ends: bool) -> String {
    // The parity of the number says which of the two it is, so it takes no part in the draw.
    let draw = number / 2 * 7919;
    match number % 2 {
        _ if ends => format!("worker:kill@{}", operations - draw % END),
        0 => format!("worker:die@{}", 1 + draw % BEATS),
        _ => format!("worker:kill@{}", 1 + draw % operations),
    }
}

/// What a worker did when it was killed, by its last words and what it wrote at.
fn activity(log: &str) -> &'static str {
    let mut lines = log.lines().rev();
    let at = lines
        .find_map(|line| line.strip_prefix(DEATH))
        .expect("last words");
    let writes = |names: &[&str]| names.iter().any(|name| at.contains(name));
    match at {
        "a step" => "step",
        "an evaluation" => "evaluation",
        _ if writes(&["/checkpoints", "/phases", "metrics.parquet"]) => "save",
        _ if writes(&["predictions.parquet", "model.safetensors", "MANIFEST.json"]) => "end",
        _ => "start",
    }
}

/// What was killed so far.
#[derive(Default)]
struct Killed {
    /// How many, by what they did.
    fell: BTreeMap<&'static str, usize>,
    /// The faults that did it, each another moment.
    moments: BTreeSet<String>,
}

impl Killed {
    fn count(&self) -> usize {
        self.fell.values().sum()
    }

    fn is_enough(&self) -> bool {
        self.count() >= KILLS && self.moments.len() >= MOMENTS
    }

    /// Takes note of the runs of a batch that were killed.
    fn add(&mut self, table: &Value, fault: &str) {
        for run in table["runs"].as_array().expect("a list") {
            if run["fate"] != "failed" {
                continue;
            }
            assert_eq!(run["code"], "RUN-KILLED", "{fault}: {run}");
            let path = Path::new(run["path"].as_str().expect("a path"));
            let log = fs::read_to_string(path.join(LOG)).expect("a log");
            *self.fell.entry(activity(&log)).or_default() += 1;
            self.moments.insert(fault.to_owned());
        }
    }
}

#[test]
fn a_batch_of_six_whose_workers_are_killed_a_hundred_times_ends_as_one_that_was_not() {
    let bench = Bench::new();
    let spec = bench.spec();
    // Kills without a step between them are no reason to give a run up here. The first kill stops a batch, so that the
    // next one comes at another moment.
    let six = "--set=seeds=[0, 1, 2, 3, 4, 5]";
    let arguments = [
        &device(),
        "--jobs=2",
        "--threads=2",
        "--checkpoint-steps=1",
        "--retry",
        "--on-failure=stop",
    ];
    let start = |seeds: &str, results: &str, fault: &str| {
        let arguments = [&[seeds], &arguments[..]].concat();
        Batch::start_with(fault, &bench, &[&spec], results, &arguments)
    };
    let operations = last_to_fail(|at| {
        let (results, fault) = (format!("probe-{at}"), format!("worker:kill@{at}"));
        start("--set=seeds=[0]", &results, &fault).end().0 == Some(0)
    });
    println!("a run is done behind {operations} file operations");
    assert_eq!(start(six, "straight", "").end().0, Some(0));
    let expected = contents(&bench, "straight");
    assert_eq!(expected.len(), 6);
    let mut killed = Killed::default();
    let (mut number, mut batches) = (0, 0);
    while !killed.is_enough() {
        batches += 1;
        let results = format!("batch-{batches}");
        loop {
            // The first of some batches is killed where its runs end.
            let ends = batches % 3 == 2 && !bench.folder().join(&results).exists();
            let fault = match killed.is_enough() {
                true => String::new(),
                false => fault(number, operations, ends),
            };
            number += 1;
            let (exit, table) = start(six, &results, &fault).end();
            killed.add(&table, &fault);
            match exit {
                Some(0) => break,
                exit => assert_eq!(exit, Some(3), "only a kill ends a run early: {table}"),
            }
        }
        assert!(contents(&bench, &results) == expected, "{results}");
    }
    let (kills, moments, fell) = (killed.count(), killed.moments.len(), killed.fell);
    println!(
        "{kills} workers killed at {moments} moments in {batches} batches of 6 runs: {fell:?}"
    );
    for activity in ["start", "step", "save", "evaluation", "end"] {
        assert!(fell.contains_key(activity), "none in {activity}: {fell:?}");
    }
}
