//! A disk that refuses what comes before the first step: a download, or the decoded images that are kept for the next run.

use super::damaged::{images, run_on};
use super::{Bench, Result, command, leftovers, only_run};
use std::fs;
use std::path::Path;
use supcon::disk::DEATH;
use supcon::record::{self, LOG, RunDir, State};

/// Runs of CIFAR-10, which lies nowhere, with a full disk from this operation of each worker on: exit code, standard error,
/// and what the first run's status says.
fn starved(bench: &Bench, number: u64) -> (Option<i32>, String, Vec<record::Status>) {
    let results = bench.folder().join(format!("full-{number}"));
    let arguments = [
        "--set=data={dataset: cifar10}",
        "--set=data.train_size=~",
        "--set=data.test_size=~",
        "--set=seeds=[0, 1, 2]",
        "--threads=1",
    ];
    let mut command = command(bench, &results, &arguments);
    command.env("SUPCON_FAULT", format!("worker:full@{number}"));
    command.env_remove("SUPCON_DATA");
    let output = command.output().expect("supcon starts");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let runs = RunDir::list(&results.join("runs"));
    let status = |dir: &RunDir| record::recorded_status(dir).expect("a status");
    (
        output.status.code(),
        text,
        runs.iter().map(status).collect(),
    )
}

/// The part of a download that needs no network: its folder, and the lock that makes others wait.
#[test]
fn a_full_disk_under_a_download_ends_with_7_says_the_room_and_stops_the_batch() {
    let bench = Bench::new();
    let mut downloads = 0;
    for number in 1.. {
        let (exit, text, runs) = starved(&bench, number);
        assert_eq!(exit, Some(7), "{number}: {text}");
        if !text.contains("/cache") {
            continue;
        }
        downloads += 1;
        for part in [
            "error[DISK-FULL]: tiny-s0-",
            "No space left on device",
            "the download takes 171 MB more there, and the 0 MB of it that came are kept",
            "give the same command again",
            "stopped: nothing more can be written after DISK-FULL in `tiny-s0-",
        ] {
            assert!(text.contains(part), "no `{part}` in {text}");
        }
        let [only] = &runs[..] else {
            panic!("{number}: {} runs were begun", runs.len());
        };
        assert_eq!(
            (only.state, only.code.as_deref()),
            (State::Failed, Some("DISK-FULL"))
        );
        if text.contains(".lock`") {
            break;
        }
        assert!(number < 40, "no lock: {text}");
    }
    println!("a full disk at each of {downloads} operations before the first byte of a download");
    assert!(downloads > 2, "{downloads}");
}

/// The cache of decoded images, if it has its name.
fn cache(results: &Path) -> Option<Vec<u8>> {
    let entries = fs::read_dir(results.join("cache")).ok()?.flatten();
    let mut paths = entries.map(|entry| entry.path());
    let named = paths.find(|path| path.extension().is_some_and(|ending| ending == "bin"))?;
    Some(fs::read(named).expect("a file"))
}

/// How a run on these images ends with a fault: exit code, standard error, and its log.
fn fault(bench: &Bench, results: &Path, root: &Path, fault: &str) -> (Option<i32>, String, String) {
    let (exit, text) = run_on(bench, results, root, Some(&format!("worker:{fault}")));
    let told = format!("{fault}: {text}");
    let allowed: &[Option<i32>] = match fault.split('@').next() {
        Some("kill") => &[Some(3)],
        // One write of the cache is no reason to give a run up; one of the record is.
        Some("once") => &[Some(0), Some(7)],
        _ => &[Some(7)],
    };
    assert!(allowed.contains(&exit), "{told}");
    let says = text.contains(" MB") && text.contains("the same command");
    assert!(exit != Some(7) || says, "{told}");
    let log = fs::read_to_string(only_run(results).dir.file(LOG));
    (exit, told, log.unwrap_or_default())
}

#[test]
fn decoded_images_that_the_disk_refuses_are_not_kept_and_the_result_is_the_same() {
    let bench = Bench::new();
    let root = bench.folder().join("images");
    images(&root, ["cat", "dog"]);
    let straight = bench.folder().join("straight");
    assert_eq!(run_on(&bench, &straight, &root, None).0, Some(0));
    let expected = Result::of(&only_run(&straight));
    let kept = cache(&straight).expect("a cache");
    // The operations of the cache, as the first kind meets them.
    let (mut first, mut last) = (1, u64::MAX);
    for kind in ["kill", "full", "quota", "io", "once"] {
        let (mut number, mut told) = (first, 0);
        while number <= last {
            let at = format!("{kind}@{number}");
            let results = bench.folder().join(&at);
            let (exit, text, log) = fault(&bench, &results, &root, &at);
            let here = log.lines().find_map(|line| line.strip_prefix(DEATH));
            if first == 1 && here.is_some_and(|here| here.contains("/cache")) {
                first = number;
            }
            if kind == "kill" && cache(&results).is_some() {
                last = number;
            }
            let mut lines = log.lines().filter(|_| exit == Some(0));
            if let Some(line) = lines.find(|line| line.contains("are not kept")) {
                told += 1;
                let room = line.contains("cannot write `") && line.ends_with("it takes 1 MB there");
                assert!(room, "{text}: {line}");
            }
            let (exit, text) = run_on(&bench, &results, &root, None);
            assert_eq!(exit, Some(0), "{at}: {text}");
            assert!(Result::of(&only_run(&results)) == expected, "{at}");
            assert_eq!(leftovers(&results), Vec::<String>::new(), "{at}");
            assert!(
                kind == "once" || cache(&results).as_ref() == Some(&kept),
                "{at}"
            );
            number += 1;
        }
        println!(
            "{kind}: at each of {} operations of a cache, and {told} runs went on",
            last + 1 - first
        );
        // Folder and its sync, file, bytes, sync, name, sync: of these only the last may fail unseen.
        assert!(
            last + 1 - first > 5 && (kind != "once" || told > 4),
            "{first}..={last}: {told}"
        );
    }
}
