//! Checkpoints that something has happened to, through to the result: the one before is taken, or nothing is lost; a run
//! that goes on elsewhere says so.

use super::{Bench, Result, SHORT, leftovers, only_run, repeats_the_walk, straight, supcon};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use supcon::record::lease::LEASE;
use supcon::record::{
    self, CAPSULE, CHECKPOINTS, LOG, MANIFEST, METRICS, MODEL, PLAN, PREDICTIONS, RunDir, STATUS,
};

/// Stops a short run behind its sixth step, with checkpoints of steps 5 and 6.
fn stopped(bench: &Bench, results: &Path) -> RunDir {
    let arguments = [&SHORT[..], &["--checkpoint-steps=1"]].concat();
    let output = supcon(bench, results, &arguments, Some("worker:stop@6"));
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let dir = only_run(results).dir;
    assert_eq!(dir.checkpoint_steps(), [6, 5]);
    dir
}

fn again(bench: &Bench, results: &Path, more: &[&str]) -> Output {
    supcon(bench, results, &[&SHORT[..], more].concat(), None)
}

/// Every file below a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().flatten();
    let files = entries.filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            (
                entry.path().to_owned(),
                fs::read(entry.path()).expect("a file"),
            )
        })
        .collect()
}

/// Copies the files of one folder to another.
fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let path = to.join(path.strip_prefix(from).expect("inside"));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("written");
    }
}

const FILES: [&str; 5] = [
    "model.safetensors",
    "optimizer.safetensors",
    "metrics.parquet",
    "state.json",
    MANIFEST,
];

#[test]
fn whatever_happens_to_the_newest_checkpoint_the_one_before_gives_the_same_result() {
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    let origin = bench.folder().join("origin");
    stopped(&bench, &origin);
    for name in FILES {
        for what in ["missing", "cut", "older"] {
            let at = format!("{name}: {what}");
            let results = bench.folder().join(format!("{name}-{what}"));
            copy(&origin, &results);
            let dir = only_run(&results).dir;
            let [file, older] = [6, 5].map(|step| dir.checkpoint_folder(step).join(name));
            let bytes = fs::read(&file).expect("a file");
            match what {
                "missing" => fs::remove_file(&file).expect("removed"),
                "cut" => fs::write(&file, &bytes[..bytes.len() / 2]).expect("written"),
                _ => drop(fs::copy(&older, &file).expect("copied")),
            }
            let is_changed = fs::read(&file).map_or(true, |now| now != bytes);
            let output = again(&bench, &results, &[]);
            assert!(output.status.success(), "{at}: {output:?}");
            let log = fs::read_to_string(dir.file(LOG)).expect("a log");
            let told = log.contains("warning[CKPT-SKIPPED]: checkpoint 6 is damaged");
            // No epoch ends between the two, so they hold the same figures.
            assert_eq!(told, is_changed, "{at}: {log}");
            assert!(Result::of(&only_run(&results)) == expected, "{at}");
        }
    }
}

#[test]
fn without_a_sound_checkpoint_nothing_is_lost_until_somebody_asks_for_a_restart() {
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    let results = bench.folder().join("a");
    let dir = stopped(&bench, &results);
    for step in [5, 6] {
        let path = dir.checkpoint_folder(step).join("state.json");
        fs::write(path, "{}").expect("written");
    }
    let before = files(&dir.file(CHECKPOINTS));
    let output = again(&bench, &results, &[]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        text.contains("error[CKPT-NONE-VALID]") && text.contains("--restart"),
        "{text}"
    );
    assert!(files(&dir.file(CHECKPOINTS)) == before);
    assert!(again(&bench, &results, &["--restart"]).status.success());
    assert!(Result::of(&only_run(&results)) == expected);
}

