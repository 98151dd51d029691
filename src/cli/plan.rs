//! `supcon plan`: the runs that specs ask for, with their phases and parameters, and where each value came from.

use super::{SpecArgs, check};
use crate::plan::{
    AugmentPlan, EncoderPlan, HeadPlan, LossPlan, OptimizerPlan, PhasePlan, RunPlan, SourcePlan,
    load_runs,
};
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;

/// Prints the runs of every spec; with `explain`, the origin of each value.
pub(super) fn plan(specs: &SpecArgs, explain: bool) -> ExitCode {
    match load_runs(&specs.paths, &specs.overrides()) {
        Ok(runs) => {
            print!("{}", describe(&runs, explain));
            ExitCode::SUCCESS
        }
        Err(problems) => check::refuse(&problems, specs.format),
    }
}

/// The text of `plan`: what runs of an experiment share stands once, below their names.
#[must_use]
pub fn describe(runs: &[RunPlan], explain: bool) -> String {
    let mut out = String::new();
    for group in runs.chunk_by(|a, b| a.name == b.name) {
        let Some(run) = group.first() else { continue };
        for run in group {
            let _ = writeln!(out, "{}", run.run_id);
        }
        experiment(&mut out, run);
        if explain {
            origins(&mut out, group, run);
        }
        out.push('\n');
    }
    let _ = writeln!(
        out,
        "{} run{}",
        runs.len(),
        if runs.len() == 1 { "" } else { "s" }
    );
    out
}

fn experiment(out: &mut String, run: &RunPlan) {
    let parameters = run.encoder.parameters();
    let _ = writeln!(out, "  data     {}", data(run));
    let _ = writeln!(
        out,
        "  encoder  {}: {} features, {} parameters, {} moving statistics",
        encoder(&run.encoder),
        run.encoder.features(),
        grouped(parameters.trainable),
        grouped(parameters.moving)
    );
    for (i, phase) in run.phases.iter().enumerate() {
        describe_phase(out, run, i + 1, phase);
    }
}

fn describe_phase(out: &mut String, run: &RunPlan, number: usize, phase: &PhasePlan) {
    let classes = run.data.source.classes();
    let features = run.encoder.features();
    let encoder = run.encoder.parameters().trainable;
    let _ = writeln!(
        out,
        "  phase {number}  {}: {} epochs, batch {}, {}, {}",
        phase.name,
        phase.epochs,
        phase.batch_size,
        loss(&phase.loss),
        optimizer(&phase.optimizer)
    );
    let steps: Vec<String> = phase.augment.iter().map(step).collect();
    if !steps.is_empty() {
        let _ = writeln!(out, "           augment {}", steps.join(", "));
    }
    let needs_classes = matches!(phase.head, HeadPlan::Classifier { .. });
    let parameters = match classes.or((!needs_classes).then_some(0)) {
        Some(classes) => {
            let head = phase.head.parameters(features, classes);
            let (trained, frozen) = if phase.freeze_encoder {
                (head, encoder)
            } else {
                (head + encoder, 0)
            };
            format!(
                "{} parameters trained, {} frozen",
                grouped(trained),
                grouped(frozen)
            )
        }
        None => "parameters depend on the number of classes in the folder".into(),
    };
    let _ = writeln!(out, "           head {}; {parameters}", head(&phase.head));
}

fn data(run: &RunPlan) -> String {
    let data = &run.data;
    let mut text = match &data.source {
        SourcePlan::Cifar10 => "cifar10".to_owned(),
        SourcePlan::ImageFolder { image_size } => {
            format!("image_folder of {image_size}x{image_size}")
        }
        SourcePlan::Shapes {
            train_size,
            test_size,
        } => {
            format!(
                "shapes, {} + {} images",
                grouped(*train_size),
                grouped(*test_size)
            )
        }
    };
    if let Some(limit) = data.train_limit {
        let _ = write!(text, ", {} training images", grouped(limit));
    }
    if data.validation > 0.0 {
        let _ = write!(text, ", {} of them for validation", data.validation);
    }
    text
}

