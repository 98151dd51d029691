//! A drawing as data: lines, areas, discs and text in logical pixels, and the signs that charts are made of.
//! `canvas.rs` turns it into SVG and PNG; nothing here knows how.

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Color(pub u8, pub u8, pub u8);

/// Text and axes.
pub const INK: Color = Color(38, 38, 38);
/// Second-rank text.
pub const GREY: Color = Color(104, 104, 104);
/// Grid lines.
pub const GRID: Color = Color(230, 230, 230);
/// Paper.
pub const WHITE: Color = Color(255, 255, 255);

/// Okabe & Ito's palette, told apart by people with any colour vision; yellow is left out, it is too light for lines.
const PALETTE: [Color; 7] = [
    Color(0, 114, 178),
    Color(213, 94, 0),
    Color(0, 158, 115),
    Color(204, 121, 167),
    Color(86, 180, 233),
    Color(230, 159, 0),
    Color(60, 60, 60),
];

impl Color {
    /// The colour of the `index`-th experiment.
    #[must_use]
    pub fn of(index: usize) -> Self {
        PALETTE[index % PALETTE.len()]
    }

    /// `self` at 0, `other` at 1.
    #[must_use]
    pub fn mix(self, other: Self, fraction: f64) -> Self {
        let channel = |a: u8, b: u8| {
            (f64::from(a) + (f64::from(b) - f64::from(a)) * fraction.clamp(0.0, 1.0)).round() as u8
        };
        Self(
            channel(self.0, other.0),
            channel(self.1, other.1),
            channel(self.2, other.2),
        )
    }
}

/// Where text stands relative to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Starts there.
    Left,
    /// Is centred there.
    Middle,
    /// Ends there.
    Right,
}

/// A sign for points: what tells experiments apart without colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// Disc.
    Circle,
    /// Square.
    Square,
    /// Triangle, tip up.
    Triangle,
    /// Square on its tip.
    Diamond,
    /// Triangle, tip down.
    Drop,
    /// Two crossed strokes.
    Cross,
}

impl Marker {
    /// The sign of the `index`-th experiment.
    #[must_use]
    pub fn of(index: usize) -> Self {
        [
            Self::Circle,
            Self::Square,
            Self::Triangle,
            Self::Diamond,
            Self::Drop,
        ][index % 5]
    }
}

/// How a line is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pen {
    /// Its colour.
    pub color: Color,
    /// Its width in logical pixels.
    pub width: f64,
    /// Lengths of strokes and gaps in turn; empty for an unbroken line.
    pub dash: &'static [f64],
}

impl Pen {
    /// An unbroken line.
    #[must_use]
    pub fn solid(color: Color, width: f64) -> Self {
        Self {
            color,
            width,
            dash: &[],
        }
    }
}

/// One thing to draw.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// An unbroken line through points.
    Line(Vec<(f64, f64)>, Color, f64),
    /// A filled area with its opacity.
    Area(Vec<(f64, f64)>, Color, f64),
    /// A filled disc: centre, radius.
    Disc((f64, f64), f64, Color),
    /// Text on a base line.
    Text(Text),
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// What it says.
    pub text: String,
    /// A point of the base line.
    pub at: (f64, f64),
    /// Size of the em in logical pixels.
    pub size: f64,
    /// Its colour.
    pub color: Color,
    /// Heavy letters.
    pub bold: bool,
    /// Where it stands relative to `at`.
    pub align: Align,
    /// Runs from bottom to top.
    pub turned: bool,
}

/// A drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Width in logical pixels.
    pub width: f64,
    /// Height in logical pixels.
    pub height: f64,
    /// What to draw, the lowest first.
    pub shapes: Vec<Shape>,
}

