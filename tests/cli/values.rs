//! Single values: numbers by the type of their key, names, lists.

use super::{Case, GOOD, edited, one};

#[test]
fn numbers_are_read_by_the_type_of_their_key() {
    for text in ["1e-3", "1E-3", ".001", "1", "0.001", "+1e-3"] {
        let case = edited("learning_rate: 1e-3", &format!("learning_rate: {text}"));
        assert!(case.resolve().is_ok(), "{text}\n{}", case.text());
    }
    let rate = |text: &str, code, parts: &[&str]| {
        one(
            "learning_rate: 1e-3",
            &format!("learning_rate: {text}"),
            code,
            19,
            parts,
        );
    };
    rate("'1e-3'", "wrong-type", &["remove the quotes: `1e-3`"]);
    rate("1_000", "wrong-type", &["write it without `_`: `1000`"]);
    for text in [
        ".nan",
        ".inf",
        "-.inf",
        "0",
        "-1",
        "1e400",
        "99999999999999999999999999",
    ] {
        rate(text, "out-of-range", &["must be above 0 and at most 1000"]);
    }
    for text in ["0", "-1", "99999999999999999999", "1e400", "1e300"] {
        one(
            "epochs: 2",
            &format!("epochs: {text}"),
            "out-of-range",
            8,
            &[],
        );
    }
    one(
        "epochs: 2",
        "epochs: 2.5",
        "wrong-type",
        8,
        &["a whole number, found the number 2.5"],
    );
    one(
        "temperature: 0.05",
        "temperature: 1e-9",
        "out-of-range",
        11,
        &["must be at least 0.001"],
    );
    one(
        "name: good",
        "name: 12",
        "wrong-type",
        1,
        &["put it in quotes"],
    );
}

#[test]
fn names_are_safe_for_folders() {
    for name in [
        "../../x",
        "Con",
        "a/b",
        "'a b'",
        "\"a\\nb\"",
        "-x",
        "\"\"",
        "\u{e9}t\u{e9}",
        &"x".repeat(65),
    ] {
        one(
            "name: good",
            &format!("name: {name}"),
            "bad-name",
            1,
            &["allowed: a-z"],
        );
    }
    let text = edited("name: good", "name: \"a\\u202Eb\"").text();
    assert!(
        text.contains("a\\u{202e}b") && !text.contains('\u{202e}'),
        "{text}"
    );
    one(
        "  pretrain:",
        "  pre.train:",
        "bad-name",
        7,
        &["beginning with a letter"],
    );
}

#[test]
fn empty_and_repeated_values_are_refused() {
    one(
        "seeds: [0, 1]",
        "seeds: []",
        "empty-list",
        2,
        &["at least 1"],
    );
    one(
        "seeds: [0, 1]",
        "seeds: [1, 0, 1]",
        "duplicate-value",
        2,
        &["twice"],
    );
    one("widths: [16]", "widths: []", "empty-list", 10, &[]);
    let (head, _) = GOOD.split_once("phases:").expect("phases");
    let text = Case::new(&format!("{head}phases: {{}}\n")).text();
    assert!(text.contains("`phases` needs at least 1 phase"), "{text}");
}

#[test]
fn a_key_without_a_value_is_marked_itself() {
    let cases = [
        (
            "encoder: {name: resnet_cifar, blocks: 1}",
            "encoder:",
            5,
            "`encoder` is empty",
        ),
        (
            "epochs: 2",
            "epochs:",
            8,
            "`phases.pretrain.epochs` is empty",
        ),
        (
            "loss: {name: npairs, temperature: 0.05}",
            "loss:",
            11,
            "`phases.pretrain.loss` is empty",
        ),
        (
            "{name: npairs,",
            "{name: ,",
            11,
            "`phases.pretrain.loss.name` is empty",
        ),
        (
            "epochs: 2",
            "epochs: ~",
            8,
            "`phases.pretrain.epochs` is deleted, but needed",
        ),
    ];
    for (from, to, line, message) in cases {
        one(
            from,
            to,
            "missing-key",
            line,
            &[message, "help: write its value: "],
        );
    }
    one(
        "epochs: 2",
        "epochs:",
        "missing-key",
        8,
        &["8 |     epochs:\n  |     ^^^^^^ needs a value"],
    );
    let text = Case::new(GOOD).set("encoder=~").text();
    assert!(
        text.contains("--> --set:1:1") && text.contains("`encoder` is deleted"),
        "{text}"
    );
}

#[test]
fn bounds_in_the_wrong_order_are_to_be_swapped() {
    one(
        "min: 0.2",
        "min: 0.9, max: 0.2",
        "bad-expect",
        21,
        &["`min` is larger than `max`: 0.9 and 0.2", "help: swap them"],
    );
}
