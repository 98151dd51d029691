//! The confusion matrix of one experiment: for each true class the fraction of each answer, the mean over seeds.

use super::axis::Range;
use super::canvas::text_width;
use super::scene::{Align, Color, GREY, INK, Scene, Text, WHITE};
use super::text::{SMALL, heading, note};
use super::{Chart, csv_line, fitted};
use crate::record::PredictionRow;
use crate::report::group::Experiment;

const DARK: Color = Color(0, 68, 120);
const SIDE: f64 = 460.0;
/// With more classes the cells have no room for numbers, or for names.
const NUMBERS: usize = 16;
const NAMES: usize = 40;

/// The chart of one experiment, or a sentence if no finished run has predictions.
pub fn chart(experiment: &Experiment<'_>) -> Result<Chart, String> {
    let name = experiment.name;
    let Some((matrix, n)) = matrix(experiment) else {
        return Err(format!(
            "No confusion matrix of {name}: no finished run has predictions."
        ));
    };
    let classes = names(experiment, matrix.len());
    Ok(Chart {
        file: format!("confusion-{}", file_name(name)),
        title: format!("Confusion matrix of {name}"),
        caption: format!(
            "Fraction of the test images of each true class (rows) that the model assigns to each class \
             (columns), mean over the seeds, n = {n}. Each row sums to 1; the diagonal is the accuracy of the class."
        ),
        scene: draw(name, &matrix, &classes, n),
        csv: csv(name, &matrix, &classes, n),
    })
}

/// Row-normalised fractions, the mean over the runs, and the number of runs.
fn matrix(experiment: &Experiment<'_>) -> Option<(Vec<Vec<f64>>, usize)> {
    let runs: Vec<&[PredictionRow]> = experiment
        .done()
        .map(|run| run.predictions.as_slice())
        .filter(|rows| !rows.is_empty())
        .collect();
    let all = || runs.iter().flat_map(|rows| rows.iter());
    let size = all().map(|row| {
        row.scores
            .len()
            .max(row.label.max(row.predicted) as usize + 1)
    });
    let size = size.max()?;
    let mut mean = vec![vec![0.0; size]; size];
    for rows in &runs {
        let mut counts = vec![vec![0.0; size]; size];
        for row in *rows {
            counts[row.label as usize][row.predicted as usize] += 1.0;
        }
        for (mean, counts) in mean.iter_mut().zip(&counts) {
            let total: f64 = counts.iter().sum::<f64>().max(1.0);
            for (mean, count) in mean.iter_mut().zip(counts) {
                *mean += count / total / runs.len() as f64;
            }
        }
    }
    Some((mean, runs.len()))
}

fn names(experiment: &Experiment<'_>, classes: usize) -> Vec<String> {
    let known = experiment.done().map(|run| &run.status.class_names);
    let known = known.into_iter().find(|names| names.len() == classes);
    known
        .cloned()
        .unwrap_or_else(|| (0..classes).map(|class| class.to_string()).collect())
}

fn draw(name: &str, matrix: &[Vec<f64>], classes: &[String], n: usize) -> Scene {
    let widths = classes.iter().map(|class| text_width(class, SMALL, false));
    let words = widths.fold(20.0, f64::max).min(130.0);
    let (left, top) = (52.0 + words, 76.0);
    let mut scene = Scene::new(left + SIDE + 96.0, top + SIDE + words + 48.0);
    let title = fitted(name, (14.0, true), scene.width - 260.0);
    let title_width = text_width(&title, 14.0, true);
    scene.write(heading(title, (20.0, 28.0), 14.0));
    let subtitle = format!("confusion, mean over seeds, n = {n}");
    scene.write(note(subtitle, (28.0 + title_width, 28.0), Align::Left));
    scene.write(note("true class", (left - 10.0, top - 12.0), Align::Right));
    let cell = SIDE / matrix.len() as f64;
    for (row, fractions) in matrix.iter().enumerate() {
        for (column, fraction) in fractions.iter().enumerate() {
            let corner = (left + column as f64 * cell, top + row as f64 * cell);
            draw_cell(&mut scene, corner, cell, *fraction, matrix.len() <= NUMBERS);
        }
    }
    if matrix.len() <= NAMES {
        draw_names(&mut scene, classes, (left, top), cell, words);
    }
    let below = top + SIDE + words + 34.0;
    scene.write(note(
        "predicted class",
        (left + SIDE / 2.0, below),
        Align::Middle,
    ));
    draw_scale(&mut scene, (left + SIDE + 28.0, top));
    scene
}

