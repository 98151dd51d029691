//! Costs as text: the layer table, steps, batches, compute, memory and disk.

mod table;

use super::View;
use crate::cli::store::duration;
use crate::plan::{Composition, Memory, PhaseCost, PhasePlan, RunCost, RunPlan, counted, grouped};
use std::fmt::Write;
use table::rows_of;

pub(super) use table::ROW;

/// In the place of a figure that only a folder of images knows.
const UNKNOWN: &str = "depends on the folder's images and classes: name it with `--data`";

/// The cost of a phase, below its parts.
pub(super) fn phase(
    out: &mut String,
    run: &RunPlan,
    phase: &PhasePlan,
    cost: &PhaseCost,
    view: View,
) {
    let unknown = || UNKNOWN.to_owned();
    let steps = cost.steps.map(|steps| {
        format!(
            "{} an epoch, the last one with {} image{}; {} in all",
            grouped(steps.per_epoch),
            grouped(steps.last_batch),
            if steps.last_batch == 1 { "" } else { "s" },
            grouped(steps.total)
        )
    });
    let batch = cost.batch.as_ref().map(composition);
    let compute = cost.step_multiply_accumulates.map(|step| {
        let phase = cost.multiply_accumulates;
        let phase = phase.map_or_else(String::new, |all| format!(", {} in all", count(all)));
        format!("{} multiply-accumulates a step{phase}", count(step))
    });
    let rows = [
        ("steps", steps),
        ("batch", batch),
        ("rate", Some(rate(cost))),
        ("compute", compute),
        ("memory", cost.memory.as_ref().map(memory)),
    ];
    for (name, text) in rows {
        let _ = writeln!(out, "           {name:8} {}", text.unwrap_or_else(unknown));
    }
    let [height, width] = run.data.source.image_size();
    let _ = writeln!(out, "           layers at {height}x{width}, for one image");
    table::write(out, &rows_of(phase, cost, view.layers), view.columns);
}

/// The learning rate over the steps of a phase, on a line of marks. It is the same in every step: there are no schedules.
fn rate(cost: &PhaseCost) -> String {
    let marks = "=".repeat(40);
    let steps = cost.steps.map_or_else(String::new, |steps| {
        format!(" in steps 1 to {}", grouped(steps.total))
    });
    format!("{} |{marks}|{steps}", cost.learning_rate)
}

/// The time of a run on `cpu`.
pub(super) fn time(out: &mut String, cost: &RunCost, threads: usize) {
    let text = cost.seconds.map_or_else(
        || UNKNOWN.to_owned(),
        |seconds| {
            format!(
                "{} to {} a run on `cpu` with {}, by its multiply-accumulates",
                duration(seconds.least),
                duration(seconds.most),
                counted(threads, "thread")
            )
        },
    );
    let _ = writeln!(out, "  time     {text}");
}

/// The folder of a finished run, and what lies on the disk while it runs.
pub(super) fn disk(out: &mut String, cost: &RunCost) {
    let disk = cost.disk.as_ref();
    let text = disk.map_or_else(
        || UNKNOWN.to_owned(),
        |disk| {
            format!(
                "about {} a run: model {} and plan {} to the byte; about {} of predictions, {} of metrics, {} of status",
                size(disk.total),
                size(disk.model),
                size(disk.plan),
                size(disk.predictions),
                size(disk.metrics),
                size(disk.status)
            )
        },
    );
    let working = size(cost.working_disk);
    let _ = writeln!(out, "  disk     {text}; up to {working} while it runs");
}

fn composition(batch: &Composition) -> String {
    let mut text = format!(
        "{:.1} classes with {:.1} images each expected",
        batch.classes, batch.per_class
    );
    if let (Some(positives), Some(alone)) = (batch.positives, batch.alone) {
        let _ = write!(
            text,
            "; an anchor has {positives:.1} other positives, and none with probability {alone:.2}"
        );
    }
    text
}

fn memory(memory: &Memory) -> String {
    let mut text = format!(
        "about {} on `cpu`: program {}, parameters {}, gradients {}, moments {}, activations {}, workspace {}, checkpoint {}, batches {}",
        size(memory.peak),
        size(memory.program),
        size(memory.parameters),
        size(memory.gradients),
        size(memory.moments),
        size(memory.activations),
        size(memory.workspace.max(memory.evaluation)),
        size(memory.checkpoint),
        size(memory.batches)
    );
    if let Some(images) = memory.images {
        let _ = write!(text, ", images {}", size(images));
    }
    if memory.earlier > 0 {
        let _ = write!(text, ", left by earlier phases {}", size(memory.earlier));
    }
    if memory.images.is_none() {
        text.push_str("; the folder's images come on top");
    }
    text
}

/// A large count with three digits: `71.0 M`.
fn count(n: u64) -> String {
    if n == u64::MAX {
        return "more than 18.4 E".into();
    }
    short(n, ["", " k", " M", " G", " T", " P", " E"])
}

/// Bytes with three digits, in powers of 1000: `94.3 MB`.
fn size(bytes: u64) -> String {
    short(bytes, [" B", " kB", " MB", " GB", " TB", " PB", " EB"])
}

fn short(n: u64, units: [&str; 7]) -> String {
    let (mut value, mut unit) = (n as f64, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        _ if unit == 0 => 0,
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.digits$}{}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_figures_have_three_digits_and_a_unit() {
        let texts = [0, 999, 1000, 9_999, 71_024_640, 999_499_999, 999_500_000].map(size);
        let expected = [
            "0 B", "999 B", "1.00 kB", "10.0 kB", "71.0 MB", "999 MB", "1.00 GB",
        ];
        assert_eq!(texts.each_ref().map(String::as_str), expected);
        assert_eq!(count(3_480_207_360), "3.48 G");
    }
}
