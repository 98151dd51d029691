//! `supcon replay` and `supcon selftest`, on every device that is there.

use super::super::devices;
use super::{Store, code, plan, status, text};
use burn::tensor::Device;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use supcon::data::{self, Dataset, LoadOptions};
use supcon::plan::{OptimizerPlan, RunPlan};
use supcon::record::{CAPSULE, Checkpoint, RunDir, State, Status};
use supcon::train::{self, Begin, Hooks, Kept, Pace};

/// Trains until something is kept for which `wanted` gives a checkpoint.
fn train_until(
    plan: &RunPlan,
    device: &Device,
    wanted: fn(Kept) -> Option<Checkpoint>,
) -> Checkpoint {
    let data = shapes(plan);
    let (stop, mut found) = (AtomicBool::new(false), None);
    let mut keep = |kept| {
        if let Some(checkpoint) = wanted(kept) {
            found = Some(checkpoint);
            stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    };
    let hooks = Hooks {
        stop: &stop,
        beats: &AtomicU64::new(0),
        sink: &mut |_| {},
        keep: &mut keep,
    };
    let _ = train::run(plan, &data, device, (Begin::First, Pace::default()), hooks);
    found.expect("something was kept")
}

fn shapes(plan: &RunPlan) -> Dataset {
    let options = LoadOptions {
        data_dir: None,
        cache_dir: PathBuf::from("unused"),
        disk: supcon::disk::Disk::real(),
        progress: &|_| {},
    };
    data::load(&plan.data, &options).expect("shapes")
}

#[test]
fn a_capsule_fails_again_on_the_device_of_its_run_and_a_sound_one_does_not() {
    for (name, device) in devices() {
        let store = Store::new();
        for (label, rate, exit) in [("bad", 1e38, 3), ("good", 1e-3, 0)] {
            let mut plan = plan(label, 0);
            let OptimizerPlan::Adam { learning_rate, .. } = &mut plan.phases[0].optimizer;
            *learning_rate = rate;
            let dir = RunDir::create(&store.runs(), &plan.run_id).expect("a folder");
            dir.write_plan(&plan).expect("a plan");
            let used = Status {
                device: name.to_string(),
                ..status(State::Diverged)
            };
            dir.write_status(&used).expect("a status");
            let capsule = train_until(&plan, &device, |kept| match kept {
                Kept::Capsule(capsule) => Some(capsule),
                // Behind the first epoch of a run that is sound.
                Kept::Moment(moment) if moment.position.epochs == 1 => Some(moment),
                _ => None,
            });
            assert_eq!(capsule.position.epochs == 0, label == "bad", "{name}");
            let step = capsule.position.run_steps;
            dir.write_capsule(&capsule).expect("a capsule");
            let by_path = dir.file(CAPSULE).to_string_lossy().into_owned();
            for word in [dir.run_id(), by_path] {
                let output = store.supcon(&["replay", &word]);
                let out = text(&output.stdout);
                assert_eq!(code(&output), exit, "{name}: {out}{}", text(&output.stderr));
                assert!(
                    out.contains(&format!("step       {step} of the run")),
                    "{out}"
                );
                assert!(out.contains(&format!("on {name}, 1 threads")), "{out}");
                let again = "it fails again";
                let not = format!("it did not fail again: the run used {name}, 1 threads");
                assert!(
                    out.contains(if label == "bad" { again } else { &not }),
                    "{out}"
                );
                let images = out.lines().find(|line| line.starts_with("images"));
                assert_eq!(images.map(|line| line.split(',').count()), Some(25));
            }
        }
        let none = store.finished("none", 0);
        let output = store.supcon(&["replay", &none.run_id()]);
        assert_eq!(code(&output), 2);
        assert!(text(&output.stderr).contains("has no capsule"));
    }
}

#[test]
fn the_programs_own_test_kills_and_compares_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, _) in devices() {
        let dir = folder.path().join("own");
        let output = Command::new(env!("CARGO_BIN_EXE_supcon"))
            .args([
                "selftest",
                "kill",
                "--n",
                "3",
                "--device",
                &name.to_string(),
                "--dir",
            ])
            .arg(&dir)
            .output()
            .expect("supcon starts");
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(code(&output), 0, "{name}: {out}{err}");
        assert_eq!(out, "3 kills, 3 equal\n");
        assert_eq!(err.matches(": equal").count(), 3, "{err}");
        assert!(!dir.exists());
    }
}
