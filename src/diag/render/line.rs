//! A line of a source with its marks: cut around them where it is longer than the terminal is wide.

use super::Style;
use crate::diag::Place;
use crate::diag::text::{escape, shown, width as columns_of, wrap};
use std::fmt::Write;

/// Longest piece of a line that is drawn where nobody says how wide the terminal is; longer lines are cut around the caret.
const MAX_LINE: usize = 160;
/// Stands for what is cut off a line.
const CUT: &str = "...";

/// Columns that a label below its marks has at least.
const LABEL: usize = 40;
/// Fewest columns of a line that are drawn.
const MIN_LINE: usize = 40;

/// Draws a source line and the marks under it.
pub(super) fn draw_line(
    out: &mut String,
    width: usize,
    at: &Place,
    mark: char,
    label: &str,
    style: &Style,
) {
    let Style {
        error, frame, end, ..
    } = style;
    // The gutter is the line's number, ` | ` and, behind the piece, what stands for the rest.
    let gutter = width + 3;
    let room = style.columns.map(|columns| columns.saturating_sub(gutter));
    let (text, indent, len) = window(at, room.unwrap_or(MAX_LINE + 2 * (CUT.len() + 1)));
    let _ = writeln!(out, "{frame}{:width$} |{end} {text}", at.line);
    let marks = String::from(mark).repeat(len);
    let label = shown(label);
    let colour = if mark == '^' { error } else { frame };
    let behind = if label.is_empty() {
        0
    } else {
        columns_of(&label) + 1
    };
    let fits = room.is_none_or(|room| indent + len + behind <= room);
    let beside = if fits && behind > 0 {
        format!(" {label}")
    } else {
        String::new()
    };
    let _ = writeln!(
        out,
        "{:width$} {frame}|{end} {:indent$}{colour}{marks}{beside}{end}",
        "", ""
    );
    if let Some(room) = room.filter(|_| !fits && behind > 0) {
        let indent = indent.min(room.saturating_sub(LABEL));
        for line in wrap(&label, room.saturating_sub(indent)) {
            let _ = writeln!(
                out,
                "{:width$} {frame}|{end} {:indent$}{colour}{line}{end}",
                "", ""
            );
        }
    }
}

/// The escaped piece of the line to draw in `room` columns, the columns before the mark, and the mark's length.
fn window(at: &Place, room: usize) -> (String, usize, usize) {
    let chars: Vec<char> = at.line_text.chars().collect();
    let column = at.column.saturating_sub(1).min(chars.len());
    let columns = |c: char| columns_of(&escape(c.encode_utf8(&mut [0; 4])));
    // A line of more characters than columns need not be measured: marks without width are few.
    let whole = chars.len() <= 2 * room && columns_of(&escape(&at.line_text)) <= room.max(MIN_LINE);
    let (mut start, mut end) = (0, chars.len());
    if !whole {
        let room = room.max(MIN_LINE).saturating_sub(2 * (CUT.len() + 1));
        let mut left = room / 3;
        start = column;
        while start > 0 && columns(chars[start - 1]) <= left {
            start -= 1;
            left -= columns(chars[start]);
        }
        let mut left = room - (room / 3 - left);
        end = column;
        while end < chars.len() && columns(chars[end]) <= left {
            left -= columns(chars[end]);
            end += 1;
        }
    }
    let stop = (column + at.len.max(1)).min(end);
    let piece = |from: usize, to: usize| escape(&chars[from..to].iter().collect::<String>());
    let (before, marked, after) = (
        piece(start, column),
        piece(column, stop.max(column)),
        piece(stop.max(column), end),
    );
    let head = if start > 0 {
        format!("{CUT} ")
    } else {
        String::new()
    };
    let tail = if end < chars.len() {
        format!(" {CUT}")
    } else {
        String::new()
    };
    let indent = head.len() + columns_of(&before);
    let len = columns_of(&marked).max(1);
    (format!("{head}{before}{marked}{after}{tail}"), indent, len)
}
