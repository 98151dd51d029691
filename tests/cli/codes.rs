//! Every code of a problem: an input that provokes it, its text against tests/snapshots, its page in docs; `shown` tests
//! help, JSON and colour. `SUPCON_BLESS=1` writes the snapshots and the page again; read the diff before you commit it.

mod data;
mod run;
mod shown;
#[cfg(all(feature = "train", unix))]
mod store;

use data::data_case;
use run::run_case;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use supcon::diag::{Code, Problem, Problems, render_page};
use supcon::plan::{load_runs, resolve_reading};
use supcon::spec::{Overrides, read_with};

/// A spec without a mistake; the right examples of the explanations are parts of it.
const GOOD: &str = "\
name: my-supcon
seeds: [0, 1, 2]
data: {dataset: shapes, train_size: 100}
encoder: {name: resnet_cifar, blocks: 1}
phases:
  pretrain:
    epochs: 5
    batch_size: 20
    head: {name: projection, widths: [16]}
    loss: {name: npairs, temperature: 0.05}
    optimizer: {name: adam, learning_rate: 0.001}
";

/// The text that an input for this code gives; `None` where this build cannot provoke it.
fn provoke(code: Code, folder: &Path) -> Option<String> {
    let problems = match code {
        Code::NotFound => all_below(&folder.join("experiment")),
        Code::Unreadable => {
            write(folder, "spec.yaml", GOOD);
            load(folder, "spec.yaml/spec.yaml", &[])
        }
        Code::NotAFile => load(folder, ".", &[]),
        Code::Exists | Code::Unwritable => {
            let file = write(folder, "mine.yaml", GOOD);
            let dir = if code == Code::Exists { folder } else { &file };
            let output = supcon(&["new", "mine", "--dir", &dir.to_string_lossy()]);
            assert_eq!(output.status.code(), Some(2));
            return Some(text(&output.stderr));
        }
        Code::TooLarge => spec(folder, "x".repeat((1 << 20) + 1)),
        Code::NotUtf8 => spec(folder, b"name: caf\xe9\n"),
        Code::TooDeep => {
            let (open, close) = ("[".repeat(70), "]".repeat(70));
            spec(folder, GOOD.replace("[16]", &format!("{open}16{close}")))
        }
        Code::TooManyProblems => {
            let many = format!("{GOOD}augment: [{}]\n", "\n 1,".repeat(1001));
            let text = spec(folder, many).to_string();
            // The thousand that are shown would make a snapshot of as many pages.
            let end = text.find("error[wrong-type]").expect("what is shown");
            return Some(text[..end].to_owned());
        }
        Code::Empty => spec(folder, code.explanation().wrong),
        Code::BadExtends => spec(folder, format!("{}\n{GOOD}", code.explanation().wrong)),
        Code::DuplicatePoint
        | Code::NoEffect
        | Code::TooManyRuns
        | Code::Reference
        | Code::NewerFormat
        | Code::AugmentOrder
        | Code::BadExpect
        | Code::BadSweep
        | Code::BadProfile => spec(folder, format!("{GOOD}{}\n", code.explanation().wrong)),
        Code::BadOverride => {
            write(folder, "spec.yaml", GOOD);
            let words = code.explanation().wrong.rsplit(' ');
            load(folder, "spec.yaml", &words.take(1).collect::<Vec<_>>())
        }
        Code::DuplicateName => {
            write(folder, "a.yaml", GOOD);
            write(folder, "b.yaml", GOOD);
            all_below(folder)
        }
        Code::Internal => Problem::new(code, "the check let through what serde refuses").into(),
        Code::Syntax
        | Code::AliasLimit
        | Code::Tag
        | Code::MergeKey
        | Code::ComplexKey
        | Code::DuplicateKey
        | Code::UnknownKey
        | Code::MissingKey
        | Code::UnknownName
        | Code::WrongType
        | Code::OutOfRange
        | Code::BadName
        | Code::EmptyList
        | Code::DuplicateValue
        | Code::HeadAndLoss
        | Code::BatchSize
        | Code::SplitSize
        | Code::UntrainedEncoder => example(code, folder),
        Code::DataPath
        | Code::DataFormat
        | Code::DataLabel
        | Code::DataBadImage
        | Code::DataLayout
        | Code::DataOneClass
        | Code::DataTooFew
        | Code::DataDownload
        | Code::DataArchive
        | Code::DataIo => return data_case(code, folder),
        Code::EnvDevice
        | Code::RunDiverged
        | Code::RunInterrupted
        | Code::RunKilled
        | Code::RunOutOfMemory
        | Code::RunNativeCrash
        | Code::RunCrashLoop
        | Code::RunPanic
        | Code::RunCollapsed
        | Code::RunFailed => return run_case(code, folder),
        #[cfg(all(feature = "train", unix))]
        Code::RunStalled
        | Code::ResumeData
        | Code::CkptSkipped
        | Code::CkptNoneValid
        | Code::StoreDamaged
        | Code::DiskPlan
        | Code::DiskFull
        | Code::DiskIo => return Some(store::store_case(code, folder)),
        #[cfg(not(all(feature = "train", unix)))]
        Code::RunStalled
        | Code::ResumeData
        | Code::CkptSkipped
        | Code::CkptNoneValid
        | Code::StoreDamaged
        | Code::DiskPlan
        | Code::DiskFull
        | Code::DiskIo => return None,
    };
    let found: Vec<Code> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(found, [code], "{problems}");
    Some(format!("{problems}{}", problems.pointer()))
}

