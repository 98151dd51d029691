//! Signals to a batch and to its workers: what they end, what is left, and what the same command makes of it.

use super::{Batch, Bench, contents, device, endless, fates, is_alive, only_run, until, worker_of};
use rustix::process::{Signal, kill_process};
use std::time::{Duration, Instant};
use supcon::record::{self, RunDir, State};

#[test]
fn a_signal_stops_every_slot_and_a_second_one_at_once() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let arguments = [&device(), "--jobs=2", "--set=seeds=[0, 1, 2]"];
    // Workers that never come back from a step cannot grant the first wish before the second is there.
    for (results, times, exit, fault) in [("a", 1, 75, ""), ("b", 2, 130, "worker:hang@7")] {
        let mut batch = Batch::start_with(fault, &bench, &[&endless], results, &arguments);
        let mut trains = 0;
        while trains < times {
            batch.wait_for("epoch_ended");
            trains += 1;
        }
        batch.signal(Signal::INT);
        if times == 2 {
            // Signals in a burst are one wish.
            std::thread::sleep(Duration::from_millis(150));
            batch.signal(Signal::INT);
        }
        let (found, table) = batch.end();
        assert_eq!(found, Some(exit), "{table}");
        let ends = fates(&table);
        assert_eq!(ends, ["interrupted", "interrupted", "not_begun"]);
        for dir in RunDir::list(&bench.folder().join(results)) {
            let run = record::load(dir.path()).expect("a sound record");
            assert_eq!(run.status.state, State::Interrupted);
        }
    }
}

#[test]
fn every_signal_that_asks_to_stop_does_and_a_hundred_at_once_are_one() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let signals = [Signal::TERM, Signal::HUP, Signal::USR1, Signal::USR2];
    let all: Vec<Signal> = signals.into_iter().cycle().take(100).collect();
    let ones = signals.iter().map(std::slice::from_ref);
    for wish in ones.chain([all.as_slice()]) {
        let mut batch = Batch::start(&bench, &[&endless], "a", &[&device()]);
        batch.wait_for("epoch_ended");
        for &signal in wish {
            batch.signal(signal);
        }
        let (exit, table) = batch.end();
        assert_eq!(
            (exit, fates(&table)),
            (Some(75), vec!["interrupted"]),
            "{wish:?}"
        );
    }
}

#[test]
fn a_worker_that_is_suspended_keeps_its_run_and_is_no_stall() {
    let bench = Bench::new();
    let spec = bench.spec();
    let arguments = [
        &device(),
        "--stall-secs=1",
        "--set=phases.pretrain.epochs=30",
    ];
    let start = |results| Batch::start(&bench, &[&spec], results, &arguments);
    let mut batch = start("a");
    let event = batch.wait_for("epoch_ended");
    let worker = worker_of(&batch.runs.join(event["run"].as_str().expect("an id")));
    let send = |signal| kill_process(worker, signal).expect("a signal");
    send(Signal::STOP);
    std::thread::sleep(Duration::from_millis(1500));
    let (exit, table) = start("a").end();
    assert_eq!((exit, fates(&table)), (Some(6), vec!["leased"]), "{table}");
    send(Signal::CONT);
    assert_eq!(batch.end().0, Some(0));
    assert_eq!(start("b").end().0, Some(0));
    assert!(contents(&bench, "a") == contents(&bench, "b"));
}

#[test]
fn workers_that_are_killed_at_any_moment_leave_what_the_same_command_completes() {
    let bench = Bench::new();
    let spec = bench.spec();
    // Kills without a step between them are no reason to give the run up here.
    let arguments = [&device(), "--checkpoint-steps=1", "--retry"];
    let start = |results: &str| Batch::start(&bench, &[&spec], results, &arguments);
    assert_eq!(start("straight").end().0, Some(0));
    let (mut kills, mut runs) = (0_u64, 0);
    while kills < 20 {
        runs += 1;
        let results = format!("run-{runs}");
        loop {
            let mut batch = start(&results);
            let event = batch.wait_for("began");
            let worker = worker_of(&batch.runs.join(event["run"].as_str().expect("an id")));
            std::thread::sleep(Duration::from_millis(kills * 7919 % 300));
            // It may have ended by now.
            let killed = kill_process(worker, Signal::KILL).is_ok();
            kills += u64::from(killed);
            match batch.end().0 {
                Some(0) => break,
                exit => assert_eq!(exit, Some(3), "only a kill ends it early"),
            }
        }
        assert!(
            contents(&bench, &results) == contents(&bench, "straight"),
            "{results}"
        );
    }
    println!("{kills} workers killed in {runs} runs");
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
