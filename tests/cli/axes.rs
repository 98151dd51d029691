//! Mistakes in the paths of swept keys and in the numbers of ranges: each one problem, at what is wrong.

use super::{Case, GOOD, found};

/// Asserts that the sweep gives one problem, whose text holds all parts.
fn only(sweep: &str, parts: &[&str]) {
    let case = Case::new(&format!("{GOOD}{sweep}\n"));
    let (problems, text) = (found(&case), case.text());
    assert_eq!(problems.len(), 1, "{sweep}: {text}");
    for part in parts {
        assert!(text.contains(part), "{sweep}: no `{part}` in\n{text}");
    }
}

#[test]
fn a_misspelt_path_is_one_problem_at_the_name_that_is_wrong() {
    only(
        "sweep:\n  grid:\n    phases.pretrain.loss.temprature:\n    - 0.05\n    - 0.1",
        &[
            "unknown key `temprature` in `phases.pretrain.loss`",
            "spec.yaml:24:26",
            "^^^^^^^^^^ did you mean `temperature`?",
            "write `temperature`",
        ],
    );
    only(
        "sweep: {grid: {\"phases.pretrain.los.temperature\": [0.1, 0.2]}}",
        &["spec.yaml:22:33", "^^^ did you mean `loss`?"],
    );
    only(
        "sweep: {zip: {phases: {pretrain: {optimiser.learning_rate: [0.1, 0.2]}}}}",
        &["spec.yaml:22:35", "^^^^^^^^^ did you mean `optimizer`?"],
    );
    only(
        "sweep: {range: {encoder.widht: {from: 8, to: 16, steps: 2}}}",
        &["spec.yaml:22:25", "did you mean `width`?"],
    );
    only(
        "sweep: {grid: {encodr.width: [8, 16]}}",
        &["spec.yaml:22:16", "^^^^^^ did you mean `encoder`?"],
    );
    only(
        "sweep: {grid: {phases.pretain.epochs: [1, 2]}}",
        &["spec.yaml:22:23", "^^^^^^^ did you mean `pretrain`?"],
    );
    only(
        "sweep: {grid: {data.root: [a, b]}}",
        &[
            "unknown key `root` in `data`",
            "`root` belongs to `data` with",
        ],
    );
}

#[test]
fn a_sweep_that_has_no_points_hides_none_of_its_wrong_values() {
    let uneven = "zip: {phases.pretrain.epochs: [1], phases.classify.epochs: [1, two]}";
    let case = Case::new(&format!(
        "{GOOD}sweep:\n  grid: {{encoder.width: [8, 0, x], encoder.name: [resnet_cifar]}}\n  {uneven}\n"
    ));
    let codes: Vec<_> = found(&case)
        .into_iter()
        .map(|(code, line, _)| (code, line))
        .collect();
    assert_eq!(
        codes,
        [
            ("out-of-range", 23),
            ("wrong-type", 23),
            ("bad-sweep", 24),
            ("wrong-type", 24)
        ],
        "{}",
        case.text()
    );
    let many: Vec<String> = (1..=600).map(|n| n.to_string()).collect();
    let many = format!(
        "sweep: {{grid: {{encoder.width: [{}, x]}}}}\n",
        many.join(", ")
    );
    let codes: Vec<_> = found(&Case::new(&format!("{GOOD}{many}")))
        .into_iter()
        .map(|(code, ..)| code)
        .collect();
    assert_eq!(codes, ["too-many-runs", "wrong-type"]);
}

#[test]
fn axes_of_another_kind_are_led_to_their_place() {
    only(
        "sweep: {grid: {encoder.width: {from: 8, to: 16, steps: 2}}}",
        &["must be a list", "move it below `range`"],
    );
    only(
        "sweep: {range: {encoder.width: [8, 16]}}",
        &["must be a mapping", "move it below `grid`"],
    );
    only(
        "sweep: {parameters: {lr: {values: [0.1]}}}",
        &["write the axes in `grid`, as in"],
    );
    let case = Case::new(&format!(
        "{GOOD}sweep: {{range: {{encoder.width: {{start: 8, stop: 16, num: 2}}}}}}\n"
    ));
    let labels: Vec<String> = found(&case).into_iter().map(|(.., label)| label).collect();
    assert_eq!(
        labels,
        ["from", "to", "steps"].map(|key| format!("did you mean `{key}`?"))
    );
}

#[test]
fn a_key_that_a_point_makes_wrong_is_answered_with_what_to_write_there() {
    only(
        "sweep: {grid: {encoder: [{name: resnet_cifar, width: 8}, {name: resnet50_v2}]}}",
        &[
            "unknown key `blocks`",
            "at the point encoder = {name: resnet50_v2}",
            "write `blocks: ~` beside `name` in ",
        ],
    );
    only(
        "sweep: {grid: {encoder.name: [resnet_cifar, resnet50_v2]}}",
        &["sweep `encoder` instead, with `{name: resnet50_v2, blocks: ~}` as this value"],
    );
}

#[test]
fn keys_of_a_variant_that_the_sweep_chooses_may_be_swept() {
    let sweep =
        "sweep: {zip: {encoder.name: [resnet_cifar, resnet_cifar], encoder.width: [8, 16]}}";
    assert_eq!(Case::new(&format!("{GOOD}{sweep}\n")).runs().len(), 4);
    only(
        "sweep: {grid: {encoder.name: [resnet_cifar], encoder.widht: [8, 16]}}",
        &["did you mean `width`?"],
    );
}

#[test]
fn a_range_is_wrong_where_it_is_wrong() {
    only(
        "sweep:\n  range:\n    phases.pretrain.loss.temperature:\n      from: 0.1\n      to: -2\n      steps: 3",
        &["spec.yaml:26:11", "must be at least 0.001"],
    );
    only(
        "sweep:\n  range:\n    encoder.width:\n      from: 8\n      to: 9\n      steps: 3",
        &[
            "spec.yaml:27:14",
            "`steps: 3` gives 8.5",
            "write `steps: 2`",
        ],
    );
    only(
        "sweep: {range: {encoder.width: {from: 2, to: 8, steps: 6}}}",
        &["`steps: 6` gives 3.2", "write `steps: 4`"],
    );
    only(
        "sweep: {range: {encoder.width: {from: 8.5, to: 9, steps: 2}}}",
        &[
            "must be a whole number, found the number 8.5",
            "spec.yaml:22:39",
        ],
    );
    only(
        "sweep: {range: {encoder.width: {from: 8, to: 8, steps: 3}}}",
        &["`from` and `to` of `encoder.width` are equal"],
    );
    only(
        "sweep: {range: {encoder.name: {from: 8, to: 9, steps: 2}}}",
        &["a range gives numbers, but `encoder.name` takes none"],
    );
}
