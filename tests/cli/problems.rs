//! Each kind of problem with its text, and all problems of a file in one pass.

use super::{Case, GOOD, edited, found, one, told};
use supcon::plan::load_runs;
use supcon::spec::Overrides;

#[test]
fn a_good_spec_gives_a_run_for_each_seed() {
    let runs = Case::new(GOOD).runs();
    assert_eq!(runs.iter().map(|run| run.seed).collect::<Vec<_>>(), [0, 1]);
    assert!(runs[0].run_id.starts_with("good-s0-") && runs[0].run_id.len() == "good-s0-".len() + 8);
}

#[test]
fn an_unknown_key_is_drawn_with_place_suggestion_and_what_is_taken() {
    assert_eq!(
        edited("temperature: 0.05", "temprature: 0.05").text(),
        "\
error[unknown-key]: unknown key `temprature` in `phases.pretrain.loss`
  --> spec.yaml:11:26
   |
11 |     loss: {name: npairs, temprature: 0.05}
   |                          ^^^^^^^^^^ did you mean `temperature`?
   = note: `loss` with `name: npairs` takes `temperature`
   = help: write `temperature`
error: 1 problem in spec.yaml, nothing was run
"
    );
}

#[test]
fn a_wrong_type_is_drawn_with_what_was_expected() {
    assert_eq!(
        edited("epochs: 2", "epochs: two").text(),
        "\
error[wrong-type]: `phases.pretrain.epochs` must be a whole number, found the text `two`
 --> spec.yaml:8:13
  |
8 |     epochs: two
  |             ^^^ expected a whole number
  = help: write a whole number
error: 1 problem in spec.yaml, nothing was run
"
    );
}

#[test]
fn a_missing_key_is_drawn_at_its_section() {
    assert_eq!(
        edited(
            "    batch_size: 20\n    head: {name: p",
            "    head: {name: p"
        )
        .text(),
        "\
error[missing-key]: missing key `batch_size` in `phases.pretrain`
 --> spec.yaml:7:3
  |
7 |   pretrain:
  |   ^^^^^^^^ needs `batch_size`
  = help: add `batch_size`, a whole number from 1 to 1000000: images a step; the last, smaller batch is kept
error: 1 problem in spec.yaml, nothing was run
"
    );
}

#[test]
fn a_duplicate_key_shows_both_lines() {
    assert_eq!(
        edited(
            "    epochs: 1\n    batch_size: 20\n",
            "    epochs: 1\n    batch_size: 20\n    epochs: 3\n"
        )
        .text(),
        "\
error[duplicate-key]: duplicate key `epochs` in `phases.classify`
  --> spec.yaml:16:5
   |
14 |     epochs: 1
   |     ------ first written here
...
16 |     epochs: 3
   |     ^^^^^^ written again
   = help: keep one of the two
error: 1 problem in spec.yaml, nothing was run
"
    );
}

#[test]
fn names_of_parts_and_values_are_suggested() {
    one(
        "name: npairs",
        "name: npair",
        "unknown-name",
        11,
        &[
            "unknown loss `npair`",
            "did you mean `npairs`?",
            "`cross_entropy`",
        ],
    );
    one(
        "dataset: shapes",
        "dataset: shaeps",
        "unknown-name",
        3,
        &["did you mean `shapes`?"],
    );
    one(
        "flip: horizontal",
        "flip: horisontal",
        "unknown-name",
        4,
        &["did you mean `horizontal`?"],
    );
    one(
        "{flip: horizontal}",
        "{filp: horizontal}",
        "unknown-key",
        4,
        &["did you mean `flip`?"],
    );
    one(
        "[encoder]",
        "[encodr]",
        "unknown-name",
        16,
        &["did you mean `encoder`?"],
    );
    one(
        "metric: test_accuracy",
        "metric: test_acuracy",
        "bad-expect",
        21,
        &["did you mean `test_accuracy`?"],
    );
    one(
        "dataset: shapes",
        "dataset: no",
        "unknown-name",
        3,
        &["unknown dataset `no`"],
    );
    one(
        "dataset: shapes",
        "dataset: true",
        "wrong-type",
        3,
        &["found `true`"],
    );
}

#[test]
fn a_key_of_another_section_is_named_with_its_home() {
    one(
        "encoder: {",
        "epochs: 3\nencoder: {",
        "unknown-key",
        5,
        &["`epochs` belongs to a phase in `phases`"],
    );
    one(
        "{name: adam}",
        "{name: adam, temperature: 1}",
        "unknown-key",
        12,
        &["`loss` with `name: npairs`"],
    );
}

