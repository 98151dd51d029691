//! What ends a run whose numbers are worth nothing: an evaluation that is not finite, gradients too long for their format,
//! embeddings that are all equal.

use super::runs::Bench;
use super::survive::stops::{plan_of, train as train_in};
use std::process::Command;
use supcon::device::DeviceName;
use supcon::disk::Disk;
use supcon::plan::OptimizerPlan;
use supcon::record::{self, CAPSULE, Checkpoint, MANIFEST, RunDir, State};
use supcon::train::{self, Pace, Replay, TrainError};

/// How a run ends that goes on behind a step with a checkpoint that somebody has changed, and that step alone.
fn with_checkpoint(
    bench: &Bench,
    (sets, step): (&[&str], u64),
    device: &(DeviceName, burn::tensor::Device),
    change: impl Fn(&mut Checkpoint),
) -> (Result<(), TrainError>, Replay) {
    let (plan, data) = plan_of(bench, sets);
    let runs = bench.folder().join(device.0.to_string());
    let dir = RunDir::create_on(&Disk::real(), &runs, &plan.run_id).expect("a folder");
    let pace = Pace {
        stop_after: Some(step),
        ..Pace::default()
    };
    let stopped = train_in(&plan, &data, &device.1, &dir, pace).result;
    assert!(
        matches!(stopped, Err(TrainError::Interrupted { .. })),
        "{stopped:?}"
    );
    let newest = dir.newest_checkpoint().expect("sound").newest;
    let mut changed = newest.expect("a checkpoint");
    change(&mut changed);
    dir.write_checkpoint(&changed).expect("written");
    let replayed = train::replay(&plan, &data, &device.1, changed).expect("a step");
    let trained = train_in(&plan, &data, &device.1, &dir, Pace::default());
    let mut rows = trained.outcome.rows.iter();
    assert!(
        rows.all(|row| row.value.is_finite()),
        "no such figure is recorded"
    );
    (trained.result, replayed)
}

/// Sets every value of the last array whose name ends so.
fn fill(checkpoint: &mut Checkpoint, part: &str, end: &str, value: f32) {
    let mut arrays = checkpoint.model.iter_mut().rev();
    let found = arrays.find(|tensor| tensor.name.starts_with(part) && tensor.name.ends_with(end));
    found
        .unwrap_or_else(|| panic!("{part}..{end}"))
        .values
        .fill(value);
}

#[test]
fn an_evaluation_that_is_not_finite_ends_the_run_and_names_its_split() {
    let bench = Bench::new();
    let sets = ["phases.classify.freeze=~"];
    for device in super::devices() {
        // Only evaluation uses moving statistics.
        let (result, replayed) = with_checkpoint(&bench, (&sets, 12), &device, |checkpoint| {
            fill(checkpoint, "encoder.", "bn2.running_var", -1.0);
        });
        let Err(TrainError::NotFinite { phase, split, .. }) = &result else {
            panic!("{}: {result:?}", device.0);
        };
        assert_eq!((phase.as_str(), split.as_str()), ("classify", "validation"));
        assert!(!replayed.fails(), "each step is finite");
    }
}

#[test]
fn gradients_whose_length_overflows_name_the_array_and_not_the_loss() {
    let bench = Bench::new();
    let sets = [
        "phases.pretrain=~",
        "phases.classify.freeze=~",
        "phases.classify.head.hidden=[]",
    ];
    for device in super::devices() {
        // Logits of zero whatever the features, so that the loss is finite and the gradient of the head is not small.
        let (result, replayed) = with_checkpoint(&bench, (&sets, 1), &device, |checkpoint| {
            fill(checkpoint, "head.", "weight", 0.0);
            fill(checkpoint, "encoder.", "bn2.weight", 1e36);
        });
        let Err(error @ TrainError::Diverged { loss, array, .. }) = &result else {
            panic!("{}: {result:?}", device.0);
        };
        assert!(replayed.fails(), "{replayed:?}");
        let array = array.as_deref().expect("a name");
        assert!(
            loss.is_finite() && array.starts_with("head."),
            "{array}: {loss}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("gradient of `{array}`")),
            "{error}"
        );
    }
}

#[test]
fn a_run_whose_embeddings_are_all_equal_has_collapsed_within_fifty_steps() {
    let bench = Bench::new();
    let (plan, mut data) = plan_of(&bench, &["augment=~", "phases.pretrain.epochs=20"]);
    data.train.pixels.fill(128);
    for (name, device) in super::devices() {
        let runs = bench.folder().join(name.to_string());
        let dir = RunDir::create_on(&Disk::real(), &runs, &plan.run_id).expect("a folder");
        let trained = train_in(&plan, &data, &device, &dir, Pace::default());
        let Err(TrainError::Collapsed {
            step,
            plateau,
            spread,
            ..
        }) = trained.result
        else {
            panic!("{name}: {:?}", trained.result);
        };
        // The last batch of the tenth epoch: 8 of 108 images.
        assert_eq!(step, 49, "{name}");
        assert!(
            (plateau - 8.0_f64.ln()).abs() < 1e-9 && spread < 1e-3,
            "{name}: {plateau} {spread}"
        );
    }
}

