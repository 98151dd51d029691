//! `supcon bench`: how long the phases of an experiment take here, and where the time goes.

use super::run::processors;
use super::{FolderArgs, SpecArgs, check, out, store};
use crate::data::{self, Dataset, LoadOptions};
use crate::device::DeviceName;
use crate::diag::Code;
use crate::disk::Disk;
use crate::ops;
use crate::plan::{self, Host, PhaseCost, RunPlan, counted};
use crate::record::RunDir;
use crate::runner::{self, exit};
use crate::train::{self, Hooks, Kept, Measured, StepTimes};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64};

const MORE: &str = "\
Each phase of the first run of a spec takes some of its real steps from fresh weights: data,
augmentation, forward, loss, backward, checks, update; then a checkpoint is written below
the results and removed. Figures are medians of the steps. `products` is the share of the
speed that the device reaches in one large matrix product in f32.

Examples:
  supcon bench experiments/mini/supcon.yaml --data ~/cifar-10-batches-bin
  supcon bench exp.yaml --phase pretrain --device libtorch --steps 20 --json";

/// Arguments of `bench`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    specs: SpecArgs,
    /// Only this phase.
    #[arg(long, value_name = "NAME")]
    phase: Option<String>,
    /// Device: `cpu`, `libtorch`, `libtorch:cuda:N`, or `auto` for the fastest that is there.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Threads [default: all processors].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    threads: Option<u64>,
    /// Steps that count, of each phase.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    #[command(flatten)]
    folders: FolderArgs,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Why nothing was measured: exit code, stable code if there is one, text.
struct Refused(u8, Option<&'static str>, String);

/// Measures the phases of the first run.
pub(super) fn bench(args: &BenchArgs) -> ExitCode {
    let mut plans = match plan::load_runs(&args.specs.paths, &args.specs.overrides()) {
        Ok(plans) => plans,
        Err(problems) => return check::refuse(&problems, args.specs.format),
    };
    match measure(args, &plans.remove(0)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refused(exit, code, text)) => {
            let code = code.map_or(String::new(), |code| format!("[{code}]"));
            out::warn(&format!("error{code}: {}\n", store::shown(&text)));
            ExitCode::from(exit)
        }
    }
}

/// What every phase is measured with.
struct Bench<'a> {
    plan: &'a RunPlan,
    device: DeviceName,
    threads: usize,
    steps: usize,
    /// Products a second, in floating-point operations.
    peak: f64,
}

/// A measured phase.
struct Phase<'a> {
    cost: &'a PhaseCost,
    batch: usize,
    epochs: usize,
    images: usize,
    measured: Measured,
    /// Of the steps, by their whole time.
    median: StepTimes,
}

fn measure(args: &BenchArgs, plan: &RunPlan) -> Result<(), Refused> {
    let chosen = chosen(args, plan)?;
    let threads = args
        .threads
        .map_or_else(processors, |threads| threads as usize);
    let held = runner::hold(&args.device, threads, "measuring on this GPU");
    let held = held.map_err(|error| {
        let code = error.code().map(Code::as_str);
        Refused(error.exit_code(), code, error.to_string())
    })?;
    let device = held.device;
    let opened = device.open().map_err(|error| {
        let code = Some(Code::EnvDevice.as_str());
        Refused(exit::ENVIRONMENT, code, error.to_string())
    })?;
    let options = LoadOptions {
        data_dir: args.folders.data.clone(),
        cache_dir: args.folders.cache(),
        disk: Disk::real(),
        progress: &|_| {},
    };
    let data = data::load(&plan.data, &options).map_err(|error| {
        let exit = error.exit_code(exit::REFUSED);
        Refused(exit, Some(error.code().as_str()), error.to_string())
    })?;
    let bench = Bench {
        plan,
        device,
        threads,
        steps: args.steps as usize,
        peak: ops::peak_products(&opened),
    };
    let host = Host {
        producer: String::new(),
        threads,
    };
    let cost = plan.cost(&host);
    if !args.json {
        out::print(&bench.heading());
    }
    let mut lines = Vec::new();
    for index in chosen {
        let phase = bench.phase(index, &data, &opened, &cost.phases[index], args)?;
        if args.json {
            lines.push(bench.json(&phase));
        } else {
            out::print(&bench.tell(&phase));
        }
    }
    let memory = runner::peak_bytes();
    if args.json {
        let all = json!({
            "experiment": plan.name,
            "device": device.to_string(),
            "threads": threads,
            "peak_flops": bench.peak,
            "peak_memory_bytes": memory,
            "phases": lines,
        });
        out::print(&format!("{all}\n"));
    } else if let Some(bytes) = memory {
        out::print(&format!(
            "\nmemory        {} at most\n",
            store::bytes(bytes)
        ));
    }
    Ok(())
}

/// Indices of the phases that are asked for.
fn chosen(args: &BenchArgs, plan: &RunPlan) -> Result<Vec<usize>, Refused> {
    let Some(name) = &args.phase else {
        return Ok((0..plan.phases.len()).collect());
    };
    let found = plan.phases.iter().position(|phase| phase.name == *name);
    found.map(|index| vec![index]).ok_or_else(|| {
        let names: Vec<_> = plan
            .phases
            .iter()
            .map(|phase| format!("`{}`", phase.name))
            .collect();
        let text = format!("no phase `{name}`; there is {}", names.join(", "));
        Refused(exit::REFUSED, Some(Code::UnknownName.as_str()), text)
    })
}

