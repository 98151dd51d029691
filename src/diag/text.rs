//! Characters of a file on a terminal: which must not get there, and how many columns the others take.

use std::fmt::Write;

/// Longest message, label or line of a note in characters; the rest is cut.
const MAX_TEXT: usize = 600;

/// First and last of the characters that take two columns, ascending: M. Kuhn's `wcwidth.c` (2007), and emoji.
const WIDE: [(char, char); 19] = [
    ('\u{1100}', '\u{115f}'),
    ('\u{231a}', '\u{231b}'),
    ('\u{2329}', '\u{232a}'),
    ('\u{23e9}', '\u{23ec}'),
    ('\u{2705}', '\u{2705}'),
    ('\u{274c}', '\u{274c}'),
    ('\u{2e80}', '\u{303e}'),
    ('\u{3041}', '\u{33ff}'),
    ('\u{3400}', '\u{4dbf}'),
    ('\u{4e00}', '\u{9fff}'),
    ('\u{a000}', '\u{a4cf}'),
    ('\u{ac00}', '\u{d7a3}'),
    ('\u{f900}', '\u{faff}'),
    ('\u{fe30}', '\u{fe6f}'),
    ('\u{ff00}', '\u{ff60}'),
    ('\u{ffe0}', '\u{ffe6}'),
    ('\u{1f300}', '\u{1f64f}'),
    ('\u{1f680}', '\u{1f9ff}'),
    ('\u{20000}', '\u{3fffd}'),
];

/// First and last of the marks that stand on the character before them and take no column, ascending.
const MARKS: [(char, char); 8] = [
    ('\u{300}', '\u{36f}'),
    ('\u{483}', '\u{489}'),
    ('\u{591}', '\u{5bd}'),
    ('\u{64b}', '\u{65f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{fe00}', '\u{fe0f}'),
];

/// Makes control characters and the marks that reorder text visible; a tab becomes a space. Names, values and causes come
/// from files, and none of them may act on a terminal.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// As `escape`, cut where nobody reads on.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => escape(&text[..end]) + " ...",
        None => escape(text),
    }
}

/// A line of JSON in which no character acts on a terminal; what is escaped can only stand inside strings.
#[must_use]
pub fn escape_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// A text in lines of at most `room` columns, broken at its spaces; a longer word is a line of its own.
#[must_use]
pub fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut taken = 0;
    for word in text.split(' ') {
        let columns = width(word);
        match lines.last_mut() {
            Some(line) if taken + 1 + columns <= room => {
                line.push(' ');
                line.push_str(word);
                taken += 1 + columns;
            }
            _ => {
                lines.push(word.to_owned());
                taken = columns;
            }
        }
    }
    lines
}

/// Columns that an escaped text takes.
pub(super) fn width(text: &str) -> usize {
    let within = |c: char, ranges: &[(char, char)]| {
        let at = ranges.partition_point(|(_, last)| *last < c);
        ranges.get(at).is_some_and(|(first, _)| *first <= c)
    };
    let columns = |c: char| {
        if within(c, &MARKS) {
            0
        } else if within(c, &WIDE) {
            2
        } else {
            1
        }
    };
    text.chars().map(columns).sum()
}

/// Characters that move the cursor, switch colours, or let a line look like another: also those that look like a space or
/// like nothing.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    let reorders = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}');
    let blank = c != ' ' && c.is_whitespace() || matches!(c, '\u{ad}' | '\u{180e}' | '\u{3164}');
    c.is_control() || reorders || blank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_left() {
        let all: String = ('\0'..='\u{ffff}').collect();
        for text in [escape(&all), shown(&all), escape_json(&all)] {
            assert!(!text.chars().any(is_hidden));
        }
        assert_eq!(
            escape("\u{1b}[31mred\u{9b}0m\r\n\tx"),
            "\\u{1b}[31mred\\u{9b}0m\\u{d}\\u{a} x"
        );
        assert_eq!(escape("a\u{a0}b\u{3000}c d"), "a\\u{a0}b\\u{3000}c d");
    }

    #[test]
    fn escaped_json_is_the_same_value() {
        let value = serde_json::json!({ "a\u{7f}": "\u{1b}\u{9b}\u{202e}\n\u{e9}\u{1f600}" });
        let text = escape_json(&value.to_string());
        assert!(
            text.contains("\\u202e") && text.contains("\\u009b"),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn wide_characters_take_two_columns_and_marks_none() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("\u{4e16}\u{754c}"), 4);
        assert_eq!(width("e\u{301}\u{1f600}"), 3);
        assert_eq!(width("\u{e9}\u{fc}"), 2);
        assert!(WIDE.is_sorted() && MARKS.is_sorted());
    }

    #[test]
    fn texts_are_wrapped_at_spaces_by_columns() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("a bc def", 80), ["a bc def"]);
        assert_eq!(wrap("longer a", 3), ["longer", "a"]);
        assert_eq!(wrap("\u{4e16}\u{754c} a", 5), ["\u{4e16}\u{754c}", "a"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = shown(&"\u{e9}".repeat(100_000));
        assert_eq!(text.chars().count(), MAX_TEXT + 4);
        assert_eq!(shown("short"), "short");
    }
}
