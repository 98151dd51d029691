//! Batches through the program: neighbours, slots and order change no byte of a run; failures stay where they are; whoever
//! dies, the others know what to do. Processes are found in `/proc`, so these tests are for Linux.

mod deaths;
mod kills;
mod owners;
mod signals;

use super::runs::{Bench, bytes, figures};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use supcon::device::DeviceName;
use supcon::record::{self, RunDir, State};

/// Nothing here takes as long on any machine.
const LONG: Duration = Duration::from_secs(60);

/// `supcon run --json` of a bench, with what it says.
struct Batch {
    /// Folder of the run folders.
    runs: PathBuf,
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Batch {
    /// Starts a batch of `specs` with its results in a folder of the bench.
    fn start(bench: &Bench, specs: &[&Path], results: &str, arguments: &[&str]) -> Self {
        Self::start_with("", bench, specs, results, arguments)
    }

    /// The same with a fault in one of its processes.
    fn start_with(
        fault: &str,
        bench: &Bench,
        specs: &[&Path],
        results: &str,
        arguments: &[&str],
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
        command.env("SUPCON_FAULT", fault);
        Self::of(command, bench, specs, results, arguments)
    }

    /// The same by a command that is, or starts, the program.
    fn of(
        mut command: Command,
        bench: &Bench,
        specs: &[&Path],
        results: &str,
        arguments: &[&str],
    ) -> Self {
        let results = bench.folder().join(results);
        let mut process = command
            .arg("run")
            .args(specs)
            .args(["--json", "--results"])
            .arg(&results)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("supcon starts");
        let stdout = process.stdout.take().expect("piped");
        let lines = BufReader::new(stdout).lines();
        Self {
            runs: results.join("runs"),
            process,
            lines,
        }
    }

    /// Waits for the next event.
    fn next(&mut self) -> Value {
        let line = self.lines.next().expect("one more event").expect("text");
        serde_json::from_str(&line).expect("a line of JSON")
    }

    /// Waits for the next event of this name.
    fn wait_for(&mut self, name: &str) -> Value {
        loop {
            let event = self.next();
            if event["event"] == name {
                return event;
            }
        }
    }

    /// Sends a signal to the parent.
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("a signal");
    }

    /// Ends the worker of a run by a signal. Rust's own handler of SEGV and BUS lets the first one pass.
    fn kill(&self, run: &str, signal: Signal) {
        let worker = worker_of(&self.runs.join(run));
        until("the worker is gone", || {
            let _ = kill_process(worker, signal);
            (!is_alive(worker)).then_some(())
        });
    }

    /// Waits for the end: exit code and final table.
    fn end(mut self) -> (Option<i32>, Value) {
        let table = self.wait_for("batch_ended");
        (self.wait().code(), table)
    }

    fn wait(&mut self) -> ExitStatus {
        self.process.wait().expect("an end")
    }
}

/// Fates in the order of the plan.
fn fates(table: &Value) -> Vec<&str> {
    let runs = table["runs"].as_array().expect("a list");
    let fates = runs.iter().map(|run| run["fate"].as_str().expect("a word"));
    fates.collect()
}

/// The process that trains the run in this folder.
fn worker_of(run: &Path) -> Pid {
    until("the worker is there", || find_worker(run))
}

/// The same, if there is one.
fn find_worker(run: &Path) -> Option<Pid> {
    let processes = std::fs::read_dir("/proc").expect("processes");
    let mut processes = processes.filter_map(|entry| {
        let path = entry.ok()?.path();
        let command = std::fs::read_to_string(path.join("cmdline")).ok()?;
        let words: Vec<&str> = command.split('\0').collect();
        let is_worker = words.get(1) == Some(&"worker");
        let ours = is_worker && Path::new(words.get(2)?) == run;
        let pid = path.file_name()?.to_str()?.parse().ok()?;
        ours.then(|| Pid::from_raw(pid)).flatten()
    });
    processes.next()
}

