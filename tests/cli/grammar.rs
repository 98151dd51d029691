//! Mistakes in YAML's own grammar: each is said in plain words where it was made, with one thing to do, and never in the
//! words of a parser.

use super::{Case, GOOD, edited, found, one};

/// A piece of `GOOD`, what stands in its place, the line and column of the mistake, and what is said of it.
type Mistake = (
    &'static str,
    &'static str,
    (usize, usize),
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const MISTAKES: &[Mistake] = &[
    // Colons.
    ("epochs: 2", "epochs:2", (8, 5), "the key `epochs` has no space behind its colon", "write `epochs: 2`"),
    ("epochs: 1", "epochs 1", (14, 5), "the key `epochs` has no colon", "write `epochs: 1`"),
    ("name: good", "name = good", (1, 1), "the key `name` has no colon", "write `name: good`"),
    ("phases:", "phases", (6, 1), "the key `phases` has no colon", "write `phases:`"),
    ("  pretrain:", "  pretrain", (7, 3), "the key `pretrain` has no colon", "write `pretrain:`"),
    ("expect:", "expect", (20, 1), "the key `expect` has no colon", "write `expect:`"),
    ("optimizer: {name: adam}", "optimizer: name: adam", (12, 20), "a second colon in the line of `optimizer`", "write `optimizer: {name: adam}`"),
    ("name: good", "name: a good one: really", (1, 17), "a second colon in the line of `name`", "in quotes: `name: \"a good one: really\"`"),
    // Brackets.
    ("seeds: [0, 1]", "seeds: [0, 1", (2, 8), "the `[` is never closed", "close it with `]`"),
    ("optimizer: {name: adam}", "optimizer: {name: adam", (12, 16), "the `{` is never closed", "close it with `}`"),
    ("widths: [16]}", "widths: [16]", (10, 11), "the `{` is never closed", "close it with `}`"),
    ("widths: [16]}", "widths: [16}", (10, 38), "the `[` is never closed", "close it with `]` before the `}`"),
    ("min: 0.2}", "min: 0.2", (21, 5), "the `{` is never closed", "close it with `}`"),
    ("widths: [16]}", "widths: [16]]}", (10, 42), "this `]` closes nothing", "delete it"),
    ("widths: [16]}", "widths: 16]}", (10, 40), "this `]` closes nothing", "or open it with `[`"),
    ("{name: adam}", "{name: adam}}", (12, 28), "this `}` closes nothing", "delete it"),
    ("{name: adam}", "{name: adam},", (12, 28), "`,` stands behind the `}` that ends the value", "delete it"),
    ("{name: adam}", "name: adam}", (12, 20), "a second colon in the line of `optimizer`", "write `optimizer: {name: adam}`"),
    ("{name: npairs, temp", "{name: npairs temp", (11, 25), "no `,` before the key `temperature`", "write `, temperature: `"),
    ("[0, 1]", "[0,, 1]", (2, 11), "nothing stands before this `,`", "delete the `,`"),
    ("widths: [16]", "widths: [\n    16]", (11, 5), "a line inside brackets begins no deeper than the key", "indent it further"),
    // Quotes.
    ("name: good", "name: 'good", (1, 7), "the quote ' is never closed", "close it with '"),
    ("name: good", "name: \"good", (1, 7), "the quote \" is never closed", "close it with \""),
    ("{name: adam}", "{name: 'adam}", (12, 23), "the quote ' is never closed", "close it with '"),
    ("metric: test_accuracy", "metric: \"test_accuracy", (21, 14), "the quote \" is never closed", "close it with \""),
    ("name: good", "name: 'go'od'", (1, 11), "text stands behind the quote", "write `''` for a quote inside single quotes"),
    ("name: good", "name: \"a\\qb\"", (1, 9), "`\\q` means nothing in double quotes", "use single quotes"),
    // Tabs.
    ("    epochs: 2", "\tepochs: 2", (8, 1), "a tab in the indentation", "indent with spaces"),
    ("    epochs: 2", "  \tepochs: 2", (8, 3), "a tab in the indentation", "indent with spaces"),
    ("    batch_size: 20\n    head", "\tbatch_size: 20\n    head", (9, 1), "a tab in the indentation", "indent with spaces"),
    // Indentation.
    ("    batch_size: 20\n    head", "      batch_size: 20\n    head", (9, 7), "`batch_size` is indented deeper than `epochs` above it", "begin `batch_size` and `epochs` in one column"),
    ("    batch_size: 20\n    head", "   batch_size: 20\n    head", (9, 4), "`batch_size` begins in column 4", "begin it in column 5, below `epochs`"),
    ("    batch_size: 20\n    head", "  batch_size: 20\n    head", (10, 5), "`head` is indented deeper than `batch_size` above it", "in one column"),
    ("  classify:", " classify:", (13, 2), "`classify` begins in column 2", "begin it in column 3, below `pretrain`"),
    ("  classify:", "   classify:", (13, 4), "`classify` begins in column 4", "begin it in column 3, below `pretrain`"),
    ("seeds:", " seeds:", (2, 2), "`seeds` is indented deeper than `name` above it", "in one column"),
    ("name: good", " name: good", (1, 2), "`name` begins in column 2, and `seeds` below it in column 1", "top level in column 1"),
    // Dashes.
    ("  - {metric", "  -{metric", (21, 3), "this `-` has no space behind it", "write `- {metric: test_accuracy, min: 0.2}`"),
    ("  - {metric", "  -- {metric", (21, 3), "one `-`, not with 2", "write `- {metric: test_accuracy, min: 0.2}`"),
    ("seeds: [0, 1]", "seeds: - 0", (2, 8), "the list of `seeds` begins in the line of its key", "write `seeds: [0]`"),
    ("expect:\n  -", "expect: -", (20, 9), "the list of `expect` begins in the line of its key", "in a line of its own"),
    ("    epochs: 2", "    - epochs: 2", (9, 5), "`batch_size` stands beside an item of a list", "write `epochs: 2` in line 8 without the `-`"),
    ("name: good", "- name: good", (2, 1), "`seeds` stands beside an item of a list", "write `name: good` in line 1 without the `-`"),
    // What looks like a space or a colon.
    ("    epochs: 2", "\u{a0}\u{a0}\u{a0}\u{a0}epochs: 2", (8, 1), "U+00A0 looks like a space", "plain spaces"),
    ("    batch_size: 20\n    head", "  \u{3000}batch_size: 20\n    head", (9, 3), "U+3000 looks like a space", "plain spaces"),
    ("epochs: 2", "epochs:\u{a0}2", (8, 12), "U+00A0 looks like a space", "plain spaces"),
    ("name: good", "name\u{ff1a}good", (1, 5), "this colon is U+FF1A", "write `:` and a space"),
    ("  - {metric", "  -\u{a0}{metric", (21, 4), "U+00A0 looks like a space", "plain spaces"),
    // Letters.
    ("name: good", "name: @good", (1, 7), "a value cannot begin with `@`", "put it in quotes: `\"@good\"`"),
    ("name: good", "name: %good", (1, 7), "a value cannot begin with `%`", "put it in quotes: `\"%good\"`"),
    ("name: good", "name: *good", (1, 7), "the alias `*good` has no anchor `&good` before it", "`\"*good\"` if it is text"),
    ("name: good", "name: |good", (1, 7), "`|` begins a text that stands in the lines below", "in quotes"),
    ("name: good", "// a comment\nname: good", (1, 1), "a comment begins with `#`, not with `//`", "write `# a comment`"),
];

#[test]
fn each_mistake_of_grammar_is_said_in_plain_words_at_its_place() {
    let mut wrong = Vec::new();
    for (from, to, at, message, help) in MISTAKES {
        let case = edited(from, to);
        let problems = case.problems();
        let text = case.text();
        let problem = problems.iter().next().expect("a problem");
        let place = problem
            .place
            .as_ref()
            .map(|place| (place.line, place.column));
        let said = problem.message.contains(message)
            && problem
                .help
                .as_ref()
                .is_some_and(|told| told.contains(help));
        let parser = text.contains("parser") || text.contains("while") || text.contains("scalar");
        if problems.len() != 1 || problem.code != "syntax" || place != Some(*at) || !said || parser
        {
            wrong.push(format!(
                "{from:?} -> {to:?}, expected {at:?} {message}, {help}\n{text}"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_key_that_swallowed_its_value_is_one_mistake() {
    let cases = [
        (
            "{name: npairs,",
            "{name:npairs,",
            "`name` has no space behind its colon",
            "write `name: npairs`",
        ),
        (
            "{name: npairs,",
            "{name npairs,",
            "`name` has no colon",
            "write `name: npairs`",
        ),
        (
            "temperature: 0.05",
            "temperature 0.05",
            "`temperature` has no colon",
            "write `temperature: 0.05`",
        ),
        (
            "temperature: 0.05",
            "temperature = 0.05",
            "`temperature` has no colon",
            "write `temperature: 0.05`",
        ),
    ];
    for (from, to, label, help) in cases {
        one(from, to, "unknown-key", 11, &[label, help]);
    }
}

#[test]
fn brackets_and_dashes_too_many_and_lists_without_brackets_are_named() {
    let many = "take the mapping out of the list";
    one("  - {metric", "  - - {metric", "wrong-type", 21, &[many]);
    one(
        "{name: classifier}",
        "[{name: classifier}]",
        "wrong-type",
        17,
        &[many],
    );
    one(
        "seeds: [0, 1]",
        "seeds: 0, 1",
        "wrong-type",
        2,
        &["write it in brackets: `[0, 1]`"],
    );
    one(
        "seeds: [0, 1]",
        "seeds: (0, 1)",
        "wrong-type",
        2,
        &["write it in brackets: `[0, 1]`"],
    );
}

#[test]
fn a_text_of_several_lines_and_brackets_over_several_are_no_mistakes() {
    for (from, to) in [
        ("min: 0.2}", "min: 0.2, source: 'one\n      two: {'}"),
        ("min: 0.2}", "min: 0.2, source: \"it's [\"}"),
        ("seeds: [0, 1]", "seeds: [\n  0,\n  1, # ]\n  ]"),
        ("widths: [16]", "widths: [\n      16]"),
    ] {
        assert_eq!(edited(from, to).runs().len(), 2, "{to}");
        // A mistake behind them is told as itself.
        let text = GOOD
            .replacen(from, to, 1)
            .replacen("name: good", "name: a\nname2:b", 1);
        let text = Case::new(&text).text();
        assert!(text.contains("`name2` has no space"), "{text}");
    }
}

#[test]
fn what_nobody_has_met_is_told_with_its_place() {
    let problems = found(&Case::new("%YAML 1.2 1.3\n---\na: 1\n"));
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].0, problems[0].1), ("syntax", 1));
}
