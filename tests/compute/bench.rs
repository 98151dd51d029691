//! `supcon bench` on a small experiment.

use super::runs::Bench;
use serde_json::Value;
use std::process::{Command, Output};

fn bench(bench: &Bench, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_supcon"))
        .arg("bench")
        .arg(bench.spec())
        .args(["--steps=3", "--threads=1", "--set=data.train_size=100"])
        .args(arguments)
        .arg("--results")
        .arg(bench.folder().join("results"))
        .output()
        .expect("supcon starts")
}

#[test]
fn each_phase_is_measured_on_its_real_loop_and_nothing_is_left() {
    let folder = Bench::new();
    let output = bench(&folder, &["--json"]);
    assert!(output.status.success(), "{output:?}");
    let found: Value = serde_json::from_slice(&output.stdout).expect("one line of JSON");
    let phases = found["phases"].as_array().expect("phases");
    assert_eq!(phases.len(), 2);
    for phase in phases {
        let number = |key: &str| phase[key].as_f64().expect("a number");
        let steps = phase["steps"].as_array().expect("steps");
        assert_eq!(steps.len(), 3, "{phase}");
        let parts = ["wait", "forward", "loss", "backward", "guards", "update"];
        let part = |name: &str| phase["parts"][name].as_f64().expect("seconds");
        let sum = parts.into_iter().map(part).sum::<f64>();
        assert!((sum / number("step_secs") - 1.0).abs() < 1e-9, "{phase}");
        assert!(part("forward") > 0.0 && part("backward") > 0.0, "{phase}");
        assert!(
            number("products") > 0.0 && number("products") < 1.5,
            "{phase}"
        );
        assert!(number("checkpoint_secs") > 0.0, "{phase}");
    }
    // A projection has no classes to be right about.
    assert!(phases[0]["evaluation_images_per_sec"].is_null());
    assert!(phases[1]["evaluation_images_per_sec"].as_f64() > Some(0.0));
    let left = std::fs::read_dir(folder.folder().join("results/cache")).expect("a folder");
    let names = left.map(|entry| entry.expect("readable").file_name());
    let names: Vec<_> = names
        .filter(|name| name.to_string_lossy().starts_with("bench"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
    assert!(!folder.folder().join("results/runs").exists());
}

#[test]
fn a_phase_is_chosen_by_its_name_and_a_stranger_is_refused() {
    let folder = Bench::new();
    // An epoch of nine full steps: none of them may count beside the three that were asked for.
    let output = bench(
        &folder,
        &["--phase=classify", "--set=phases.classify.batch_size=10"],
    );
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{output:?}");
    assert!(
        text.contains("classify") && !text.contains("pretrain  "),
        "{text}"
    );
    assert!(
        text.contains("images/s at batch") && text.contains("evaluation"),
        "{text}"
    );
    assert!(text.contains("median of 3 steps"), "{text}");
    let output = bench(&folder, &["--phase=clasify"]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("no phase `clasify`; there is `pretrain`, `classify`"),
        "{text}"
    );
}