/// Whether a process is there and no zombie.
fn is_alive(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    // The state stands behind the name of the program, which is in parentheses.
    stat.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

/// Looks until there is something to see.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < LONG, "{what}: never");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A spec of the bench whose runs all fail before their first step: there is no such folder of images.
fn broken(bench: &Bench, seeds: &str) -> PathBuf {
    let text = std::fs::read_to_string(bench.spec()).expect("a spec");
    let data = "{dataset: image_folder, root: nowhere, validation: 0.1}";
    let text = text
        .replace("name: tiny", "name: broken")
        .replace("seeds: [3]", &format!("seeds: {seeds}"))
        .replace(
            "{dataset: shapes, train_size: 120, test_size: 40, validation: 0.1}",
            data,
        );
    assert!(text.contains(data) && text.contains(seeds));
    let path = bench.folder().join("broken.yaml");
    std::fs::write(&path, text).expect("written");
    path
}

/// A spec of the bench that trains until somebody stops it.
fn endless(bench: &Bench, name: &str) -> PathBuf {
    let text = std::fs::read_to_string(bench.spec()).expect("a spec");
    let text = text
        .replace("name: tiny", &format!("name: {name}"))
        .replacen("epochs: 2", "epochs: 100000", 1);
    let path = bench.folder().join(format!("{name}.yaml"));
    std::fs::write(&path, text).expect("written");
    path
}

/// What must be equal: seed, figures without wall times, predictions, model.
type Content = (u64, Vec<String>, Vec<u8>, Vec<u8>);

/// Every finished run of the tiny spec below `results`, by seed.
fn contents(bench: &Bench, results: &str) -> Vec<Content> {
    let dirs = RunDir::list(&bench.folder().join(results).join("runs"));
    let tiny = dirs
        .into_iter()
        .filter(|dir| dir.run_id().starts_with("tiny-"));
    let content = |dir: RunDir| {
        let run = record::load(dir.path()).expect("a sound record");
        assert_eq!(run.status.state, State::Done);
        let (predictions, model) = (bytes(&run, record::PREDICTIONS), bytes(&run, record::MODEL));
        (run.plan.seed, figures(&run), predictions, model)
    };
    let mut contents: Vec<Content> = tiny.map(content).collect();
    contents.sort_by_key(|content| content.0);
    contents
}

#[test]
fn a_run_is_the_same_alone_among_others_in_slots_in_another_order_and_beside_failures() {
    let bench = Bench::new();
    let spec = bench.spec();
    let (broken, killed) = (broken(&bench, "[7, 8]"), endless(&bench, "killed"));
    let six = "--set=seeds=[0, 1, 2, 3, 4, 5]";
    let devices = [DeviceName::Cpu, DeviceName::Libtorch];
    for device in devices.iter().filter(|name| name.open().is_ok()) {
        // One thread for each run, wherever it trains.
        let on = format!("--device={device}");
        let results = |arrangement: &str| format!("{device}-{arrangement}");
        let train = |arrangement: &str, arguments: &[&str]| {
            let arguments = [&[on.as_str()], arguments].concat();
            let (output, _) = bench.run(&results(arrangement), &arguments);
            assert!(output.status.success(), "{output:?}");
            contents(&bench, &results(arrangement))
        };
        let alone = train("alone", &["--threads=1"]);
        let batch = train("batch", &["--threads=1", six]);
        let slots = train("slots", &[six, "--jobs=2", "--threads=2"]);
        let others = {
            let order = "--set=seeds=[5, 3, 1]";
            let arguments = [&on, "--threads=3", "--jobs=3", order];
            let specs = [killed.as_path(), &broken, &spec];
            let mut batch = Batch::start(&bench, &specs, &results("others"), &arguments);
            let mut alive = vec!["killed-s5-", "killed-s3-", "killed-s1-"];
            while !alive.is_empty() {
                // Each is killed once it trains, beside the others.
                let event = batch.wait_for("epoch_ended");
                let run = event["run"].as_str().expect("an id");
                if let Some(place) = alive.iter().position(|id| run.starts_with(id)) {
                    alive.remove(place);
                    batch.kill(run, Signal::KILL);
                }
            }
            let (exit, table) = batch.end();
            assert_eq!((exit, &table["counts"]["failed"]), (Some(3), &6.into()));
            contents(&bench, &results("others"))
        };
        assert_eq!((alone.len(), batch.len(), others.len()), (1, 6, 3));
        assert!(alone[0] == batch[3], "{device}: alone and in a batch");
        assert!(slots == batch, "{device}: in two slots");
        for run in others {
            let seed = run.0;
            let place = usize::try_from(seed).expect("a small seed");
            assert!(run == batch[place], "{device}: seed {seed} beside failures");
        }
    }
}

/// The device of tests for which every device is the same.
fn device() -> String {
    format!("--device={}", super::devices()[0].0)
}

/// The one run below the results, finished or not.
fn only_run(batch: &Batch) -> record::RunRecord {
    let dirs = RunDir::list(&batch.runs);
    assert_eq!(dirs.len(), 1);
    record::load(dirs[0].path()).expect("a sound record")
}

#[test]
fn three_equal_early_failures_stop_the_batch_with_one_message() {
    let bench = Bench::new();
    let broken = broken(&bench, "[0, 1, 2, 3, 4]");
    let (exit, table) = Batch::start(&bench, &[&broken], "a", &[&device()]).end();
    assert_eq!((exit, &table["exit"]), (Some(5), &5.into()));
    let stopped = table["stopped"].as_str().expect("a reason");
    assert!(
        stopped.starts_with("same error in 3 runs: DATA-PATH: "),
        "{stopped}"
    );
    let expected = ["failed", "failed", "failed", "not_begun", "not_begun"];
    assert_eq!(fates(&table), expected);
    // Whoever says so gets all of them.
    let arguments = [&device(), "--on-failure=continue"];
    let (exit, table) = Batch::start(&bench, &[&broken], "a", &arguments).end();
    assert_eq!((exit, &table["stopped"]), (Some(5), &Value::Null));
    assert_eq!(fates(&table), ["failed"; 5]);
}

/// A batch as a person sees it: exit code, and how the table says each run ended, without hashes.
fn table(bench: &Bench, specs: &[&Path], seeds: &str, fault: &str) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
    command
        .arg("run")
        .args(specs)
        .args(["--quiet", "--threads=1"]);
    command.arg(device()).arg(format!("--set=seeds={seeds}"));
    command.arg("--results").arg(bench.folder().join("a"));
    let output = command.env("SUPCON_FAULT", fault).output();
    let output = output.expect("supcon starts");
    let text = String::from_utf8(output.stdout).expect("text");
    let rows = text.lines().filter_map(|line| {
        let (run, ended) = line.split_once(' ')?;
        let (run, hash) = run.rsplit_once('-')?;
        (hash.len() == 8).then(|| format!("{run} {}", ended.trim_start()))
    });
    (output.status.code(), rows.collect())
}

