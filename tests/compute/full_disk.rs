//! Runs on real file systems of a few MiB: one that others fill while it trains, one that holds no run twice.

use super::runs::Bench;
use super::survive::stops::plan_of;
use super::survive::{Result, command, leftovers, only_run, straight, supcon};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use supcon::disk::free_bytes;
use supcon::record::RunDir;
use supcon::record::lease::LEASE;

/// A mounted file system, taken away with its content.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where this user may not mount.
    fn of_mib(size: usize, at: PathBuf) -> Option<Self> {
        fs::create_dir(&at).expect("a folder");
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", &format!("size={size}m"), "tmpfs"])
            .arg(&at);
        let mounted = mount.stderr(Stdio::null()).status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self(at))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: a process that a failed test left behind must not keep it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Writes until nothing more fits.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).expect("a file");
    for size in [1 << 16, 1 << 10, 1] {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
    }
}

#[test]
fn a_file_system_that_fills_up_costs_nothing_that_was_committed() {
    let bench = Bench::new();
    let Some(disk) = Mounted::of_mib(16, bench.folder().join("disk")) else {
        return println!("skipped: mounting needs root");
    };
    let arguments = [
        "--set=data.train_size=100",
        "--set=phases.pretrain.epochs=60",
        "--set=phases.classify.epochs=1",
        "--threads=1",
    ];
    let expected = straight(&bench, &arguments);
    let results = disk.0.join("results");
    let mut run = command(&bench, &results, &arguments);
    run.stdout(Stdio::null()).stderr(Stdio::piped());
    let run = run.spawn().expect("supcon starts");
    let committed = || {
        let dirs = RunDir::list(&results.join("runs"));
        let found = dirs.first().map(RunDir::newest_checkpoint);
        let newest = found
            .and_then(std::result::Result::ok)
            .and_then(|found| found.newest);
        newest.map_or(0, |checkpoint| checkpoint.position.epochs)
    };
    while committed() < 2 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let ballast = disk.0.join("ballast");
    fill(&ballast);
    let before = committed();
    let ended = run.wait_with_output().expect("an end");
    let text = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(7), "{text}");
    assert!(
        text.contains("No space left") && text.contains("the same command"),
        "{text}"
    );
    assert_eq!(leftovers(&results), Vec::<String>::new());
    assert!(
        committed() >= before,
        "{} epochs, then {}",
        before,
        committed()
    );
    fs::remove_file(ballast).expect("removed");
    let again = supcon(&bench, &results, &arguments, None);
    assert!(again.status.success(), "{again:?}");
    assert!(Result::of(&only_run(&results)) == expected);
    println!("filled after epoch {before} of 60");
}

#[test]
fn a_disk_without_a_free_byte_is_freed_by_gc_and_rm() {
    let bench = Bench::new();
    let Some(disk) = Mounted::of_mib(16, bench.folder().join("disk")) else {
        return println!("skipped: mounting needs root");
    };
    let results = disk.0.join("results");
    let two = [
        "--set=data.train_size=100",
        "--set=seeds=[0, 1]",
        "--threads=1",
    ];
    assert!(supcon(&bench, &results, &two, None).status.success());
    let runs = RunDir::list(&results.join("runs"));
    let left = runs[0].file(".model.safetensors.17.tmp");
    fs::write(&left, "half").expect("written");
    // As in a copy without hidden files: the lease must be made anew, and there is no room for a name in it.
    for run in &runs {
        fs::remove_file(run.file(LEASE)).expect("removed");
    }
    fill(&disk.0.join("ballast"));
    let with = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
        command.args(words).arg("--results").arg(&results);
        let output = command.output().expect("supcon starts");
        assert!(output.status.success(), "{words:?}: {output:?}");
    };
    with(&["gc", "--apply"]);
    assert!(!left.exists());
    let before = free_bytes(&disk.0).expect("a file system");
    with(&["rm", &runs[1].run_id()]);
    assert!(!runs[1].path().exists() && runs[0].is_done());
    assert!(free_bytes(&disk.0).expect("a file system") > before);
}

