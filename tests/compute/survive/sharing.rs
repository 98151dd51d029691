//! A phase that several experiments begin with: trained once, taken by the others, and every byte is as if it had not been.

use super::{Bench, Result, only_run};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use supcon::record::{LOG, RunDir, RunRecord, State, load};

/// The spec of the bench under another name and with another last phase.
fn other(bench: &Bench) -> PathBuf {
    let text = fs::read_to_string(bench.spec()).expect("a spec");
    let other = text
        .replace("name: tiny", "name: other")
        .replace("hidden: [16]", "hidden: [12]");
    let path = bench.folder().join("other.yaml");
    fs::write(&path, other).expect("written");
    path
}

fn supcon(spec: &Path, results: &Path, arguments: &[&str], fault: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
    command.arg("run").arg(spec).arg("--results").arg(results);
    command.args(["--threads=1", "--json"]).args(arguments);
    command.env("SUPCON_FAULT", fault);
    command.output().expect("supcon starts")
}

fn run(results: &Path, name: &str) -> RunRecord {
    let dirs = RunDir::list(&results.join("runs"));
    let named = dirs.iter().find(|dir| dir.run_id().starts_with(name));
    load(named.expect("a run").path()).expect("a sound record")
}

/// What a batch said under this name.
fn events(output: &Output, name: &str) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let events = text.lines().map(serde_json::from_str::<Value>);
    let events = events.map(|event| event.expect("JSON"));
    events.filter(|event| event["event"] == name).collect()
}

/// Phases of the epochs that a batch trained, in order, each once.
fn trained(output: &Output) -> Vec<String> {
    let mut phases: Vec<String> = events(output, "epoch_ended")
        .into_iter()
        .map(|event| {
            event["rows"][0]["phase"]
                .as_str()
                .expect("a name")
                .to_owned()
        })
        .collect();
    phases.dedup();
    phases
}

#[test]
fn a_phase_that_another_experiment_finished_is_taken_and_changes_no_byte() {
    let bench = Bench::new();
    let (first, second) = (bench.spec(), other(&bench));
    for (name, _) in super::super::devices() {
        let device = format!("--device={name}");
        let results = |what: &str| bench.folder().join(format!("{name}-{what}"));
        let alone = results("alone");
        let output = supcon(&second, &alone, &[&device], "");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(trained(&output), ["pretrain", "classify"]);
        let alone = only_run(&alone);
        assert_eq!(alone.status.shared_phases, Vec::<String>::new());

        let both = results("both");
        assert!(supcon(&first, &both, &[&device], "").status.success());
        // Stopped and begun again: what it has taken is not forgotten.
        let output = supcon(&second, &both, &[&device], "worker:stop@13");
        assert_eq!(output.status.code(), Some(75), "{output:?}");
        let taken = run(&both, "other-").status.shared_phases;
        assert_eq!(taken.len(), 1);
        assert!(both.join("phases").join(&taken[0]).is_dir());
        let again = supcon(&second, &both, &[&device], "");
        assert_eq!(again.status.code(), Some(0), "{again:?}");
        for output in [&output, &again] {
            let phases = trained(output);
            assert!(!phases.contains(&"pretrain".to_owned()), "{phases:?}");
        }
        // What another run has finished is no earlier attempt at this one.
        for (output, shared, resumed) in [(&output, 1, 0), (&again, 0, 1)] {
            let told = events(output, "shared");
            assert_eq!(told.len(), shared, "{told:?}");
            assert!(told.iter().all(|event| event["phase"] == "pretrain"));
            assert_eq!(events(output, "resumed").len(), resumed);
        }
        let shared = run(&both, "other-");
        assert_eq!(shared.status.state, State::Done);
        assert_eq!(shared.status.shared_phases, taken);
        let log = fs::read_to_string(shared.dir.file(LOG)).expect("a log");
        let line = format!("phase `pretrain` is taken from {}", taken[0]);
        assert_eq!(log.matches(&line).count(), 1, "{log}");
        assert!(Result::of(&shared) == Result::of(&alone), "{name}");
    }
}

#[test]
fn a_run_that_begins_from_nothing_takes_no_phase() {
    let bench = Bench::new();
    let (first, second) = (bench.spec(), other(&bench));
    let results = bench.folder().join("results");
    assert!(supcon(&first, &results, &[], "").status.success());
    let stopped = supcon(&second, &results, &["--restart"], "worker:stop@8");
    assert_eq!(stopped.status.code(), Some(75), "{stopped:?}");
    let done = supcon(&second, &results, &[], "");
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    for (output, phases) in [
        (&stopped, &["pretrain"][..]),
        (&done, &["pretrain", "classify"]),
    ] {
        assert_eq!(trained(output), phases);
        assert_eq!(events(output, "shared"), Vec::<Value>::new());
    }
}
