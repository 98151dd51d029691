//! Files as they come: no specs at all, special files, line ends, folders, reference files.

use super::{Case, GOOD, found};
use std::path::{Path, PathBuf};
use supcon::plan::load_runs;
use supcon::spec::{Overrides, load_with};

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