#[test]
fn a_batch_that_has_no_room_is_told_before_its_first_run() {
    let bench = Bench::new();
    let Some(disk) = Mounted::of_mib(16, bench.folder().join("disk")) else {
        return println!("skipped: mounting needs root");
    };
    let results = disk.0.join("results");
    let wide = "--set=phases.pretrain.head.widths=[2000, 2000]";
    let told = |seeds: &str, exit: i32| {
        let output = supcon(&bench, &results, &[wide, seeds], None);
        assert_eq!(output.status.code(), Some(exit), "{output:?}");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains("error[DISK-PLAN]"), "{text}");
        let mut lines = text.lines();
        lines.any(|line| line.starts_with("warning: 3 runs need up to "))
    };
    assert!(told("--set=seeds=[0, 1, 2]", 7));
    // A single one looks for itself.
    assert!(!told("--set=seeds=[0]", 7));
}

#[test]
fn results_that_were_moved_and_are_read_only_are_read_as_they_were() {
    let bench = Bench::new();
    let Some(disk) = Mounted::of_mib(16, bench.folder().join("disk")) else {
        return println!("skipped: mounting needs root");
    };
    let (first, moved) = (disk.0.join("first"), disk.0.join("moved"));
    let arguments = ["--set=data.train_size=100", "--threads=1"];
    assert!(supcon(&bench, &first, &arguments, None).status.success());
    let read = |results: &Path, words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
        command.args(words).arg("--results").arg(results);
        let output = command.output().expect("supcon starts");
        assert!(output.status.success(), "{words:?}: {output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        text.replace(&results.display().to_string(), "RESULTS")
    };
    let report = |results: &Path, out: &str| {
        let out = bench.folder().join(out);
        let mut command = Command::new(env!("CARGO_BIN_EXE_supcon"));
        command.arg("report").arg(results).arg("--out").arg(&out);
        let output = command.output().expect("supcon starts");
        assert!(output.status.success(), "{output:?}");
        fs::read(out.join("charts/test_accuracy.csv")).expect("figures")
    };
    let verbs = [&["ls", "--json"][..], &["fsck", "--deep"], &["gc"]];
    let before = verbs.map(|words| read(&first, words));
    let figures = report(&first, "before");
    fs::rename(&first, &moved).expect("renamed");
    let mut mount = Command::new("mount");
    let read_only = mount.args(["-o", "remount,ro"]).arg(&disk.0).status();
    assert!(read_only.expect("mount starts").success());
    assert!(fs::write(moved.join("x"), "x").is_err());
    assert_eq!(verbs.map(|words| read(&moved, words)), before);
    assert!(report(&moved, "after") == figures);
}

#[test]
fn a_run_that_goes_on_needs_no_room_for_what_it_holds_already() {
    let bench = Bench::new();
    let Some(disk) = Mounted::of_mib(32, bench.folder().join("disk")) else {
        return println!("skipped: mounting needs root");
    };
    let sets = [
        "data.train_size=100",
        "phases.pretrain.head.widths=[2000, 200]",
    ];
    let (plan, _) = plan_of(&bench, &sets);
    let needed = plan.working_bytes(plan.data.source.image_size());
    let sets = sets.map(|set| format!("--set={set}"));
    let mut arguments: Vec<&str> = sets.iter().map(String::as_str).collect();
    arguments.extend(["--threads=1", "--checkpoint-steps=1"]);
    let results = disk.0.join("results");
    let stopped = supcon(&bench, &results, &arguments, Some("worker:stop@6"));
    assert_eq!(stopped.status.code(), Some(75), "{stopped:?}");
    let free = free_bytes(&disk.0).expect("a file system");
    assert!(
        free < needed,
        "{free} bytes are free, a whole run needs {needed}"
    );
    let again = supcon(&bench, &results, &arguments, None);
    assert!(again.status.success(), "{again:?}");
    assert!(Result::of(&only_run(&results)) == straight(&bench, &arguments));
}
