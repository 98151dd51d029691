//! Scenes drawn by plotters, as SVG text and as pixels. The only file that names plotters. The font is embedded, so that
//! the bytes are the same on any machine.

use super::Bitmap;
use super::scene::{Align, Color, Scene, Shape, Text};
use image::{RgbImage, imageops};
use plotters::prelude::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{
    Color as _, FontDesc, FontFamily, FontStyle, FontTransform, RGBColor, ShapeStyle, TextStyle,
    register_font,
};
use std::sync::Once;

/// A drawing that failed; the text says why.
#[derive(Debug, thiserror::Error)]
#[error("cannot draw: {0}")]
pub struct DrawError(pub(super) String);

/// Pixels a logical pixel in PNG, and units a logical pixel in SVG, whose coordinates are whole numbers.
const SCALE: f64 = 2.0;
/// The bitmap is drawn this much larger and then averaged, which smooths every edge.
const OVERSAMPLING: u32 = 2;
/// plotters' font size over the em: it divides by this in SVG, and the embedded font is made so that bitmaps agree.
const HEIGHT_OF_EM: f64 = 1.24;
/// From plotters' top of a text to its base line in ems, in SVG and in bitmaps.
const SVG_BASE: f64 = 0.76;
const BITMAP_BASE: f64 = 0.62;

const FAMILY: &str = "Supcon Sans";
const REGULAR: &[u8] = include_bytes!("../../templates/fonts/supcon-sans-regular.ttf");
const BOLD: &[u8] = include_bytes!("../../templates/fonts/supcon-sans-bold.ttf");
/// The same font for browsers, as CSS.
pub const FONT_CSS: &str = include_str!("../../templates/fonts/supcon-sans.css");

/// The scene as an SVG document without its font: for a page that holds the font once.
///
/// # Errors
/// plotters refused.
pub fn svg(scene: &Scene) -> Result<String, DrawError> {
    let mut text = String::new();
    let size = pixels(scene, SCALE);
    let mut backend = SVGBackend::with_string(&mut text, size);
    paint(&mut backend, scene, SCALE, SVG_BASE)?;
    drop(backend);
    // Shown at its logical size; the finer grid is only for the whole-number coordinates.
    let fine = format!("width=\"{}\" height=\"{}\"", size.0, size.1);
    let logical = format!("width=\"{}\" height=\"{}\"", scene.width, scene.height);
    Ok(text.replacen(&fine, &logical, 1))
}

/// The SVG document with its font inside: for a file of its own.
#[must_use]
pub fn with_font(svg: &str) -> String {
    svg.replacen(">\n", &format!(">\n<style>\n{FONT_CSS}</style>\n"), 1)
}

/// The scene as PNG.
///
/// # Errors
/// plotters or the encoder refused.
pub fn png(scene: &Scene) -> Result<Vec<u8>, DrawError> {
    bitmap(scene, SCALE)?.png()
}

/// The scene with `scale` pixels a logical pixel.
///
/// # Errors
/// plotters refused.
pub fn bitmap(scene: &Scene, scale: f64) -> Result<Bitmap, DrawError> {
    let (width, height) = pixels(scene, scale);
    let large = (width * OVERSAMPLING, height * OVERSAMPLING);
    let mut buffer = vec![255; large.0 as usize * large.1 as usize * 3];
    let mut backend = BitMapBackend::with_buffer(&mut buffer, large);
    paint(
        &mut backend,
        scene,
        scale * f64::from(OVERSAMPLING),
        BITMAP_BASE,
    )?;
    drop(backend);
    let image = RgbImage::from_raw(large.0, large.1, buffer)
        .ok_or_else(|| DrawError("the bitmap has another size than asked for".into()))?;
    Ok(Bitmap {
        width: width as usize,
        height: height as usize,
        pixels: imageops::thumbnail(&image, width, height).into_raw(),
    })
}

