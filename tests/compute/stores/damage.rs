//! `supcon fsck`: each way in which a file can be wrong is found in its run and in no other, and is no panic.

use super::{Store, checkpoint, code, rows, text};
use std::fs;
use std::process::Command;
use supcon::record::{
    CHECKPOINTS, Glance, MANIFEST, METRICS, MODEL, PLAN, PREDICTIONS, STATUS, Standing, State,
    examine, load, run_folders,
};

/// Ids of the damaged runs of a store.
fn damaged(store: &Store, deep: bool) -> Vec<String> {
    let runs = run_folders(&store.runs()).into_iter();
    runs.filter(|run| examine(run, deep).is_damaged())
        .map(|run| run.run_id())
        .collect()
}

/// What can happen to a file, by name.
fn damages(whole: &[u8]) -> Vec<(String, Option<Vec<u8>>)> {
    let length = whole.len();
    let mut cases = vec![
        ("missing".to_owned(), None),
        ("empty".to_owned(), Some(vec![])),
    ];
    let borders = (512..length).step_by(512);
    for end in [1, length / 2, length - 1].into_iter().chain(borders) {
        cases.push((format!("cut at {end}"), Some(whole[..end].to_vec())));
    }
    cases.push(("longer".to_owned(), Some([whole, b"x"].concat())));
    // Header and footer byte by byte, the body here and there.
    let body = (0..length).step_by(length / 50 + 1);
    for at in (0..16.min(length))
        .chain(length.saturating_sub(16)..length)
        .chain(body)
    {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 1 << (at % 8);
        cases.push((format!("byte {at} flipped"), Some(bytes)));
    }
    cases
}

#[test]
fn every_damage_of_a_finished_run_is_found_in_that_run_alone() {
    let store = Store::new();
    let names = ["a", "b", "c"];
    let runs = names.map(|name| store.finished(name, 0));
    assert_eq!(damaged(&store, true), Vec::<String>::new());
    let (victim, mut cases) = (&runs[1], 0);
    for name in [PLAN, STATUS, METRICS, PREDICTIONS, MODEL, MANIFEST] {
        let whole = fs::read(victim.file(name)).expect("a file");
        for (what, bytes) in damages(&whole) {
            match &bytes {
                Some(bytes) => fs::write(victim.file(name), bytes).expect("written"),
                None => fs::remove_file(victim.file(name)).expect("removed"),
            }
            let found = damaged(&store, true);
            // Without its manifest a run is one that was killed before its last write.
            let is_open = name == MANIFEST && bytes.is_none();
            // A hash that is written in another case, or white space, is no damage.
            let same = name == MANIFEST && runs[1].verify().is_ok_and(|lines| lines.is_empty());
            if !is_open && !same {
                assert_eq!(found, [victim.run_id()], "{name}: {what}");
            }
            let glance = Glance::at(victim.clone());
            let short = bytes
                .as_ref()
                .is_none_or(|bytes| bytes.len() != whole.len());
            if short && !is_open {
                assert_eq!(glance.standing, Standing::Damaged, "{name}: {what}");
            }
            cases += 1;
        }
        fs::write(victim.file(name), whole).expect("mended");
    }
    assert_eq!(damaged(&store, true), Vec::<String>::new());
    println!("{cases} damages");
    assert!(cases > 400);
}

#[test]
fn what_somebody_puts_into_the_folder_of_a_run_is_no_part_of_it() {
    let store = Store::new();
    let run = store.finished("a", 0);
    fs::write(run.file("notes.txt"), "a note").expect("written");
    run.finish().expect("a manifest");
    assert!(run.completed().expect("readable"));
    fs::write(run.file("notes.txt"), "a longer note").expect("written");
    assert!(run.completed().expect("readable"), "its note has changed");
    assert_eq!(damaged(&store, true), Vec::<String>::new());
    fs::remove_file(run.file("notes.txt")).expect("removed");
    assert!(run.completed().expect("readable"), "its note is gone");
}

