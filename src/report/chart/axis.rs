//! Ranges that are finite and never empty, round ticks, and the frame that every plot shares.

use super::scene::{Align, GRID, INK, Pen, Scene};
use super::text::{NORMAL, SMALL, note};

/// A range of values, low < high, both finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Range {
    /// The smallest range that holds the finite values with a margin of `margin` of its width at both ends; a single value
    /// gets room around it. `None` if no value is finite.
    #[must_use]
    pub fn around(values: impl IntoIterator<Item = f64>, margin: f64) -> Option<Self> {
        let finite = values
            .into_iter()
            .filter(|x| x.is_finite() && x.abs() < 1e300);
        let ends = finite.fold(None, |ends: Option<(f64, f64)>, x| {
            Some(ends.map_or((x, x), |(low, high)| (low.min(x), high.max(x))))
        });
        let (low, high) = ends?;
        let width = high - low;
        // Below this width the ticks could not be told apart in f64.
        let least = 1e-9 * low.abs().max(high.abs());
        let room = if width > least {
            width * margin
        } else {
            (low.abs() * 0.1).max(0.01)
        };
        Some(Self {
            low: low - room,
            high: high + room,
        })
    }

    /// The part of the range inside `low..=high`.
    #[must_use]
    pub fn within(self, low: f64, high: f64) -> Self {
        let cut = Self {
            low: self.low.max(low),
            high: self.high.min(high),
        };
        if cut.low < cut.high { cut } else { self }
    }

    /// Whether a value lies in the range.
    #[must_use]
    pub fn holds(self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Round values inside the range with their labels, about `count` of them.
    #[must_use]
    pub fn ticks(self, count: usize, whole: bool) -> Vec<(f64, String)> {
        let raw = (self.high - self.low) / count.max(1) as f64;
        let power = 10f64.powf(raw.log10().floor());
        let nice = [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|x| x * power);
        let mut step = nice
            .into_iter()
            .find(|x| *x >= raw * 0.999)
            .unwrap_or(power * 10.0);
        if whole {
            step = if step <= 1.0 {
                1.0
            } else if step == 2.5 {
                2.0
            } else {
                step.round()
            };
        }
        let digits = (0..12)
            .find(|d| is_whole(step * 10f64.powi(*d)))
            .unwrap_or(12);
        let first = (self.low / step - 1e-9).ceil() as i64;
        let last = (self.high / step + 1e-9).floor() as i64;
        (first..=last)
            .map(|k| k as f64 * step)
            .map(|x| {
                (
                    x,
                    format!("{:.*}", digits as usize, if x == 0.0 { 0.0 } else { x }),
                )
            })
            .collect()
    }
}

/// A plot area with its two ranges.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// Left edge in logical pixels.
    pub left: f64,
    /// Upper edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Range from left to right.
    pub x: Range,
    /// Range from bottom to top.
    pub y: Range,
}

impl Frame {
    /// Where a point lies on the paper, `None` if it is not finite.
    #[must_use]
    pub fn place(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        if !(x.is_finite() && y.is_finite()) {
            return None;
        }
        let across = (x - self.x.low) / (self.x.high - self.x.low);
        let up = (y - self.y.low) / (self.y.high - self.y.low);
        Some((
            self.left + across * self.width,
            self.top + (1.0 - up) * self.height,
        ))
    }

    /// Draws the horizontal grid lines with their labels.
    pub fn draw_y(&self, scene: &mut Scene, ticks: &[(f64, String)]) {
        for (value, label) in ticks {
            let Some((_, y)) = self.place(self.x.low, *value) else {
                continue;
            };
            scene.line(
                &[(self.left, y), (self.left + self.width, y)],
                Pen::solid(GRID, 0.75),
            );
            scene.write(note(
                label,
                (self.left - 6.0, y + 0.35 * SMALL),
                Align::Right,
            ));
        }
    }

    /// Draws the base line, its ticks with labels, and the axis name below.
    pub fn draw_x(&self, scene: &mut Scene, ticks: &[(f64, String)], name: &str) {
        let bottom = self.top + self.height;
        scene.line(
            &[(self.left, bottom), (self.left + self.width, bottom)],
            Pen::solid(INK, 1.0),
        );
        for (value, label) in ticks {
            let Some((x, _)) = self.place(*value, self.y.low) else {
                continue;
            };
            scene.line(&[(x, bottom), (x, bottom + 4.0)], Pen::solid(INK, 1.0));
            scene.write(note(label, (x, bottom + 17.0), Align::Middle));
        }
        let middle = self.left + self.width / 2.0;
        scene.text(name, (middle, bottom + 35.0), NORMAL, Align::Middle);
    }
}

fn is_whole(x: f64) -> bool {
    (x - x.round()).abs() < 1e-6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64, count: usize, whole: bool) -> Vec<String> {
        Range { low, high }
            .ticks(count, whole)
            .into_iter()
            .map(|tick| tick.1)
            .collect()
    }

    #[test]
    fn ranges_are_finite_and_never_empty() {
        for values in [
            vec![1.0, 1.0],
            vec![0.0],
            vec![-3.0],
            vec![1e12, 1e12 + 1e-3],
        ] {
            let range = Range::around(values.clone(), 0.05).unwrap();
            assert!(
                range.low < range.high && (range.high - range.low).is_finite(),
                "{values:?}"
            );
            assert!(range.ticks(5, false).len() < 20, "{values:?}");
        }
        assert_eq!(Range::around([f64::NAN, f64::INFINITY], 0.05), None);
        assert_eq!(Range::around([], 0.05), None);
        let range = Range::around([f64::NAN, 1.0, 2.0, f64::INFINITY], 0.0).unwrap();
        assert_eq!(
            range,
            Range {
                low: 1.0,
                high: 2.0
            }
        );
    }

    #[test]
    fn ticks_are_round_and_their_labels_have_the_digits_they_need() {
        assert_eq!(
            labels(0.0, 1.0, 5, false),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(0.47, 0.52, 5, false),
            ["0.47", "0.48", "0.49", "0.50", "0.51", "0.52"]
        );
        assert_eq!(labels(1.0, 10.0, 5, true), ["2", "4", "6", "8", "10"]);
        assert_eq!(labels(0.5, 1.5, 5, true), ["1"]);
        assert_eq!(labels(1.0, 3.0, 5, true), ["1", "2", "3"]);
    }
}
