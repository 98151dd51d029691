//! Loss and accuracy over the epochs: a panel for each phase, a colour and a sign for each experiment, a line style for each
//! split, a band from the smallest to the largest seed, and the curves of other programs as thin broken lines.

use super::axis::{Frame, NORMAL, Range, heading, note};
use super::legend::{self, Sample};
use super::scene::{Align, Color, GREY, Marker, Pen, Scene};
use super::{Chart, counted, csv_line, fitted};
use crate::plan::{LossPlan, ReferencePlan};
use crate::report::group::{Curve, Experiment};
use std::collections::{BTreeMap, BTreeSet};

const WIDTH: f64 = 800.0;
const LEFT: f64 = 54.0;
const PLOT_HEIGHT: f64 = 260.0;
const HEAD: f64 = 58.0;
const FOOT: f64 = 52.0;
const REFERENCE_DASH: &[f64] = &[7.0, 2.5, 1.5, 2.5];

/// What is drawn over the epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// The objective.
    Loss,
    /// Fraction of right answers.
    Accuracy,
}

impl Figure {
    fn metric(self) -> &'static str {
        match self {
            Self::Loss => "loss",
            Self::Accuracy => "accuracy",
        }
    }

    fn axis(self) -> &'static str {
        match self {
            Self::Loss => "loss (nats)",
            Self::Accuracy => "accuracy (fraction)",
        }
    }
}

/// The curves of one experiment in one panel.
struct Line<'a> {
    experiment: usize,
    curve: Curve,
    reference: &'a [ReferencePlan],
}

/// One phase, with everything that trains in it.
struct Panel<'a> {
    phase: String,
    loss: &'static str,
    lines: Vec<Line<'a>>,
}

/// The points of one run of another program.
type Foreign<'a> = BTreeMap<(&'a str, &'a str, &'a str), Vec<(u32, f64)>>;

/// The chart of one figure over the epochs.
pub fn chart(experiments: &[Experiment<'_>], figure: Figure) -> Result<Chart, String> {
    let metric = figure.metric();
    let panels = panels(experiments, metric);
    if panels.is_empty() {
        return Err(format!(
            "No {metric} curves: no finished run has recorded a {metric}."
        ));
    }
    let columns = panels.len().min(3);
    let rows = panels.len().div_ceil(columns);
    let legend = legend::rows(entries(experiments, &panels, metric), WIDTH - 2.0 * 16.0);
    let row_height = HEAD + PLOT_HEIGHT + FOOT;
    let height = rows as f64 * row_height + legend.len() as f64 * legend::ROW + 12.0;
    let mut scene = Scene::new(WIDTH, height);
    for (at, panel) in panels.iter().enumerate() {
        let cell = WIDTH / columns as f64;
        let corner = (
            (at % columns) as f64 * cell,
            (at / columns) as f64 * row_height,
        );
        let ranges = (across(panel, metric), upright(&panels, panel, figure));
        draw_panel(&mut scene, panel, corner, cell, ranges, figure);
    }
    legend::draw(&mut scene, &legend, (20.0, rows as f64 * row_height + 10.0));
    let title = match figure {
        Figure::Loss => "Loss by epoch",
        Figure::Accuracy => "Accuracy by epoch",
    };
    Ok(Chart {
        file: metric.to_owned(),
        title: title.to_owned(),
        caption: caption(experiments, &panels, figure),
        scene,
        csv: csv(experiments, &panels, metric),
    })
}

/// Phases in the order of their first appearance; the same phase with another objective is another panel.
fn panels<'a>(experiments: &[Experiment<'a>], metric: &str) -> Vec<Panel<'a>> {
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
fn foreign<'a>(line: &Line<'a>, metric: &str) -> Foreign<'a> {
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