#[test]
fn every_damage_of_a_checkpoint_is_found_and_none_of_an_open_run_is_a_panic() {
    let store = Store::new();
    let run = store.open("open", 0, State::Running);
    assert_eq!(damaged(&store, true), Vec::<String>::new());
    let folder = format!("{CHECKPOINTS}/7");
    let inner = [
        "model.safetensors",
        "optimizer.safetensors",
        "metrics.parquet",
        "state.json",
    ];
    let inner = inner.map(|name| format!("{folder}/{name}"));
    for name in inner
        .iter()
        .map(String::as_str)
        .chain([PLAN, STATUS, METRICS])
    {
        let whole = fs::read(run.file(name)).expect("a file");
        for (what, bytes) in damages(&whole) {
            match &bytes {
                Some(bytes) => fs::write(run.file(name), bytes).expect("written"),
                None => fs::remove_file(run.file(name)).expect("removed"),
            }
            let found = examine(&run, true);
            let glance = Glance::at(run.clone());
            if name == METRICS {
                // Those of the checkpoint have a hash.
                let loaded = load(run.path()).expect("its figures");
                assert_eq!(loaded.metrics, rows(), "{what}");
            }
            if name.starts_with(&folder) {
                let finding = &found.findings[0];
                assert_eq!(finding.code, Some("CKPT-NONE-VALID"), "{name}: {what}");
                assert_eq!(glance.standing, Standing::Unfinished);
            }
        }
        fs::write(run.file(name), whole).expect("mended");
    }
    assert_eq!(damaged(&store, true), Vec::<String>::new());
}

#[test]
fn fsck_says_run_file_and_remedy_and_changes_nothing() {
    let store = Store::new();
    let (sound, victim) = (store.finished("sound", 0), store.finished("victim", 0));
    sound
        .store_phase("0123456789abcdef01234567", &checkpoint(7))
        .expect("a phase");
    fs::write(sound.file("notes.txt"), "mine").expect("written");
    let output = store.supcon(&["fsck", "--deep"]);
    let out = text(&output.stdout);
    assert_eq!(code(&output), 0, "{out}");
    let note = format!("note: {}: notes.txt: ", sound.run_id());
    assert!(out.contains(&note), "{out}");
    let last = "2 runs (2 finished): 0 damaged; 1 stored phase: 0 damaged; every byte read\n";
    assert!(out.ends_with(last), "{out}");
    let mut bytes = fs::read(victim.file(METRICS)).expect("a file");
    bytes[20] ^= 1;
    fs::write(victim.file(METRICS), bytes).expect("written");
    assert_eq!(
        code(&store.supcon(&["fsck"])),
        0,
        "a length says nothing of it"
    );
    let before = store.files();
    let output = store.supcon(&["fsck", "--deep"]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), 4);
    let line = format!(
        "error[STORE-DAMAGED]: {}: metrics.parquet: its content differs from the hash in its manifest\n  = help: ",
        victim.run_id()
    );
    assert!(out.contains(&line), "{out}");
    assert_eq!(err, "for more: `supcon help STORE-DAMAGED`\n");
    assert!(before == store.files());
    assert_eq!(code(&store.supcon(&["fsck", "--deep", "sound"])), 0);
}

#[test]
fn fsck_and_gc_find_nothing_sound_where_there_is_nothing() {
    let store = Store::new();
    let absent = store.results().join("results");
    for verb in ["fsck", "gc"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
        command.arg(verb).arg("--results").arg(&absent);
        let output = command.output().expect("supcon starts");
        assert_eq!(code(&output), 2, "{verb}");
        let expected = format!(
            "error: `{}` is no folder of records; `--results DIR` names another\n",
            absent.display()
        );
        assert_eq!(text(&output.stderr), expected);
    }
}

#[test]
fn a_file_of_one_run_in_the_place_of_anothers_is_told() {
    let store = Store::new();
    let (a, b) = (store.finished("a", 0), store.finished("b", 0));
    fs::copy(a.file(METRICS), b.file(METRICS)).expect("copied");
    assert_eq!(damaged(&store, true), [b.run_id()]);
    fs::copy(a.file(MANIFEST), b.file(MANIFEST)).expect("copied");
    for name in [PLAN, STATUS, PREDICTIONS, MODEL] {
        fs::copy(a.file(name), b.file(name)).expect("copied");
    }
    // Every hash is right now; what it says is not.
    let found = examine(&b, true).findings;
    let told: Vec<(&str, String)> = found.iter().map(|f| (&*f.file, f.what.clone())).collect();
    let (rows, plan) = ("rows of another run", "the plan of");
    let expected = [
        (METRICS, format!("{rows}, `{}`", a.run_id())),
        (PLAN, format!("{plan} `{}`", a.run_id())),
    ];
    assert_eq!(told, expected);
    let files: Vec<String> = examine(&b, false)
        .findings
        .into_iter()
        .map(|f| f.file)
        .collect();
    assert_eq!(
        files,
        [PLAN],
        "the plan is confirmed and read without `--deep` too"
    );
}
