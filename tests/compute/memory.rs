//! The memory that a plan names against the most that a real process held.

use super::runs::Bench;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use supcon::device::DeviceName;
use supcon::plan::{self, Host, RunPlan};
use supcon::record;
use supcon::spec::Overrides;

/// Threads of every run: what a machine has must not decide.
const THREADS: usize = 2;
/// Largest distance between plan and process, as a fraction of the latter.
const TOLERANCE: f64 = 0.2;

/// The bench's spec with these changes.
fn planned(bench: &Bench, changes: &[&str]) -> RunPlan {
    let overrides = Overrides {
        set: changes.iter().map(|&change| change.to_owned()).collect(),
        ..Overrides::default()
    };
    let runs = plan::load_runs(&[bench.spec()], &overrides);
    let runs = runs.unwrap_or_else(|problems| panic!("{problems}"));
    runs.into_iter().next().expect("a run")
}

/// The process that trains a run; its events come over its standard output.
fn worker(bench: &Bench, plan: &RunPlan, device: &str) -> Child {
    let results = bench.folder().join(format!("memory-{device}"));
    let dir = record::RunDir::create(&results, &plan.run_id).expect("a folder");
    dir.write_plan(plan).expect("a plan");
    Command::new(env!("CARGO_BIN_EXE_supcon"))
        .arg("worker")
        .arg(dir.path())
        .arg(format!("--device={device}"))
        .arg(format!("--threads={THREADS}"))
        .arg("--cache")
        .arg(bench.folder().join("cache"))
        .stdout(Stdio::piped())
        .spawn()
        .expect("a worker")
}

/// Bytes that a living process reports in this line of its status.
fn held(process: &Child, line: &str) -> Option<u64> {
    let status = format!("/proc/{}/status", process.id());
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|text| text.strip_prefix(line));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map(|kilobytes| 1024 * kilobytes)
}

