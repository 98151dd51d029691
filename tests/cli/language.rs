//! The language as a user meets it: every kind of problem with its text, the layers, the order of phases, the identity
//! of runs, and every shipped spec.

use std::path::{Path, PathBuf};
use supcon::diag::Problems;
use supcon::plan::{RunPlan, load_runs, resolve_all};
use supcon::spec::{Loaded, Overrides, load_with, schema};

/// A spec without a mistake.
const GOOD: &str = "\
name: good
seeds: [0, 1]
data: {dataset: shapes, train_size: 100}
augment: [{normalize: per_channel}, {flip: horizontal}]
encoder: {name: resnet_cifar, blocks: 1}
phases:
  pretrain:
    epochs: 2
    batch_size: 20
    head: {name: projection, widths: [16]}
    loss: {name: npairs, temperature: 0.05}
    optimizer: {name: adam}
  classify:
    epochs: 1
    batch_size: 20
    freeze: [encoder]
    head: {name: classifier}
    loss: {name: cross_entropy}
    optimizer: {name: adam, learning_rate: 1e-3}
expect:
  - {metric: test_accuracy, min: 0.2}
";

/// A folder with spec files.
struct Case {
    dir: tempfile::TempDir,
    overrides: Overrides,
    env: Vec<(String, String)>,
}

impl Case {
    fn new(spec: &str) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let case = Self {
            dir,
            overrides: Overrides::default(),
            env: Vec::new(),
        };
        case.file("spec.yaml", spec.as_bytes())
    }

    fn file(self, name: &str, bytes: &[u8]) -> Self {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
        self
    }

    fn set(mut self, text: &str) -> Self {
        self.overrides.set.push(text.into());
        self
    }

    fn env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    fn load(&self) -> Result<Vec<Loaded>, Problems> {
        load_with(
            &self.dir.path().join("spec.yaml"),
            &self.overrides,
            &self.env,
        )
    }

    /// The first point, which is the only one without a sweep.
    fn loaded(&self) -> Loaded {
        let points = self.load().unwrap_or_else(|problems| panic!("{problems}"));
        points.into_iter().next().expect("a point")
    }

    fn resolve(&self) -> Result<Vec<RunPlan>, Problems> {
        self.load().and_then(|points| resolve_all(&points))
    }

    fn runs(&self) -> Vec<RunPlan> {
        self.resolve()
            .unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn problems(&self) -> Problems {
        self.resolve().expect_err("problems")
    }

    /// The drawn problems, with the folder's name taken out.
    fn text(&self) -> String {
        let folder = format!("{}/", self.dir.path().display());
        self.problems().to_string().replace(&folder, "")
    }
}

/// `GOOD` with one piece replaced.
fn edited(from: &str, to: &str) -> Case {
    assert!(GOOD.contains(from), "{from}");
    Case::new(&GOOD.replacen(from, to, 1))
}

/// Code, line and label of each problem.
fn found(case: &Case) -> Vec<(&'static str, usize, String)> {
    let problems = case.problems();
    let line = |p: &supcon::diag::Problem| p.place.as_ref().map_or(0, |place| place.line);
    problems
        .iter()
        .map(|p| {
            (
                p.code.as_str(),
                line(p),
                p.label.clone().unwrap_or_default(),
            )
        })
        .collect()
}

