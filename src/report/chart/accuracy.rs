//! Test accuracy by experiment: single seeds as hollow signs, their mean with its 95 % interval, the figures of other programs.

use super::axis::{Frame, Range};
use super::canvas::text_width;
use super::legend::{self, Sample};
use super::scene::{Align, Color, GREY, GRID, INK, Marker, Pen, Scene, WHITE};
use super::text::{NORMAL, heading, note};
use super::{Chart, csv_line, wrapped};
use crate::report::group::Experiment;
use crate::report::stats::Summary;
use std::collections::BTreeMap;

const WIDTH: f64 = 800.0;
const ROW: f64 = 54.0;
const TOP: f64 = 52.0;
const FOOT: f64 = 54.0;

/// One experiment's row.
struct Row<'a> {
    experiment: usize,
    name: &'a str,
    seeds: Vec<(u64, f64)>,
    summary: Summary,
    /// Label, run, test accuracy.
    others: Vec<(&'a str, &'a str, f64)>,
}

/// The chart, or a sentence if no finished run has a test accuracy.
pub fn chart(experiments: &[Experiment<'_>]) -> Result<Chart, String> {
    let rows = rows(experiments);
    let values = rows.iter().flat_map(values);
    let Some(range) = Range::around(values, 0.06) else {
        return Err("No chart of test accuracy: no finished run has one.".to_owned());
    };
    let legend = legend::rows(entries(&rows), WIDTH - 40.0);
    let plot = rows.len() as f64 * ROW;
    let height = TOP + plot + FOOT + legend.len() as f64 * legend::ROW + 8.0;
    let mut scene = Scene::new(WIDTH, height);
    let names = rows
        .iter()
        .map(|row| text_width(row.name, 13.0, true))
        .fold(0.0, f64::max);
    let left = (names + 40.0).clamp(110.0, 260.0);
    let frame = Frame {
        left,
        top: TOP,
        width: WIDTH - left - 190.0,
        height: plot,
        x: range.within(0.0, 1.0),
        y: Range {
            low: 0.0,
            high: rows.len() as f64,
        },
    };
    draw_frame(&mut scene, &frame);
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            let y = TOP + at as f64 * ROW;
            scene.line(&[(20.0, y), (WIDTH - 20.0, y)], Pen::solid(GRID, 0.75));
        }
        draw_row(&mut scene, &frame, row, TOP + (at as f64 + 0.5) * ROW);
    }
    legend::draw(&mut scene, &legend, (20.0, TOP + plot + FOOT + 6.0));
    Ok(Chart {
        file: "test_accuracy".to_owned(),
        title: "Test accuracy by experiment".to_owned(),
        caption: caption(&rows),
        scene,
        csv: csv(&rows),
    })
}

fn rows<'a>(experiments: &[Experiment<'a>]) -> Vec<Row<'a>> {
    let mut rows = Vec::new();
    for (index, experiment) in experiments.iter().enumerate() {
        let seeds = experiment.test_accuracy();
        let values: Vec<f64> = seeds.iter().map(|seed| seed.1).collect();
        let Some(summary) = Summary::of(&values) else {
            continue;
        };
        let last = experiment.phases().last().copied().unwrap_or_default();
        let mut others = Vec::new();
        for plan in experiment.references() {
            // Epoch 0 is the figure of the finished phase; without one the last epoch's counts.
            let mut runs: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
            for point in &plan.points {
                let fits = point.split == "test" && point.metric == "accuracy";
                if !(fits && point.phase == last && point.value.is_finite()) {
                    continue;
                }
                let rank = if point.epoch == 0 {
                    usize::MAX
                } else {
                    point.epoch
                };
                let best = runs.entry(&point.run).or_insert((rank, point.value));
                if rank >= best.0 {
                    *best = (rank, point.value);
                }
            }
            others.extend(
                runs.into_iter()
                    .map(|(run, x)| (plan.label.as_str(), run, x.1)),
            );
        }
        rows.push(Row {
            experiment: index,
            name: experiment.name,
            seeds,
            summary,
            others,
        });
    }
    rows
}

