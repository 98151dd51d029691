//! A spec of `supcon new`, broken in several ways at once, is repaired by what the problems say and nothing else: each names
//! its place and one thing to do, so that a program can do it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

/// What is in a spec, and a mistake in its place. Each text is in it once.
const MISTAKES: [(&str, &str); 10] = [
    ("name: mine\n", "name: Mine\n"),
    ("dataset: shapes", "dataset: shape"),
    ("train_size: 2000", "train-size: 2000"),
    ("validation: 0 ", "validation: '0' "),
    ("{flip: horizontal}", "{flip: horizontaly}"),
    ("  pretrain:", "  Pretrain:"),
    ("epochs: 6", "epochs: 06"),
    ("{name: npairs,", "{name: npair,"),
    ("freeze: [encoder]", "freeze: [encodr]"),
    ("metric: test_accuracy", "metric: test_acuracy"),
];

fn supcon(folder: &Path, arguments: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_supcon"));
    program.args(arguments).current_dir(folder);
    program.output().expect("supcon starts")
}

/// The text with the marked piece of each problem replaced by what its help says in backticks, last ones first.
fn repaired(text: &str, problems: &[Value]) -> String {
    let mut lines: Vec<Vec<char>> = text.lines().map(|line| line.chars().collect()).collect();
    for problem in problems.iter().rev() {
        let number = |field: &str| {
            let number = problem[field].as_u64().expect("a place");
            usize::try_from(number).expect("small") - 1
        };
        let help = problem["help"].as_str().expect("one thing to do");
        let words = help.split('`').nth(1).expect("what to write");
        let span = number("column")..number("end_column");
        lines[number("line")].splice(span, words.chars());
    }
    let lines = lines.into_iter().map(String::from_iter);
    lines.map(|line: String| line + "\n").collect()
}

#[test]
fn ten_mistakes_in_a_fresh_spec_are_repaired_from_the_messages_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(supcon(folder.path(), &["new", "mine"]).status.success());
    let path = folder.path().join("mine.yaml");
    let fresh = std::fs::read_to_string(&path).expect("a spec");
    let mut broken = fresh.clone();
    for (right, wrong) in MISTAKES {
        assert_eq!(broken.matches(right).count(), 1, "{right}");
        broken = broken.replacen(right, wrong, 1);
    }
    std::fs::write(&path, &broken).expect("written");
    let output = supcon(folder.path(), &["check", "mine.yaml", "--format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let problems = told["problems"].as_array().expect("a list");
    assert_eq!(problems.len(), MISTAKES.len(), "{told:#}");
    let text = repaired(&broken, problems);
    assert_eq!(text, fresh);
    std::fs::write(&path, text).expect("written");
    let output = supcon(folder.path(), &["check", "mine.yaml"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(said, "ok: 1 experiment, 2 runs\n");
}