/// Asserts that the edit gives exactly one problem of this code on this line, whose text holds all `parts`.
fn one(from: &str, to: &str, code: &str, line: usize, parts: &[&str]) {
    let case = edited(from, to);
    let found = found(&case);
    let text = case.text();
    assert_eq!(found.len(), 1, "{from} -> {to}\n{text}");
    assert_eq!(
        (found[0].0, found[0].1),
        (code, line),
        "{from} -> {to}\n{text}"
    );
    for part in parts {
        assert!(
            text.contains(part),
            "{from} -> {to}: no `{part}` in\n{text}"
        );
    }
}

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
  = help: add `batch_size`: images a step; the last, smaller batch is kept
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
        "conflict",
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
        &["add `name`: `npairs`, `cross_entropy`"],
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
        &["write the step as `{flip: ...}`"],
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
    for text in ["0", "-1", "99999999999999999999", "1e400", "1e3"] {
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
fn files_that_are_no_specs_are_refused() {
    let code = |bytes: &[u8]| {
        let case = Case::new("").file("spec.yaml", bytes);
        found(&case)
            .into_iter()
            .map(|(code, ..)| code)
            .collect::<Vec<_>>()
    };
    for text in ["", "# only a comment\n", "---\n", "~\n"] {
        assert_eq!(code(text.as_bytes()), ["empty"], "{text:?}");
    }
    assert_eq!(code(b"- a\n- b\n"), ["wrong-type"]);
    assert_eq!(code(b"just text\n"), ["wrong-type"]);
    assert_eq!(code(b"a: [1\n"), ["syntax"]);
    assert_eq!(code(b"a:\n\tb: 1\n"), ["syntax"]);
    assert_eq!(code(b"a: 1\nb: \x00\n"), ["syntax"]);
    assert_eq!(code(b"a: \xff\n"), ["not-utf8"]);
    assert_eq!(code(b"\xff\xfea\x00:\x00"), ["not-utf8"]);
    assert_eq!(code(&b"[".repeat(10_000)), ["too-deep"]);
    assert_eq!(code(&b"x".repeat(2 << 20)), ["too-large"]);
    assert_eq!(code(b"a: &a [1]\nb: !!set {x: 1}\n"), ["tag"]);
}

#[test]
#[cfg(unix)]
fn special_files_are_not_read() {
    for path in ["/dev/zero", "/dev/null", "/"] {
        let problems = load_with(Path::new(path), &Overrides::default(), &[]).expect_err("refused");
        assert_eq!(
            problems.iter().map(|p| p.code).collect::<Vec<_>>(),
            ["not-a-file"]
        );
    }
    let problems =
        load_with(Path::new("no/such.yaml"), &Overrides::default(), &[]).expect_err("refused");
    assert_eq!(
        problems.to_string(),
        "error[not-found]: there is no file `no/such.yaml`\nerror: 1 problem, nothing was run\n"
    );
}

#[test]
fn byte_order_marks_and_windows_line_ends_change_nothing() {
    let text = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(
        Case::new(&text).runs()[0].run_id,
        Case::new(GOOD).runs()[0].run_id
    );
    let text = text.replace("epochs: 2", "epohcs: 2");
    let found = found(&Case::new(&text));
    assert_eq!(
        found
            .iter()
            .map(|(code, line, _)| (*code, *line))
            .collect::<Vec<_>>(),
        [("unknown-key", 8)]
    );
}

#[test]
fn anchors_and_aliases_within_the_limit_work() {
    let text = GOOD
        .replace("{name: adam}", "&o {name: adam}")
        .replace("{name: adam, learning_rate: 1e-3}", "*o");
    assert_eq!(Case::new(&text).runs().len(), 2);
}

#[test]
fn layers_merge_in_order_and_each_value_knows_its_own() {
    let case = Case::new("extends: [a.yaml, sub/b.yaml]\nname: top\nseeds: [7]\n")
        .file("a.yaml", GOOD.as_bytes())
        .file(
            "sub/b.yaml",
            b"extends: ../c.yaml\nphases: {pretrain: {epochs: 30}}\n",
        )
        .file(
            "c.yaml",
            b"phases: {pretrain: {epochs: 20, batch_size: 40}}\ndata: {test_size: 50}\n",
        )
        .env("SUPCON_SET__phases__classify__epochs", "9")
        .set("phases.classify.loss.name=cross_entropy")
        .set("phases.classify.epochs=8")
        .set("augment=[]");
    let loaded = case.loaded();
    let run = &case.runs()[0];
    assert_eq!((run.name.as_str(), run.seed), ("top", 7));
    assert_eq!(
        (
            run.phases[0].epochs,
            run.phases[0].batch_size,
            run.phases[1].epochs
        ),
        (30, 40, 8)
    );
    assert!(run.phases[0].augment.is_empty());
    let origin = |path: &str| {
        let text = loaded.origins[path].to_string();
        text.replace(&format!("{}/", case.dir.path().display()), "")
    };
    assert_eq!(origin("name"), "spec.yaml:2");
    assert_eq!(origin("phases.pretrain.epochs"), "sub/b.yaml:2");
    assert_eq!(origin("phases.pretrain.batch_size"), "sub/../c.yaml:1");
    assert_eq!(origin("phases.classify.batch_size"), "a.yaml:15");
    assert_eq!(
        origin("phases.classify.epochs"),
        "--set phases.classify.epochs=8"
    );
    assert_eq!(origin("augment"), "--set augment=[]");
    assert_eq!(origin("encoder.width"), "default");
    assert_eq!(origin("phases.pretrain.optimizer.beta_1"), "default");
}

#[test]
fn a_problem_in_a_merged_value_points_at_the_file_that_wrote_it() {
    let case = Case::new("extends: a.yaml\nname: top\n")
        .file("a.yaml", GOOD.replace("epochs: 2", "epochs: x").as_bytes());
    let text = case.text();
    assert!(text.contains("--> a.yaml:8:13"), "{text}");
    assert!(
        text.ends_with("error: 1 problem in a.yaml, nothing was run\n"),
        "{text}"
    );
    let case = Case::new(GOOD)
        .set("phases.pretrain.epochs=x")
        .set("phases.pretrain.epoch=3");
    let text = case.text();
    assert!(text.contains("--> --set:1:17\n  |\n1 | phases.pretrain.epoch=3\n  |                 ^^^^^ did you mean `epochs`?"), "{text}");
    assert!(
        text.contains(
            "1 | phases.pretrain.epochs=x\n  |                        ^ expected a whole number"
        ),
        "{text}"
    );
    let text = Case::new(GOOD)
        .env("SUPCON_SET__phases__pretrain__epochs", "x")
        .text();
    assert!(text.contains("environment:1:38"), "{text}");
}

#[test]
fn a_tilde_deletes_and_lists_replace() {
    let run = &Case::new(GOOD)
        .set("phases.pretrain=~")
        .set("phases.classify.freeze=~")
        .set("seeds=[5]")
        .runs()[0];
    assert_eq!((run.phases.len(), run.seed), (1, 5));
    assert!(!run.phases[0].freeze_encoder);
    let case = Case::new("extends: a.yaml\nname: top\nencoder: {name: resnet50_v2}\n")
        .file("a.yaml", GOOD.as_bytes());
    let text = case.text();
    assert!(
        text.contains("delete it with `blocks: ~`") && text.contains("takes no other key"),
        "{text}"
    );
    assert_eq!(case.set("encoder.blocks=~").runs().len(), 2);
}

#[test]
fn bad_overrides_are_refused() {
    for text in [
        "phases.pretrain.epochs",
        "=3",
        "a..b=3",
        "name=",
        "extends=x",
    ] {
        let found = found(&Case::new(GOOD).set(text));
        assert_eq!(
            found.iter().map(|(code, ..)| *code).collect::<Vec<_>>(),
            ["bad-override"],
            "{text}"
        );
    }
    assert_eq!(found(&Case::new(GOOD).set("seeds=[1"))[0].0, "syntax");
}

#[test]
fn cycles_and_missing_bases_name_the_chain() {
    let case = Case::new("extends: a.yaml\n")
        .file("a.yaml", b"extends: b.yaml\n")
        .file("b.yaml", b"extends: a.yaml\n");
    let text = case.text();
    assert!(
        text.contains("a.yaml` extends itself")
            && text.contains("spec.yaml -> a.yaml -> b.yaml -> a.yaml"),
        "{text}"
    );
    let text = Case::new("extends: a.yaml\n")
        .file("a.yaml", b"extends: none.yaml\nname: x\n")
        .text();
    assert!(
        text.contains("none.yaml`")
            && text.contains("--> a.yaml:1:10")
            && text.contains("spec.yaml -> a.yaml -> none.yaml"),
        "{text}"
    );
    let text = Case::new("extends: cifar10-resnet50\n").text();
    assert!(
        text.contains("did you mean `cifar10-resnet50v2`?"),
        "{text}"
    );
    assert!(
        Case::new("extends: [3]\n")
            .text()
            .contains("must be a name or a path")
    );
}

#[test]
fn phases_run_in_the_order_written_base_first() {
    let one = "{epochs: 1, batch_size: 8, head: {name: classifier}, loss: {name: cross_entropy}, optimizer: {name: adam}}";
    let base = format!(
        "{}zeta: {one}\n  mid: {one}\n",
        "name: base\nseeds: [0]\ndata: {dataset: shapes}\nencoder: {name: resnet_cifar}\nphases:\n  "
    );
    let top = format!(
        "extends: base.yaml\nname: top\nphases:\n  beta: {one}\n  mid: {{epochs: 2}}\n  alpha: {one}\n"
    );
    let case = Case::new(&top).file("base.yaml", base.as_bytes());
    assert_eq!(case.loaded().phase_order, ["zeta", "mid", "beta", "alpha"]);
    let names: Vec<String> = case.runs()[0]
        .phases
        .iter()
        .map(|phase| phase.name.clone())
        .collect();
    assert_eq!(names, ["zeta", "mid", "beta", "alpha"]);
}

#[test]
fn the_identity_is_of_what_reaches_the_figures() {
    let id = |case: Case| case.runs()[0].identity();
    let good = id(Case::new(GOOD));
    for same in [
        "name=other",
        "expect=[]",
        "encoder.width=16",
        "phases.pretrain.loss.temperature=5e-2",
    ] {
        assert_eq!(id(Case::new(GOOD).set(same)), good, "{same}");
    }
    for other in [
        "seeds=[3]",
        "encoder.width=8",
        "phases.pretrain.loss.temperature=0.07",
        "data.train_limit=50",
        "augment=[]",
    ] {
        assert_ne!(id(Case::new(GOOD).set(other)), good, "{other}");
    }
    assert_eq!(Case::new(GOOD).runs()[0].run_id, "good-s0-f40719f6");
}

#[test]
fn plans_survive_yaml() {
    for run in shipped() {
        let text = run.to_yaml().expect("written");
        assert!(!text.contains('!'), "{text}");
        assert_eq!(RunPlan::from_yaml(&text).expect("read"), run);
    }
    assert!(RunPlan::from_yaml("format: 99\n").is_err());
}

/// The repository's folder of experiments.
fn experiments() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments")
}