#[cfg(unix)]
#[test]
fn a_finished_run_that_cannot_be_read_is_an_error_and_is_not_begun_again() {
    let bench = Bench::new();
    let results = bench.folder().join("a");
    assert!(again(&bench, &results, &[]).status.success());
    let dir = only_run(&results).dir;
    // A loop of links cannot be opened by anybody, whoever runs this: as if the medium failed.
    let (model, away) = (dir.file(MODEL), bench.folder().join("away"));
    fs::rename(&model, &away).expect("renamed");
    std::os::unix::fs::symlink(&model, &model).expect("a link");
    // The lease says who looked at it last.
    let recorded = || {
        let mut files = files(dir.path());
        files.retain(|path, _| !path.ends_with(LEASE));
        files
    };
    let before = recorded();
    let output = again(&bench, &results, &[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(
        text.contains("cannot read ") && text.contains(MODEL),
        "{text}"
    );
    assert!(recorded() == before);
    fs::remove_file(&model).expect("removed");
    fs::rename(&away, &model).expect("renamed");
    assert!(again(&bench, &results, &[]).status.success());
    assert!(dir.is_done());
}

#[test]
fn a_complete_run_with_a_changed_byte_is_named_with_its_code_and_nothing_else() {
    let bench = Bench::new();
    let results = bench.folder().join("a");
    assert!(again(&bench, &results, &[]).status.success());
    let status = only_run(&results).dir.file("status.json");
    let mut bytes = fs::read(&status).expect("a file");
    bytes[3] ^= 1;
    fs::write(&status, bytes).expect("written");
    let output = again(&bench, &results, &[]);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{text}");
    let told: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("1 run on"))
        .collect();
    assert_eq!(told.len(), 2, "{text}");
    assert!(
        told[0].starts_with("error[STORE-DAMAGED]: run `tiny-s3-"),
        "{text}"
    );
    assert_eq!(told[1], "for more: `supcon help STORE-DAMAGED`");
}

#[test]
fn a_run_that_goes_on_elsewhere_says_so_in_log_status_and_report() {
    let bench = Bench::new();
    let results = bench.folder().join("a");
    let dir = stopped(&bench, &results);
    let newest = dir.newest_checkpoint().expect("sound").newest;
    let mut moved = newest.expect("a checkpoint");
    let here = moved.position.backends.clone();
    assert_eq!(here.len(), 1, "where it was begun");
    moved.position.backends = vec!["elsewhere".into()];
    dir.write_checkpoint(&moved).expect("written");
    assert!(again(&bench, &results, &[]).status.success());
    let run = only_run(&results);
    let both = ["elsewhere", &here[0]];
    assert_eq!(run.status.backends, both);
    let log = fs::read_to_string(dir.file(LOG)).expect("a log");
    let line = format!(
        "was trained on `elsewhere` so far and goes on with `{}`",
        here[0]
    );
    assert!(log.contains(&line), "{log}");
    let mut reports = fs::read_dir(results.join("report")).expect("reports");
    let report = reports.next().expect("one").expect("read").path();
    let page = fs::read_to_string(report.join("report.md")).expect("a page");
    assert!(page.contains(&both.join(", then ")), "{page}");
}

/// A folder of eight small images in each of two classes.
pub(super) fn images(root: &Path, classes: [&str; 2]) {
    for (number, class) in (0..).zip(classes) {
        for index in 0..8_u8 {
            for split in ["train", "test"] {
                let folder = root.join(split).join(class);
                fs::create_dir_all(&folder).expect("a folder");
                let pixel = image::Rgb([100 * number, 9 * index, split.len() as u8]);
                let image = image::RgbImage::from_pixel(8, 8, pixel);
                image
                    .save(folder.join(format!("{index}.png")))
                    .expect("a PNG");
            }
        }
    }
}

/// A run of the bench on a folder of images, in these results; exit code and standard error.
pub(super) fn run_on(
    bench: &Bench,
    results: &Path,
    root: &Path,
    fault: Option<&str>,
) -> (Option<i32>, String) {
    let data = format!("--data={}", root.display());
    let mut arguments = vec!["--set=data={dataset: image_folder}", &data, "--threads=1"];
    arguments.extend([
        "--set=data.train_size=~",
        "--set=data.test_size=~",
        "--set=data.validation=~",
        "--set=phases.pretrain.batch_size=8",
        "--set=phases.classify.batch_size=8",
    ]);
    let output = supcon(bench, results, &arguments, fault);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), text)
}

#[test]
fn a_capsule_is_replayed_on_the_images_of_its_run_and_refused_on_others() {
    let bench = Bench::new();
    let results = bench.folder().join("a");
    let [first, other] = ["first", "other"].map(|name| bench.folder().join(name));
    images(&first, ["cat", "dog"]);
    images(&other, ["cat", "fox"]);
    let (code, text) = run_on(&bench, &results, &first, Some("worker:stop@2"));
    assert_eq!(code, Some(75), "{text}");
    let dir = only_run(&results).dir;
    let newest = dir.newest_checkpoint().expect("sound").newest;
    dir.write_capsule(&newest.expect("a checkpoint"))
        .expect("written");
    let other = format!("--data={}", other.display());
    for (more, exit) in [(None, 0), (Some(&other), 2)] {
        let mut replay = Command::new(env!("CARGO_BIN_EXE_supcon"));
        replay.arg("replay").arg(dir.file(CAPSULE)).args(more);
        replay.arg("--results").arg(&results);
        let output = replay.output().expect("supcon starts");
        assert_eq!(output.status.code(), Some(exit), "{output:?}");
    }
}

