//! The faults that a spec can have, by their number in the list of faults that the project was designed against (S1 to
//! S20). `input` holds those of a file as such. S14 and S15 are in `sweeps`.

mod input;

use super::{Case, GOOD, codes, edited, one, told};
use supcon::plan::RunPlan;

/// Asserts that the program refuses the case with these words, and writes nothing.
fn refused(case: &Case, parts: &[&str]) {
    let told = told(case, &["check"]);
    assert_eq!(told.exit, Some(2), "{}", told.text);
    for part in parts {
        assert!(told.text.contains(part), "no `{part}` in\n{}", told.text);
    }
}

/// What the first run of `GOOD` holds after one edit, by JSON pointer.
fn resolved(from: &str, to: &str, pointer: &str) -> serde_json::Value {
    let run = edited(from, to).runs().remove(0);
    let plan = serde_json::to_value(run).expect("plans are JSON");
    let found = plan.pointer(pointer).cloned();
    found.unwrap_or_else(|| panic!("no {pointer} in {plan}"))
}

#[test]
fn s01_an_empty_spec_is_told_what_to_begin_with() {
    for text in [
        "",
        "# a comment\n# and another",
        "---\n",
        "---\n# a comment\n",
    ] {
        assert_eq!(codes(text.as_bytes()), [("empty", 0)], "{text:?}");
    }
    refused(
        &Case::new("# nothing\n"),
        &[
            "`spec.yaml` holds no spec",
            "begin with `supcon new NAME`",
            "`phases`",
        ],
    );
}

#[test]
fn s02_a_list_or_a_single_value_is_no_spec() {
    for (text, found) in [
        ("# c\n- a\n", "a list"),
        ("# c\nwords\n", "text"),
        ("# c\n3\n", "a number"),
    ] {
        assert_eq!(codes(text.as_bytes()), [("wrong-type", 2)], "{text:?}");
        refused(
            &Case::new(text),
            &[&format!("a spec is a mapping, found {found}")],
        );
    }
}

#[test]
fn s03_unknown_keys_at_every_depth_are_reported_together() {
    let text = GOOD
        .replacen("name: good", "name: good\nexpct: []", 1)
        .replacen("train_size", "train_sise", 1)
        .replacen("epochs: 2", "epohcs: 2", 1)
        .replacen("temperature", "temprature", 1);
    let case = Case::new(&text).set("phases.classify.optimizer.learning_rat=1");
    let problems = case.problems();
    let labels: Vec<&str> = problems.iter().filter_map(|p| p.label.as_deref()).collect();
    assert!(
        problems.iter().all(|p| p.code == "unknown-key"),
        "{problems}"
    );
    let names = [
        "learning_rate",
        "expect",
        "train_size",
        "epochs",
        "temperature",
    ];
    assert_eq!(problems.len(), names.len(), "{problems}");
    // In the order of places, of which `--set` is the first of all files.
    let mut labels = labels;
    labels.sort_unstable();
    let mut wanted = names.map(|name| format!("did you mean `{name}`?"));
    wanted.sort_unstable();
    assert_eq!(labels, wanted);
    refused(&case, &["--set:1:27", "error: 5 problems in 2 files"]);
}

#[test]
fn s04_a_misspelt_key_in_an_item_of_a_list_is_refused() {
    one(
        "{flip:",
        "{filp:",
        "unknown-key",
        4,
        &["did you mean `flip`?"],
    );
    one(
        "{metric:",
        "{metirc:",
        "unknown-key",
        21,
        &["did you mean `metric`?"],
    );
    one(
        "min: 0.2",
        "mn: 0.2",
        "unknown-key",
        21,
        &["did you mean `min`?"],
    );
}

#[test]
fn s05_equal_keys_and_merge_keys_are_refused() {
    one(
        "epochs: 2\n",
        "epochs: 2\n    epochs: 3\n",
        "duplicate-key",
        9,
        &["8 |     epochs: 2", "first written here", "written again"],
    );
    let merged = "base: &base {epochs: 1}\nphases: {train: {<<: *base, epochs: 2}}\n";
    assert_eq!(codes(merged.as_bytes()), [("merge-key", 2)]);
}

#[test]
fn s06_numbers_are_taken_in_all_forms_of_yaml_and_texts_are_not_numbers() {
    let rate = "/phases/1/optimizer/learning_rate";
    for (text, number) in [
        ("1e-3", 0.001),
        ("1E-3", 0.001),
        (".001", 0.001),
        ("1", 1.0),
        ("0x10", 16.0),
    ] {
        let found = resolved(
            "learning_rate: 1e-3",
            &format!("learning_rate: {text}"),
            rate,
        );
        assert_eq!(found.as_f64(), Some(number), "{text}");
    }
    for (text, number) in [("0x10", 16), ("0o20", 16)] {
        let found = resolved("epochs: 2", &format!("epochs: {text}"), "/phases/0/epochs");
        assert_eq!(found.as_u64(), Some(number), "{text}");
    }
    let wrong = |text: &str, help: &str| {
        let to = format!("learning_rate: {text}");
        one("learning_rate: 1e-3", &to, "wrong-type", 19, &[help]);
    };
    wrong("1_000", "write it without `_`: `1000`");
    wrong("\"1e-3\"", "remove the quotes: `1e-3`");
    one(
        "epochs: 2",
        "epochs: 01",
        "wrong-type",
        8,
        &["without leading zeros: `1`"],
    );
}