impl Bench<'_> {
    fn phase<'c>(
        &self,
        index: usize,
        data: &Dataset,
        device: &burn::tensor::Device,
        cost: &'c PhaseCost,
        args: &BenchArgs,
    ) -> Result<Phase<'c>, Refused> {
        let disk = |error: crate::record::RecordError| {
            Refused(error.exit_code(), Some(error.code()), error.to_string())
        };
        let folder = args
            .folders
            .cache()
            .join(format!("bench-{}", std::process::id()));
        let dir = RunDir::create_on(&Disk::real(), &folder, &self.plan.run_id).map_err(disk)?;
        let mut keep = |kept: Kept| match kept {
            Kept::Moment(checkpoint) => dir.write_checkpoint(&checkpoint),
            Kept::Phase(..) | Kept::Capsule(_) => Ok(()),
        };
        let hooks = Hooks {
            stop: &AtomicBool::new(false),
            beats: &AtomicU64::new(0),
            sink: &mut |_| {},
            keep: &mut keep,
        };
        let measured = train::measure(self.plan, data, device, (index, self.steps), hooks);
        // Whatever happened, the checkpoint was only written to be timed.
        let _ = std::fs::remove_dir_all(&folder);
        let measured = measured.map_err(|error| {
            let code = Some(Code::RunFailed.as_str());
            Refused(exit::FAILED, code, error.to_string())
        })?;
        let phase = &self.plan.phases[index];
        Ok(Phase {
            cost,
            batch: measured.steps.first().map_or(0, |step| step.images),
            epochs: phase.epochs,
            images: data.train.len(),
            median: median(&measured.steps),
            measured,
        })
    }

    fn heading(&self) -> String {
        let Self {
            plan,
            device,
            threads,
            ..
        } = self;
        let threads = counted(*threads, "thread");
        format!(
            "{} on {device} with {threads}; one large product: {:.0} GFLOP/s\n",
            plan.name,
            self.peak / 1e9
        )
    }

    fn tell(&self, phase: &Phase) -> String {
        let step = phase.median.total();
        let (fast, slow) = phase.range();
        let mut out = format!(
            "\n{:<13} {step:.4} s ({fast:.4}-{slow:.4}), {:.0} images/s at batch {}, median of {}\n",
            phase.cost.name,
            phase.batch as f64 / step,
            phase.batch,
            counted(phase.measured.steps.len(), "step"),
        );
        for (name, secs) in phase.median.parts() {
            let _ = writeln!(
                out,
                "  {name:<11} {secs:.4} s  {:4.1} %",
                100.0 * secs / step
            );
        }
        if let Some(share) = self.products(phase) {
            let _ = writeln!(out, "products      {:.0} % of that speed", 100.0 * share);
        }
        if let Some((images, secs)) = phase.measured.evaluation {
            let _ = writeln!(out, "evaluation    {:.0} images/s", images as f64 / secs);
        }
        let _ = writeln!(
            out,
            "checkpoint    {:.3} s, {:.1} % of an epoch",
            phase.measured.checkpoint,
            100.0 * phase.measured.checkpoint / phase.epoch()
        );
        let epochs = counted(phase.epochs, "epoch");
        let _ = writeln!(out, "{epochs}: {}", store::duration(phase.whole()));
        out
    }

    fn json(&self, phase: &Phase) -> Value {
        json!({
            "phase": phase.cost.name,
            "batch": phase.batch,
            "step_secs": phase.median.total(),
            "images_per_sec": phase.batch as f64 / phase.median.total(),
            "parts": phase.median,
            "steps": phase.measured.steps,
            "products": self.products(phase),
            "evaluation_images_per_sec": phase.measured.evaluation.map(|(images, secs)| images as f64 / secs),
            "checkpoint_secs": phase.measured.checkpoint,
            "epoch_secs": phase.epoch(),
            "phase_secs": phase.whole(),
        })
    }

    /// Share of the device's speed that the products of a step reach over the whole of it.
    fn products(&self, phase: &Phase) -> Option<f64> {
        let work = 2.0 * phase.cost.step_multiply_accumulates? as f64;
        Some(work / phase.median.total() / self.peak)
    }
}

impl Phase<'_> {
    /// Seconds of an epoch's steps.
    fn epoch(&self) -> f64 {
        self.images as f64 / self.batch.max(1) as f64 * self.median.total()
    }

    /// Seconds of the phase with its checkpoints, without validation.
    fn whole(&self) -> f64 {
        self.epochs as f64 * (self.epoch() + self.measured.checkpoint)
    }

    /// Fastest and slowest step.
    fn range(&self) -> (f64, f64) {
        let totals = self.measured.steps.iter().map(StepTimes::total);
        totals.fold((f64::INFINITY, 0.0), |(low, high), secs| {
            (low.min(secs), high.max(secs))
        })
    }
}

/// The step in the middle, so that its parts add up.
fn median(steps: &[StepTimes]) -> StepTimes {
    let mut sorted = steps.to_vec();
    sorted.sort_by(|a, b| a.total().total_cmp(&b.total()));
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
