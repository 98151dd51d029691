//! What the panels of a curve chart hold: one phase each, with its lines, the curves of other programs beside them, and the
//! ranges of its axes. `curves.rs` makes the chart, `curve_lines.rs` draws.

use super::axis::Range;
use crate::plan::{LossPlan, ReferencePlan};
use crate::report::group::{Curve, Experiment};
use std::collections::{BTreeMap, BTreeSet};

/// What is drawn over the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The objective.
    Loss,
    /// Fraction of right answers.
    Accuracy,
}

impl Figure {
    pub fn metric(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
        }
    }

    pub fn axis(self) -> &'static str {
        match self {
            Self::Loss => "loss (nats)",
            Self::Accuracy => "accuracy (fraction)",
        }
    }
}

/// The curves of one experiment in one panel.
pub struct Line<'a> {
    pub experiment: usize,
    pub curve: Curve,
    pub reference: &'a [ReferencePlan],
}

/// One phase, with everything that trains in it.
pub struct Panel<'a> {
    pub phase: String,
    pub loss: &'static str,
    pub lines: Vec<Line<'a>>,
}

/// The points of one run of another program.
pub type Foreign<'a> = BTreeMap<(&'a str, &'a str, &'a str), Vec<(u32, f64)>>;

/// Phases in the order of their first appearance; the same phase with another objective is another panel.
pub fn panels<'a>(experiments: &[Experiment<'a>], metric: &str) -> Vec<Panel<'a>> {
    let mut panels: Vec<Panel<'a>> = Vec::new();
    for (index, experiment) in experiments.iter().enumerate() {
        for curve in experiment.curves(metric) {
            let loss = loss_name(experiment, &curve.phase);
            let found = panels
                .iter()
                .position(|p| p.phase == curve.phase && p.loss == loss);
            let at = found.unwrap_or_else(|| {
                let phase = curve.phase.clone();
                panels.push(Panel {
                    phase,
                    loss,
                    lines: Vec::new(),
                });
                panels.len() - 1
            });
            let reference = experiment.references();
            panels[at].lines.push(Line {
                experiment: index,
                curve,
                reference,
            });
        }
    }
    panels
}

fn loss_name(experiment: &Experiment<'_>, phase: &str) -> &'static str {
    let phases = experiment.runs.first().map(|run| &run.plan.phases);
    let plan = phases.into_iter().flatten().find(|plan| plan.name == phase);
    match plan.map(|plan| &plan.loss) {
        Some(LossPlan::Npairs { .. }) => "npairs",
        Some(LossPlan::CrossEntropy) => "cross-entropy",
        None => "",
    }
}

/// The curves of other programs that belong beside a line, by label and run.
pub fn foreign<'a>(line: &Line<'a>, metric: &str) -> Foreign<'a> {
    let mut curves: Foreign<'a> = BTreeMap::new();
    for plan in line.reference {
        for point in &plan.points {
            let own = point.phase == line.curve.phase && point.split == line.curve.split;
            if own && point.metric == metric && point.epoch > 0 && point.value.is_finite() {
                let key = (
                    plan.label.as_str(),
                    point.run.as_str(),
                    point.split.as_str(),
                );
                curves
                    .entry(key)
                    .or_default()
                    .push((point.epoch as u32, point.value));
            }
        }
    }
    curves
        .values_mut()
        .for_each(|points| points.sort_by_key(|point| point.0));
    curves
}

pub fn across(panel: &Panel<'_>, metric: &str) -> Range {
    let own = panel
        .lines
        .iter()
        .flat_map(|line| line.curve.points.iter().map(|p| p.0));
    let other = panel
        .lines
        .iter()
        .flat_map(|line| foreign(line, metric).into_values().flatten());
    let epochs = own.chain(other.map(|point| point.0)).map(f64::from);
    match Range::around(epochs.collect::<Vec<_>>(), 0.03) {
        Some(range) if range.high - range.low >= 1.0 => range,
        Some(range) => {
            let middle = f64::midpoint(range.low, range.high);
            Range {
                low: middle - 0.5,
                high: middle + 0.5,
            }
        }
        None => Range {
            low: 0.5,
            high: 1.5,
        },
    }
}

/// Panels with the same objective share their range, so that heights can be compared.
pub fn upright(panels: &[Panel<'_>], panel: &Panel<'_>, figure: Figure) -> Range {
    let same = |other: &&Panel<'_>| figure == Figure::Accuracy || other.loss == panel.loss;
    let mut values = Vec::new();
    for line in panels.iter().filter(same).flat_map(|panel| &panel.lines) {
        values.extend(line.curve.points.iter().flat_map(|(_, s)| [s.min, s.max]));
        values.extend(
            foreign(line, figure.metric())
                .values()
                .flatten()
                .map(|point| point.1),
        );
    }
    let range = Range::around(values, 0.05).unwrap_or(Range {
        low: 0.0,
        high: 1.0,
    });
    match figure {
        Figure::Loss => range,
        Figure::Accuracy => range.within(0.0, 1.0),
    }
}

/// Label of each other program that is drawn, with the largest number of its runs beside one of our lines.
pub fn reference_runs<'a>(panels: &[Panel<'a>], metric: &str) -> BTreeMap<&'a str, usize> {
    let mut labels: BTreeMap<&'a str, usize> = BTreeMap::new();
    for line in panels.iter().flat_map(|panel| &panel.lines) {
        let curves = foreign(line, metric);
        let drawn: BTreeSet<(&str, &str)> = curves.keys().map(|key| (key.0, key.1)).collect();
        for (label, _) in &drawn {
            let runs = drawn.iter().filter(|key| key.0 == *label).count();
            let most = labels.entry(label).or_default();
            *most = runs.max(*most);
        }
    }
    labels
}
