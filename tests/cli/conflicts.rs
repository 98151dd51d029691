//! What is wrong between sections that are right by themselves.

use super::{Case, GOOD, edited, found, one};

#[test]
fn a_conflict_shows_both_sides_and_the_fix() {
    assert_eq!(
        edited("{name: classifier}", "{name: projection, widths: [8]}").set("expect=~").text(),
        "\
error[head-and-loss]: the loss `cross_entropy` needs one logit a class, but the head is a projection in `phases.classify`
  --> spec.yaml:17:18
   |
17 |     head: {name: projection, widths: [8]}
   |                  ^^^^^^^^^^ gives an embedding
18 |     loss: {name: cross_entropy}
   |                  ------------- the loss
   = help: use `head: {name: classifier}`, or the loss `npairs`
error: 1 problem in spec.yaml, nothing was run
"
    );
}

#[test]
fn conflicts_between_sections_are_found() {
    one(
        "train_size: 100",
        "train_size: 100, train_limit: 5",
        "split-size",
        3,
        &["cannot hold 10 classes"],
    );
    one(
        "dataset: shapes, train_size: 100",
        "dataset: cifar10, train_subset: first",
        "no-effect",
        3,
        &["has no effect without `train_limit`"],
    );
    one(
        "train_size: 100",
        "train_size: 100, train_limit: 500",
        "split-size",
        3,
        &["asks for 500 images"],
    );
    one(
        "train_size: 100",
        "train_size: 100, validation: 0.001",
        "split-size",
        3,
        &["`validation` holds 0 of 100"],
    );
    one(
        "train_size: 100",
        "train_size: 100, validation: 1",
        "out-of-range",
        3,
        &["below 1"],
    );
    one(
        "{normalize: per_channel}, {flip: horizontal}",
        "{flip: horizontal}, {normalize: per_channel}",
        "augment-order",
        4,
        &["must come first"],
    );
    one(
        "{flip: horizontal}",
        "{normalize: per_channel}",
        "augment-order",
        4,
        &["twice"],
    );
    one(
        "{flip: horizontal}",
        "{rotate: 1}",
        "out-of-range",
        4,
        &["above 0 and below 1"],
    );
    one(
        "batch_size: 20\n    head: {name: p",
        "batch_size: 1\n    head: {name: p",
        "batch-size",
        9,
        &["needs at least 2"],
    );
    one(
        "batch_size: 20\n    freeze",
        "batch_size: 101\n    freeze",
        "batch-size",
        15,
        &["larger than the 100"],
    );
    one(
        "    epochs: 2\n",
        "    epochs: 2\n    freeze: [encoder]\n",
        "untrained-encoder",
        9,
        &["before any phase has trained it"],
    );
    one(
        "min: 0.2",
        "tolerance: 0.2",
        "bad-expect",
        21,
        &["`tolerance` needs a `value`"],
    );
    one(
        "min: 0.2",
        "value: 0.2",
        "bad-expect",
        21,
        &["`value` needs a `tolerance`"],
    );
    one(
        "min: 0.2",
        "min: 0.2, max: 0.1",
        "bad-expect",
        21,
        &["`min` is larger than `max`"],
    );
    one(", min: 0.2", "", "bad-expect", 21, &["without a figure"]);
    one(
        "metric: test_accuracy",
        "metric: validation_accuracy",
        "bad-expect",
        21,
        &["no phase measures"],
    );
    one(
        "metric: test_accuracy",
        "metric: pretrain.train_accuracy",
        "bad-expect",
        21,
        &["no phase measures"],
    );
    one(
        "metric: test_accuracy",
        "metric: pretrain.test_loss",
        "bad-expect",
        21,
        &["no phase measures"],
    );
    assert!(
        edited("metric: test_accuracy", "metric: pretrain.train_loss")
            .resolve()
            .is_ok()
    );
}