/// A worker's run whose optimizer of one phase has a step size that no spec can ask for.
fn absurd(bench: &Bench, device: DeviceName, phase: usize, rate: f64) -> RunDir {
    // A product of three layers is a number where the gradients of each are too long for f32.
    let (mut plan, _) = plan_of(bench, &["phases.classify.head.hidden=[16, 16]"]);
    let OptimizerPlan::Adam { learning_rate, .. } = &mut plan.phases[phase].optimizer;
    *learning_rate = rate;
    let runs = bench.folder().join(format!("{device}-{phase}"));
    let dir = RunDir::create(&runs, &plan.run_id).expect("a folder");
    dir.write_plan(&plan).expect("a plan");
    let output = Command::new(env!("CARGO_BIN_EXE_supcon"))
        .arg("worker")
        .arg(dir.path())
        .arg(format!("--device={device}"))
        .args(["--threads=1", "--cache"])
        .arg(bench.folder().join("cache"))
        .output()
        .expect("a worker");
    assert_eq!(output.status.code(), Some(3), "{device}: {output:?}");
    dir
}

#[test]
fn a_diverged_run_keeps_its_last_checkpoint_and_a_capsule() {
    let bench = Bench::new();
    for (name, _) in super::devices() {
        // Every weight overflows in the first update.
        let dir = absurd(&bench, name, 0, 1e38);
        let status = record::load(dir.path()).expect("a sound record").status;
        let told = (status.state, status.code.as_deref());
        assert_eq!(told, (State::Diverged, Some("RUN-DIVERGED")), "{name}");
        record::read_capsule(&dir).expect("a capsule");
        // A sound one is finite.
        let newest = dir.newest_checkpoint().expect("sound").newest;
        assert_eq!(
            newest.expect("a checkpoint").position.run_steps,
            0,
            "{name}"
        );
        assert!(!dir.file(MANIFEST).exists());
    }
}

/// What stands between two pieces of a text.
fn between<'a>(text: &'a str, before: &str, behind: &str) -> &'a str {
    let found = text
        .split_once(before)
        .and_then(|(_, rest)| rest.split_once(behind));
    found
        .unwrap_or_else(|| panic!("no `{before}...{behind}` in {text}"))
        .0
}

/// Loss, its bits as far as a text holds them, and the array that is to blame, where the loss is not.
type Failure = (String, u64, Option<String>);

/// How a worker said that its run failed, and how `supcon replay` does.
fn failures(dir: &RunDir) -> [Failure; 2] {
    let failure = |loss: &str, array: &str| {
        let value: f64 = loss.parse().expect("a number");
        let array = value.is_finite().then(|| array.to_owned());
        (loss.to_owned(), value.to_bits(), array)
    };
    let cause = record::recorded_status(dir).expect("a status").cause;
    let cause = cause.expect("a cause");
    let loss = between(&cause, "(loss ", ")");
    let array = cause
        .contains("the gradient of `")
        .then(|| between(&cause, "gradient of `", "`"));
    let told = failure(loss, array.unwrap_or_default());
    let mut replay = Command::new(env!("CARGO_BIN_EXE_supcon"));
    replay.arg("replay").arg(dir.file(CAPSULE));
    let output = replay.output().expect("supcon starts");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.contains("it fails again"), "{text}");
    let step = between(&text, "step       ", " of the run");
    assert!(
        cause.contains(&format!("at step {step} ")),
        "{cause}: {text}"
    );
    assert_eq!(
        between(&cause, "images of the batch: ", "]"),
        between(&text, "images     ", "]")
    );
    let first = between(&text, "gradient   ", "\n");
    let array = first.split_whitespace().nth(1).expect("a name");
    [told, failure(between(&text, "loss       ", "\n"), array)]
}

#[test]
fn the_capsule_of_a_worker_that_diverged_gives_the_same_loss_and_blames_the_same_array() {
    let bench = Bench::new();
    for (name, _) in super::devices() {
        // Weights that overflow; a head whose gradients do, behind a loss that is a number.
        for (phase, rate, is_finite) in [(0, 1e38, false), (1, 1e10, true)] {
            let dir = absurd(&bench, name, phase, rate);
            let [told, replayed] = failures(&dir);
            assert_eq!(told, replayed, "{name}");
            let (loss, _, array) = &told;
            assert_eq!(array.is_some(), is_finite, "{name}: {told:?}");
            println!("{name}: loss {loss} twice, {array:?} to blame");
        }
    }
}
