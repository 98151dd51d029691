//! `supcon replay`: takes the step of a capsule once more and shows what of it is not a finite number.

use super::out;
use super::store::{self, Names, ResultsArgs, shown};
use crate::data::{self, LoadOptions};
use crate::diag::{Code, pointer};
use crate::disk::Disk;
use crate::plan::RunPlan;
use crate::record::{CAPSULE, Checkpoint, RunDir, Status, plan_and_status, read_capsule};
use crate::runner::{self, exit};
use crate::train::{self, Replay};
use clap::Args;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Parameters that are shown.
const SHOWN: usize = 5;

const MORE: &str = "\
A run that ends because its loss or a gradient is not finite leaves `capsule/` in its
folder: weights and position before that step. The same batch is made again and the step is
taken without the update. Exit code: 3 if it fails again, 0 if everything is finite this
time.

Examples:
  supcon replay mine-s0-1f2e3d4c
  supcon replay results/runs/mine-s0-1f2e3d4c/capsule --device cpu";

/// Arguments of `replay`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct ReplayArgs {
    /// Id or folder of a run, or its capsule.
    #[arg(value_name = "RUN|CAPSULE")]
    run: PathBuf,
    #[command(flatten)]
    results: ResultsArgs,
    /// Device by name [default: that of the run].
    #[arg(long)]
    device: Option<String>,
    /// Folder or archive of the data set [default: where the run had it].
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Threads [default: those of the run].
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
}

