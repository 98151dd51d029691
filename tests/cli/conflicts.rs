//! What is wrong between sections that are right by themselves.

use super::{edited, one};

#[test]
fn a_conflict_shows_both_sides_and_the_fix() {
    assert_eq!(
        edited("{name: classifier}", "{name: projection, widths: [8]}").set("expect=~").text(),
        "\
error[conflict]: the loss `cross_entropy` needs one logit a class, but the head is a projection in `phases.classify`
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
        "conflict",
        3,
        &["cannot hold 10 classes"],
    );
    one(
        "train_size: 100",
        "train_size: 100, train_limit: 500",
        "conflict",
        3,
        &["asks for 500 images"],
    );
    one(
        "train_size: 100",
        "train_size: 100, validation: 0.001",
        "conflict",
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
        "conflict",
        4,
        &["must come first"],
    );
    one(
        "{flip: horizontal}",
        "{normalize: per_channel}",
        "conflict",
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
        "conflict",
        9,
        &["needs at least 2"],
    );
    one(
        "batch_size: 20\n    freeze",
        "batch_size: 101\n    freeze",
        "conflict",
        15,
        &["larger than the 100"],
    );
    one(
        "    epochs: 2\n",
        "    epochs: 2\n    freeze: [encoder]\n",
        "conflict",
        9,
        &["before any phase has trained it"],
    );
    one(
        "min: 0.2",
        "tolerance: 0.2",
        "conflict",
        21,
        &["`tolerance` needs a `value`"],
    );
    one(
        "min: 0.2",
        "value: 0.2",
        "conflict",
        21,
        &["`value` needs a `tolerance`"],
    );
    one(
        "min: 0.2",
        "min: 0.2, max: 0.1",
        "conflict",
        21,
        &["`min` is larger than `max`"],
    );
    one(", min: 0.2", "", "conflict", 21, &["without a figure"]);
    one(
        "metric: test_accuracy",
        "metric: validation_accuracy",
        "conflict",
        21,
        &["no phase measures"],
    );
    one(
        "metric: test_accuracy",
        "metric: pretrain.train_accuracy",
        "conflict",
        21,
        &["no phase measures"],
    );
    one(
        "metric: test_accuracy",
        "metric: pretrain.test_loss",
        "conflict",
        21,
        &["no phase measures"],
    );
    assert!(
        edited("metric: test_accuracy", "metric: pretrain.train_loss")
            .resolve()
            .is_ok()
    );
}