fn across(panel: &Panel<'_>, metric: &str) -> Range {
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
fn upright(panels: &[Panel<'_>], panel: &Panel<'_>, figure: Figure) -> Range {
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

fn draw_panel(
    scene: &mut Scene,
    panel: &Panel<'_>,
    (left, top): (f64, f64),
    cell: f64,
    (x, y): (Range, Range),
    figure: Figure,
) {
    let frame = Frame {
        left: left + LEFT,
        top: top + HEAD,
        width: cell - LEFT - 18.0,
        height: PLOT_HEIGHT,
        x,
        y,
    };
    let at = left + 20.0;
    let title = fitted(&panel.phase, 14.0, cell * 0.5);
    let title_width = super::canvas::text_width(&title, 14.0, true);
    scene.write(heading(title, (at, top + 24.0), 14.0));
    scene.write(note(
        panel.loss,
        (at + title_width + 8.0, top + 24.0),
        Align::Left,
    ));
    scene.text(figure.axis(), (at, top + HEAD - 14.0), NORMAL, Align::Left);
    frame.draw_y(scene, &y.ticks(5, false));
    for line in &panel.lines {
        draw_band(scene, &frame, line);
    }
    for line in &panel.lines {
        draw_reference(scene, &frame, line, figure.metric());
        draw_mean(scene, &frame, line);
    }
    frame.draw_x(scene, &x.ticks(6, true), "epoch");
}

fn draw_band(scene: &mut Scene, frame: &Frame, line: &Line<'_>) {
    let points = &line.curve.points;
    if points.len() < 2 || points.iter().all(|(_, s)| s.n < 2) {
        return;
    }
    let upper = points
        .iter()
        .filter_map(|(e, s)| frame.place(f64::from(*e), s.max));
    let lower = points
        .iter()
        .rev()
        .filter_map(|(e, s)| frame.place(f64::from(*e), s.min));
    scene.area(
        upper.chain(lower).collect(),
        Color::of(line.experiment),
        0.2,
    );
}

fn draw_mean(scene: &mut Scene, frame: &Frame, line: &Line<'_>) {
    let color = Color::of(line.experiment);
    let place = |(epoch, s): &(u32, _)| {
        let s: &crate::report::stats::Summary = s;
        frame.place(f64::from(*epoch), s.mean)
    };
    let points: Vec<_> = line.curve.points.iter().filter_map(place).collect();
    scene.line(
        &points,
        Pen {
            color,
            width: 2.0,
            dash: dash(&line.curve.split),
        },
    );
    // A few signs are enough to tell the lines apart without colour; each experiment begins elsewhere.
    let every = points.len().div_ceil(5).max(1);
    let first = if points.len() > 1 {
        line.experiment % every
    } else {
        0
    };
    for point in points.iter().skip(first).step_by(every) {
        scene.marker(Marker::of(line.experiment), *point, 3.6, color, color);
    }
}

fn draw_reference(scene: &mut Scene, frame: &Frame, line: &Line<'_>, metric: &str) {
    let color = Color::of(line.experiment)
        .mix(GREY, 0.45)
        .mix(Color(0, 0, 0), 0.25);
    for curve in foreign(line, metric).values() {
        let place = |(epoch, value): &(u32, f64)| frame.place(f64::from(*epoch), *value);
        let points: Vec<_> = curve.iter().filter_map(place).collect();
        scene.line(
            &points,
            Pen {
                color,
                width: 1.0,
                dash: REFERENCE_DASH,
            },
        );
    }
}

fn dash(split: &str) -> &'static [f64] {
    match split {
        "train" => &[],
        "validation" => &[6.0, 3.5],
        _ => &[2.0, 3.0],
    }
}

fn split_word(split: &str) -> &str {
    if split == "train" { "training" } else { split }
}

fn entries(
    experiments: &[Experiment<'_>],
    panels: &[Panel<'_>],
    metric: &str,
) -> Vec<(Sample, String)> {
    let lines = || panels.iter().flat_map(|panel| &panel.lines);
    let mut entries = Vec::new();
    for (index, experiment) in experiments.iter().enumerate() {
        if lines().any(|line| line.experiment == index) {
            let words = format!("{} (n = {})", experiment.name, experiment.done().count());
            entries.push((Sample::Marked(Color::of(index), Marker::of(index)), words));
        }
    }
    for split in ["train", "validation", "test"] {
        if lines().any(|line| line.curve.split == split) {
            let words = format!("{}, mean", split_word(split));
            entries.push((Sample::Line(legend::neutral(dash(split))), words));
        }
    }
    if lines().any(|line| line.curve.points.iter().any(|(_, s)| s.n > 1)) {
        entries.push((Sample::Band(GREY), "smallest to largest seed".to_owned()));
    }
    for (label, runs) in reference_runs(panels, metric) {
        let pen = Pen {
            color: GREY,
            width: 1.0,
            dash: REFERENCE_DASH,
        };
        entries.push((
            Sample::Line(pen),
            format!("{label}, {}", counted(runs, "run")),
        ));
    }
    entries
}

/// Label of each other program that is drawn, with the largest number of its runs beside one of our lines.
fn reference_runs<'a>(panels: &[Panel<'a>], metric: &str) -> BTreeMap<&'a str, usize> {
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

fn caption(experiments: &[Experiment<'_>], panels: &[Panel<'_>], figure: Figure) -> String {
    let metric = figure.metric();
    let numbers: Vec<String> = experiments
        .iter()
        .map(|e| format!("{} n = {}", e.name, e.done().count()))
        .collect();
    let mut caption = format!(
        "{} by epoch, a panel for each phase. Lines are means over the seeds ({}), bands reach from the smallest to the \
         largest seed.",
        if figure == Figure::Loss {
            "Loss"
        } else {
            "Accuracy"
        },
        numbers.join(", ")
    );
    if figure == Figure::Loss {
        caption += " Panels with the same loss share their axis.";
    }
    let labels: Vec<&str> = reference_runs(panels, metric).into_keys().collect();
    if !labels.is_empty() {
        caption += &format!(
            " Thin broken lines are single runs of {}.",
            labels.join(" and ")
        );
    }
    caption
}

fn csv(experiments: &[Experiment<'_>], panels: &[Panel<'_>], metric: &str) -> String {
    let mut text = String::from("source,run,experiment,phase,split,metric,epoch,n,mean,min,max\n");
    for line in panels.iter().flat_map(|panel| &panel.lines) {
        let name = experiments[line.experiment].name;
        let (phase, split) = (line.curve.phase.as_str(), line.curve.split.as_str());
        for (epoch, s) in &line.curve.points {
            let numbers = [s.mean, s.min, s.max].map(|x| x.to_string());
            let [mean, min, max] = &numbers;
            let (epoch, n) = (epoch.to_string(), s.n.to_string());
            let fields = [
                "supcon", "", name, phase, split, metric, &epoch, &n, mean, min, max,
            ];
            text += &csv_line(&fields);
        }
        for ((label, run, _), points) in foreign(line, metric) {
            for (epoch, value) in points {
                let (epoch, value) = (epoch.to_string(), value.to_string());
                let head = [label, run, name, phase, split, metric, &epoch, "1"];
                text += &csv_line(&[head.as_slice(), &[&value, &value, &value]].concat());
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::group::experiments;
    use super::super::super::samples::study;
    use super::*;

    #[test]
    fn there_is_a_panel_for_each_phase_and_a_line_for_each_split() {
        let runs = study();
        let groups = experiments(&runs);
        let panels = panels(&groups, "loss");
        let names: Vec<&str> = panels.iter().map(|panel| panel.phase.as_str()).collect();
        assert_eq!(names, ["train", "pretrain", "classify"]);
        assert_eq!(panels[2].lines.len(), 2);
        assert_eq!(foreign(&panels[0].lines[0], "loss").len(), 2);
        assert_eq!(
            reference_runs(&panels, "loss")["Keras (TensorFlow 2.14)"],
            2
        );
    }

    #[test]
    fn the_csv_twin_has_every_point_that_is_drawn() {
        let runs = study();
        let text = chart(&experiments(&runs), Figure::Accuracy).unwrap().csv;
        // Two phases with two splits of ten epochs each, and two reference runs of ten epochs in each phase.
        assert_eq!(text.lines().count(), 1 + 2 * 2 * 10 + 2 * 2 * 10);
        let rows = runs[..3].iter().map(|run| {
            let own = |row: &&crate::record::MetricRow| {
                (row.epoch, row.split.as_str(), row.metric.as_str()) == (4, "train", "accuracy")
            };
            run.metrics.iter().find(own).unwrap().value
        });
        let mean = rows.sum::<f64>() / 3.0;
        let line = format!("supcon,,baseline,train,train,accuracy,4,3,{mean},");
        assert!(text.contains(&line), "{line}\n{text}");
    }
}
