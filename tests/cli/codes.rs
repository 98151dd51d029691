//! Every code of a problem: an input that provokes it, its text against tests/snapshots, its page in docs, its help and
//! its JSON. `SUPCON_BLESS=1` writes the snapshots and the page again; read the diff before you commit it.

mod run;
#[cfg(all(feature = "train", unix))]
mod store;

use run::run_case;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use supcon::data::{self, DataError, LoadOptions};
use supcon::diag::{Code, Problem, Problems, render_page};
use supcon::plan::{DataPlan, SourcePlan, load_runs, resolve_reading};
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
        Code::DuplicatePoint | Code::NoEffect | Code::TooManyRuns | Code::Reference => {
            spec(folder, format!("{GOOD}{}\n", code.explanation().wrong))
        }
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
        | Code::Conflict => example(code, folder),
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

/// A problem of data as `run` prints it.
fn data_case(code: Code, folder: &Path) -> Option<String> {
    let images = SourcePlan::ImageFolder { image_size: 32 };
    let cifar = |folder: &Path| load_data(SourcePlan::Cifar10, None, folder);
    let error = match code {
        Code::DataPath => {
            // The variable adds a place to the message.
            if std::env::var_os("SUPCON_DATA").is_some() {
                return None;
            }
            cifar(&folder.join("cifar"))
        }
        Code::DataFormat => {
            write(folder, "batches.meta.txt", class_names());
            write(folder, "data_batch_1.bin", [0_u8; 100]);
            cifar(folder)
        }
        Code::DataLabel => {
            write(folder, "batches.meta.txt", class_names());
            let mut bytes = vec![0_u8; 10_000 * 3_073];
            bytes[7 * 3_073] = 10;
            write(folder, "data_batch_1.bin", bytes);
            cifar(folder)
        }
        Code::DataIo => {
            write(folder, "data_batch_1.bin", "");
            cifar(folder)
        }
        Code::DataArchive => {
            write(folder, "cifar-10-binary.tar.gz", "a page that says sorry");
            cifar(folder)
        }
        Code::DataBadImage => {
            for name in ["train/cat/1.png", "train/dog/1.png", "test/cat/2.png"] {
                write(folder, name, "text");
            }
            write(folder, "test/dog/2.png", "");
            load_data(images, None, folder)
        }
        Code::DataLayout => {
            for class in ["cat", "dog", "fox"] {
                write(folder, &format!("train/{class}/1.png"), "text");
            }
            for class in ["cat", "fox"] {
                write(folder, &format!("test/{class}/2.png"), "text");
            }
            load_data(images, None, folder)
        }
        Code::DataOneClass => {
            write(folder, "train/cat/1.png", "text");
            load_data(images, None, folder)
        }
        Code::DataTooFew => {
            let (train_size, test_size) = (100, 10);
            let shapes = SourcePlan::Shapes {
                train_size,
                test_size,
            };
            load_data(shapes, Some(5), folder)
        }
        // Asking a server is for the tests of `data`; this is its answer.
        _ => DataError::Download {
            url: "https://example.org/set.tar.gz".into(),
            path: "cache/set.tar.gz".into(),
            cause: "the connection was refused, 3 times in a row".into(),
            expected: "170052171 bytes".into(),
            help: "run the command again".into(),
        },
    };
    assert_eq!(error.code(), code, "{error}");
    Some(format!("error[{code}]: {error}\n"))
}

fn class_names() -> String {
    (0..10).map(|i| format!("class{i}\n")).collect()
}

fn load_data(source: SourcePlan, train_limit: Option<usize>, folder: &Path) -> DataError {
    let plan = DataPlan {
        source,
        root: None,
        train_limit,
        train_permutation: None,
        validation: 0.0,
    };
    let options = LoadOptions {
        data_dir: Some(folder.to_owned()),
        cache_dir: folder.join("cache"),
        progress: &|_| {},
    };
    data::load(&plan, &options).expect_err("an error")
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