/// Everything of a row that must be inside the range.
fn values(row: &Row<'_>) -> Vec<f64> {
    let half = row.summary.half_interval.unwrap_or(0.0);
    let ends = [row.summary.mean - half, row.summary.mean + half];
    let others = row.others.iter().map(|other| other.2);
    row.seeds
        .iter()
        .map(|seed| seed.1)
        .chain(ends)
        .chain(others)
        .collect()
}

fn draw_frame(scene: &mut Scene, frame: &Frame) {
    let bottom = frame.top + frame.height;
    let ticks = frame.x.ticks(6, false);
    for (value, _) in &ticks {
        if let Some((x, _)) = frame.place(*value, 0.0) {
            scene.line(&[(x, frame.top), (x, bottom)], Pen::solid(GRID, 0.75));
        }
    }
    frame.draw_x(scene, &ticks, "test accuracy (fraction)");
    scene.write(heading("experiment", (20.0, 30.0), NORMAL));
    let x = frame.left + frame.width + 20.0;
    scene.write(heading("mean \u{b1} deviation", (x, 30.0), NORMAL));
}

/// From one line of a name to the next.
const LINE: f64 = 15.0;

fn draw_row(scene: &mut Scene, frame: &Frame, row: &Row<'_>, middle: f64) {
    let color = Color::of(row.experiment);
    let marker = Marker::of(row.experiment);
    let name = wrapped(row.name, 13.0, frame.left - 40.0);
    let first = middle + 4.5 - LINE * (name.len() - 1) as f64 / 2.0;
    for (number, line) in name.into_iter().enumerate() {
        let y = LINE.mul_add(number as f64, first);
        scene.write(heading(line, (20.0, y), 13.0));
    }
    // Three levels keep the interval, the seeds and the other programs apart.
    let across = |value: f64| frame.place(value.clamp(frame.x.low, frame.x.high), 0.0);
    let (bar, seeds, others) = (middle - 13.0, middle + 2.0, middle + 15.0);
    if let Some(half) = row.summary.half_interval {
        let ends = [row.summary.mean - half, row.summary.mean + half].map(across);
        if let [Some((low, _)), Some((high, _))] = ends {
            scene.line(&[(low, bar), (high, bar)], Pen::solid(color, 2.0));
            // An end outside of the axis has no cap: the bar goes on there.
            let inside = |sign: f64| frame.x.holds(row.summary.mean + sign * half);
            for x in [(low, -1.0), (high, 1.0)]
                .iter()
                .filter(|end| inside(end.1))
            {
                scene.line(
                    &[(x.0, bar - 5.0), (x.0, bar + 5.0)],
                    Pen::solid(color, 1.5),
                );
            }
        }
    }
    if let Some((x, _)) = across(row.summary.mean) {
        scene.marker(marker, (x, bar), 5.5, color, color);
    }
    let finite = row
        .seeds
        .iter()
        .map(|seed| seed.1)
        .filter(|x| x.is_finite());
    let places = finite.filter_map(across).map(|place| place.0);
    for (x, count) in piled(places) {
        scene.marker(marker, (x, seeds), 4.5, color, WHITE);
        if count > 1 {
            let place = (x + 7.0, seeds + 4.0);
            scene.write(note(format!("{count}x"), place, Align::Left));
        }
    }
    for (_, _, value) in &row.others {
        if let Some((x, _)) = across(*value) {
            scene.marker(Marker::Cross, (x, others), 4.0, INK, INK);
        }
    }
    let x = frame.left + frame.width + 20.0;
    let spread = row
        .summary
        .deviation
        .map_or(String::new(), |s| format!(" \u{b1} {s:.4}"));
    let text = format!("{:.4}{spread}", row.summary.mean);
    scene.text(text, (x, middle), NORMAL, Align::Left);
    scene.write(note(
        format!("n = {}", row.summary.n),
        (x, middle + 15.0),
        Align::Left,
    ));
}

/// Places across the chart, those that nobody could tell apart as one, with how many lie there.
fn piled(places: impl Iterator<Item = f64>) -> Vec<(f64, usize)> {
    let mut piles: Vec<(f64, usize)> = Vec::new();
    for x in places {
        match piles.iter_mut().find(|pile| (pile.0 - x).abs() < 1.0) {
            Some(pile) => pile.1 += 1,
            None => piles.push((x, 1)),
        }
    }
    piles
}

