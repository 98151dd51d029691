//! What `supcon plan` tells of the points of a sweep, and of the layer of each value.

use super::{Case, GOOD};
use supcon::plan::{Host, RunPlan};

/// What the program prints for the case's spec.
fn printed(case: &Case, arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_supcon"))
        .args(["plan", "spec.yaml"])
        .args(arguments)
        .current_dir(case.dir.path())
        .output()
        .expect("supcon starts");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn plan_says_of_each_point_what_differs_and_leaves_out_only_what_does_not() {
    let case = Case::new(&format!(
        "{GOOD}sweep: {{grid: {{encoder.width: [8, 64]}}}}\n"
    ));
    let text = printed(&case, &[]);
    let (_, second) = text
        .split_once("point    encoder.width = 64")
        .expect("the point");
    for part in [
        "width 64: 256 features",
        "           compute  ",
        "           memory   ",
        "encoder.conv1 ",
        "  disk     ",
    ] {
        assert!(second.contains(part), "no `{part}` in\n{text}");
    }
    // A sweep that changes no cost, and no byte of its texts, is still told in a few lines.
    let sweep = "sweep: {grid: {phases.pretrain.loss.temperature: [0.05, 0.07]}}\n";
    let text = printed(&Case::new(&format!("{GOOD}{sweep}")), &[]);
    let (_, second) = text.split_once("temperature = 0.07\n").expect("the point");
    let (second, _) = second.split_once("\n\n").expect("an empty line");
    assert_eq!(
        second,
        "  phase 1  pretrain: 2 epochs, batch 20, npairs at temperature 0.07\n  the rest as above"
    );
}

#[test]
fn every_value_is_explained_with_its_origin() {
    let bf16 = GOOD.replacen(
        "freeze: [encoder]",
        "freeze: [encoder]\n    precision: bf16",
        1,
    );
    let text = printed(&Case::new(&bf16), &["--explain"]);
    let (_, values) = text.split_once("  values\n").expect("the values");
    let (values, _) = values.split_once("\n\n").expect("an empty line");
    for line in values.lines() {
        let columns = line.trim().split("  ").filter(|column| !column.is_empty());
        assert_eq!(columns.count(), 3, "{line}");
    }
    for (path, value) in [
        ("phases.pretrain.precision", "f32"),
        ("phases.classify.precision", "bf16"),
        ("expect", "1 entry"),
    ] {
        let line = values
            .lines()
            .find(|line| line.trim().starts_with(&format!("{path} ")));
        assert!(
            line.is_some_and(|line| line.contains(value)),
            "{path}\n{values}"
        );
    }
}

#[test]
fn plan_as_json_has_the_cost_of_each_run_of_a_sweep() {
    let case = Case::new(&format!(
        "{GOOD}sweep: {{grid: {{encoder.width: [8, 64]}}}}\n"
    ));
    let json: serde_json::Value = serde_json::from_str(&printed(&case, &["--json"])).expect("JSON");
    let runs = json.as_array().expect("a list");
    assert_eq!(runs.len(), 4);
    let host = Host {
        producer: String::new(),
        threads: 1,
    };
    for (run, plan) in runs.iter().zip(case.runs()) {
        let trained = RunPlan::cost(&plan, &host).phases[0].trained;
        assert_eq!(
            run["cost"]["phases"][0]["trained"].as_u64(),
            trained.map(|n| n as u64)
        );
    }
    assert_ne!(runs[0]["cost"], runs[2]["cost"]);
}

#[test]
fn explain_names_the_layer_of_each_value() {
    let spec = "extends: base.yaml\nname: top\nprofiles: {p: {phases: {classify: {epochs: 3}}}}\nsweep: {grid: {encoder.width: [8]}}\n";
    let case = Case::new(spec).file("base.yaml", GOOD.as_bytes());
    let set = "--set=phases.pretrain.epochs=4";
    let text = printed(&case, &["--explain", "--profile", "p", set]);
    for (key, origin) in [
        ("seeds", "base base.yaml:2"),
        ("name", "file spec.yaml:2"),
        ("phases.classify.epochs", "profile spec.yaml:3"),
        ("encoder.width", "sweep spec.yaml:4"),
        ("phases.pretrain.epochs", "set phases.pretrain.epochs=4"),
        ("phases.pretrain.optimizer.beta_1", "default"),
    ] {
        let start = format!("    {key} ");
        let line = text.lines().find(|line| line.starts_with(&start));
        assert!(
            line.is_some_and(|line| line.ends_with(&format!("  {origin}"))),
            "{key}: {line:?}"
        );
    }
}