#[test]
fn the_final_table_says_of_every_run_how_it_ended_and_why() {
    let bench = Bench::new();
    let (spec, broken) = (bench.spec(), broken(&bench, "[7]"));
    let table = |specs: &[&Path], seeds, fault| table(&bench, specs, seeds, fault);
    let stopped = table(&[&spec], "[2]", "worker:stop@6");
    assert_eq!(stopped, (Some(75), vec!["tiny-s2 interrupted".into()]));
    let one = table(&[&spec], "[0]", "");
    assert_eq!(one, (Some(0), vec!["tiny-s0 done".into()]));
    let (exit, rows) = table(&[&spec, &broken], "[0, 1, 2]", "");
    assert_eq!(exit, Some(5), "{rows:?}");
    let (well, failed) = rows.split_at(3);
    let expected = ["s0 already complete", "s1 done", "s2 done, resumed"];
    assert_eq!(well, expected.map(|end| format!("tiny-{end}")));
    assert_eq!(failed.len(), 3, "{failed:?}");
    for (seed, row) in failed.iter().enumerate() {
        let begins = format!("broken-s{seed} failed            DATA-PATH: `");
        assert!(row.starts_with(&begins), "{row}");
    }
}

#[test]
fn on_failure_stop_asks_the_neighbours_to_stop_and_begins_nothing_more() {
    let bench = Bench::new();
    let (endless, broken) = (endless(&bench, "endless"), broken(&bench, "[3]"));
    let arguments = [&device(), "--jobs=2", "--on-failure=stop"];
    let specs = [endless.as_path(), &broken, &bench.spec()];
    let (exit, table) = Batch::start(&bench, &specs, "a", &arguments).end();
    assert_eq!(exit, Some(5), "{table}");
    assert_eq!(fates(&table), ["interrupted", "failed", "not_begun"]);
    let stopped = table["stopped"].as_str().expect("a reason");
    assert!(stopped.contains("broken-s3-") && stopped.contains("--on-failure stop"));
}

