//! Signals to a batch and to its workers: what they end, what is left, and what the same command makes of it.

use super::{Batch, Bench, contents, device, endless, fates, is_alive, only_run, until, worker_of};
use rustix::process::{Signal, kill_process};
use std::path::PathBuf;
use std::process::Command;
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
        if times == 2 {
            // Two steps more, and both hang.
            std::thread::sleep(Duration::from_millis(300));
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
fn a_signal_behind_the_last_run_ends_the_program() {
    use std::io::Write;
    let bench = Bench::new();
    let (spec, results) = (bench.spec(), bench.folder().join("a"));
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    // Nobody reads the final table: as far as signals go that is a report that takes its time.
    writer.write_all(&[b'x'; 1 << 16]).expect("room in a pipe");
    let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
    command.arg("run").arg(spec).args([&device(), "--quiet"]);
    command.arg("--results").arg(&results).stdout(writer);
    let mut process = command.spawn().expect("supcon starts");
    until("the report is there", || {
        let page = results.join("report").join("tiny").join("report.html");
        page.is_file().then_some(())
    });
    let id = rustix::process::Pid::from_child(&process);
    kill_process(id, Signal::INT).expect("a signal");
    let ended = until("it ends", || process.try_wait().expect("a state"));
    assert_eq!(ended.code(), Some(130));
    let dirs = RunDir::list(&results);
    assert!(dirs.len() == 1 && dirs[0].is_done());
    drop(reader);
}

#[test]
fn every_signal_that_asks_to_stop_does_and_a_hundred_at_once_are_one() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let mut signals = vec![Signal::TERM, Signal::USR1, Signal::USR2];
    if ignores_hangups() {
        println!("HUP is left out: whoever runs this wants it to be ignored");
    } else {
        signals.push(Signal::HUP);
    }
    let all: Vec<Signal> = signals.iter().copied().cycle().take(100).collect();
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

/// Whether this process, and so its children, ignores HUP.
fn ignores_hangups() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = u64::from_str_radix(mask.expect("a mask").trim(), 16);
    mask.expect("hexadecimal") >> (Signal::HUP.as_raw() - 1) & 1 == 1
}

#[test]
fn under_nohup_a_terminal_that_goes_away_ends_nothing() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_supcon"));
    let mut batch = Batch::of(command, &bench, &[&endless], "a", &[&device()]);
    let event = batch.wait_for("epoch_ended");
    let worker = worker_of(&batch.runs.join(event["run"].as_str().expect("an id")));
    batch.signal(Signal::HUP);
    kill_process(worker, Signal::HUP).expect("a signal");
    for _ in 0..5 {
        batch.wait_for("epoch_ended");
    }
    // Whoever wants it to stop can say so.
    batch.signal(Signal::TERM);
    assert_eq!(batch.end().0, Some(75));
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

/// A spec of the bench whose images take seconds to be read.
fn slow(bench: &Bench) -> PathBuf {
    let root = bench.folder().join("images");
    let pixels = image::RgbImage::from_pixel(4000, 4000, image::Rgb([90, 120, 150]));
    let first = bench.folder().join("large.png");
    pixels.save(&first).expect("an image");
    for split in ["train", "test"] {
        for class in ["left", "right"] {
            let folder = root.join(split).join(class);
            std::fs::create_dir_all(&folder).expect("a folder");
            for number in 0..20 {
                let path = folder.join(format!("{number}.png"));
                std::fs::copy(&first, path).expect("copied");
            }
        }
    }
    let text = std::fs::read_to_string(bench.spec()).expect("a spec");
    let shapes = "{dataset: shapes, train_size: 120, test_size: 40, validation: 0.1}";
    let folder = format!("{{dataset: image_folder, root: {}}}", root.display());
    let text = text
        .replace(shapes, &folder)
        .replace("name: tiny", "name: slow");
    assert!(text.contains(&folder));
    let path = bench.folder().join("slow.yaml");
    std::fs::write(&path, text).expect("written");
    path
}

#[test]
fn a_signal_while_images_are_read_is_a_wish_and_no_crash() {
    let bench = Bench::new();
    let spec = slow(&bench);
    for signal in [Signal::TERM, Signal::USR1] {
        let arguments = [&device(), "--threads=1"];
        let mut batch = Batch::start(&bench, &[&spec], "a", &arguments);
        let event = batch.wait_for("began");
        let run = batch.runs.join(event["run"].as_str().expect("an id"));
        until("it reads images", || {
            let status = std::fs::read_to_string(run.join("status.json")).ok()?;
            status.contains("running").then_some(())
        });
        let begun = Instant::now();
        // To the worker alone, as a cluster may send it.
        kill_process(worker_of(&run), signal).expect("a signal");
        let ended = batch.wait_for("ended");
        assert!(begun.elapsed() < Duration::from_secs(3), "it waited");
        assert_eq!(ended["fate"], "interrupted", "{ended}");
        let record = only_run(&batch);
        assert_eq!(record.status.state, State::Interrupted);
        assert_eq!(record.status.code.as_deref(), Some("RUN-INTERRUPTED"));
        let cause = record.status.cause.expect("a cause");
        assert!(cause.contains("before the first step"), "{cause}");
        assert_eq!(batch.end().0, Some(75));
        assert!(!run.join(".attempts.json").exists(), "it is no crash");
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
