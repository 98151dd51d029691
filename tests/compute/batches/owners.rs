//! Who may write to a run: one of several batches, whose folder it is, and readers beside them.

use super::{Batch, Bench, contents, device, endless, fates, only_run, until};
use rustix::process::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use supcon::record::lease::LEASE;
use supcon::record::{CHECKPOINTS, Checkpoint};

#[test]
fn of_processes_that_begin_the_same_run_at_the_same_instant_exactly_one_trains() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let start = |_| Batch::start(&bench, &[&endless], "a", &[&device()]);
    let mut batches: Vec<Batch> = (0..4).map(start).collect();
    let mut refused = Vec::new();
    while refused.len() < 3 {
        let place = until("the others are refused", || {
            let ended = |batch: &mut Batch| batch.process.try_wait().expect("a state").is_some();
            batches.iter_mut().position(ended)
        });
        refused.push(batches.swap_remove(place));
    }
    let mut trains = batches.remove(0);
    trains.wait_for("epoch_ended");
    trains.signal(Signal::INT);
    assert_eq!(trains.end().0, Some(75));
    for batch in refused {
        let (exit, table) = batch.end();
        assert_eq!((exit, fates(&table)), (Some(6), vec!["leased"]), "{table}");
        let holder = table["runs"][0]["holder"].as_str().expect("a holder");
        assert!(
            holder.starts_with("process ") && holder.contains(" on `"),
            "{holder}"
        );
    }
}

#[test]
fn a_run_whose_folder_is_taken_away_ends_and_makes_no_new_one() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let mut batch = Batch::start(&bench, &[&endless], "a", &[&device()]);
    let event = batch.wait_for("epoch_ended");
    let run = batch.runs.join(event["run"].as_str().expect("an id"));
    let away = bench.folder().join("away");
    fs::rename(&run, &away).expect("renamed");
    let (exit, table) = batch.end();
    assert_eq!((exit, fates(&table)), (Some(7), vec!["failed"]), "{table}");
    assert_eq!(table["runs"][0]["code"], "DISK-IO");
    assert!(
        !run.exists(),
        "without its plan and lease it would be nobody's"
    );
    assert!(away.join("plan.yaml").is_file());
}

#[test]
fn a_batch_goes_on_with_the_program_that_it_began_with_when_a_build_replaces_it() {
    let bench = Bench::new();
    let program = bench.folder().join("supcon");
    fs::copy(env!("CARGO_BIN_EXE_supcon"), &program).expect("copied");
    let seeds = "--set=seeds=[0, 1]";
    let command = Command::new(&program);
    let mut batch = Batch::of(command, &bench, &[&bench.spec()], "a", &[&device(), seeds]);
    batch.wait_for("began");
    fs::remove_file(&program).expect("removed");
    fs::write(&program, "another build, half written").expect("written");
    let (exit, table) = batch.end();
    assert_eq!((exit, fates(&table)), (Some(0), vec!["done"; 2]), "{table}");
}

/// Every file of a run with its bytes; the lease says who looked last.
fn files(run: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(run).sort_by_file_name().into_iter();
    let files = entries.map(|entry| entry.expect("an entry"));
    let files = files.filter(|entry| entry.file_type().is_file() && entry.file_name() != LEASE);
    let read = |path: &Path| (path.to_owned(), fs::read(path).expect("a file"));
    files.map(|entry| read(entry.path())).collect()
}

#[test]
fn a_worker_that_waited_while_another_process_completed_its_run_changes_no_byte() {
    let bench = Bench::new();
    let mut batch = Batch::start(&bench, &[&bench.spec()], "a", &[&device()]);
    batch.wait_for("batch_ended");
    assert!(batch.wait().success());
    let run = only_run(&batch).dir;
    let before = files(run.path());
    // As one that was held up between the look of its parent and its lease.
    let mut worker = Command::new(env!("CARGO_BIN_EXE_supcon"));
    worker.arg("worker").arg(run.path()).arg(device());
    worker.args(["--threads=1", "--cache"]).arg(bench.folder());
    let output = worker.output().expect("supcon starts");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "", "nothing is trained");
    assert!(files(run.path()) == before);
}

#[test]
fn what_a_batch_that_was_killed_behind_its_last_commit_has_left_goes_with_the_next() {
    let bench = Bench::new();
    let start = || Batch::start(&bench, &[&bench.spec()], "a", &[&device()]);
    let mut batch = start();
    batch.wait_for("batch_ended");
    assert!(batch.wait().success());
    let run = only_run(&batch).dir;
    let before = files(run.path());
    run.write_checkpoint(&Checkpoint::default())
        .expect("a checkpoint");
    fs::write(run.file(".metrics.parquet.17.tmp"), "half").expect("written");
    let (exit, table) = start().end();
    assert_eq!((exit, fates(&table)), (Some(0), vec!["skipped"]), "{table}");
    assert!(files(run.path()) == before && !run.file(CHECKPOINTS).exists());
}

#[test]
fn batches_that_overlap_share_their_runs_out_and_train_each_once() {
    let bench = Bench::new();
    let spec = bench.spec();
    let start = |results: &str, seeds: &str| {
        let seeds = format!("--set=seeds={seeds}");
        Batch::start(
            &bench,
            &[&spec],
            results,
            &[&device(), "--threads=1", &seeds],
        )
    };
    let lists = ["[0, 1, 2]", "[2, 1, 3]"];
    let both = lists.map(|seeds| start("a", seeds));
    let mut done = 0;
    for batch in both {
        let (exit, table) = batch.end();
        // A run that the other one trains at its turn is left to it.
        assert!([Some(0), Some(6)].contains(&exit), "{table}");
        done += fates(&table).iter().filter(|fate| **fate == "done").count();
    }
    assert_eq!(done, 4);
    for seeds in lists {
        let (exit, table) = start("a", seeds).end();
        assert_eq!((exit, fates(&table)), (Some(0), vec!["skipped"; 3]));
    }
    assert_eq!(start("b", "[0, 1, 2, 3]").end().0, Some(0));
    assert!(contents(&bench, "a") == contents(&bench, "b"));
}

#[test]
fn readers_beside_writers_find_no_damage() {
    let bench = Bench::new();
    let endless = endless(&bench, "endless");
    let arguments = [
        &device(),
        "--jobs=2",
        "--set=seeds=[0, 1]",
        "--checkpoint-steps=1",
    ];
    let mut batch = Batch::start(&bench, &[&endless], "a", &arguments);
    batch.wait_for("epoch_ended");
    let results = bench.folder().join("a");
    let runs = results.join("runs");
    for _ in 0..10 {
        for words in [&["ls", "--json"][..], &["fsck", "--deep"], &["report"]] {
            let mut reader = Command::new(env!("CARGO_BIN_EXE_supcon"));
            reader.args(words);
            if words == ["report"] {
                reader
                    .arg(&runs)
                    .arg("--out")
                    .arg(bench.folder().join("report"));
            } else {
                reader.arg("--results").arg(&results);
            }
            let output = reader.output().expect("supcon starts");
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success(), "{words:?}: {text}{output:?}");
            assert!(!text.contains("damaged\""), "{text}");
        }
    }
    batch.signal(Signal::INT);
    assert_eq!(batch.end().0, Some(75));
}