impl Scene {
    /// White paper.
    #[must_use]
    pub fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            shapes: Vec::new(),
        }
    }

    /// Draws a line, broken as its pen says.
    pub fn line(&mut self, points: &[(f64, f64)], pen: Pen) {
        for stroke in broken(points, pen.dash) {
            self.shapes.push(Shape::Line(stroke, pen.color, pen.width));
        }
    }

    /// Fills an area.
    pub fn area(&mut self, points: Vec<(f64, f64)>, color: Color, opacity: f64) {
        self.shapes.push(Shape::Area(points, color, opacity));
    }

    /// Fills a rectangle.
    pub fn rectangle(&mut self, (x, y): (f64, f64), width: f64, height: f64, color: Color) {
        let corners = [
            (x, y),
            (x + width, y),
            (x + width, y + height),
            (x, y + height),
        ];
        self.area(corners.to_vec(), color, 1.0);
    }

    /// Draws a sign, filled with `fill` and edged with `edge`.
    pub fn marker(&mut self, marker: Marker, at: (f64, f64), r: f64, edge: Color, fill: Color) {
        if marker == Marker::Cross {
            for (dx, dy) in [(r, r), (r, -r)] {
                let ends = [(at.0 - dx, at.1 - dy), (at.0 + dx, at.1 + dy)];
                self.line(&ends, Pen::solid(edge, 1.5));
            }
            return;
        }
        for (radius, color) in [(r, edge), (r - 1.3, fill)] {
            match corners(marker, at, radius) {
                None => self.shapes.push(Shape::Disc(at, radius, color)),
                Some(points) => self.area(points, color, 1.0),
            }
        }
    }

    /// Writes dark text at `at`, on its base line.
    pub fn text(&mut self, text: impl Into<String>, at: (f64, f64), size: f64, align: Align) {
        self.write(Text {
            text: text.into(),
            at,
            size,
            color: INK,
            bold: false,
            align,
            turned: false,
        });
    }

    /// Writes text of any look.
    pub fn write(&mut self, text: Text) {
        self.shapes.push(Shape::Text(text));
    }
}

/// Corners of a sign, `None` for a disc.
fn corners(marker: Marker, (x, y): (f64, f64), r: f64) -> Option<Vec<(f64, f64)>> {
    let offsets: &[(f64, f64)] = match marker {
        Marker::Circle | Marker::Cross => return None,
        Marker::Square => &[(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
        Marker::Triangle => &[(0.0, -1.2), (1.1, 0.75), (-1.1, 0.75)],
        Marker::Diamond => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
        Marker::Drop => &[(0.0, 1.2), (1.1, -0.75), (-1.1, -0.75)],
    };
    Some(
        offsets
            .iter()
            .map(|(dx, dy)| (x + dx * r, y + dy * r))
            .collect(),
    )
}

/// The strokes of a broken line.
fn broken(points: &[(f64, f64)], dash: &[f64]) -> Vec<Vec<(f64, f64)>> {
    if dash.is_empty() {
        return if points.len() > 1 {
            vec![points.to_vec()]
        } else {
            Vec::new()
        };
    }
    let (mut strokes, mut stroke) = (Vec::new(), Vec::new());
    let (mut part, mut left) = (0, dash[0]);
    for pair in points.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = dx.hypot(dy);
            if part % 2 == 0 && stroke.is_empty() {
                stroke.push(from);
            }
            if length <= left {
                left -= length;
                if part % 2 == 0 {
                    stroke.push(to);
                }
                break;
            }
            from = (from.0 + dx * left / length, from.1 + dy * left / length);
            if part % 2 == 0 {
                stroke.push(from);
                strokes.push(std::mem::take(&mut stroke));
            }
            part += 1;
            left = dash[part % dash.len()];
        }
    }
    if stroke.len() > 1 {
        strokes.push(stroke);
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_line_has_the_strokes_of_its_pattern() {
        let strokes = broken(&[(0.0, 0.0), (5.0, 0.0), (10.0, 0.0)], &[3.0, 1.0]);
        let ends: Vec<_> = strokes.iter().map(|s| (s[0].0, s[s.len() - 1].0)).collect();
        assert_eq!(ends, [(0.0, 3.0), (4.0, 7.0), (8.0, 10.0)]);
        assert_eq!(strokes[1].len(), 3, "a stroke bends where the line does");
    }

    #[test]
    fn single_points_make_no_line() {
        assert!(broken(&[(1.0, 1.0)], &[]).is_empty());
        assert!(broken(&[(1.0, 1.0)], &[2.0, 2.0]).is_empty());
        assert!(broken(&[], &[2.0, 2.0]).is_empty());
    }
}