fn draw_cell(scene: &mut Scene, (x, y): (f64, f64), cell: f64, fraction: f64, numbers: bool) {
    let gap = if cell > 12.0 { 1.0 } else { 0.0 };
    scene.rectangle((x, y), cell - gap, cell - gap, shade(fraction));
    if !numbers {
        return;
    }
    let size = (cell * 0.27).min(12.0);
    let text = format!("{fraction:.2}");
    let color = match fraction {
        f if f > 0.45 => WHITE,
        f if f < 0.005 => GREY.mix(WHITE, 0.35),
        _ => INK,
    };
    let at = (x + cell / 2.0, y + cell / 2.0 + 0.35 * size);
    let (align, bold, turned) = (Align::Middle, false, false);
    scene.write(Text {
        text,
        at,
        size,
        color,
        bold,
        align,
        turned,
    });
}

fn draw_names(
    scene: &mut Scene,
    classes: &[String],
    (left, top): (f64, f64),
    cell: f64,
    words: f64,
) {
    let size = SMALL.min(cell * 0.9);
    for (at, class) in classes.iter().enumerate() {
        let middle = (at as f64 + 0.5) * cell + 0.35 * size;
        let text = fitted(class, (size, false), words);
        let mut label = note(text, (left - 10.0, top + middle), Align::Right);
        label.size = size;
        scene.write(label.clone());
        label.at = (left + middle, top + SIDE + 10.0);
        label.turned = true;
        scene.write(label);
    }
}

fn draw_scale(scene: &mut Scene, (x, y): (f64, f64)) {
    let (steps, height) = (46, 184.0);
    let step = height / f64::from(steps);
    for k in 0..steps {
        let fraction = 1.0 - (f64::from(k) + 0.5) / f64::from(steps);
        scene.rectangle(
            (x, y + f64::from(k) * step),
            12.0,
            step + 0.5,
            shade(fraction),
        );
    }
    for (value, label) in (Range {
        low: 0.0,
        high: 1.0,
    })
    .ticks(4, false)
    {
        let at = (x + 18.0, y + (1.0 - value) * height + 0.35 * SMALL);
        scene.write(note(label, at, Align::Left));
    }
    scene.write(note("fraction", (x, y - 12.0), Align::Left));
}

/// Light to dark in equal steps of lightness, so that it reads without colour too.
fn shade(fraction: f64) -> Color {
    Color(243, 246, 249).mix(DARK, fraction.clamp(0.0, 1.0).powf(0.8))
}

fn file_name(name: &str) -> String {
    let safe = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '-'
        }
    };
    name.chars().map(safe).collect()
}

fn csv(name: &str, matrix: &[Vec<f64>], classes: &[String], n: usize) -> String {
    let mut text = String::from("experiment,true,predicted,fraction,n\n");
    for (class, fractions) in classes.iter().zip(matrix) {
        for (predicted, fraction) in classes.iter().zip(fractions) {
            let numbers = (fraction.to_string(), n.to_string());
            text += &csv_line(&[name, class, predicted, &numbers.0, &numbers.1]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::super::group::experiments;
    use super::super::super::samples::runs;
    use super::*;

    #[test]
    fn rows_are_normalised_before_the_mean_over_seeds() {
        let mut runs = runs("baseline", &[(0, 0.5), (1, 0.5)]);
        let row = |label, predicted| PredictionRow {
            index: 0,
            label,
            predicted,
            scores: vec![0.5, 0.5],
        };
        runs[0].predictions = vec![row(0, 0), row(0, 1), row(0, 1), row(0, 1), row(1, 1)];
        runs[1].predictions = vec![row(0, 0), row(1, 0)];
        let (matrix, n) = matrix(&experiments(&runs)[0]).unwrap();
        assert_eq!(n, 2);
        assert_eq!(matrix, [[0.625, 0.375], [0.5, 0.5]]);
    }

    #[test]
    fn a_class_without_images_has_zeros() {
        let mut runs = runs("baseline", &[(0, 0.5)]);
        let row = |predicted| PredictionRow {
            index: 0,
            label: 0,
            predicted,
            scores: vec![0.5, 0.5],
        };
        runs[0].predictions = vec![row(0), row(1)];
        let (matrix, _) = matrix(&experiments(&runs)[0]).unwrap();
        assert_eq!(matrix, [[0.5, 0.5], [0.0, 0.0]]);
    }

    #[test]
    fn file_names_hold_no_separators() {
        assert_eq!(file_name("a/b c"), "a-b-c");
    }
}
