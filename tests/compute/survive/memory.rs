//! The memory of a run of many epochs with everything that a run does: two phases, validation, checkpoints.

use super::{Bench, only_run};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use supcon::device::DeviceName;
use supcon::record::State;

/// Epochs of the phase with evaluation, behind a few without.
const EPOCHS: usize = 300;

#[cfg(target_os = "linux")]
#[test]
fn three_hundred_epochs_with_validation_hold_no_more_memory_than_the_first_hundred() {
    let bench = Bench::new();
    let epochs = format!("--set=phases.classify={{epochs: {EPOCHS}, batch_size: 32}}");
    for (name, _) in super::super::devices() {
        let results = bench.folder().join(name.to_string());
        let mut batch = Command::new(env!("CARGO_BIN_EXE_supcon"))
            .arg("run")
            .arg(bench.spec())
            .args(["--json", "--threads=1", &epochs])
            .arg("--set=data={train_size: 60, test_size: 10, validation: 0.2}")
            .arg(format!("--device={name}"))
            .arg("--results")
            .arg(&results)
            .stdout(Stdio::piped())
            .spawn()
            .expect("supcon starts");
        let said = BufReader::new(batch.stdout.take().expect("a pipe"));
        let (mut worker, mut after_epoch) = (None, Vec::new());
        for line in said.lines() {
            let line = line.expect("text");
            if line.contains("\"epoch_ended\"") && line.contains("validation") {
                worker = worker.or_else(|| only_child(batch.id()));
                after_epoch.extend(worker.and_then(resident));
            }
        }
        assert!(batch.wait().expect("an end").success(), "{name}");
        assert_eq!(only_run(&results).status.state, State::Done);
        assert!(after_epoch.len() > EPOCHS - 20, "{}", after_epoch.len());
        let (early, late) = (after_epoch[100], after_epoch[EPOCHS - 21]);
        println!(
            "{name}: {early} bytes after 100 epochs, {late} after {}",
            EPOCHS - 21
        );
        // As in tests/compute/memory.rs: less than a set of weights that stays behind in each epoch.
        let most = match name {
            DeviceName::Cpu => 2 << 20,
            DeviceName::Libtorch | DeviceName::LibtorchCuda(_) => 4 << 20,
        };
        assert!(late < early + most, "{name}: {early} bytes, then {late}");
    }
}

/// The one process that a process has begun.
fn only_child(parent: u32) -> Option<u32> {
    let children = format!("/proc/{parent}/task/{parent}/children");
    let children = std::fs::read_to_string(children).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

/// Bytes that a process holds.
fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kilobytes * 1024)
}