#[test]
fn a_disk_that_refuses_a_write_stops_the_batch_once() {
    let bench = Bench::new();
    std::fs::write(bench.folder().join("file"), "").expect("written");
    // No folder can be made below a file.
    let arguments = [&device(), "--set=seeds=[0, 1, 2]"];
    let (exit, table) = Batch::start(&bench, &[&bench.spec()], "file", &arguments).end();
    assert_eq!(exit, Some(7), "{table}");
    assert_eq!(fates(&table), ["failed", "not_begun", "not_begun"]);
    let stopped = table["stopped"].as_str().expect("a reason");
    assert!(
        stopped.starts_with("nothing more can be written after DISK-IO in `tiny-s0-"),
        "{stopped}"
    );
}

#[test]
fn closed_outputs_end_no_run() {
    let bench = Bench::new();
    for (results, json) in [("a", true), ("b", false)] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_supcon"));
        process.arg("run").arg(bench.spec()).arg(device());
        process.args(json.then_some("--json")).arg("--results");
        process.arg(bench.folder().join(results));
        let process = process
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut process = process.expect("supcon starts");
        drop((process.stdout.take(), process.stderr.take()));
        assert_eq!(process.wait().expect("an end").code(), Some(0));
        assert_eq!(contents(&bench, results).len(), 1);
    }
}

#[test]
fn json_is_one_object_a_line_and_the_last_one_is_the_table() {
    let bench = Bench::new();
    let (output, _) = bench.run("a", &["--json", &device()]);
    assert!(output.status.success() && output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).expect("text");
    let lines = text.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().expect("JSON");
    let (table, events) = lines.split_last().expect("lines");
    assert!(events.iter().all(|event| {
        event["run"]
            .as_str()
            .is_some_and(|run| run.starts_with("tiny-s3-"))
    }));
    let names: Vec<&str> = events
        .iter()
        .filter_map(|event| event["event"].as_str())
        .collect();
    assert_eq!(
        (names.first(), names.last()),
        (Some(&"began"), Some(&"ended"))
    );
    assert_eq!(
        names.iter().filter(|name| **name == "epoch_ended").count(),
        4
    );
    assert_eq!(
        (&table["event"], &table["exit"]),
        (&"batch_ended".into(), &0.into())
    );
    assert_eq!(
        (fates(table), &table["counts"]["done"]),
        (vec!["done"], &1.into())
    );
    assert!(Path::new(table["report"].as_str().expect("a page")).is_file());
    let (output, _) = bench.run("a", &["--json", &device()]);
    let text = String::from_utf8(output.stdout).expect("text");
    let table: Value = serde_json::from_str(text.trim()).expect("the table alone");
    assert_eq!(fates(&table), ["skipped"]);
}

#[test]
fn slots_that_cannot_be_are_refused_before_any_work() {
    let bench = Bench::new();
    let (output, results) = bench.run("a", &["--device=libtorch:cuda:0", "--jobs=2"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("`--jobs 2` needs 2 GPUs"), "{text}");
    let (output, _) = bench.run("a", &["--jobs=0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!results.exists());
}