#[test]
fn s07_words_are_taken_by_the_type_of_their_key() {
    let words = ["no", "on", "01", "1:30", "2020-01-01"];
    for word in words {
        one(
            "dataset: shapes",
            &format!("dataset: {word}"),
            "unknown-name",
            3,
            &[word],
        );
        let written = format!("source: {word}, min: 0.2");
        assert_eq!(resolved("min: 0.2", &written, "/expect/0/source"), word);
        one(
            "epochs: 2",
            &format!("epochs: {word}"),
            "wrong-type",
            8,
            &["a whole number"],
        );
    }
    for word in ["no", "on", "01", "2020-01-01"] {
        assert_eq!(
            resolved("name: good", &format!("name: {word}"), "/name"),
            word
        );
    }
    for nothing in ["~", "null", ""] {
        one(
            "dataset: shapes",
            &format!("dataset: {nothing}"),
            "missing-key",
            3,
            &["`data.dataset`", "write its value: one of `cifar10`"],
        );
    }
}

#[test]
fn s08_numbers_that_are_none_or_too_large_or_too_small_are_out_of_range() {
    let all = [".nan", ".inf", "-.inf", "-0.0", "1e400", "1e-310", "1e-40"];
    for text in all {
        let to = format!("learning_rate: {text}");
        one(
            "learning_rate: 1e-3",
            &to,
            "out-of-range",
            19,
            &["must be above 0 and at most 1000"],
        );
    }
    one(
        "name: classifier",
        "name: classifier, dropout: -0.0",
        "out-of-range",
        17,
        &["must be at least 0"],
    );
    one(
        "0.05",
        "1e300",
        "out-of-range",
        11,
        &["within what f32 can hold"],
    );
    one(
        "seeds: [0, 1]",
        "seeds: [18446744073709551616]",
        "out-of-range",
        2,
        &["a whole number"],
    );
    one(
        "epochs: 2",
        "epochs: 9223372036854775808",
        "out-of-range",
        8,
        &["from 1 to 1000000"],
    );
}

#[test]
fn s09_values_that_cannot_work_are_refused_with_their_reason() {
    for text in ["0", "-1", "1e-9"] {
        one(
            "0.05",
            text,
            "out-of-range",
            11,
            &["must be at least 0.001"],
        );
    }
    let batch = |text: &str| format!("batch_size: {text}\n    head: {{name: p");
    let written = batch("20");
    one(&written, &batch("0"), "out-of-range", 9, &["from 1 to"]);
    one(
        &written,
        &batch("1"),
        "batch-size",
        9,
        &["there is only one"],
    );
    assert_eq!(resolved(&written, &batch("19"), "/phases/0/batch_size"), 19);
    one("epochs: 2", "epochs: 0", "out-of-range", 8, &["from 1 to"]);
}

#[test]
fn s16_a_key_without_effect_is_refused() {
    one(
        "{name: adam}",
        "{name: adam, momentum: 0.9}",
        "unknown-key",
        12,
        &["takes `learning_rate`"],
    );
    one(
        "{name: cross_entropy}",
        "{name: cross_entropy, temperature: 0.1}",
        "unknown-key",
        18,
        &["`temperature` belongs to `loss` with `name: npairs`"],
    );
    one(
        "dataset: shapes",
        "dataset: shapes, image_size: 64",
        "unknown-key",
        3,
        &["`image_size` belongs to"],
    );
    one(
        "min: 0.2",
        "min: 0.2, tolerance: 0.1",
        "bad-expect",
        21,
        &["`tolerance` needs a `value`"],
    );
}

#[test]
fn s17_names_cannot_leave_their_folder() {
    let long = "x".repeat(300);
    let names = [
        "../../x",
        "\"\"",
        &long,
        "CON",
        "a/b",
        "\"a\\nb\"",
        "\u{1f600}",
        ".",
        "..",
        "-x",
    ];
    for name in names {
        one(
            "name: good",
            &format!("name: {name}"),
            "bad-name",
            1,
            &["allowed: a-z"],
        );
    }
    for name in ["../x", "a/b", "\u{1f600}", "a.b"] {
        one(
            "  pretrain:",
            &format!("  {name}:"),
            "bad-name",
            7,
            &["beginning with a letter"],
        );
    }
    refused(
        &edited("name: good", "name: ../../x"),
        &["error[bad-name]: `../../x` cannot be a name"],
    );
}

#[test]
fn s19_a_spec_of_another_version_is_refused_and_left_as_it_is() {
    let case = edited("name: good", "format: 9\nname: good\nkey_of_the_future: 1");
    refused(
        &case,
        &[
            "error[newer-format]: `spec.yaml` is written in version 9 of the language",
            "this program reads version 1",
            "error: 1 problem",
        ],
    );
    let base = Case::new("extends: base.yaml\nname: top\n");
    let base = base.file("base.yaml", format!("format: 2\n{GOOD}").as_bytes());
    refused(
        &base,
        &["error[newer-format]: `base.yaml`", "--> base.yaml:1:9"],
    );
    // There is no older version; the present one may be named.
    assert_eq!(
        edited("name: good", "format: 1\nname: good").runs()[0].run_id,
        Case::new(GOOD).runs()[0].run_id
    );
    let set = Case::new(GOOD).set("format=1").text();
    assert!(set.contains("can only be written in a file"), "{set}");
    let profile = format!("{GOOD}profiles: {{short: {{format: 1}}}}\n");
    assert_eq!(super::codes(profile.as_bytes()), [("bad-profile", 22)]);
    let error = RunPlan::from_yaml("format: 9\n").expect_err("refused");
    assert!(error.to_string().contains("found 9"), "{error}");
}