/// Why a capsule is not replayed: exit code, stable code if there is one, and text.
struct Refused(u8, Option<&'static str>, String);

/// Replays one capsule.
pub(super) fn replay(args: &ReplayArgs) -> ExitCode {
    let code = match try_replay(args) {
        Ok(code) => code,
        Err(Refused(exit, None, text)) => {
            out::warn(&format!("error: {}\n", shown(&text)));
            exit
        }
        Err(Refused(exit, Some(code), text)) => {
            let text = shown(&text);
            out::warn(&format!("error[{code}]: {text}\n{}", pointer([code])));
            exit
        }
    };
    ExitCode::from(code)
}

fn try_replay(args: &ReplayArgs) -> Result<u8, Refused> {
    let dir = find(args)?;
    let record = |error: crate::record::RecordError| {
        Refused(error.exit_code(), Some(error.code()), error.to_string())
    };
    let (plan, status) = plan_and_status(&dir).map_err(record)?;
    let (name, threads) = place(args, status.as_ref());
    let held = runner::hold(&name, threads, "replaying on this GPU").map_err(|error| {
        let code = error.code().map(Code::as_str);
        Refused(error.exit_code(), code, error.to_string())
    })?;
    let name = held.device;
    let device = name.open().map_err(|error| {
        let code = Code::EnvDevice.as_str();
        Refused(exit::ENVIRONMENT, Some(code), error.to_string())
    })?;
    let capsule = read_capsule(&dir).map_err(record)?;
    let data = load(args, &plan, status.as_ref(), &capsule)?;
    let replayed = train::replay(&plan, &data, &device, capsule).map_err(|error| {
        let code = Code::StoreDamaged.as_str();
        Refused(exit::DAMAGED, Some(code), error.to_string())
    })?;
    let here = format!("{name}, {threads} threads");
    out::print(&tell(&dir.run_id(), &replayed, &here, status.as_ref()));
    Ok(if replayed.fails() { exit::FAILED } else { 0 })
}

/// The one run that is named, by itself or by its capsule.
fn find(args: &ReplayArgs) -> Result<RunDir, Refused> {
    let word = match args.run.file_name() {
        Some(name) if name == CAPSULE => args.run.parent().unwrap_or(Path::new(".")),
        _ => &args.run,
    };
    let refuse = |text| Refused(exit::REFUSED, None, text);
    let words = [word.to_owned()];
    let mut found = store::select(&words, &args.results.runs(), Names::Whole).map_err(refuse)?;
    // Of an experiment those that have something to replay.
    found.retain(|run| run.file(CAPSULE).is_dir());
    let word = word.display();
    match found.len() {
        0 => Err(refuse(format!(
            "`{word}` has no capsule: only a run whose loss or gradient was not finite leaves one"
        ))),
        1 => Ok(found.remove(0)),
        n => {
            let ids: Vec<String> = found.iter().map(RunDir::run_id).collect();
            let ids = ids.join(", ");
            Err(refuse(format!(
                "`{word}` names {n} runs with a capsule: {ids}"
            )))
        }
    }
}

/// Device and threads: as asked for, else those of the run.
fn place(args: &ReplayArgs, status: Option<&Status>) -> (String, usize) {
    let own = status.filter(|status| !status.device.is_empty());
    let device = args.device.clone();
    let device = device.or_else(|| own.map(|status| status.device.clone()));
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.or_else(|| own.map(|status| status.threads));
    (
        device.unwrap_or_else(|| "auto".to_owned()),
        threads.unwrap_or_else(processors).max(1),
    )
}

/// The images: from where they are named now, else from where the run had them.
fn load(
    args: &ReplayArgs,
    plan: &RunPlan,
    status: Option<&Status>,
    capsule: &Checkpoint,
) -> Result<data::Dataset, Refused> {
    let own = status.and_then(|status| status.data_place.clone());
    let own = own.filter(|place| place.exists());
    let options = LoadOptions {
        data_dir: args.data.clone().or(own),
        cache_dir: args.results.results.join("cache"),
        disk: Disk::real(),
        progress: &|_| {},
    };
    let data = data::load(&plan.data, &options).map_err(|error| {
        let code = error.code().as_str();
        let exit = error.exit_code(exit::REFUSED);
        Refused(exit, Some(code), error.to_string())
    })?;
    if data.hash != capsule.position.data_hash {
        let text = "the images differ from those of the capsule, so its batch cannot be made again";
        let code = Code::ResumeData.as_str();
        return Err(Refused(exit::REFUSED, Some(code), text.to_owned()));
    }
    Ok(data)
}

/// What the step gave, for people.
fn tell(run: &str, replayed: &Replay, here: &str, status: Option<&Status>) -> String {
    let Replay {
        phase,
        step,
        loss,
        gradient_norm,
        gradient_norms,
        ids,
    } = replayed;
    let mut out = format!("run        {run}\n");
    let _ = writeln!(
        out,
        "step       {step} of the run, in phase `{phase}`, on {here}"
    );
    let _ = writeln!(out, "loss       {loss}");
    for (name, norm) in worst(gradient_norms) {
        let _ = writeln!(out, "gradient   {norm}  {name}");
    }
    let broken = gradient_norms.iter().filter(|(_, norm)| !norm.is_finite());
    let (broken, all) = (broken.count(), gradient_norms.len());
    let _ = writeln!(out, "           {broken} of {all} gradients are not finite");
    if broken == 0 && !gradient_norm.is_finite() {
        out.push_str("           their length over all parameters is too large for f32\n");
    }
    let _ = writeln!(out, "images     {ids:?}");
    if replayed.fails() {
        out.push_str("it fails again: lower the learning rate, or look at these images\n");
    } else {
        let then = status.map_or("a device that it did not record".to_owned(), |status| {
            format!("{}, {} threads", status.device, status.threads)
        });
        let _ = writeln!(out, "it did not fail again: the run used {then}");
    }
    out
}

/// The first parameters whose gradient is not finite, or the largest gradients.
fn worst(norms: &[(String, f64)]) -> Vec<&(String, f64)> {
    let broken: Vec<_> = norms.iter().filter(|(_, norm)| !norm.is_finite()).collect();
    let mut shown = if broken.is_empty() {
        let mut all: Vec<_> = norms.iter().collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        all
    } else {
        broken
    };
    shown.truncate(SHOWN);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed(norms: &[f64]) -> Replay {
        let names = norms.iter().enumerate();
        Replay {
            phase: "pretrain".into(),
            step: 4,
            loss: 1.5,
            gradient_norm: norms.iter().sum(),
            gradient_norms: names.map(|(i, norm)| (format!("p{i}"), *norm)).collect(),
            ids: vec![3, 1],
        }
    }

    #[test]
    fn the_first_gradients_that_are_not_finite_are_shown_else_the_largest() {
        let names = |norms: &[f64]| -> Vec<String> {
            let replayed = replayed(norms);
            let worst = worst(&replayed.gradient_norms).into_iter();
            worst.map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(names(&[1.0, f64::NAN, 9.0, f64::INFINITY]), ["p1", "p3"]);
        let largest = ["p6", "p5", "p4", "p3", "p2"];
        assert_eq!(names(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), largest);
    }

    #[test]
    fn a_step_that_is_finite_this_time_is_said_to_be_so() {
        let text = tell("a-s0-1", &replayed(&[1.0]), "cpu, 1 threads", None);
        assert!(text.ends_with("the run used a device that it did not record\n"));
        let text = tell("a-s0-1", &replayed(&[f64::NAN]), "cpu, 1 threads", None);
        assert!(text.contains("1 of 1 gradients are not finite"), "{text}");
        assert!(text.contains("fails again"));
    }
}
