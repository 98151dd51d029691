//! How problems reach a person or a program: help on codes and verbs, JSON, control characters, colour.

use super::{GOOD, supcon, text, write};
use std::process::Command;
use supcon::diag::Code;

#[test]
fn help_explains_codes_and_verbs() {
    let output = supcon(&["help", "unknown-key"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stdout), Code::UnknownKey.explain());
    let both = text(&supcon(&["help", "data-path", "error[syntax]:"]).stdout);
    let (path, syntax) = (Code::DataPath.explain(), Code::Syntax.explain());
    assert_eq!(both, format!("{path}\n{syntax}"));
    let verb = supcon(&["help", "check"]);
    assert_eq!(
        text(&verb.stdout),
        text(&supcon(&["check", "--help"]).stdout)
    );
    assert!(text(&verb.stdout).contains("Usage: supcon check"));
    let all = text(&supcon(&["help"]).stdout);
    for word in ["Usage: supcon", "  check ", "unknown-key", "RUN-KILLED"] {
        assert!(all.contains(word), "no `{word}` in\n{all}");
    }
}

#[test]
fn help_answers_an_unknown_word_with_the_nearest() {
    let output = supcon(&["help", "unknown-kye", "check"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("nearest: `unknown-key`"));
}

#[test]
fn a_misspelt_verb_is_answered_with_the_nearest() {
    for (word, answer) in [
        (
            "chekc",
            "there is no verb `chekc`; did you mean `supcon check`?",
        ),
        ("nwe", "there is no verb `nwe`; did you mean `supcon new`?"),
        (
            "explain",
            "there is no verb `explain`; did you mean `supcon help`?",
        ),
        (
            "Validate",
            "there is no verb `Validate`; did you mean `supcon check`?",
        ),
        (
            "banana",
            "there is no verb `banana`; `supcon --help` lists them",
        ),
    ] {
        let output = supcon(&[word, "x.yaml"]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr), format!("error: {answer}\n"));
    }
}

#[test]
fn problems_as_json_are_one_object_on_standard_output() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = GOOD
        .replace("epochs", "\"ep\\eochs\\u202E\"")
        .replace("temp", "tmep");
    let path = write(folder.path(), "spec.yaml", bad);
    let path = path.to_string_lossy();
    for verb in ["check", "plan"] {
        let output = supcon(&[verb, &path, "--format", "json"]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr), "");
        let out = text(&output.stdout);
        assert!(!out.trim_end().chars().any(char::is_control), "{out}");
        assert!(!out.contains('\u{202e}') && out.lines().count() == 1);
        let value: serde_json::Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(value["ok"], false);
        let problems = value["problems"].as_array().expect("a list");
        let problem = problems.last().expect("a problem");
        assert_eq!(problem["code"], "unknown-key");
        assert_eq!(problem["file"], &*path);
        let at = ["line", "column", "end_column"].map(|field| problem[field].as_u64());
        assert_eq!(at, [Some(10), Some(26), Some(37)]);
        assert_eq!(problem["label"], "did you mean `temperature`?");
    }
    let good = write(folder.path(), "spec.yaml", GOOD);
    let output = supcon(&["check", &good.to_string_lossy(), "--format=json"]);
    assert!(output.status.success());
    let ok = "{\"ok\":true,\"experiments\":1,\"runs\":3,\"problems\":[]}\n";
    assert_eq!(text(&output.stdout), ok);
}

#[test]
fn drawn_problems_hold_no_control_character_and_end_with_the_pointer() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = GOOD
        .replace("epochs", "\"ep\\eochs\\u202E\"")
        .replace("[0, 1, 2]", "[]");
    let path = write(folder.path(), "spec.yaml", bad);
    let output = supcon(&["check", &path.to_string_lossy()]);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(2), String::new())
    );
    let drawn = text(&output.stderr);
    let hidden = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!drawn.chars().any(hidden), "{drawn:?}");
    assert!(drawn.contains("ep\\u{1b}ochs\\u{202e}"), "{drawn}");
    let last = drawn.lines().last().unwrap_or("");
    assert!(last.starts_with("for more: `supcon help empty-list "));
    assert_eq!(drawn.matches("supcon help").count(), 1);
}

#[test]
fn no_character_of_a_spec_acts_on_a_terminal_through_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let odd = "\"a\\e[31m\\u202Eb\\nc\"";
    let data = format!("data: {{dataset: image_folder, root: {odd}}}");
    let spec = GOOD.replace("data: {dataset: shapes, train_size: 100}", &data)
        + &format!("expect: [{{metric: train_loss, min: 0, source: {odd}}}]\n");
    let path = write(folder.path(), "spec.yaml", spec);
    for (view, escaped) in [
        (&[][..], "a\\u{1b}[31m\\u{202e}b\\u{a}c"),
        (&["--explain"], "a\\u{1b}[31m\\u{202e}b\\u{a}c"),
        (&["--json"], "a\\u001b[31m\\u202eb\\nc"),
    ] {
        let output = supcon(&[&["plan", &path.to_string_lossy()], view].concat());
        let out = text(&output.stdout);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let hidden = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(
            !out.chars().any(hidden) && out.contains(escaped),
            "{view:?} {out}"
        );
    }
}

/// `script` of util-linux gives the program a terminal.
#[cfg(target_os = "linux")]
#[test]
fn colour_appears_on_a_terminal_unless_no_color_is_set() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = write(folder.path(), "spec.yaml", "nmae: x\n");
    let command = format!(
        "'{}' check '{}'",
        env!("CARGO_BIN_EXE_supcon"),
        path.display()
    );
    let drawn = |no_color: Option<&str>| {
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]);
        script
            .stdin(std::process::Stdio::null())
            .env_remove("NO_COLOR");
        script.envs(no_color.map(|value| ("NO_COLOR", value)));
        script.output().map(|output| text(&output.stdout))
    };
    let Ok(coloured) = drawn(None) else {
        println!("not checked: there is no `script`");
        return;
    };
    assert!(
        coloured.contains("\u{1b}[1;31merror[unknown-key]"),
        "{coloured}"
    );
    for (value, expected) in [("", true), ("1", false)] {
        let text = drawn(Some(value)).expect("script runs");
        assert!(
            text.contains("error") && text.contains('\u{1b}') == expected,
            "{text}"
        );
    }
}
