//! Signals to a batch and to its workers: what they end, what is left, and what the same command makes of it.

use super::{Batch, Bench, contents, device, endless, fates, is_alive, only_run, until, worker_of};
use rustix::process::Signal;
use std::time::{Duration, Instant};
use supcon::record::{self, RunDir, State};

#[test]
fn a_signal_stops_every_slot_and_a_second_one_at_once() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let arguments = [&device(), "--jobs=2", "--set=seeds=[0, 1, 2]"];
    for (times, exit) in [(1, 75), (2, 130)] {
        let mut batch = Batch::start(&bench, &[&endless], "a", &arguments);
        batch.wait_for("epoch_ended");
        batch.signal(Signal::INT);
        if times == 2 {
            // Signals in a burst are one wish.
            std::thread::sleep(Duration::from_millis(150));
            batch.signal(Signal::INT);
        }
        let (found, table) = batch.end();
        let ends = fates(&table);
        assert_eq!(ends, ["interrupted", "interrupted", "not_begun"]);
        // The first wish may be granted before the second is there.
        assert!(
            found == Some(exit) || (times == 2 && found == Some(75)),
            "{found:?}"
        );
    }
    for dir in RunDir::list(&bench.folder().join("a/runs")) {
        let run = record::load(dir.path()).expect("a sound record");
        assert_eq!(run.status.state, State::Interrupted);
    }
}

#[test]
fn the_workers_of_a_killed_parent_end_with_a_record() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let mut batch = Batch::start(&bench, &[&endless], "a", &[&device()]);
    let event = batch.wait_for("epoch_ended");
    let worker = worker_of(&batch.runs.join(event["run"].as_str().expect("an id")));
    batch.signal(Signal::KILL);
    batch.wait();
    let begun = Instant::now();
    until("the worker is gone", || (!is_alive(worker)).then_some(()));
    assert!(begun.elapsed() < Duration::from_secs(5));
    let run = only_run(&batch);
    assert_eq!(run.status.state, State::Interrupted);
    assert!(!run.metrics.is_empty() && !run.dir.is_done());
}

#[test]
fn the_same_command_after_a_killed_parent_waits_for_its_worker_and_goes_on() {
    let bench = Bench::new();
    let spec = bench.spec();
    let arguments = [&device(), "--set=phases.pretrain.epochs=10"];
    for _ in 0..3 {
        let mut batch = Batch::start(&bench, &[&spec], "a", &arguments);
        batch.wait_for("began");
        batch.signal(Signal::KILL);
        batch.wait();
    }
    let (exit, table) = Batch::start(&bench, &[&spec], "a", &arguments).end();
    assert_eq!(exit, Some(0), "{table}");
    let (exit, table) = Batch::start(&bench, &[&spec], "b", &arguments).end();
    assert_eq!(exit, Some(0), "{table}");
    assert!(contents(&bench, "a") == contents(&bench, "b"));
}

#[test]
fn a_worker_that_dies_five_times_is_named_and_not_begun_again_before_retry() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let device = device();
    let start = |more: &[&str]| {
        let arguments = [&[device.as_str()], more].concat();
        Batch::start(&bench, &[&endless], "a", &arguments)
    };
    let deaths = [
        (Signal::SEGV, "RUN-NATIVE-CRASH", "SIGSEGV"),
        (Signal::ABORT, "RUN-NATIVE-CRASH", "SIGABRT"),
        (Signal::BUS, "RUN-NATIVE-CRASH", "SIGBUS"),
        (Signal::ALARM, "RUN-KILLED", "SIGALRM"),
        (Signal::KILL, "RUN-KILLED", "SIGKILL"),
    ];
    for (signal, code, name) in deaths {
        let mut batch = start(&[]);
        let event = batch.wait_for("began");
        batch.kill(event["run"].as_str().expect("an id"), signal);
        let ended = batch.wait_for("ended");
        assert_eq!(ended["code"], code, "{ended}");
        assert!(
            ended["cause"].as_str().expect("a cause").contains(name),
            "{ended}"
        );
        let run = only_run(&batch);
        assert_eq!(run.status.state, State::Failed);
        assert_eq!(run.status.code.as_deref(), Some(code));
        assert_eq!(batch.end().0, Some(3));
    }
    let (exit, table) = start(&[]).end();
    assert_eq!(
        (exit, &table["runs"][0]["code"]),
        (Some(3), &"RUN-CRASH-LOOP".into())
    );
    let cause = table["runs"][0]["cause"].as_str().expect("a cause");
    assert!(
        cause.contains("5 times") && cause.contains("RUN-KILLED"),
        "{cause}"
    );
    let mut batch = start(&["--retry"]);
    batch.wait_for("epoch_ended");
    batch.signal(Signal::TERM);
    assert_eq!(batch.end().0, Some(75));
}