fn encoder(plan: &EncoderPlan) -> String {
    match plan {
        EncoderPlan::Resnet50V2 => "resnet50_v2".into(),
        EncoderPlan::ResnetCifar { blocks, width } => {
            format!("resnet_cifar, depth {}, width {width}", 6 * blocks + 2)
        }
    }
}

fn step(plan: &AugmentPlan) -> String {
    match plan {
        AugmentPlan::NormalizePerChannel => "normalize per channel".into(),
        AugmentPlan::FlipHorizontal => "flip".into(),
        AugmentPlan::Rotate(fraction) => format!("rotate {fraction}"),
        AugmentPlan::RandomWidth(fraction) => format!("random_width {fraction}"),
        AugmentPlan::RandomHeight(fraction) => format!("random_height {fraction}"),
    }
}

fn head(plan: &HeadPlan) -> String {
    match plan {
        HeadPlan::Projection { widths, .. } => format!("projection {widths:?}"),
        HeadPlan::Classifier { hidden, dropout } => {
            format!("classifier {hidden:?}, dropout {dropout}")
        }
    }
}

fn loss(plan: &LossPlan) -> String {
    match plan {
        LossPlan::Npairs { temperature } => format!("npairs at temperature {temperature}"),
        LossPlan::CrossEntropy => "cross_entropy".into(),
    }
}

fn optimizer(plan: &OptimizerPlan) -> String {
    match plan {
        OptimizerPlan::Adam { learning_rate, .. } => format!("adam at {learning_rate}"),
    }
}

/// Each key path with its value and where that came from.
fn origins(out: &mut String, group: &[RunPlan], run: &RunPlan) {
    let values = serde_json::to_value(run).unwrap_or_default();
    let rows: Vec<(&str, String, &str)> = run
        .origins
        .iter()
        .map(|(path, origin)| {
            (
                path.as_str(),
                value_of(group, run, &values, path),
                origin.as_str(),
            )
        })
        .collect();
    let width = |text: fn(&(&str, String, &str)) -> usize| rows.iter().map(text).max().unwrap_or(0);
    let (paths, texts) = (
        width(|row| row.0.len()),
        width(|row| row.1.chars().count()).min(40),
    );
    let _ = writeln!(out, "  values");
    for (path, value, origin) in &rows {
        let _ = writeln!(out, "    {path:paths$}  {value:texts$}  {origin}");
    }
}

/// The resolved value of a key path of the spec, in one short line.
fn value_of(group: &[RunPlan], run: &RunPlan, values: &Value, path: &str) -> String {
    let inherits = |phase: &&PhasePlan| {
        !run.origins
            .contains_key(&format!("phases.{}.augment", phase.name))
    };
    let steps = |phase: &PhasePlan| {
        phase
            .augment
            .iter()
            .map(step)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match path.split('.').collect::<Vec<_>>()[..] {
        ["seeds"] => format!("{:?}", group.iter().map(|run| run.seed).collect::<Vec<_>>()),
        ["augment"] => run
            .phases
            .iter()
            .find(inherits)
            .map(steps)
            .unwrap_or_default(),
        ["phases", name, "augment"] => run
            .phases
            .iter()
            .find(|phase| phase.name == name)
            .map(steps)
            .unwrap_or_default(),
        _ => lookup(values, path),
    }
}

/// The value of a key path as the plan holds it.
fn lookup(values: &Value, path: &str) -> String {
    let mut keys = path.split('.');
    let mut found = keys.next().and_then(|key| values.get(key));
    for key in keys {
        found = found.and_then(|value| match value {
            Value::Array(items) => items.iter().find(|item| item["name"] == key),
            _ => value.get(if key == "freeze" {
                "freeze_encoder"
            } else {
                key
            }),
        });
    }
    match found {
        None => String::new(),
        Some(Value::Array(items))
            if items
                .iter()
                .any(|item| item.get("metric").is_some() || item.get("points").is_some()) =>
        {
            format!("{} entries", items.len())
        }
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// A count with a comma every three digits.
fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            ["7", "265", "1,000", "23,519,360"],
            [7, 265, 1000, 23_519_360]
                .map(grouped)
                .each_ref()
                .map(String::as_str)
        );
    }
}
