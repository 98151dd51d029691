//! Files as they come: no specs at all, special files, line ends, folders, reference files.

use super::{Case, GOOD, found};
use std::path::{Path, PathBuf};
use supcon::plan::{check_specs, load_runs};
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
        "error[not-found]: there is no file `no/such.yaml`\n  = help: correct the path\nerror: 1 problem, nothing was run\n"
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

#[test]
fn a_path_starts_at_the_file_that_wrote_it_or_where_it_was_typed() {
    let data =
        |root: &str| format!("data: {{dataset: image_folder, train_size: ~, root: {root}}}\n");
    let base = GOOD.replacen(
        "data: {dataset: shapes, train_size: 100}\n",
        &data("images"),
        1,
    );
    let case = |spec: &str| {
        Case::new(&format!("extends: sub/a.yaml\nname: top\n{spec}"))
            .file("sub/a.yaml", base.as_bytes())
    };
    let root = |case: &Case| case.runs()[0].data.root.clone().expect("a root");
    let inherited = case("");
    assert_eq!(root(&inherited), inherited.dir.path().join("sub/images"));
    let own = case(&data("../images"));
    assert_eq!(root(&own), own.dir.path().join("../images"));
    let profile = case(&format!(
        "profiles: {{here: {{{}}}}}\n",
        data("near").trim()
    ));
    let profile = Case {
        overrides: Overrides {
            profile: Some("here".into()),
            ..Overrides::default()
        },
        ..profile
    };
    assert_eq!(root(&profile), profile.dir.path().join("near"));
    assert_eq!(root(&case(&data("/far"))), Path::new("/far"));
    let here = std::env::current_dir().expect("a folder").join("typed");
    assert_eq!(root(&case("").set("data.root=typed")), here);
    assert_eq!(root(&case("").env("SUPCON_SET__data__root", "typed")), here);
    let text = case("")
        .set("reference=[{label: A, file: no/such.csv}]")
        .text();
    assert!(
        text.contains("cannot read the reference `no/such.csv`"),
        "{text}"
    );
}

#[test]
fn a_folder_holds_experiments_and_not_their_bases_nor_records() {
    let case = Case::new("extends: base/common.yaml\nname: top\n")
        .file(
            "base/common.yaml",
            GOOD.replacen("name: good\n", "", 1).as_bytes(),
        )
        .file("results/runs/good-s0-0123abcd/plan.yaml", b"format: 1\n")
        .file(".cache/spec.yaml", b"not: a spec\n");
    let folder = [case.dir.path().to_path_buf()];
    let names = |paths: &[PathBuf]| {
        let runs = load_runs(paths, &Overrides::default());
        let runs = runs.unwrap_or_else(|problems| panic!("{problems}"));
        runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert_eq!(names(&folder), names(&[case.dir.path().join("spec.yaml")]));
    // Named itself, a base is an experiment that lacks its name.
    let base = [case.dir.path().join("base/common.yaml")];
    let problems = load_runs(&base, &Overrides::default()).expect_err("no name");
    assert!(
        problems.to_string().contains("missing key `name`"),
        "{problems}"
    );
}

#[test]
fn the_limit_on_runs_is_for_what_is_begun() {
    let case = Case::new(GOOD).file("b.yaml", GOOD.replacen("good", "other", 1).as_bytes());
    let (folder, overrides) = (
        [case.dir.path().to_path_buf()],
        Overrides {
            max_runs: 3,
            ..Overrides::default()
        },
    );
    assert_eq!(
        check_specs(&folder, &overrides).map(|runs| runs.len()).ok(),
        Some(4)
    );
    let problems = load_runs(&folder, &overrides).expect_err("4 runs");
    assert!(
        problems.to_string().contains("these specs ask for 4 runs"),
        "{problems}"
    );
}

#[test]
fn a_reference_shows_nothing_of_a_file_that_is_none() {
    let entry = "reference: [{label: A, file: secret.txt}]\n";
    let case = Case::new(&format!("{GOOD}{entry}")).file("secret.txt", b"root:hash\nmore\n");
    let text = case.text();
    assert!(
        text.contains("spec.yaml:22:30") && !text.contains("hash"),
        "{text}"
    );
    let wrong = "x\n".repeat(100_000);
    let header = "run,phase,epoch,split,metric,value\n";
    let case = case.file("secret.txt", format!("{header}{wrong}").as_bytes());
    let text = case.text();
    assert!(
        text.contains("99980 more lines") && text.len() < 10_000,
        "{}",
        text.len()
    );
}