/// The wrong example of an explanation in a spec that holds the right one.
fn example(code: Code, folder: &Path) -> Problems {
    let text = code.explanation();
    assert!(GOOD.contains(text.right), "{code}: `{}`", text.right);
    spec(folder, GOOD.replacen(text.right, text.wrong, 1))
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(&path, bytes).expect("written");
    path
}

fn spec(folder: &Path, bytes: impl AsRef<[u8]>) -> Problems {
    write(folder, "spec.yaml", bytes);
    load(folder, "spec.yaml", &[])
}

/// The problems of one file and `--set` arguments.
fn load(folder: &Path, name: &str, set: &[&str]) -> Problems {
    let set = set.iter().map(|text| (*text).to_owned()).collect();
    let overrides = Overrides {
        set,
        ..Overrides::default()
    };
    let reading = read_with(&folder.join(name), &overrides, &[]);
    resolve_reading(reading).expect_err("problems")
}

fn all_below(path: &Path) -> Problems {
    load_runs(&[path.to_owned()], &Overrides::default()).expect_err("problems")
}

fn supcon(arguments: &[&str]) -> Output {
    supcon_with(arguments, &[])
}

fn supcon_with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_supcon"))
        .args(arguments)
        .envs(variables.iter().copied())
        .output()
        .expect("supcon starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares a committed file with what it should hold, or writes it; the first line that differs.
fn differs(name: &str, found: &str) -> Option<String> {
    let path = root().join(name);
    if std::env::var_os("SUPCON_BLESS").is_some_and(|value| value == "1") {
        write(root(), name, found);
        return None;
    }
    let Ok(wanted) = std::fs::read_to_string(&path) else {
        return Some(format!(
            "{name} is missing; SUPCON_BLESS=1 writes it:\n{found}"
        ));
    };
    let wanted = wanted.replace("\r\n", "\n");
    if wanted == found {
        return None;
    }
    let same = wanted.lines().zip(found.lines());
    let same = same.take_while(|(a, b)| a == b).count();
    let from = |text: &str, mark: &str| -> String {
        let lines = text.lines().skip(same).take(5);
        lines.map(|line| format!("  {mark} {line}\n")).collect()
    };
    let line = same + 1;
    let (old, new) = (from(&wanted, "-"), from(found, "+"));
    Some(format!("{name}, from line {line}:\n{old}{new}"))
}

#[test]
fn every_code_is_provoked_and_drawn_as_its_snapshot() {
    let mut offenders = Vec::new();
    for code in Code::all() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(text) = provoke(code, folder.path()) else {
            println!("{code}: this build or environment cannot provoke it");
            continue;
        };
        let shown = folder.path().display().to_string();
        let text = text
            .replace(&format!("{shown}/"), "")
            .replace(&shown, "FOLDER");
        let named = ["error", "warning"].map(|word| format!("{word}[{code}]: "));
        assert!(named.iter().any(|start| text.contains(start)), "{text}");
        offenders.extend(differs(&format!("tests/snapshots/{code}.txt"), &text));
    }
    assert!(offenders.is_empty(), "\n{}", offenders.join("\n"));
}

#[test]
fn no_snapshot_is_left_over() {
    let entries = std::fs::read_dir(root().join("tests/snapshots")).expect("snapshots");
    for entry in entries {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        let code = name.strip_suffix(".txt").and_then(Code::find);
        assert!(
            code.is_some_and(|code| format!("{code}.txt") == name),
            "{name}"
        );
    }
}

#[test]
fn the_page_of_codes_is_up_to_date() {
    let page = render_page();
    assert!(page.is_ascii());
    if let Some(difference) = differs("docs/diagnostics.md", &page) {
        panic!("SUPCON_BLESS=1 writes it again\n{difference}");
    }
}
