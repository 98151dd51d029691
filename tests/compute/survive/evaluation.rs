//! A stop in an evaluation of several batches, behind each of them: in that of the validation split, and in that of the test
//! split, when every step is taken.

use super::Bench;
use super::stops::{plan_of, train};
use supcon::device;
use supcon::disk::Disk;
use supcon::record::RunDir;
use supcon::train::{Pace, TrainError, Trial};

/// 100 images to train on, 300 of validation and 600 of the test split: 4 steps, and 2 and 3 batches of an evaluation.
const SETS: [&str; 1] = ["data={train_size: 400, test_size: 600, validation: 0.75}"];
/// Signs of life of the run: two epochs of the first phase, two of the second with their evaluations, the last evaluation.
const BEATS: u64 = 2 * 4 + 2 * (4 + 2) + LAST;
const LAST: u64 = 3;

#[test]
fn a_stop_behind_every_batch_of_an_evaluation_changes_no_bit_of_the_result() {
    let bench = Bench::new();
    let (plan, data) = plan_of(&bench, &SETS);
    assert_eq!((data.train.len(), data.test.len()), (100, 600));
    device::prepare(2);
    for (name, device) in super::super::devices() {
        let fresh = |label: &str| {
            let runs = bench.folder().join(format!("{name}-{label}"));
            RunDir::create_on(&Disk::real(), &runs, &plan.run_id).expect("a folder")
        };
        let straight = train(&plan, &data, &device, &fresh("straight"), Pace::default());
        assert_eq!(straight.beats, BEATS, "{name}: {:?}", straight.result);
        let mut interrupted = 0;
        // From the first evaluation on.
        for beat in 13..=BEATS {
            let at = format!("{name}: stopped at sign of life {beat}");
            let dir = fresh(&beat.to_string());
            let pace = Pace {
                trial: Some(Trial::Rest(beat)),
                ..Pace::default()
            };
            let mut trained = train(&plan, &data, &device, &dir, pace);
            // Behind the very last batch there is nothing to stop.
            if beat < BEATS {
                let stopped = matches!(trained.result, Err(TrainError::Interrupted { .. }));
                assert!(stopped, "{at}: {:?}", trained.result);
                interrupted += 1;
                trained = train(&plan, &data, &device, &dir, Pace::default());
            }
            // The test split is evaluated anew, and no step is taken twice.
            if (BEATS - LAST..BEATS).contains(&beat) {
                assert_eq!(trained.beats, LAST, "{at}");
            }
            assert!(trained.result.is_ok(), "{at}: {:?}", trained.result);
            assert!(trained.to_the_bit() == straight.to_the_bit(), "{at}");
        }
        println!("{name}: stopped behind {interrupted} steps and batches of evaluations");
    }
}

#[test]
fn an_evaluation_sees_the_weights_of_its_own_epoch() {
    // An encoder that is trained between two evaluations: what the first has made of its weights is of no use to the second.
    let bench = Bench::new();
    let (plan, data) = plan_of(&bench, &[SETS[0], "phases.classify.freeze=~"]);
    device::prepare(2);
    for (name, device) in super::super::devices() {
        let dir = |label: &str| {
            let runs = bench.folder().join(format!("{name}-{label}"));
            RunDir::create_on(&Disk::real(), &runs, &plan.run_id).expect("a folder")
        };
        let straight = train(&plan, &data, &device, &dir("straight"), Pace::default());
        assert_eq!(straight.beats, BEATS, "{name}: {:?}", straight.result);
        // In the second epoch behind the first evaluation, which the process that goes on has not seen.
        let (parted, pace) = (dir("parted"), Trial::Rest(2 * 4 + (4 + 2) + 2));
        let pace = Pace {
            trial: Some(pace),
            ..Pace::default()
        };
        let stopped = train(&plan, &data, &device, &parted, pace);
        assert!(
            matches!(stopped.result, Err(TrainError::Interrupted { .. })),
            "{name}"
        );
        let whole = train(&plan, &data, &device, &parted, Pace::default());
        assert!(whole.result.is_ok(), "{name}: {:?}", whole.result);
        assert!(whole.to_the_bit() == straight.to_the_bit(), "{name}");
    }
}