fn shipped() -> Vec<RunPlan> {
    load_runs(&[experiments()], &Overrides::default())
        .unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_shipped_spec_resolves() {
    let runs = shipped();
    let names: std::collections::BTreeSet<&str> =
        runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!((names.len(), runs.len()), (8, 24));
    let points = |name: &str| {
        runs.iter()
            .find(|run| run.name == name)
            .map(|run| run.reference[0].points.len())
    };
    assert_eq!(points("keras-supcon"), Some(50 + 2 * 50 + 2));
    assert_eq!(points("mini-baseline"), Some(2 * (2 * 10 + 2)));
}

#[test]
fn every_shipped_spec_opens_with_its_five_lines() {
    for entry in walkdir::WalkDir::new(experiments()) {
        let path = entry.expect("readable").into_path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            let text = std::fs::read_to_string(&path).expect("text");
            let heads = [
                "# claim:    ",
                "# source:   ",
                "# cost:     ",
                "# expected: ",
                "# command:  supcon run ",
            ];
            for (line, head) in text.lines().zip(heads) {
                assert!(line.starts_with(head), "{}: {line}", path.display());
            }
        }
    }
}

#[test]
fn experiments_of_the_same_name_and_empty_folders_are_refused() {
    let case = Case::new(GOOD)
        .file("other.yaml", GOOD.as_bytes())
        .file("empty/readme.txt", b"");
    let problems = |path: PathBuf| {
        load_runs(&[path], &Overrides::default())
            .expect_err("problems")
            .to_string()
    };
    assert!(problems(case.dir.path().to_path_buf()).contains("two experiments are called `good`"));
    assert!(problems(case.dir.path().join("empty")).contains("holds no spec"));
    let twice = [
        case.dir.path().join("spec.yaml"),
        case.dir.path().join("./spec.yaml"),
    ];
    assert_eq!(
        load_runs(&twice, &Overrides::default())
            .map(|runs| runs.len())
            .ok(),
        Some(2)
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

#[test]
fn reference_files_are_read_beside_the_file_that_names_them() {
    let csv = "run,phase,epoch,split,metric,value\n0,pretrain,1,train,loss,5.5\n";
    let entry = "reference: [{label: Keras, file: curve.csv}]\n";
    let case = Case::new("extends: sub/a.yaml\nname: top\n")
        .file("sub/a.yaml", format!("{GOOD}{entry}").as_bytes())
        .file("sub/curve.csv", csv.as_bytes());
    assert_eq!(case.runs()[0].reference[0].points.len(), 1);
    let case = case.file("sub/curve.csv", csv.replace("5.5", "high").as_bytes());
    assert!(
        case.text().contains("--> sub/curve.csv:2:25"),
        "{}",
        case.text()
    );
    std::fs::remove_file(case.dir.path().join("sub/curve.csv")).expect("removed");
    assert!(
        case.text()
            .contains("cannot read the reference `sub/curve.csv`"),
        "{}",
        case.text()
    );
}

#[test]
fn every_key_and_variant_of_the_schema_is_typed() {
    let value = |kind: &schema::Kind| -> String {
        match kind {
            schema::Kind::Float(range) => {
                ((range.min.max(0.0) + range.max.min(1.0)) / 2.0).to_string()
            }
            schema::Kind::Whole(min, _) => (min + 50).to_string(),
            schema::Kind::Choice(choices) => choices[0].0.into(),
            schema::Kind::List(..) => "[4]".into(),
            _ => "text".into(),
        }
    };
    let mut parts = 0;
    for (path, part) in [
        ("data", &schema::DATA),
        ("encoder", &schema::ENCODER),
        ("phases.pretrain.head", &schema::HEAD),
        ("phases.pretrain.loss", &schema::LOSS),
        ("phases.pretrain.optimizer", &schema::OPTIMIZER),
    ] {
        for variant in part.variants {
            let keys: Vec<String> = variant
                .keys
                .iter()
                .map(|key| format!("{}: {}", key.name, value(&key.kind)))
                .collect();
            let all = std::iter::once(format!("{}: {}", part.tag, variant.name)).chain(keys);
            let text = format!("{path}={{{}}}", all.collect::<Vec<_>>().join(", "));
            Case::new(GOOD)
                .set(&format!("{path}=~"))
                .set(&text)
                .loaded();
            parts += 1;
        }
    }
    assert_eq!(parts, 10);
    for step in schema::STEPS {
        Case::new(GOOD)
            .set(&format!(
                "augment=[{{{}: {}}}]",
                step.name,
                value(&step.kind)
            ))
            .loaded();
    }
}

#[test]
fn the_spec_in_the_readme_is_valid() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let readme = readme.expect("the README");
    let (_, rest) = readme.split_once("```yaml\n").expect("a spec");
    let (spec, _) = rest.split_once("```").expect("its end");
    let runs = Case::new(spec).runs();
    assert_eq!((runs.len(), runs[0].phases.len()), (3, 2));
}
