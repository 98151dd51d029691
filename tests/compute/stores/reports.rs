//! `supcon report` that is killed, or runs beside itself: every file is the old one or the new one, and the next is complete.

use super::{Store, code, text};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Reports on these experiments of a store.
fn report(store: &Store, names: &[&str], fault: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
    command.arg("report").args(names);
    command.arg("--results").arg(store.results());
    command.env("SUPCON_FAULT", fault);
    command
}

/// The files of the report.
fn files(store: &Store) -> BTreeMap<PathBuf, Vec<u8>> {
    let inside = |path: &Path| path.starts_with("report");
    let files = store.files().into_iter();
    files.filter(|(path, _)| inside(path)).collect()
}

/// The same after a report that must succeed.
fn reported(store: &Store, names: &[&str]) -> BTreeMap<PathBuf, Vec<u8>> {
    let output = report(store, names, "").output().expect("supcon starts");
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    files(store)
}

#[test]
fn a_killed_report_leaves_old_and_new_files_and_the_next_is_complete() {
    let store = Store::new();
    for name in ["a", "b"] {
        store.finished(name, 0);
    }
    let old = reported(&store, &["a"]);
    let new = reported(&store, &["a", "b"]);
    assert!(old != new);
    // Five operations a file: each of them is met, in one file or another.
    for at in (1..).step_by(7) {
        fs::remove_dir_all(store.results().join("report")).expect("removed");
        reported(&store, &["a"]);
        let fault = format!("report:kill@{at}");
        let killed = report(&store, &["a", "b"], &fault)
            .output()
            .expect("supcon starts");
        if killed.status.success() {
            println!("report: {} operations or a few less", at - 1);
            assert!(at > 20, "{at}");
            break;
        }
        for (path, bytes) in files(&store) {
            let known = [old.get(&path), new.get(&path)].contains(&Some(&bytes));
            let is_half = path.extension().is_some_and(|end| end == "tmp");
            assert!(known || is_half, "operation {at}: {}", path.display());
        }
        let again = reported(&store, &["a", "b"]);
        assert!(
            again
                .keys()
                .all(|path| path.extension().is_none_or(|end| end != "tmp"))
        );
        assert!(
            new.iter()
                .all(|(path, bytes)| again.get(path) == Some(bytes)),
            "operation {at}"
        );
    }
}

#[test]
fn reports_beside_each_other_in_one_folder_are_one_report() {
    let store = Store::new();
    store.finished("a", 0);
    let begun: Vec<_> = (0..6)
        .map(|_| {
            report(&store, &[], "")
                .stdout(std::process::Stdio::null())
                .spawn()
        })
        .collect();
    for process in begun {
        let ended = process.expect("supcon starts").wait().expect("an end");
        assert!(ended.success(), "{ended}");
    }
    let together = files(&store);
    fs::remove_dir_all(store.results().join("report")).expect("removed");
    assert!(together == reported(&store, &[]));
}
