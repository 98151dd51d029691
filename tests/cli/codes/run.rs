//! Inputs for the codes of devices and runs.

use super::{GOOD, supcon, text, write};
use std::path::Path;
use supcon::diag::Code;
use supcon::plan::load_runs;
use supcon::spec::Overrides;

/// A device that is not there, and the ends of a run as its parent tells them.
#[cfg(all(feature = "train", unix))]
pub(super) fn run_case(code: Code, folder: &Path) -> Option<String> {
    use std::os::unix::process::ExitStatusExt;
    use std::process::ExitStatus;
    use supcon::record::RunDir;
    use supcon::runner::{Evidence, death};
    use supcon::train::TrainError;

    let phase = "pretrain".to_owned();
    if code == Code::EnvDevice {
        let spec = write(folder, "spec.yaml", GOOD);
        let output = supcon(&["run", &spec.to_string_lossy(), "--device", "gpu"]);
        assert_eq!(output.status.code(), Some(5));
        return Some(text(&output.stderr));
    }
    if code == Code::RunCrashLoop {
        return Some(crash_loop(folder));
    }
    let ended = |raw: i32, log: &str, oom_kills: Option<u64>| {
        let dir = RunDir::create(folder, "my-supcon-s0-0123abcd").expect("a folder");
        let log = log.to_owned();
        let evidence = Evidence { log, oom_kills };
        let (found, cause) = death(&dir, ExitStatus::from_raw(raw), &evidence);
        assert_eq!(found, code);
        cause
    };
    let cause = match code {
        Code::RunDiverged => TrainError::Diverged {
            phase,
            step: 41,
            loss: f64::NAN,
            array: None,
            ids: vec![3, 1, 4],
        }
        .to_string(),
        Code::RunCollapsed => TrainError::Collapsed {
            phase,
            step: 99,
            loss: 5.5798,
            plateau: 265.0_f64.ln(),
            spread: 2.5e-5,
        }
        .to_string(),
        Code::RunInterrupted => TrainError::Interrupted { phase, epoch: 2 }.to_string(),
        Code::RunKilled => ended(9, "", None),
        Code::RunOutOfMemory => ended(9, "", Some(1)),
        Code::RunNativeCrash => ended(6, "terminate called after throwing 'c10::Error'\n", None),
        Code::RunPanic => ended(
            101 << 8,
            "thread 'main' panicked at src/x.rs:1:1:\nindex out of bounds\nnote: run with more\n",
            None,
        ),
        _ => ended(
            1 << 8,
            "libtorch.so: cannot open shared object file\n",
            None,
        ),
    };
    Some(format!("error[{code}]: my-supcon-s0-0123abcd: {cause}\n"))
}

/// A run that died five times, as the sixth command tells it.
#[cfg(all(feature = "train", unix))]
fn crash_loop(folder: &Path) -> String {
    use supcon::record::{RunDir, STATUS};

    let spec = write(folder, "spec.yaml", GOOD.replace("[0, 1, 2]", "[0]"));
    let plans = load_runs(std::slice::from_ref(&spec), &Overrides::default()).expect("a plan");
    let (results, id) = (folder.join("results"), &plans[0].run_id);
    let dir = RunDir::create(&results.join("runs"), id).expect("a folder");
    dir.write_plan(&plans[0]).expect("written");
    let status = r#"{"state": "failed", "code": "RUN-PANIC", "cause": "index out of bounds", "device": "cpu",
        "threads": 1, "version": "supcon", "class_names": [], "data_hash": "", "encoder_parameters": 0,
        "wall_secs": 0.0, "images_per_sec": [], "started_at": 0}"#;
    std::fs::write(dir.file(STATUS), status).expect("written");
    let attempts = r#"{"count": 5, "step": null}"#;
    std::fs::write(dir.file(".attempts.json"), attempts).expect("written");
    let (spec, results) = (spec.to_string_lossy(), results.to_string_lossy());
    let output = supcon(&["run", &spec, "--quiet", "--results", &results]);
    assert_eq!(output.status.code(), Some(3));
    text(&output.stderr).replace(id, "my-supcon-s0-0123abcd")
}

#[cfg(not(all(feature = "train", unix)))]
pub(super) fn run_case(_: Code, _: &Path) -> Option<String> {
    None
}
