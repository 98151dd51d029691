//! `supcon ls`: every state, and a thousand runs.

use super::{Store, code, rows, text};
use serde_json::Value;
use std::fs;
use std::time::Instant;
use supcon::record::lease::{LEASE, Lease};
use supcon::record::{
    Entry, MANIFEST, METRICS, MODEL, Manifest, MetricRow, PLAN, STATUS, State, encode_metrics,
};

#[test]
fn ls_names_the_state_of_every_run_and_changes_nothing() {
    let store = Store::new();
    let done = store.finished("b", 10);
    store.finished("b", 9);
    for (name, state) in [
        ("failed", State::Failed),
        ("diverged", State::Diverged),
        ("collapsed", State::Collapsed),
        ("interrupted", State::Interrupted),
        ("unfinished", State::Running),
    ] {
        store.open(name, 0, state);
    }
    let broken = store.finished("damaged", 0);
    fs::write(broken.file(MODEL), "short").expect("written");
    let held = store.open("running", 0, State::Failed);
    let _lease = Lease::take(&held.file(LEASE), "training").expect("a lease");
    let before = store.files();
    let output = store.supcon(&["ls", "--json"]);
    assert_eq!(code(&output), 0);
    assert!(before == store.files());
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = value["runs"].as_array().expect("a list");
    let told: Vec<(&str, u64, &str)> = rows
        .iter()
        .map(|row| {
            let name = row["experiment"].as_str().expect("a name");
            let seed = row["seed"].as_u64().expect("a seed");
            (name, seed, row["state"].as_str().expect("a state"))
        })
        .collect();
    let expected = [
        ("b", 9, "done"),
        ("b", 10, "done"),
        ("collapsed", 0, "collapsed"),
        ("damaged", 0, "damaged"),
        ("diverged", 0, "diverged"),
        ("failed", 0, "failed"),
        ("interrupted", 0, "interrupted"),
        ("running", 0, "running"),
        ("unfinished", 0, "unfinished"),
    ];
    assert_eq!(told, expected);
    assert_eq!(rows[0]["test_accuracy"], 0.8125);
    assert_eq!(rows[3]["code"], "STORE-DAMAGED");
    assert!(rows[3]["cause"].as_str().expect("text").starts_with(MODEL));
    assert_eq!(rows[5]["cause"], "a cause");
    let at = ["phase", "epochs", "epochs_of"].map(|key| rows[5][key].clone());
    assert_eq!(at, [Value::from("pretrain"), 1.into(), 2.into()]);
    let holder = rows[7]["held_by"].as_str().expect("text");
    assert!(holder.contains(&format!("process {}", std::process::id())));
    // One line for each of those that were asked for, and the count.
    for (words, lines) in [(&["b"][..], 4), (&["b", "fai"], 5), (&[&*done.run_id()], 3)] {
        let output = store.supcon(&[&["ls"], words].concat());
        assert_eq!(text(&output.stdout).lines().count(), lines, "{words:?}");
    }
    assert_eq!(code(&store.supcon(&["ls", "nobody"])), 2);
}

#[test]
fn a_thousand_finished_runs_are_listed_in_two_seconds() {
    let store = Store::new();
    let plan = fs::read(store.finished("mine", 0).file(PLAN)).expect("a plan");
    for seed in 1..1000 {
        let id = format!("mine-s{seed}-0123abcd");
        let folder = store.runs().join(&id);
        fs::create_dir_all(&folder).expect("a folder");
        // A run of 50 epochs.
        let rows: Vec<MetricRow> = (0..100).flat_map(|_| rows()).collect();
        let metrics = encode_metrics(&id, &rows).expect("a table");
        let files = [
            (PLAN, plan.clone()),
            (STATUS, vec![b' '; 400]),
            (METRICS, metrics),
        ];
        let entry = |(name, bytes): &(&str, Vec<u8>)| ((*name).to_owned(), Entry::of(&[bytes]));
        let manifest = Manifest {
            format: 1,
            files: files.iter().map(entry).collect(),
        };
        let manifest = serde_json::to_vec(&manifest).expect("JSON");
        for (name, bytes) in files.into_iter().chain([(MANIFEST, manifest)]) {
            fs::write(folder.join(name), bytes).expect("written");
        }
    }
    let begun = Instant::now();
    let output = store.supcon(&["ls"]);
    let secs = begun.elapsed().as_secs_f64();
    let out = text(&output.stdout);
    assert!(
        out.ends_with("1000 runs: done 1000\n"),
        "{:?}: {out}{}",
        output.status,
        text(&output.stderr)
    );
    println!("1000 finished runs in {secs:.2} s");
    assert!(secs < 2.0, "{secs}");
}
