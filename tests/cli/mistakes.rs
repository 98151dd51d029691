//! Mistakes that people make when they begin, and what one mistake may not do to the others.

use super::{Case, GOOD, edited, found, one};

#[test]
fn words_of_other_programs_are_one_mistake_with_our_word_as_the_answer() {
    let cases = [
        ("epochs: 2", "steps: 100", 8, "epochs"),
        (
            "batch_size: 20\n    head: {name: p",
            "batch: 64\n    head: {name: p",
            9,
            "batch_size",
        ),
        ("widths: [16]", "width: [16]", 10, "widths"),
        ("learning_rate: 1e-3", "lr: 1e-3", 19, "learning_rate"),
        ("temperature: 0.05", "tau: 0.05", 11, "temperature"),
    ];
    for (from, to, line, key) in cases {
        let meant = format!("did you mean `{key}`?");
        one(
            from,
            to,
            "unknown-key",
            line,
            &[&meant, &format!("= help: write `{key}`")],
        );
        assert!(!edited(from, to).text().contains("belongs to"), "{to}");
    }
}

#[test]
fn a_mistake_in_an_anchored_mapping_is_shown_there() {
    let text = GOOD
        .replacen(
            "optimizer: {name: adam}",
            "optimizer: &o {name: adam, lerning_rate: 1e-3}",
            1,
        )
        .replacen(
            "optimizer: {name: adam, learning_rate: 1e-3}",
            "optimizer: *o",
            1,
        );
    let problems = found(&Case::new(&text));
    let at: Vec<(&str, usize)> = problems
        .iter()
        .map(|(code, line, _)| (*code, *line))
        .collect();
    assert_eq!(at, [("unknown-key", 12), ("unknown-key", 12)]);
}

#[test]
fn keys_are_what_is_written_and_dots_are_part_of_them() {
    one("  pretrain:", "  True:", "bad-name", 7, &["write `true`"]);
    let text = Case::new(&format!("{GOOD}\"phases.pretrain\": 3\n")).text();
    assert!(
        text.contains("spec.yaml:22:1") && text.contains("one inside the other"),
        "{text}"
    );
}

#[test]
fn whole_numbers_may_be_written_as_floats() {
    for (text, batch) in [("20.0", 20), ("1e1", 10)] {
        let case = edited(
            "batch_size: 20\n    head: {name: p",
            &format!("batch_size: {text}\n    head: {{name: p"),
        );
        assert_eq!(case.runs()[0].phases[0].batch_size, batch);
    }
    one(
        "seeds: [0, 1]",
        "seeds: [1, 1.0]",
        "duplicate-value",
        2,
        &["twice"],
    );
    one(
        "seeds: [0, 1]",
        "seeds: [1e18]",
        "out-of-range",
        2,
        &["in digits"],
    );
}

#[test]
fn conflicts_are_found_beside_mistakes_in_single_values() {
    let text = GOOD
        .replacen("train_size", "train_sise", 1)
        .replacen("{name: classifier}", "{name: projection, widths: [8]}", 1)
        .replacen("test_accuracy", "test_acuracy", 1);
    let mut codes: Vec<(&str, usize)> = found(&Case::new(&text))
        .into_iter()
        .map(|(code, line, _)| (code, line))
        .collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        [
            ("bad-expect", 21),
            ("head-and-loss", 17),
            ("unknown-key", 3)
        ]
    );
    // Nothing is said about what only holds because of a mended value.
    one(
        "batch_size: 20\n    freeze",
        "batch_size: many\n    freeze",
        "wrong-type",
        15,
        &[],
    );
    one("name: classifier", "name: 3", "wrong-type", 17, &[]);
}

#[test]
fn a_lost_layer_does_not_hide_the_mistakes_of_the_others() {
    let text = GOOD.replacen("epochs: 2", "epohcs: 2", 1);
    let case = Case::new(&text).set("seeds=[1").set("a..b=3");
    let codes: Vec<&str> = found(&case).into_iter().map(|(code, ..)| code).collect();
    assert_eq!(codes, ["bad-override", "syntax", "unknown-key"]);
    let case = Case::new("extends: gone.yaml\nname: top\nphases: {a: {epohcs: 3}}\n");
    let codes: Vec<&str> = found(&case).into_iter().map(|(code, ..)| code).collect();
    assert_eq!(codes, ["bad-extends", "unknown-key"]);
}

#[test]
fn what_is_written_as_in_other_programs_is_answered_with_our_form() {
    one(
        "seeds: [0, 1]",
        "seeds: 0",
        "wrong-type",
        2,
        &["write it in brackets: `[0]`"],
    );
    one(
        "{flip: horizontal}",
        "normalise",
        "wrong-type",
        4,
        &["as `{normalize: per_channel}`"],
    );
    one(
        "flip: horizontal",
        "flip: true",
        "wrong-type",
        4,
        &["= help: write `horizontal`"],
    );
    one(
        "dataset: shapes, train_size: 100",
        "dataset: cifar10, root: ~/cifar",
        "wrong-type",
        3,
        &[
            "begins with `~`, which only a shell knows",
            "write the home folder out",
        ],
    );
}

#[test]
fn a_misspelt_name_of_a_variant_is_one_mistake_though_a_base_names_another() {
    let derived = "extends: base.yaml\nname: top\ndata: {datasset: cifar10, train_size: ~, train_subset: first, train_limit: 90}\n";
    let case = Case::new(derived).file("base.yaml", GOOD.as_bytes());
    let codes: Vec<_> = found(&case)
        .into_iter()
        .map(|(code, line, _)| (code, line))
        .collect();
    assert_eq!(codes, [("unknown-key", 3)]);
}

#[test]
fn a_misspelt_extends_is_one_mistake() {
    let derived = "extands: base.yaml\nname: top\nphases: {pretrain: {epohcs: 3}}\n";
    let case = Case::new(derived).file("base.yaml", GOOD.as_bytes());
    let codes: Vec<_> = found(&case)
        .into_iter()
        .map(|(code, line, _)| (code, line))
        .collect();
    assert_eq!(codes, [("unknown-key", 1), ("unknown-key", 3)]);
    assert!(case.text().contains("did you mean `extends`?"));
}