/// Most bytes that the worker of a run held at any time (`VmHWM`, which only grows).
fn peak_of_a_worker(bench: &Bench, plan: &RunPlan) -> u64 {
    let mut worker = worker(bench, plan, "cpu");
    // What it says is little, and the pipe holds it.
    let mut peak = 0;
    let ended = loop {
        // A process that ended has no such line any more.
        peak = peak.max(held(&worker, "VmHWM:").unwrap_or(0));
        if let Some(ended) = worker.try_wait().expect("a child") {
            break ended;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    assert!(ended.success());
    peak
}

#[test]
fn three_hundred_epochs_hold_no_more_memory_than_the_first_hundred() {
    if !cfg!(target_os = "linux") {
        return println!("skipped: only Linux tells what a process holds");
    }
    let bench = Bench::new();
    let plan = planned(
        &bench,
        &[
            "data={dataset: shapes, train_size: 64, test_size: 10, validation: ~}",
            "phases.classify=~",
            "phases.pretrain={epochs: 300, batch_size: 32}",
        ],
    );
    for (name, _) in super::devices() {
        let mut worker = worker(&bench, &plan, &name.to_string());
        let said = BufReader::new(worker.stdout.take().expect("a pipe"));
        let mut after_epoch = vec![0];
        for line in said.lines() {
            if line.expect("text").contains("\"epoch_ended\"") {
                after_epoch.extend(held(&worker, "VmRSS:"));
            }
        }
        assert!(worker.wait().expect("a child").success(), "{name}");
        assert!(after_epoch.len() > 295, "{name}: {}", after_epoch.len());
        let (early, late) = (after_epoch[100], after_epoch[295]);
        println!("{name}: {early} bytes after 100 epochs, {late} after 295");
        // libtorch grew by 0.6 to 2.5 MB in four trials, which is not explained yet (results/LOG.md); a batch or a set of
        // weights that stays behind in each epoch would be more.
        let most = match name {
            DeviceName::Cpu => 2 << 20,
            DeviceName::Libtorch | DeviceName::LibtorchCuda(_) => 4 << 20,
        };
        assert!(late < early + most, "{name}: {early} bytes, then {late}");
    }
}

/// What differs: a loss that needs more than the layers, the largest network, a deeper tape than evaluation, evaluation above
/// the step, a step above evaluation, two phases of which the second is frozen, a network whose checkpoint is most of it, and
/// factors in pairs, in a step, in a frozen encoder and in evaluation.
const CASES: [(&str, &[&str]); 9] = [
    (
        "the pairs of a large batch",
        &[
            "data={dataset: shapes, train_size: 8192, test_size: 100, validation: ~}",
            "encoder={blocks: 1, width: 1}",
            "phases.classify=~",
            "phases.pretrain={epochs: 1, batch_size: 2048}",
        ],
    ),
    (
        "resnet50_v2",
        &[
            "data={dataset: shapes, train_size: 32, test_size: 10, validation: ~}",
            "encoder={name: resnet50_v2, blocks: ~, width: ~}",
            "phases.classify=~",
            "phases.pretrain={epochs: 1, batch_size: 32}",
        ],
    ),
    (
        "pretraining alone",
        &[
            "data={dataset: shapes, train_size: 640, test_size: 1000, validation: ~}",
            "encoder={blocks: 1, width: 16}",
            "phases.classify=~",
            "phases.pretrain.epochs=1",
            "phases.pretrain.batch_size=64",
        ],
    ),
    (
        "evaluation above the step",
        &[
            "data={dataset: shapes, train_size: 320, test_size: 256, validation: ~}",
            "encoder={blocks: 1, width: 4}",
            "phases.pretrain=~",
            "phases.classify={epochs: 1, batch_size: 32, freeze: ~}",
        ],
    ),
    (
        "a step above evaluation",
        &[
            "data={dataset: shapes, train_size: 1280, test_size: 256, validation: ~}",
            "encoder={blocks: 2, width: 16}",
            "phases.pretrain=~",
            "phases.classify={epochs: 1, batch_size: 256, freeze: ~}",
        ],
    ),
    (
        "a frozen second phase",
        &[
            "data={dataset: shapes, train_size: 640, test_size: 1000, validation: ~}",
            "encoder={blocks: 1, width: 16}",
            "phases.pretrain={epochs: 1, batch_size: 64}",
            "phases.classify={epochs: 1, batch_size: 64}",
        ],
    ),
    (
        "a step in bf16",
        &[
            "data={dataset: shapes, train_size: 1280, test_size: 10, validation: ~}",
            "encoder={blocks: 1, width: 16}",
            "phases.classify=~",
            "phases.pretrain={epochs: 1, batch_size: 256, precision: bf16}",
        ],
    ),
    (
        "a frozen second phase and evaluation in bf16",
        &[
            "data={dataset: shapes, train_size: 640, test_size: 1000, validation: ~}",
            "encoder={blocks: 1, width: 16}",
            "phases.pretrain={epochs: 1, batch_size: 16}",
            "phases.classify={epochs: 1, batch_size: 128, precision: bf16}",
        ],
    ),
    (
        "a large head",
        &[
            "data={dataset: shapes, train_size: 64, test_size: 10, validation: ~}",
            "phases.classify=~",
            "phases.pretrain={epochs: 1, batch_size: 32, head: {widths: [4096, 1024]}}",
        ],
    ),
];

#[test]
fn memory_of_a_plan_is_that_of_the_process() {
    if cfg!(feature = "libtorch") {
        return println!("skipped: the libraries of libtorch are in the process too");
    }
    if !cfg!(target_os = "linux") {
        return println!("skipped: only Linux tells what a process held");
    }
    let bench = Bench::new();
    let host = Host {
        producer: String::new(),
        threads: THREADS,
    };
    let mut wrong = Vec::new();
    for (name, changes) in CASES {
        let plan = planned(&bench, changes);
        let phases = plan.cost(&host).phases;
        let peaks = phases.iter().filter_map(|phase| phase.memory);
        let peak = peaks.map(|memory| memory.peak).max().expect("known");
        let held = peak_of_a_worker(&bench, &plan);
        let ratio = peak as f64 / held as f64;
        let text = format!("{name}: {peak} bytes planned, {held} held, {ratio:.3}");
        println!("{text}");
        if (ratio - 1.0).abs() > TOLERANCE {
            wrong.push(text);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
