//! Legends: samples with words, set in rows below the plots, never inside them.

use super::canvas::text_width;
use super::fitted;
use super::scene::{Align, Color, GREY, Marker, Pen, Scene, WHITE};
use super::text::NORMAL;

/// What an entry shows in front of its words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// A line with a sign on it.
    Marked(Color, Marker),
    /// A line.
    Line(Pen),
    /// A translucent area.
    Band(Color),
    /// A sign alone, filled or hollow.
    Sign(Marker, Color, bool),
    /// A line with a dot in its middle.
    Bar(Color),
}

const SAMPLE: f64 = 30.0;
const GAP: f64 = 22.0;
/// Height of a row.
pub const ROW: f64 = 20.0;

/// Breaks entries into rows of at most `width`; entries longer than that are shortened.
#[must_use]
pub fn rows(entries: Vec<(Sample, String)>, width: f64) -> Vec<Vec<(Sample, String)>> {
    let mut rows: Vec<Vec<(Sample, String)>> = Vec::new();
    let mut used = f64::INFINITY;
    for (sample, words) in entries {
        let words = fitted(&words, (NORMAL, false), width - SAMPLE - GAP);
        let needs = SAMPLE + text_width(&words, NORMAL, false) + GAP;
        if used + needs > width {
            rows.push(Vec::new());
            used = 0.0;
        }
        used += needs;
        if let Some(row) = rows.last_mut() {
            row.push((sample, words));
        }
    }
    rows
}

/// Draws rows from `(x, y)` downwards.
pub fn draw(scene: &mut Scene, rows: &[Vec<(Sample, String)>], (x, y): (f64, f64)) {
    for (number, row) in rows.iter().enumerate() {
        let (mut x, y) = (x, y + number as f64 * ROW);
        for (sample, words) in row {
            draw_sample(scene, *sample, (x, y));
            scene.text(words, (x + SAMPLE, y + 0.35 * NORMAL), NORMAL, Align::Left);
            x += SAMPLE + text_width(words, NORMAL, false) + GAP;
        }
    }
}

fn draw_sample(scene: &mut Scene, sample: Sample, (x, y): (f64, f64)) {
    let ends = [(x, y), (x + SAMPLE - 7.0, y)];
    let middle = (x + (SAMPLE - 7.0) / 2.0, y);
    match sample {
        Sample::Marked(color, marker) => {
            scene.line(&ends, Pen::solid(color, 2.0));
            scene.marker(marker, middle, 4.0, color, color);
        }
        Sample::Line(pen) => scene.line(&ends, pen),
        Sample::Band(color) => {
            let (left, right) = (ends[0].0, ends[1].0);
            let corners = [
                (left, y - 5.0),
                (right, y - 5.0),
                (right, y + 5.0),
                (left, y + 5.0),
            ];
            scene.area(corners.to_vec(), color, 0.3);
        }
        Sample::Sign(marker, color, filled) => {
            scene.marker(
                marker,
                middle,
                4.5,
                color,
                if filled { color } else { WHITE },
            );
        }
        Sample::Bar(color) => {
            scene.line(&ends, Pen::solid(color, 2.0));
            for x in [ends[0].0, ends[1].0] {
                scene.line(&[(x, y - 4.0), (x, y + 4.0)], Pen::solid(color, 1.5));
            }
            scene.marker(Marker::Circle, middle, 4.0, color, color);
        }
    }
}

/// The pen of a split in a legend, where colour means nothing.
#[must_use]
pub fn neutral(dash: &'static [f64]) -> Pen {
    Pen {
        color: GREY,
        width: 2.0,
        dash,
    }
}