fn entries(rows: &[Row<'_>]) -> Vec<(Sample, String)> {
    let mut entries = vec![(
        Sample::Sign(Marker::Circle, GREY, false),
        "single seed".to_owned(),
    )];
    if rows.iter().any(|row| row.summary.n > 1) {
        let words = "mean with 95 % interval (Student's t)".to_owned();
        entries.push((Sample::Bar(GREY), words));
    } else {
        entries.push((Sample::Sign(Marker::Circle, GREY, true), "mean".to_owned()));
    }
    let labels: std::collections::BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.others.iter().map(|other| other.0))
        .collect();
    if !labels.is_empty() {
        let words = labels.into_iter().collect::<Vec<_>>().join(", ") + ", single runs";
        entries.push((Sample::Sign(Marker::Cross, INK, true), words));
    }
    entries
}

fn caption(rows: &[Row<'_>]) -> String {
    let numbers: Vec<String> = rows
        .iter()
        .map(|row| format!("{} n = {}", row.name, row.summary.n))
        .collect();
    let mut caption = format!(
        "Test accuracy at the end of the last phase ({}). Hollow signs are single seeds; the filled sign above them is \
         their mean, its bar the 95 % interval of the mean by Student's t.",
        numbers.join(", ")
    );
    if rows.iter().any(|row| !row.others.is_empty()) {
        caption += " Crosses are single runs of the other program.";
    }
    caption
}

fn csv(rows: &[Row<'_>]) -> String {
    let mut text = String::from("experiment,kind,source,run,value,low,high,n\n");
    for row in rows {
        let half = row.summary.half_interval;
        let mean = row.summary.mean;
        let [low, high] = [-1.0, 1.0].map(|sign| half.map(|half| mean + sign * half));
        let [low, high] = [low, high].map(|x| x.map_or(String::new(), |x| x.to_string()));
        let (value, n) = (mean.to_string(), row.summary.n.to_string());
        text += &csv_line(&[row.name, "mean", "supcon", "", &value, &low, &high, &n]);
        for (seed, value) in row.seeds.iter().filter(|seed| seed.1.is_finite()) {
            let (seed, value) = (seed.to_string(), value.to_string());
            text += &csv_line(&[row.name, "seed", "supcon", &seed, &value, "", "", "1"]);
        }
        for (label, run, value) in &row.others {
            let value = value.to_string();
            text += &csv_line(&[row.name, "reference", label, run, &value, "", "", "1"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::group::experiments;
    use super::super::super::samples::study;
    use super::super::scene::Shape;
    use super::*;

    #[test]
    fn equal_seeds_are_counted_and_a_bar_that_leaves_the_axis_has_no_cap_there() {
        assert_eq!(piled([5.0, 9.0, 5.4].into_iter()), [(5.0, 2), (9.0, 1)]);
        let caps = |seeds: &[(u64, f64)]| {
            let runs = super::super::super::samples::runs("baseline", seeds);
            let shapes = chart(&experiments(&runs)).unwrap().scene.shapes;
            let upright = |points: &[(f64, f64)]| points.len() == 2 && points[0].0 == points[1].0;
            let is_cap = |shape: &&Shape| matches!(shape, Shape::Line(points, color, 1.5) if *color == Color::of(0) && upright(points));
            shapes.iter().filter(is_cap).count()
        };
        assert_eq!(caps(&[(0, 0.50), (1, 0.52), (2, 0.54)]), 2);
        // Student's t of two values reaches beyond both ends of a fraction.
        assert_eq!(caps(&[(0, 0.2), (1, 0.8)]), 0);
    }

    #[test]
    fn the_csv_twin_has_seeds_mean_interval_and_references() {
        let runs = study();
        let text = chart(&experiments(&runs)).unwrap().csv;
        assert_eq!(text.lines().count(), 1 + 2 * (1 + 3 + 2));
        assert!(
            text.contains("baseline,seed,supcon,1,0.491,,,1\n"),
            "{text}"
        );
        assert!(
            text.contains("supcon,reference,Keras (TensorFlow 2.14),0,0.509,,,1\n"),
            "{text}"
        );
        assert!(text.contains("baseline,mean,supcon,,0.4775"), "{text}");
    }
}
