//! Texts that look alike in every drawing: sizes, second-rank notes, headings.

use super::scene::{Align, GREY, INK, Text};

/// Size of notes and tick labels in logical pixels.
pub const SMALL: f64 = 11.0;
/// Size of axis names and legends.
pub const NORMAL: f64 = 12.0;

/// Second-rank text.
#[must_use]
pub fn note(text: impl Into<String>, at: (f64, f64), align: Align) -> Text {
    let text = text.into();
    Text {
        text,
        at,
        size: SMALL,
        color: GREY,
        bold: false,
        align,
        turned: false,
    }
}

/// Heavy text.
#[must_use]
pub fn heading(text: impl Into<String>, at: (f64, f64), size: f64) -> Text {
    let text = text.into();
    Text {
        text,
        at,
        size,
        color: INK,
        bold: true,
        align: Align::Left,
        turned: false,
    }
}
