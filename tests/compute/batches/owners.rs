//! Who may write to a run: one of several batches, whose folder it is, and readers beside them.

use super::{Batch, Bench, device, endless, fates, until};
use rustix::process::Signal;
use std::fs;

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
