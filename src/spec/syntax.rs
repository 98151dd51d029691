//! Mistakes in YAML's own grammar, said where a person made them: a parser notices a missing space or an open bracket
//! lines later.

use super::index::Span;
use crate::diag::{Code, Place, Problem};

/// What the parser said, and where.
pub(super) struct Said<'a> {
    pub(super) info: &'a str,
    pub(super) at: Span,
    /// The innermost bracket that is still open.
    pub(super) open: Option<Span>,
}

/// The problem behind an error of the parser.
pub(super) fn explain(said: &Said, text: &str, place: &dyn Fn(Span) -> Place) -> Problem {
    let line = |number: usize| text.split('\n').nth(number.wrapping_sub(1)).unwrap_or("");
    if let Some(open) = said.open.filter(|open| open.line < said.at.line) {
        let bracket = line(open.line).chars().nth(open.column - 1).unwrap_or('[');
        let end = if bracket == '{' { '}' } else { ']' };
        return Problem::new(Code::Syntax, format!("the `{bracket}` is never closed"))
            .at(place(Span { len: 1, ..open }))
            .label("opened here")
            .note(format!("line {}: {}", said.at.line, said.info))
            .help(format!("close it with `{end}`"));
    }
    let colon = ["mapping values", "expected ':'", "simple key"];
    if colon.iter().any(|part| said.info.contains(part)) {
        let above = (1..said.at.line)
            .rev()
            .find(|&number| !bare(line(number)).is_empty());
        let both = above.into_iter().chain([said.at.line]);
        for number in both {
            if let Some((span, message, help)) = colon_missing(line(number), number) {
                return Problem::new(Code::Syntax, message)
                    .at(place(span))
                    .help(help);
            }
        }
    }
    let help = if said.info.contains("mapping values") {
        "put text that holds `: ` in quotes, and keep the keys of a section in one column"
    } else {
        "look at the marked place and the line above it: brackets and quotes that are open, and the column of each key"
    };
    Problem::new(Code::Syntax, format!("not valid YAML: {}", said.info))
        .at(place(said.at))
        .help(help)
}

/// A line without its comment and the space around.
fn bare(line: &str) -> &str {
    let end = line.find(" #").unwrap_or(line.len());
    let text = line[..end].trim();
    if text.starts_with('#') { "" } else { text }
}

/// `key:value` or `key value` where `key: value` was meant: its span, what is wrong and what to write.
fn colon_missing(line: &str, number: usize) -> Option<(Span, String, String)> {
    let text = bare(line);
    if text.contains(": ") || text.ends_with(':') || text.starts_with(['-', '"', '\'', '{', '[']) {
        return None;
    }
    let (key, value) = text.split_once([':', ' '])?;
    let named = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if key.is_empty() || !key.chars().all(named) {
        return None;
    }
    let span = Span {
        line: number,
        column: line.chars().take_while(|c| c.is_whitespace()).count() + 1,
        len: text.chars().count(),
    };
    let what = if text[key.len()..].starts_with(':') {
        "no space behind its colon"
    } else {
        "no colon"
    };
    let message = format!("the key `{key}` has {what}");
    Some((span, message, format!("write `{key}: {}`", value.trim())))
}
