//! The text of `supcon plan`: the runs of each experiment, what they share, and each phase with its parts and its cost.
//! Of a point of a sweep only those parts stand there that differ from the point before (`changed`).

use super::changed::changed;
use super::cost::{self, ROW};
use super::{View, explain};
use crate::cli::out;
use crate::diag::escape;
use crate::plan::{Host, PhaseCost, PhasePlan, RunPlan, counted, grouped, shared};
use std::fmt::Write;

/// The text of `plan`: what runs of an experiment share stands once, below their names.
pub(super) fn describe(runs: &[RunPlan], host: &Host, view: View) -> String {
    let mut out = String::new();
    let mut swept: Vec<&str> = Vec::new();
    let mut above = String::new();
    for group in runs.chunk_by(|a, b| a.name == b.name) {
        let Some(run) = group.first() else { continue };
        for run in group {
            let _ = writeln!(out, "{}", run.run_id);
        }
        for (key, value) in &run.point {
            let _ = writeln!(out, "  point    {}", escape(&format!("{key} = {value}")));
        }
        let keys: Vec<&str> = run.point.iter().map(|(key, _)| key.as_str()).collect();
        let another = !keys.is_empty() && keys == swept;
        swept = keys;
        let block = experiment(run, host, view);
        let before = std::mem::replace(&mut above, block);
        // Said once for a sweep: `plan --layers` tells all of each point.
        if another && !view.explain && !view.layers {
            out.push_str(&changed(&before, &above));
            out.push('\n');
            continue;
        }
        out.push_str(&above);
        if view.explain {
            explain::origins(&mut out, group, run);
        }
        out.push('\n');
    }
    sharing(&mut out, runs);
    let _ = writeln!(out, "{}", counted(runs.len(), "run"));
    laid_out(&out, view)
}

/// The text within the columns of the terminal. Rows of tables were laid out when they were made.
fn laid_out(text: &str, view: View) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match (line.strip_prefix(ROW), view.columns) {
            (Some(row), _) => {
                out.push_str(row);
                out.push('\n');
            }
            (None, None) => {
                out.push_str(line);
                out.push('\n');
            }
            (None, Some(columns)) => out.push_str(&out::fitted(line, lead(line), columns)),
        }
    }
    out
}

/// Columns before the text of a line: behind the name that it begins with, or what stands under such a text.
fn lead(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    match indent {
        0 => 2,
        1..=2 => LEAD,
        indent => {
            // Names of figures stand in a column of their own.
            let name = line[indent..].split(' ').next().unwrap_or("");
            let figure = line
                .get(indent + name.len()..FIGURES)
                .is_some_and(|gap| gap.trim().is_empty());
            if indent == LEAD && figure {
                FIGURES
            } else {
                indent + 2
            }
        }
    }
}

/// Columns before the text of a section, and before the figures of a phase.
const LEAD: usize = 11;
const FIGURES: usize = LEAD + 9;

/// Phases that several runs begin with: their networks are equal, bit for bit.
fn sharing(out: &mut String, runs: &[RunPlan]) {
    for shared in shared(runs) {
        let (phase, n) = (&shared.phase, shared.runs.len());
        let _ = writeln!(
            out,
            "phase `{phase}` is the same in {n} runs: {}",
            shared.runs.join(", ")
        );
    }
}

/// Everything about one run that its name and its point do not say.
fn experiment(run: &RunPlan, host: &Host, view: View) -> String {
    let mut out = String::new();
    let parameters = run.encoder.parameters();
    let root = run.data.root.as_ref();
    let root = root.map_or_else(String::new, |root| {
        format!("; in {}", escape(&root.display().to_string()))
    });
    let _ = writeln!(out, "  data     {}{root}", run.data);
    let _ = writeln!(
        out,
        "  encoder  {}: {} features, {} parameters, {} moving statistics",
        run.encoder,
        run.encoder.features(),
        grouped(parameters.trainable),
        grouped(parameters.moving)
    );
    let cost = run.cost(host);
    for (i, (phase, cost)) in run.phases.iter().zip(&cost.phases).enumerate() {
        describe_phase(&mut out, i + 1, phase, cost);
        cost::phase(&mut out, run, phase, cost, view);
    }
    cost::time(&mut out, &cost, host.threads);
    cost::disk(&mut out, &cost);
    out
}

fn describe_phase(out: &mut String, number: usize, phase: &PhasePlan, cost: &PhaseCost) {
    let _ = writeln!(
        out,
        "  phase {number}  {}: {}, batch {}, {}{}",
        phase.name,
        counted(phase.epochs, "epoch"),
        phase.batch_size,
        phase.loss,
        phase.products()
    );
    let steps: Vec<String> = phase.augment.iter().map(ToString::to_string).collect();
    if !steps.is_empty() {
        let _ = writeln!(out, "           augment {}", steps.join(", "));
    }
    let parameters = match cost.trained {
        Some(trained) => format!(
            "{} parameters trained, {} frozen",
            grouped(trained),
            grouped(cost.frozen)
        ),
        None => "parameters depend on the number of classes in the folder".into(),
    };
    let _ = writeln!(out, "           head {}; {parameters}", phase.head);
    let _ = writeln!(out, "           optimizer {}", phase.optimizer);
}
