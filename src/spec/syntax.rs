//! Mistakes in YAML's own grammar, in the words of a person and where they were made: a parser notices a missing space or an
//! open bracket lines later, and speaks of tokens. `brackets` walks quotes and brackets, `lines` judges keys, dashes and
//! indentation; what only single characters tell is here.

mod brackets;
mod lines;

use super::index::Span;
use crate::diag::{Code, Place, Problem, is_hidden};

/// What the parser said, and where.
pub(super) struct Said<'a> {
    pub(super) info: &'a str,
    pub(super) at: Span,
}

impl Said<'_> {
    /// Whether the parser's words hold one of these.
    fn says(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.info.contains(part))
    }
}

/// A mistake and its place.
#[derive(Debug)]
struct Cause {
    span: Span,
    message: String,
    label: &'static str,
    help: String,
}

impl Cause {
    fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            span,
            message: message.into(),
            label: "",
            help: help.into(),
        }
    }

    fn label(self, label: &'static str) -> Self {
        Self { label, ..self }
    }
}

/// The problem behind an error of the parser.
pub(super) fn explain(said: &Said, text: &str, place: &dyn Fn(Span) -> Place) -> Problem {
    let lines: Vec<&str> = text.split('\n').collect();
    let Some(cause) = cause(said, &lines) else {
        // The last resort: mistakes of a kind that nobody has met.
        let help = "look at the marked place and the line above it: brackets and quotes that are open, and the column of each key";
        return Problem::new(Code::Syntax, "the text is not YAML from here on")
            .at(place(said.at))
            .note(format!("the parser's words: {}", said.info))
            .help(help);
    };
    let problem = Problem::new(Code::Syntax, cause.message)
        .at(place(cause.span))
        .help(cause.help);
    if cause.label.is_empty() {
        problem
    } else {
        problem.label(cause.label)
    }
}

fn cause(said: &Said, lines: &[&str]) -> Option<Cause> {
    escape(said, lines)
        .or_else(|| brackets::fault(said, lines))
        .or_else(|| tab(said, lines))
        .or_else(|| look_alike(said, lines))
        .or_else(|| lines::fault(said, lines))
        .or_else(|| letter(said, lines))
}

/// The line of a number from 1; empty behind the last.
fn line<'a>(lines: &[&'a str], number: usize) -> &'a str {
    lines.get(number.wrapping_sub(1)).copied().unwrap_or("")
}

/// A backslash in double quotes before a letter that it cannot stand before. The parser marks where the text begins.
fn escape(said: &Said, lines: &[&str]) -> Option<Cause> {
    if !said.says(&["escape"]) {
        return None;
    }
    let letters: Vec<char> = line(lines, said.at.line).chars().collect();
    let begins = said.at.column.checked_sub(1)?;
    let mut at = begins + 1;
    while at + 1 < letters.len() {
        if letters[at] != '\\' {
            at += 1;
            continue;
        }
        if !"0abt\tnvfre \"/\\N_LPxuU".contains(letters[at + 1]) {
            let span = Span {
                column: at + 1,
                len: 2,
                ..said.at
            };
            let message = format!("`\\{}` means nothing in double quotes", letters[at + 1]);
            let help = "use single quotes, in which a `\\` is itself, or write `\\\\`";
            return Some(Cause::new(span, message, help));
        }
        at += 2;
    }
    let help = "write `\\x` with two digits, `\\u` with four, or the letter itself";
    Some(Cause::new(
        said.at,
        "an escape in double quotes that is no letter",
        help,
    ))
}

/// A tab in the indentation of the line that the parser marks, or of the next one.
fn tab(said: &Said, lines: &[&str]) -> Option<Cause> {
    for number in [said.at.line, said.at.line + 1] {
        let text = line(lines, number);
        let blank: Vec<char> = text.chars().take_while(|c| c.is_whitespace()).collect();
        let tab = blank.iter().position(|c| *c == '\t');
        if let Some(tab) = tab.filter(|_| blank.len() < text.chars().count()) {
            let span = Span {
                line: number,
                column: tab + 1,
                len: blank[tab..].iter().take_while(|c| **c == '\t').count(),
            };
            let message = "a tab in the indentation of a line";
            let help = "indent with spaces, as the lines around it";
            return Some(Cause::new(span, message, help));
        }
    }
    said.says(&["tab"]).then(|| {
        let message = "a tab where only spaces may stand";
        Cause::new(said.at, message, "put a space in its place")
    })
}