#[test]
fn a_misspelt_tag_or_required_key_is_one_problem() {
    one(
        "{name: npairs, temp",
        "{nmae: npairs, temp",
        "unknown-key",
        11,
        &["did you mean `name`?"],
    );
    one(
        "dataset: shapes",
        "datset: shapes",
        "unknown-key",
        3,
        &["did you mean `dataset`?"],
    );
    one(
        "    epochs: 2",
        "    epohcs: 2",
        "unknown-key",
        8,
        &["did you mean `epochs`?"],
    );
    one(
        "name: good",
        "nmae: good",
        "unknown-key",
        1,
        &["did you mean `name`?"],
    );
    one(
        "{name: npairs, temp",
        "{temp",
        "missing-key",
        11,
        &["add `name`, one of `npairs`, `cross_entropy`"],
    );
}

#[test]
fn shorthand_is_answered_with_the_full_form() {
    one(
        "loss: {name: cross_entropy}",
        "loss: cross_entropy",
        "wrong-type",
        18,
        &["write the loss as `{name: cross_entropy}`"],
    );
    one(
        "{flip: horizontal}",
        "flip",
        "wrong-type",
        4,
        &["write the step as `{flip: horizontal}`"],
    );
    one(
        "seeds: [0, 1]",
        "seeds: 3",
        "wrong-type",
        2,
        &["must be a list"],
    );
    one(
        "{flip: horizontal}",
        "{flip: horizontal, rotate: 0.1}",
        "wrong-type",
        4,
        &["exactly one key"],
    );
}

#[test]
fn ten_mistakes_give_ten_problems_in_order() {
    let spec = "\
name: Bad Name
seeds: [1, 1]
data: {dataset: cifar, train_limt: 100}
augment: [{rotate: 7}]
encoder: {name: resnet_cifar, width: '16'}
epochs: 4
phases:
  train:
    epochs: -3
    epochs: 5
    head: {name: classifier, hidden: 512}
    loss: {name: cross_entropy}
    optimizer: {name: adam, lr: .nan}
";
    let codes: Vec<(&str, usize)> = found(&Case::new(spec))
        .into_iter()
        .map(|(code, line, _)| (code, line))
        .collect();
    assert_eq!(
        codes,
        [
            ("bad-name", 1),
            ("duplicate-value", 2),
            ("unknown-name", 3),
            ("unknown-key", 3),
            ("out-of-range", 4),
            ("wrong-type", 5),
            ("unknown-key", 6),
            ("missing-key", 8),
            ("out-of-range", 9),
            ("duplicate-key", 10),
            ("wrong-type", 11),
            ("unknown-key", 13),
        ]
    );
}

#[test]
fn problems_of_all_files_are_reported_together() {
    let case = edited("epochs: 2", "epochs: x").file("other.yaml", b"nmae: x\n");
    let problems =
        load_runs(&[case.dir.path().to_path_buf()], &Overrides::default()).expect_err("problems");
    assert!(
        problems
            .to_string()
            .ends_with("problems in 2 files, nothing was run\n")
    );
}

/// Ten mistakes, each alone on its line.
const TEN: &str = "\
name: Bad Name
seeds: [1, 1]
data: {dataset: shapse}
augment: [{rotate: 7}]
encoder: {name: resnet_cifar, width: '16'}
epochs: 4
phases:
  train:
    epochs: 3
    epochs: 5
    head: {name: classifier, hidden: 512}
    loss: {name: cross_entropy, temperature: 0.1}
    optimizer: {name: adam}
";

#[test]
fn the_program_names_ten_mistakes_at_once_and_writes_nothing() {
    let case = Case::new(TEN);
    let verbs: &[&[&str]] = if cfg!(feature = "train") {
        &[&["check"], &["plan"], &["run"]]
    } else {
        &[&["check"], &["plan"]]
    };
    for verb in verbs {
        let told = told(&case, verb);
        assert_eq!(told.exit, Some(2), "{verb:?}: {}", told.text);
        let drawn: Vec<&str> = told
            .text
            .lines()
            .filter(|line| line.starts_with("error["))
            .collect();
        let codes: Vec<&str> = drawn
            .iter()
            .filter_map(|line| line.get(6..line.find(']')?))
            .collect();
        assert_eq!(
            codes,
            [
                "bad-name",
                "duplicate-value",
                "unknown-name",
                "out-of-range",
                "wrong-type",
                "unknown-key",
                "missing-key",
                "duplicate-key",
                "wrong-type",
                "unknown-key"
            ],
            "{}",
            told.text
        );
        let place = |line: &str| {
            let at = line.trim_start().strip_prefix("--> spec.yaml:")?;
            at.split_once(':')?.0.parse().ok()
        };
        let lines: Vec<usize> = told.text.lines().filter_map(place).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5, 6, 8, 10, 11, 12]);
        assert!(
            told.text
                .contains("error: 10 problems in spec.yaml, nothing was run\n"),
            "{}",
            told.text
        );
    }
}
