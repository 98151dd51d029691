//! A phase that several experiments begin with: trained once, taken by the others, and every byte is as if it had not been.

use super::{Bench, Result, only_run};
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

/// Phases of the epochs that a batch trained, in order, each once.
fn trained(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let events = text.lines().map(serde_json::from_str::<serde_json::Value>);
    let events = events.map(|event| event.expect("JSON"));
    let epochs = events.filter(|event| event["event"] == "epoch_ended");
    let mut phases: Vec<String> = epochs
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
        let shared = run(&both, "other-");
        assert_eq!(shared.status.state, State::Done);
        assert_eq!(shared.status.shared_phases, taken);
        let log = fs::read_to_string(shared.dir.file(LOG)).expect("a log");
        let line = format!("phase `pretrain` is taken from {}", taken[0]);
        assert_eq!(log.matches(&line).count(), 1, "{log}");
        assert!(Result::of(&shared) == Result::of(&alone), "{name}");
    }
}
