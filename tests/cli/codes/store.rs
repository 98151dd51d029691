//! Inputs that provoke the codes of records, checkpoints and disks: a short run that is stopped, damaged or starved.

use super::{GOOD, supcon_with, text, write};
use std::path::Path;
use supcon::diag::Code;
use supcon::record::{LOG, RunDir};

/// Runs a spec of this folder with a fault; its standard error, with the folder taken out.
fn run(folder: &Path, spec: &str, arguments: &[&str], fault: &str) -> String {
    let spec = write(folder, "spec.yaml", spec.replace("[0, 1, 2]", "[0]"));
    let results = folder.join("results");
    let fixed = ["run", &spec.to_string_lossy(), "--results"].map(str::to_owned);
    let mut all = fixed.to_vec();
    all.push(results.to_string_lossy().into_owned());
    all.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let output = supcon_with(&all, &[("SUPCON_FAULT", fault)]);
    assert!(!output.status.success(), "{}", text(&output.stdout));
    let folder = format!("{}/", folder.display());
    text(&output.stderr).replace(&folder, "")
}

fn only_run(folder: &Path) -> RunDir {
    let mut dirs = RunDir::list(&folder.join("results"));
    assert_eq!(dirs.len(), 1);
    dirs.remove(0)
}

/// Flips a byte in the middle of a file of a checkpoint.
fn damage(dir: &RunDir, step: u64) {
    let path = dir.checkpoint_folder(step).join("model.safetensors");
    let mut bytes = std::fs::read(&path).expect("a model");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).expect("written");
}

/// The error lines of a text, and the pointer at `supcon help`.
fn errors(text: &str) -> String {
    let told = |line: &&str| line.starts_with("error[") || line.starts_with("for more");
    let lines = text.lines().filter(told);
    lines.map(|line| format!("{line}\n")).collect()
}

/// The text that an input for this code gives.
pub(super) fn store_case(code: Code, folder: &Path) -> String {
    match code {
        Code::RunStalled => errors(&run(folder, GOOD, &["--stall-secs=1"], "worker:hang@2")),
        Code::DiskFull => errors(&run(folder, GOOD, &[], "worker:full@9")),
        Code::DiskIo => errors(&run(folder, GOOD, &[], "worker:readonly@9")),
        Code::DiskPlan => {
            let large = GOOD.replace("blocks: 1", "blocks: 40, width: 1024");
            let found = errors(&run(folder, &large, &[], ""));
            // How much is free is another number each time.
            let (before, free) = found.split_once("results/").expect("a path");
            let (path, free) = free.split_once(", ").expect("a number");
            let (_, behind) = free.split_once(" MB").expect("a unit");
            format!("{before}results/{path}, N MB{behind}")
        }
        Code::ResumeData => {
            run(folder, GOOD, &[], "worker:stop@2");
            let dir = only_run(folder);
            let newest = dir.newest_checkpoint().expect("sound").newest;
            let mut other = newest.expect("a checkpoint");
            other.position.run_steps += 1;
            other.position.data_hash = "0123456789abcdef".into();
            dir.write_checkpoint(&other).expect("written");
            errors(&run(folder, GOOD, &[], ""))
        }
        Code::CkptSkipped => {
            run(folder, GOOD, &[], "worker:stop@2");
            let dir = only_run(folder);
            damage(&dir, 2);
            run(folder, GOOD, &[], "worker:stop@3");
            let log = std::fs::read_to_string(dir.file(LOG)).expect("a log");
            let line = log
                .lines()
                .find(|line| line.starts_with("warning[CKPT-SKIPPED]"));
            format!("{}\n", line.expect("a line"))
        }
        Code::CkptNoneValid => {
            run(folder, GOOD, &[], "worker:stop@2");
            let dir = only_run(folder);
            dir.checkpoint_steps()
                .into_iter()
                .for_each(|step| damage(&dir, step));
            errors(&run(folder, GOOD, &[], ""))
        }
        Code::StoreDamaged => {
            run(folder, GOOD, &[], "worker:stop@2");
            let dir = only_run(folder);
            std::fs::write(dir.file("status.json"), "{").expect("written");
            let results = folder.join("results");
            let output = supcon_with(&["report", &results.to_string_lossy()], &[]);
            assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
            text(&output.stderr).replace(&format!("{}/", folder.display()), "")
        }
        other => panic!("{other} is no code of a store"),
    }
}