/// What looks like a space or a colon near the marked line, and is none: pasted from a page, or typed on another keyboard.
fn look_alike(said: &Said, lines: &[&str]) -> Option<Cause> {
    let mut near = said.at.line.saturating_sub(1)..=said.at.line + 1;
    let (line, (at, len, c)) =
        near.find_map(|number| Some((number, strange(line(lines, number))?)))?;
    let span = Span {
        line,
        column: at + 1,
        len,
    };
    let letter = format!("U+{:04X}", u32::from(c));
    if c == WIDE_COLON {
        let message = format!("this colon is {letter}, which is none in YAML");
        return Some(Cause::new(span, message, "write `:` and a space"));
    }
    let message = format!("{letter} looks like a space and is none in YAML");
    let help = "put plain spaces in its place";
    Some(Cause::new(span, message, help))
}

/// The colon of East Asian keyboards.
const WIDE_COLON: char = '\u{ff1a}';

/// The first character of a line, with its place and how often it stands there, that is no space where only one can stand:
/// in the indentation, or behind a colon, a dash or a comma; or no colon behind the name of a key.
fn strange(line: &str) -> Option<(usize, usize, char)> {
    let letters: Vec<char> = line.chars().collect();
    let blank = |c: char| c != '\t' && is_hidden(c);
    let at = (0..letters.len()).find(|&at| {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let indents = letters[..at].iter().all(|c| c.is_whitespace());
        let divides = before.is_none_or(|c| ":-,".contains(c));
        let names = |c: &char| c.is_ascii_alphanumeric() || "_- ".contains(*c);
        blank(letters[at]) && (indents || divides)
            || letters[at] == WIDE_COLON && letters[..at].iter().all(names)
    })?;
    let c = letters[at];
    let len = letters[at..].iter().take_while(|other| **other == c);
    Some((at, len.count(), c))
}

/// What the character at the marked place tells.
fn letter(said: &Said, lines: &[&str]) -> Option<Cause> {
    let text = line(lines, said.at.line);
    let found = text.chars().nth(said.at.column.checked_sub(1)?);
    let word = || -> String {
        let behind = text.chars().skip(said.at.column - 1);
        behind
            .take_while(|c| !c.is_whitespace() && !",]}".contains(*c))
            .collect()
    };
    let marked = |word: &str| Span {
        len: word.chars().count().max(1),
        ..said.at
    };
    if said.says(&["unknown anchor"]) {
        let word = word();
        let name = word.trim_start_matches('*');
        let message = format!("the alias `{word}` has no anchor `&{name}` before it");
        let help = format!("write the value itself, or `\"{word}\"` if it is text");
        return Some(Cause::new(marked(&word), message, help));
    }
    if said.says(&["indentation in flow"]) {
        let message = "a line inside brackets begins no deeper than the key that they belong to";
        return Some(Cause::new(
            said.at,
            message,
            "indent it further than that key",
        ));
    }
    match found {
        Some(',') if said.says(&["node content"]) => {
            let message = "nothing stands before this `,`";
            Some(Cause::new(said.at, message, "delete the `,`"))
        }
        Some(c @ ('|' | '>')) => {
            let message =
                format!("`{c}` begins a text that stands in the lines below, not behind it");
            let help = "write the text behind the colon, in quotes";
            Some(Cause::new(marked(&word()), message, help))
        }
        Some(c @ ('@' | '`' | '%' | '&' | '*' | '!' | '?' | ',' | ':' | '=' | '<' | '#'))
            if said.says(&["unexpected character", "anchor", "alias", "tag", "node"]) =>
        {
            let word = word();
            let message = format!("a value cannot begin with `{c}`");
            let help = format!("put it in quotes: `\"{}\"`", word.replace('"', ""));
            Some(Cause::new(marked(&word), message, help))
        }
        _ => None,
    }
}
