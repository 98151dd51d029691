//! Loss and accuracy over the epochs: a panel for each phase, a colour and a sign for each experiment, a line style for each
//! split, a band from the smallest to the largest seed, and the curves of other programs as thin broken lines.

use super::curve_lines::{FOOT, HEAD, PLOT_HEIGHT, REFERENCE_DASH, dash, draw_panel};
use super::curve_panels::{Figure, Panel, across, foreign, panels, reference_runs, upright};
use super::legend::{self, Sample};
use super::scene::{Color, GREY, Marker, Pen, Scene};
use super::{Chart, csv_line};
use crate::plan::counted;
use crate::report::group::Experiment;

const WIDTH: f64 = 800.0;

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

fn caption(experiments: &[Experiment<'_>], panels: &[Panel<'_>], figure: Figure) -> String {
    let metric = figure.metric();
    let numbers: Vec<String> = experiments
        .iter()
        .map(|e| format!("{} n = {}", e.name, e.done().count()))
        .collect();
    let mut caption = format!(
        "A panel for each phase. Lines are means over the seeds ({}), bands reach from the smallest to the largest seed.",
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