/// Width of a text in logical pixels.
#[must_use]
pub fn text_width(text: &str, size: f64, bold: bool) -> f64 {
    let precise = 16.0;
    let font = font(size * precise, bold);
    font.box_size(text)
        .map_or(0.0, |(width, _)| f64::from(width) / precise)
}

/// The text shortened to fit `width`: dots stand for its middle, since names of one sweep differ at their ends.
#[must_use]
pub fn fitted(text: &str, (size, bold): (f64, bool), width: f64) -> String {
    let fits = |text: &str| text_width(text, size, bold) <= width;
    if fits(text) {
        return text.to_owned();
    }
    let letters: Vec<char> = text.chars().collect();
    for left in (1..letters.len()).rev() {
        let front = left / 3;
        let [front, end] = [
            &letters[..front],
            &letters[letters.len() - (left - front)..],
        ];
        let short: String = front.iter().chain(&['.'; 3]).chain(end).collect();
        if fits(&short) {
            return short;
        }
    }
    String::new()
}

/// Bold text in one line, or in two of which the second is shortened if it must be. It breaks behind a sign between words.
#[must_use]
pub fn wrapped(text: &str, size: f64, width: f64) -> Vec<String> {
    let fits = |text: &str| text_width(text, size, true) <= width;
    if fits(text) {
        return vec![text.to_owned()];
    }
    let last = |signs: &str| {
        let is_break = |(at, sign): (usize, char)| signs.contains(sign).then_some(at + 1);
        let mut breaks = text.char_indices().rev().filter_map(is_break);
        breaks.find(|&at| fits(text[..at].trim_end()))
    };
    match last("-/ ").or_else(|| last("_")) {
        Some(at) => vec![
            text[..at].trim_end().to_owned(),
            fitted(&text[at..], (size, true), width),
        ],
        None => vec![fitted(text, (size, true), width)],
    }
}

fn paint<B: DrawingBackend>(
    backend: &mut B,
    scene: &Scene,
    scale: f64,
    base: f64,
) -> Result<(), DrawError> {
    let at = |(x, y): (f64, f64)| ((x * scale).round() as i32, (y * scale).round() as i32);
    let paper = ShapeStyle::from(&RGBColor(255, 255, 255)).filled();
    let corner = at((scene.width, scene.height));
    backend
        .draw_rect((0, 0), corner, &paper, true)
        .map_err(refused)?;
    for shape in &scene.shapes {
        match shape {
            Shape::Line(points, color, width) => {
                let width = (width * scale).round().max(1.0) as u32;
                let style = ShapeStyle::from(&rgb(*color)).stroke_width(width);
                backend.draw_path(points.iter().map(|p| at(*p)), &style)
            }
            Shape::Area(points, color, opacity) => {
                let style = ShapeStyle::from(&rgb(*color).mix(*opacity)).filled();
                backend.fill_polygon(points.iter().map(|p| at(*p)), &style)
            }
            Shape::Disc(centre, radius, color) => {
                let style = ShapeStyle::from(&rgb(*color)).filled();
                let radius = (radius * scale).round() as u32;
                backend.draw_circle(at(*centre), radius, &style, true)
            }
            Shape::Text(text) => {
                let drop = text.size * base;
                let (x, y) = text.at;
                let top = if text.turned {
                    (x - drop, y)
                } else {
                    (x, y - drop)
                };
                backend.draw_text(&text.text, &text_style(text, scale), at(top))
            }
        }
        .map_err(refused)?;
    }
    backend.present().map_err(refused)
}

fn text_style(text: &Text, scale: f64) -> TextStyle<'static> {
    let turn = if text.turned {
        FontTransform::Rotate270
    } else {
        FontTransform::None
    };
    let horizontal = match text.align {
        Align::Left => HPos::Left,
        Align::Middle => HPos::Center,
        Align::Right => HPos::Right,
    };
    let font = font(text.size * scale, text.bold).transform(turn);
    TextStyle {
        font,
        color: rgb(text.color).to_backend_color(),
        pos: Pos::new(horizontal, VPos::Top),
    }
}

