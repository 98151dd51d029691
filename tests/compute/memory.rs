//! The memory that a plan names against the most that a real process held. Measured on Linux, outside the suite.

use super::runs::Bench;
use supcon::plan::{self, Host, RunPlan};
use supcon::record;
use supcon::spec::Overrides;

/// Specs whose activations differ by some hundred MB while nothing else does.
fn with_batch(bench: &Bench, batch: usize) -> RunPlan {
    let set = [
        "data={dataset: shapes, train_size: 1024, test_size: 10, validation: 0}",
        "augment=[{normalize: per_channel}]",
        "encoder={name: resnet_cifar, blocks: 2, width: 16}",
        "phases.pretrain.epochs=1",
        "phases.classify.epochs=1",
    ];
    let mut set: Vec<String> = set.map(str::to_owned).to_vec();
    set.push(format!("phases.pretrain.batch_size={batch}"));
    let runs = plan::load_runs(
        &[bench.spec()],
        &Overrides {
            set,
            ..Overrides::default()
        },
    )
    .expect("a plan");
    runs.into_iter().next().expect("a run")
}

/// Most bytes that the worker of a run held at any time (`VmHWM`, which only grows).
fn peak_of_a_worker(bench: &Bench, plan: &RunPlan, threads: usize) -> u64 {
    let results = bench.folder().join(format!("memory-{}", plan.run_id));
    let dir = record::RunDir::create(&results, &plan.run_id).expect("a folder");
    dir.write_plan(plan).expect("a plan");
    let mut worker = std::process::Command::new(env!("CARGO_BIN_EXE_supcon"))
        .arg("worker")
        .arg(dir.path())
        .arg("--device=cpu")
        .arg(format!("--threads={threads}"))
        .arg("--cache")
        .arg(bench.folder().join("cache"))
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("a worker");
    let status = format!("/proc/{}/status", worker.id());
    let mut peak = 0;
    let ended = loop {
        // A process that ended has no such line any more.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(1024 * kilobytes.unwrap_or(0_u64));
        if let Some(ended) = worker.try_wait().expect("a child") {
            break ended;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    };
    assert!(ended.success());
    peak
}

/// Not part of the suite: it takes the machine's allocator as it is. Run it alone, on an idle machine:
/// `cargo test --release -- --ignored memory_grows`.
#[test]
#[ignore = "measures the memory of real processes"]
fn memory_grows_from_a_small_to_a_large_batch_as_the_plan_says() {
    let (bench, threads) = (Bench::new(), 2);
    let host = Host {
        producer: String::new(),
        threads,
    };
    let mut found = Vec::new();
    for batch in [32, 512] {
        let plan = with_batch(&bench, batch);
        let phases = plan.cost(&host).phases;
        let peaks = phases.iter().filter_map(|phase| phase.memory);
        let planned = peaks.map(|memory| memory.peak).max().expect("known");
        let measured = peak_of_a_worker(&bench, &plan, threads);
        println!("batch {batch}: {planned} bytes planned, {measured} measured");
        found.push((planned as f64, measured as f64));
    }
    let (planned, measured) = (found[1].0 - found[0].0, found[1].1 - found[0].1);
    assert!(
        (planned / measured - 1.0).abs() < 0.2,
        "{planned} planned, {measured} measured"
    );
}
