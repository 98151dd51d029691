//! How a panel of a curve chart is drawn: bands first, then the curves of other programs, then the means with their signs.

use super::axis::{Frame, Range};
use super::canvas::text_width;
use super::curve_panels::{Figure, Line, Panel, foreign};
use super::fitted;
use super::scene::{Align, Color, GREY, Marker, Pen, Scene};
use super::text::{NORMAL, heading, note};
use crate::report::stats::Summary;

const LEFT: f64 = 54.0;
/// Height of a plot area.
pub const PLOT_HEIGHT: f64 = 260.0;
/// Room above it.
pub const HEAD: f64 = 58.0;
/// Room below it.
pub const FOOT: f64 = 52.0;
/// Line style of other programs.
pub const REFERENCE_DASH: &[f64] = &[7.0, 2.5, 1.5, 2.5];

/// Draws one panel with its titles, axes and lines into a cell of the paper.
pub fn draw_panel(
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
    let title = fitted(&panel.phase, (14.0, true), cell * 0.5);
    let title_width = text_width(&title, 14.0, true);
    scene.write(heading(title, (at, top + 24.0), 14.0));
    scene.write(note(
        panel.loss,
        (at + title_width + 8.0, top + 24.0),
        Align::Left,
    ));
    scene.text(figure.axis(), (at, top + HEAD - 14.0), NORMAL, Align::Left);
    frame.draw_y(scene, &y.ticks(6, false));
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
        let s: &Summary = s;
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

/// The line style of a split.
#[must_use]
pub fn dash(split: &str) -> &'static [f64] {
    match split {
        "train" => &[],
        "validation" => &[6.0, 3.5],
        _ => &[2.0, 3.0],
    }
}