fn font(em: f64, bold: bool) -> FontDesc<'static> {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        for (style, bytes) in [(FontStyle::Normal, REGULAR), (FontStyle::Bold, BOLD)] {
            // The bytes are part of the program and a test draws with both; a failure shows as an error of every text.
            let _ = register_font(FAMILY, style, bytes);
        }
    });
    let style = if bold {
        FontStyle::Bold
    } else {
        FontStyle::Normal
    };
    FontDesc::new(FontFamily::Name(FAMILY), em * HEIGHT_OF_EM, style)
}

fn rgb(color: Color) -> RGBColor {
    RGBColor(color.0, color.1, color.2)
}

fn pixels(scene: &Scene, scale: f64) -> (u32, u32) {
    (
        (scene.width * scale).round() as u32,
        (scene.height * scale).round() as u32,
    )
}

fn refused(error: impl std::fmt::Display) -> DrawError {
    DrawError(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::scene::{INK, Marker, Pen};
    use super::*;

    fn scene() -> Scene {
        let mut scene = Scene::new(60.0, 40.0);
        scene.line(&[(2.0, 2.0), (50.0, 30.0)], Pen::solid(INK, 1.5));
        scene.marker(Marker::Square, (20.0, 20.0), 4.0, INK, INK);
        scene.text("a & b", (5.0, 30.0), 10.0, Align::Left);
        scene
    }

    #[test]
    fn equal_scenes_give_equal_bytes() {
        assert_eq!(png(&scene()).unwrap(), png(&scene()).unwrap());
        assert_eq!(svg(&scene()).unwrap(), svg(&scene()).unwrap());
    }

    #[test]
    fn png_has_twice_the_logical_pixels() {
        let image = image::load_from_memory(&png(&scene()).unwrap()).unwrap();
        assert_eq!((image.width(), image.height()), (120, 80));
    }

    #[test]
    fn svg_is_shown_at_its_logical_size_and_escapes_text() {
        let text = svg(&scene()).unwrap();
        assert!(
            text.contains("width=\"60\" height=\"40\" viewBox=\"0 0 120 80\""),
            "{text}"
        );
        assert!(text.contains("a &amp; b"), "{text}");
        assert!(with_font(&text).contains("@font-face"));
    }

    #[test]
    fn both_fonts_are_there() {
        let (regular, bold) = (
            text_width("axis", 10.0, false),
            text_width("axis", 10.0, true),
        );
        assert!(regular > 10.0 && bold > regular, "{regular} {bold}");
    }

    #[test]
    fn long_text_is_shortened() {
        assert_eq!(fitted("short", (11.0, false), 100.0), "short");
        let short = fitted("a name that does not end soon", (11.0, false), 80.0);
        assert!(text_width(&short, 11.0, false) <= 80.0);
        let (front, end) = short.split_once("...").unwrap();
        assert!(
            front.starts_with('a') && end.ends_with("end soon"),
            "{short}"
        );
        assert_eq!(fitted("anything", (11.0, true), 1.0), "");
    }

    #[test]
    fn points_of_a_sweep_stay_apart_in_two_lines() {
        let name = |rate: &str| format!("my-supcon-temperature-0.05-learning_rate-{rate}");
        assert_eq!(wrapped("my-supcon", 13.0, 180.0), ["my-supcon"]);
        let two = wrapped(&name("0.001"), 13.0, 180.0);
        assert_eq!(two.concat(), name("0.001"));
        assert_eq!(two.len(), 2);
        let narrow = [name("0.001"), name("0.01")].map(|name| wrapped(&name, 13.0, 90.0));
        assert!(narrow[0] != narrow[1], "{narrow:?}");
        assert_eq!(wrapped("nothingtobreakanywhere", 13.0, 80.0).len(), 1);
    }
}
