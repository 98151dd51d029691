//! `supcon gc` and `supcon rm`: what goes, what stays, and that a kill at any operation is mended by the same command.

use super::{Store, checkpoint, code, status, text};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use supcon::record::lease::{LEASE, Lease};
use supcon::record::{CAPSULE, CHECKPOINTS, State, Status, run_folders};

/// A store with one piece of each kind of garbage, and what must stay.
fn littered() -> Store {
    let store = Store::new();
    let done = store.finished("done", 0);
    done.write_checkpoint(&checkpoint(7)).expect("a checkpoint");
    done.write_capsule(&checkpoint(7)).expect("a capsule");
    done.store_phase("0123456789abcdef01234567", &checkpoint(7))
        .expect("a phase");
    done.store_phase("f123456789abcdef01234567", &checkpoint(7))
        .expect("a phase");
    let sharing = store.finished("sharing", 0);
    let shared_phases = vec!["f123456789abcdef01234567".to_owned()];
    let taken = Status {
        shared_phases,
        ..status(State::Done)
    };
    sharing.write_status(&taken).expect("a status");
    sharing.finish().expect("a manifest");
    fs::write(sharing.file(".plan.yaml.17.tmp"), "half").expect("written");
    let left = store.results().join("phases/.0a.17.tmp");
    fs::create_dir_all(&left).expect("a folder");
    fs::write(left.join("state.json"), "half").expect("written");
    let cache = store.results().join("cache");
    fs::create_dir_all(&cache).expect("a folder");
    for name in ["image-folder-00.bin", "cifar-10-binary.tar.gz"] {
        fs::write(cache.join(name), "bytes").expect("written");
    }
    store
}

#[test]
fn gc_lists_without_changing_a_byte_and_takes_only_what_it_listed() {
    let store = littered();
    let before = store.files();
    let dry = store.supcon(&["gc", "--cache"]);
    assert_eq!(code(&dry), 0);
    assert!(before == store.files(), "dry");
    let out = text(&dry.stdout);
    assert!(out.contains("6 pieces can go"), "{out}");
    let kept = |path: &Path| {
        let text = path.to_string_lossy().into_owned();
        let gone = [CHECKPOINTS, CAPSULE, ".tmp", "phases/0123", "image-folder"];
        !gone.iter().any(|part| text.contains(part))
    };
    let expected: BTreeMap<_, _> = before.into_iter().filter(|(path, _)| kept(path)).collect();
    let applied = store.supcon(&["gc", "--cache", "--apply"]);
    assert_eq!(code(&applied), 0);
    let (left, wanted): (Vec<_>, Vec<_>) = (
        store.files().into_keys().collect(),
        expected.keys().cloned().collect(),
    );
    assert_eq!(left, wanted);
    assert!(store.files() == expected);
    let again = store.supcon(&["gc", "--apply"]);
    assert_eq!(text(&again.stdout), "nothing can go\n");
}

#[test]
fn gc_keeps_phases_while_a_run_is_open_and_touches_no_run_that_is_held() {
    let store = littered();
    let open = store.open("open", 0, State::Interrupted);
    let done = &run_folders(&store.runs())[0];
    let _lease = Lease::take(&done.file(LEASE), "training").expect("a lease");
    let before = store.files();
    let output = store.supcon(&["gc", "--apply"]);
    let out = text(&output.stdout);
    assert_eq!(code(&output), 0);
    assert!(
        out.contains(&format!("kept: run `{}` is held by process", done.run_id())),
        "{out}"
    );
    assert!(out.contains("2 stored phases are kept"), "{out}");
    let after = store.files();
    let gone: Vec<_> = before
        .keys()
        .filter(|path| !after.contains_key(*path))
        .collect();
    let names: Vec<_> = gone.iter().filter_map(|path| path.file_name()).collect();
    assert_eq!(names, [".plan.yaml.17.tmp"]);
    assert!(
        open.newest_checkpoint()
            .expect("checkpoints")
            .newest
            .is_some()
    );
}

#[test]
fn gc_killed_at_any_operation_is_completed_by_the_same_command() {
    let whole = littered();
    assert_eq!(code(&whole.supcon(&["gc", "--apply"])), 0);
    let names = |store: &Store| -> Vec<PathBuf> { store.files().into_keys().collect() };
    for at in 1.. {
        let store = littered();
        let killed = store.faulty(&format!("gc:kill@{at}"), &["gc", "--apply"]);
        if killed.status.success() {
            println!("gc: {} operations", at - 1);
            assert!(at > 20, "{at}");
            break;
        }
        let fsck = store.supcon(&["fsck", "--deep"]);
        assert_eq!(code(&fsck), 0, "operation {at}: {}", text(&fsck.stdout));
        assert_eq!(code(&store.supcon(&["gc", "--apply"])), 0);
        assert_eq!(names(&store), names(&whole), "operation {at}");
    }
}

#[test]
fn rm_removes_one_run_asks_for_more_and_is_refused_while_one_is_held() {
    let store = Store::new();
    let (a, b) = (store.finished("mine", 0), store.finished("mine", 1));
    let other = store.open("other", 0, State::Failed);
    let before = store.files();
    let many = store.supcon(&["rm", "mine"]);
    assert_eq!(code(&many), 2);
    assert!(text(&many.stdout).contains(&a.run_id()) && text(&many.stderr).contains("`--yes`"));
    for word in ["min", "mine-s0", "nobody"] {
        assert_eq!(code(&store.supcon(&["rm", word, "--yes"])), 2, "{word}");
    }
    let lease = Lease::take(&b.file(LEASE), "training").expect("a lease");
    let held = store.supcon(&["rm", "mine", "--yes"]);
    assert_eq!(code(&held), 6);
    assert!(text(&held.stderr).contains("is held by process"));
    assert!(before == store.files(), "nothing was removed");
    drop(lease);
    assert_eq!(code(&store.supcon(&["rm", &other.run_id()])), 0);
    assert!(!other.path().exists() && a.is_done());
    assert_eq!(code(&store.supcon(&["rm", "mine", "--yes"])), 0);
    assert_eq!(run_folders(&store.runs()), []);
    assert_eq!(store.files().len(), 0);
}

#[test]
fn rm_killed_at_any_operation_leaves_no_run_that_counts_as_done() {
    for at in 1.. {
        let store = Store::new();
        let run = store.finished("mine", 0);
        run.write_checkpoint(&checkpoint(7)).expect("a checkpoint");
        fs::create_dir_all(run.file("notes/deep")).expect("a folder");
        fs::write(run.file("notes/deep/x"), "mine").expect("written");
        let id = run.run_id();
        let killed = store.faulty(&format!("rm:kill@{at}"), &["rm", &id]);
        if killed.status.success() {
            println!("rm: {} operations", at - 1);
            assert!(at > 10, "{at}");
            break;
        }
        // The first three take the lease and come to the manifest.
        assert!(at <= 3 || !run.is_done(), "operation {at}");
        // Again by its name, or what has lost it as a leftover.
        let again = store.supcon(&["rm", &id]);
        if code(&again) != 0 {
            assert_eq!(code(&store.supcon(&["gc", "--apply"])), 0);
        }
        assert_eq!(store.files().len(), 0, "operation {at}");
        assert!(!run.path().exists(), "operation {at}");
    }
}
