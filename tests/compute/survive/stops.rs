//! Stops behind every step: whoever goes on there takes no step twice, and no bit of the result differs.

use super::super::devices;
use super::Bench;
use std::sync::atomic::{AtomicBool, AtomicU64};
use supcon::data::{self, Dataset, LoadOptions};
use supcon::device;
use supcon::disk::Disk;
use supcon::plan::{self, RunPlan};
use supcon::record::{MetricRow, RunDir};
use supcon::spec::Overrides;
use supcon::train::{self, Begin, Hooks, Kept, Outcome, Pace, TrainError};

/// What training hands out, kept in a real folder, and how it ended.
pub(in crate::compute) struct Trained {
    pub(in crate::compute) outcome: Outcome,
    pub(in crate::compute) result: std::result::Result<(), TrainError>,
    /// Steps and batches of evaluations.
    pub(super) beats: u64,
}

impl Trained {
    /// Figures, predictions and weights, to the bit.
    pub(super) fn to_the_bit(&self) -> (Vec<String>, Vec<Vec<u32>>) {
        let bits =
            |values: &[f32]| -> Vec<u32> { values.iter().map(|value| value.to_bits()).collect() };
        let Outcome {
            rows,
            predictions,
            weights,
            ..
        } = &self.outcome;
        let rows = rows.iter().map(MetricRow::to_the_bit).collect();
        let predictions = predictions.iter().map(|row| {
            let place = vec![row.index, row.label, row.predicted];
            [place, bits(&row.scores)].concat()
        });
        let weights = weights.iter().map(|weight| bits(&weight.values));
        (rows, predictions.chain(weights).collect())
    }
}

pub(in crate::compute) fn plan_of(bench: &Bench, sets: &[&str]) -> (RunPlan, Dataset) {
    let overrides = Overrides {
        set: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Overrides::default()
    };
    let plan = plan::load_runs(&[bench.spec()], &overrides)
        .expect("a plan")
        .remove(0);
    let options = LoadOptions {
        data_dir: None,
        cache_dir: bench.folder().to_owned(),
        disk: Disk::real(),
        progress: &|_| {},
    };
    let data = data::load(&plan.data, &options).expect("shapes");
    (plan, data)
}

/// Trains from the newest checkpoint in `dir`, if there is one.
pub(in crate::compute) fn train(
    plan: &RunPlan,
    data: &Dataset,
    device: &burn::tensor::Device,
    dir: &RunDir,
    pace: Pace,
) -> Trained {
    let newest = dir.newest_checkpoint().expect("sound").newest;
    let begin = newest.map_or(Begin::First, Begin::Resumed);
    let beats = AtomicU64::new(0);
    let hooks = Hooks {
        stop: &AtomicBool::new(false),
        beats: &beats,
        sink: &mut |_| {},
        keep: &mut |kept| match kept {
            Kept::Moment(checkpoint) => dir.write_checkpoint(&checkpoint),
            Kept::Phase(..) | Kept::Capsule(_) => Ok(()),
        },
    };
    let (outcome, result) = train::run(plan, data, device, (begin, pace), hooks);
    Trained {
        outcome,
        result,
        beats: beats.into_inner(),
    }
}

/// Steps of the run below.
const STEPS: u64 = 2 * 3 * 5;

/// Behind the last step of an epoch of the second phase the stop comes in the evaluation of the validation split.
#[test]
fn a_stop_behind_every_step_changes_no_bit_of_the_result() {
    let bench = Bench::new();
    let sets = ["phases.pretrain.epochs=3", "phases.classify.epochs=3"];
    let (plan, data) = plan_of(&bench, &sets);
    assert!(data.validation.is_some());
    device::prepare(2);
    for (name, device) in devices() {
        let fresh = |folder: &str| {
            let runs = bench.folder().join(format!("{name}-{folder}"));
            RunDir::create_on(&Disk::real(), &runs, &plan.run_id).expect("a folder")
        };
        let straight = train(&plan, &data, &device, &fresh("straight"), Pace::default());
        assert!(straight.result.is_ok(), "{name}: {:?}", straight.result);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let pool = pool.build().expect("threads");
            // As a worker does: libtorch keeps its number for each thread.
            pool.broadcast(|_| device::prepare(threads));
            for step in 1..=STEPS {
                let dir = fresh(&format!("{threads}-stop-{step}"));
                let resumed =
                    pool.install(|| stopped_and_resumed(&plan, &data, &device, &dir, step));
                let at = format!("{name}, {threads} threads: stopped at {step}");
                assert!(resumed.result.is_ok(), "{at}: {:?}", resumed.result);
                assert!(resumed.to_the_bit() == straight.to_the_bit(), "{at}");
            }
        }
        println!("{name}: stopped behind each of {STEPS} steps, with 1 and 2 threads");
    }
}

/// Trains until this step, and from there on as another process would.
fn stopped_and_resumed(
    plan: &RunPlan,
    data: &Dataset,
    device: &burn::tensor::Device,
    dir: &RunDir,
    step: u64,
) -> Trained {
    let pace = Pace {
        stop_after: Some(step),
        steps: step.is_multiple_of(3).then_some(2),
        ..Pace::default()
    };
    let stopped = train(plan, data, device, dir, pace);
    let interrupted = matches!(stopped.result, Err(TrainError::Interrupted { .. }));
    assert!(interrupted, "{step}: {:?}", stopped.result);
    let newest = dir.newest_checkpoint().expect("sound").newest.expect("one");
    assert_eq!(newest.position.run_steps, step, "nothing is taken again");
    train(plan, data, device, dir, Pace::default())
}
