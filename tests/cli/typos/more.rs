//! Specs that only this test has.

/// Specs with what no shipped file has: the keys that are left, so that each key of the schema is misspelt somewhere.
pub(super) const MORE: [(&str, &str); 2] = [
    (
        "swept",
        "\
format: 1
name: swept
seeds: [0]
data: {dataset: image_folder, root: images, image_size: 32, train_limit: 50, validation: 0.1}
augment: [{normalize: per_channel}, {flip: horizontal}, {rotate: 0.1}, {random_width: 0.1}, {random_height: 0.1}]
encoder: {name: resnet_cifar, blocks: 1, width: 4}
phases:
  pretrain:
    epochs: 1
    batch_size: 8
    augment: []
    head: {name: projection, widths: [8], activation: relu}
    loss: {name: npairs, temperature: 0.1}
    optimizer: {name: adam, learning_rate: 0.1, beta_1: 0.8, beta_2: 0.9, epsilon: 1e-6}
  classify:
    epochs: 1
    batch_size: 8
    freeze: [encoder]
    precision: bf16
    head: {name: classifier, hidden: [8], dropout: 0.1}
    loss: {name: cross_entropy}
    optimizer: {name: adam}
expect:
  - {metric: test_accuracy, value: 0.5, tolerance: 0.1, source: nowhere}
  - {metric: test_loss, min: 0.1, max: 3}
reference:
  - {label: other, file: other.csv, source: nowhere}
sweep:
  grid:
    phases.pretrain.optimizer.learning_rate: [0.1, 0.2]
  zip:
    phases.pretrain.epochs: [2, 3]
    phases.classify.head.dropout: [0.2, 0.3]
  range:
    phases.pretrain.loss.temperature: {from: 0.1, to: 1, steps: 2, scale: log}
profiles:
  short:
    seeds: [1]
    data: {validation: 0.2}
    phases:
      pretrain: {batch_size: 9, optimizer: {beta_1: 0.5}}
    expect: [{metric: test_loss, max: 9}]
    sweep: {grid: {encoder.width: [4, 8]}}
",
    ),
    (
        "derived",
        "\
extends: swept.yaml
name: derived
data: {dataset: shapes, root: ~, image_size: ~, train_size: 90, test_size: 40}
phases:
  pretrain: {batch_size: 9, head: {activation: linear}}
",
    ),
];