#[test]
fn a_run_refuses_other_images_with_what_differs_and_keeps_what_it_says_of_its_own() {
    let bench = Bench::new();
    let results = bench.folder().join("a");
    let [first, other] = ["first", "other"].map(|name| bench.folder().join(name));
    images(&first, ["cat", "dog"]);
    images(&other, ["cat", "fox"]);
    let run = |root: &Path, fault| run_on(&bench, &results, root, fault);
    let (code, text) = run(&first, Some("worker:stop@2"));
    assert_eq!(code, Some(75), "{text}");
    let before = only_run(&results).status;
    assert_eq!(before.class_names, ["cat", "dog"]);
    // The second refusal says the same: the first has not taken the other images for those of the run.
    for _ in 0..2 {
        let (code, text) = run(&other, None);
        assert_eq!(code, Some(3), "{text}");
        for part in [
            "error[RESUME-DATA]",
            &format!("from {}, and now from {}", first.display(), other.display()),
            "1 of the classes are gone, first `dog`",
            "1 of the classes are new, first `fox`",
        ] {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
        let after = only_run(&results).status;
        assert_eq!(after.class_names, before.class_names);
        assert_eq!(after.data_hash, before.data_hash);
        assert_eq!(after.data_place, before.data_place);
    }
    let (code, text) = run(&first, None);
    assert_eq!(code, Some(0), "{text}");
}

/// What a finished run is made of, with its manifest.
const ALL: [&str; 6] = [PLAN, STATUS, METRICS, PREDICTIONS, MODEL, MANIFEST];

/// Cuts a file of a finished run; all files as they are then.
fn cut(dir: &RunDir, name: &str) -> BTreeMap<&'static str, Vec<u8>> {
    let whole = fs::read(dir.file(name)).expect("a file");
    fs::write(dir.file(name), &whole[..whole.len() / 2]).expect("written");
    let read = |name: &'static str| (name, fs::read(dir.file(name)).expect("a file"));
    ALL.map(read).into()
}

/// What of a damaged result waits for the run to be finished again, all but the plan, which is written anew.
fn assert_waits(dir: &RunDir, kept: &BTreeMap<&'static str, Vec<u8>>, at: &str) {
    for (name, bytes) in kept.iter().filter(|(name, _)| **name != PLAN) {
        let found = fs::read(dir.file(&record::damaged_name(name)));
        assert!(found.is_ok_and(|found| found == *bytes), "{at}: {name}");
    }
}

#[test]
fn a_damaged_result_is_named_and_kept_until_the_run_is_finished_again() {
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    for name in ALL {
        let results = bench.folder().join(name);
        assert!(again(&bench, &results, &[]).status.success());
        let dir = only_run(&results).dir;
        let kept = cut(&dir, name);
        let output = supcon(&bench, &results, &SHORT, Some("worker:stop@6"));
        assert_eq!(output.status.code(), Some(75), "{output:?}");
        let says = format!("its result is damaged, so it is trained again: {name}");
        let log = fs::read_to_string(dir.file(LOG)).expect("a log");
        let told = String::from_utf8(output.stderr).expect("text");
        for text in [&log, &told] {
            assert_eq!(text.matches(&says).count(), 1, "{text}");
        }
        assert_waits(&dir, &kept, name);
        assert!(!record::examine(&dir, true).is_damaged());
        let output = again(&bench, &results, &[]);
        assert!(output.status.success(), "{output:?}");
        assert!(Result::of(&only_run(&results)) == expected);
        assert_eq!(leftovers(&results), Vec::<String>::new());
    }
}

#[test]
fn a_parent_that_is_killed_while_it_moves_a_damaged_result_aside_loses_nothing_of_it() {
    if repeats_the_walk() {
        return println!("skipped: the suite without libtorch walks the same operations");
    }
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    for missing in [None, Some(MODEL)] {
        let walk = (1..40).take_while(|number| {
            let results = bench.folder().join(format!("{missing:?}-{number}"));
            assert!(again(&bench, &results, &[]).status.success());
            let dir = only_run(&results).dir;
            let mut kept = cut(&dir, METRICS);
            if let Some(missing) = missing {
                fs::remove_file(dir.file(missing)).expect("removed");
                kept.remove(missing);
            }
            killed_and_completed(&bench, &dir, *number, (&kept, &expected))
        });
        let points = walk.count();
        println!("killed at each of {points} operations before the worker");
        assert!((9..39).contains(&points), "{points}");
    }
}

/// Kills the parent that begins a damaged run again at this operation, and completes the run; false if it was complete.
fn killed_and_completed(
    bench: &Bench,
    dir: &RunDir,
    number: usize,
    (kept, expected): (&BTreeMap<&'static str, Vec<u8>>, &Result),
) -> bool {
    let results = dir.path().ancestors().nth(2).expect("results");
    let at = results.display().to_string();
    let fault = format!("batch:kill@{number}");
    let killed = supcon(bench, results, &SHORT, Some(&fault));
    if killed.status.code().is_some() || dir.is_done() {
        return false;
    }
    let stopped = supcon(bench, results, &SHORT, Some("worker:stop@6"));
    assert_eq!(stopped.status.code(), Some(75), "{at}: {stopped:?}");
    let log = fs::read_to_string(dir.file(LOG)).expect("a log");
    assert!(log.contains("its result is damaged"), "{at}: {log}");
    assert_waits(dir, kept, &at);
    assert!(again(bench, results, &[]).status.success(), "{at}");
    assert!(Result::of(&only_run(results)) == *expected, "{at}");
    assert_eq!(leftovers(results), Vec::<String>::new(), "{at}");
    true
}