#[test]
fn batches_and_splits_are_judged_by_what_is_left_for_them() {
    let loss = "batch_size: 20\n    head: {name: p";
    let batch = |text: &str| format!("batch_size: {text}\n    head: {{name: p");
    let text = edited("train_size: 100", "train_size: 100, validation: 0.85").text();
    assert!(
        text.contains(
            "a batch of 20 is larger than the 15 training images that `validation` leaves"
        ),
        "{text}"
    );
    assert!(
        text.contains("spec.yaml:9:17") && text.contains("spec.yaml:15:17"),
        "{text}"
    );
    one(
        "train_size: 100",
        "train_size: 100, validation: 0.02",
        "split-size",
        3,
        &["holds 2 of 100"],
    );
    one(
        loss,
        &batch("33"),
        "batch-size",
        9,
        &[
            "the last batch of each epoch holds one",
            "use a batch of 32",
        ],
    );
    let few = GOOD
        .replacen("train_size: 100", "train_size: 10", 1)
        .replacen("batch_size: 20", "batch_size: 5", 2);
    let text = Case::new(&few).text();
    assert!(
        text.contains("10 images of 10 classes give no pair"),
        "{text}"
    );
}

#[test]
fn expectations_that_no_figure_can_meet_are_refused() {
    for to in [
        "min: 2",
        "max: -0.5",
        "value: 0.5, tolerance: 0, min: 0.6",
        "value: 81.6, tolerance: 1",
    ] {
        one(
            "min: 0.2",
            to,
            "bad-expect",
            21,
            &["no figure can meet", "fractions from 0 to 1"],
        );
    }
    let case = edited("min: 0.2", "value: 1, tolerance: 0.1");
    assert!(case.resolve().is_ok());
}

#[test]
fn lists_that_reach_no_phase_are_refused() {
    let own = "    augment: [{flip: horizontal}]\n    head";
    let text = GOOD.replace("    head", own);
    let case = Case::new(&text);
    assert!(
        case.text()
            .contains("error[no-effect]: `augment` has no effect"),
        "{}",
        case.text()
    );
    // A base's list is there to be replaced.
    let child = "extends: base.yaml\nname: top\nphases:\n  pretrain: {augment: []}\n  classify: {augment: []}\n";
    let case = Case::new(child).file("base.yaml", GOOD.as_bytes());
    assert!(case.resolve().is_ok());
    let line = "  - {metric: test_accuracy, min: 0.2}\n";
    one(
        line,
        &line.repeat(2),
        "duplicate-value",
        22,
        &["written again"],
    );
}

#[test]
fn of_a_phase_without_a_classifier_only_the_training_loss_is_measured() {
    let only = |metric: &str| {
        Case::new(GOOD)
            .set("phases.classify=~")
            .set(&format!("expect=[{{metric: {metric}, min: 0}}]"))
    };
    assert_eq!(only("train_loss").runs().len(), 2);
    assert_eq!(only("pretrain.train_loss").runs().len(), 2);
    for metric in [
        "test_loss",
        "pretrain.test_loss",
        "test_accuracy",
        "train_accuracy",
        "validation_loss",
    ] {
        let text = only(metric).text();
        assert!(
            text.contains(&format!("no phase measures `{metric}`"))
                && text.contains("= note: measured: pretrain.train_loss, train_loss\n"),
            "{text}"
        );
    }
}

#[test]
fn images_that_nothing_looks_at_are_not_held_out() {
    let only = format!(
        "{}{}",
        &GOOD[..GOOD.find("  classify:").expect("a second phase")],
        "expect: []\n"
    );
    let own = only.replacen("train_size: 100", "train_size: 100, validation: 0.2", 1);
    let found = found(&Case::new(&own));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0, found[0].1), ("no-effect", 3));
    // What a base holds out may be for other specs.
    let derived = Case::new("extends: base.yaml\nname: top\n").file("base.yaml", own.as_bytes());
    assert_eq!(derived.runs().len(), 2);
}
