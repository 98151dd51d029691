//! Quotes and brackets that are never closed, close nothing, or have text behind them: a walk over the text that knows only
//! what opens and closes, and goes on where a parser gives up.

use super::{Cause, Said};
use crate::spec::index::Span;

/// The first fault of quotes and brackets that can be behind what the parser said.
pub(super) fn fault(said: &Said, lines: &[&str]) -> Option<Cause> {
    let mut walk = Walk {
        lines,
        at: said.at.line,
        open: Vec::new(),
        row: 0,
        column: 0,
    };
    walk.all().filter(|cause| cause.span.line <= said.at.line)
}

struct Walk<'a> {
    lines: &'a [&'a str],
    /// Line that the parser marks.
    at: usize,
    /// Brackets that are open, with their places.
    open: Vec<(char, Span)>,
    /// Line and column of the next letter, from 0.
    row: usize,
    column: usize,
}

/// The bracket that closes another.
fn closing(open: char) -> char {
    if open == '{' { '}' } else { ']' }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether a line begins like an entry of a section: with a key or a `-`.
fn begins_entry(line: &str) -> bool {
    let text = line.trim_start();
    let key = text
        .split_once(':')
        .filter(|(_, rest)| rest.is_empty() || rest.starts_with(' '));
    let named = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    text.starts_with("- ") || key.is_some_and(|(key, _)| !key.is_empty() && key.chars().all(named))
}

impl Walk<'_> {
    fn span(&self, len: usize) -> Span {
        Span {
            line: self.row + 1,
            column: self.column + 1,
            len,
        }
    }

    fn all(&mut self) -> Option<Cause> {
        // Lines below a `|` or `>` are text as long as they stand deeper than this.
        let mut block: Option<usize> = None;
        while let Some(line) = self.lines.get(self.row).copied() {
            let blank = line.trim().is_empty();
            if block.is_some_and(|above| blank || indent(line) > above) {
                self.row += 1;
                continue;
            }
            block = None;
            if let Some(cause) = self.never_closed_above(line) {
                return Some(cause);
            }
            let letters: Vec<char> = line.chars().collect();
            let begun = self.row;
            match self.line(&letters) {
                Ok(true) => block = Some(indent(line)),
                Ok(false) => {}
                Err(cause) => return Some(cause),
            }
            // A text in quotes may have led to a later line, where the rest of that line is still to be read.
            if self.row == begun {
                self.row += 1;
                self.column = 0;
            }
        }
        self.open.pop().map(|(open, span)| unclosed(open, span, ""))
    }

    /// An entry that stands no deeper than the line which opened a bracket shows that the bracket is never closed.
    fn never_closed_above(&mut self, line: &str) -> Option<Cause> {
        let &(open, span) = self.open.last()?;
        let opener = self.lines.get(span.line - 1).copied().unwrap_or("");
        let ended = span.line <= self.row && indent(line) <= indent(opener) && begins_entry(line);
        (ended && self.column == 0).then(|| unclosed(open, span, ""))
    }

    /// Reads the rest of a line; whether it ends with the `|` or `>` of a text in the lines below.
    fn line(&mut self, letters: &[char]) -> Result<bool, Cause> {
        // Whether a value or key may begin here.
        let mut fresh = true;
        let mut closed: Option<char> = None;
        while let Some(&c) = letters.get(self.column) {
            let before = self.column.checked_sub(1).map(|at| letters[at]);
            let next = letters.get(self.column + 1).copied();
            let spaced = next.is_none_or(char::is_whitespace);
            if c == '#' && before.is_none_or(char::is_whitespace) {
                return Ok(false);
            }
            if let Some(end) = closed.filter(|_| !c.is_whitespace() && c != ':') {
                return Err(self.behind(letters, end));
            }
            match c {
                c if c.is_whitespace() => {}
                '\'' | '"' if fresh => {
                    let row = self.row;
                    self.quoted(letters, c)?;
                    if self.row != row {
                        return Ok(false);
                    }
                    fresh = false;
                    continue;
                }
                '[' | '{' if fresh || !self.open.is_empty() => {
                    self.open.push((c, self.span(1)));
                    fresh = true;
                }
                ']' | '}' if fresh || !self.open.is_empty() => {
                    self.close(c)?;
                    fresh = false;
                    closed = self.open.is_empty().then_some(c);
                }
                ',' if !self.open.is_empty() => fresh = true,
                ':' if spaced => {
                    fresh = true;
                    closed = None;
                }
                '-' if fresh && spaced => {}
                // The value of an anchor or a tag comes behind it.
                '&' | '!' if fresh => {
                    let word = letters[self.column..].iter();
                    self.column += word.take_while(|c| !c.is_whitespace()).count();
                    continue;
                }
                '|' | '>' if fresh && self.open.is_empty() => return Ok(true),
                _ => fresh = false,
            }
            self.column += 1;
        }
        Ok(false)
    }

    fn close(&mut self, c: char) -> Result<(), Cause> {
        match self.open.last() {
            Some((open, _)) if closing(*open) == c => {
                self.open.pop();
                Ok(())
            }
            Some(&(open, span)) if self.open.iter().any(|(open, _)| closing(*open) == c) => {
                let before = if c == '}' {
                    " before the `}`"
                } else {
                    " before the `]`"
                };
                Err(unclosed(open, span, before))
            }
            _ => {
                let open = if c == '}' { '{' } else { '[' };
                let message = format!("this `{c}` closes nothing");
                let help = format!("delete it, or open it with `{open}`");
                Err(Cause::new(self.span(1), message, help))
            }
        }
    }

    /// What stands behind the bracket that ends a value.
    fn behind(&self, letters: &[char], end: char) -> Cause {
        let rest: String = letters[self.column..].iter().collect();
        let text = rest.split(" #").next().unwrap_or(&rest).trim_end();
        let len = text.chars().count();
        if let ']' | '}' = letters[self.column] {
            let message = format!("this `{}` closes nothing", letters[self.column]);
            return Cause::new(self.span(1), message, "delete it");
        }
        let message = format!("`{text}` stands behind the `{end}` that ends the value");
        Cause::new(self.span(len), message, "delete it")
    }

    /// Reads a text in quotes, which begins at the next letter and may go on in further lines.
    fn quoted(&mut self, letters: &[char], quote: char) -> Result<(), Cause> {
        let span = self.span(1);
        let mut owned: Vec<char>;
        let mut letters = letters;
        self.column += 1;
        loop {
            match letters.get(self.column) {
                None => {
                    let Some(next) = self.lines.get(self.row + 1) else {
                        return Err(open_quote(span, quote));
                    };
                    self.row += 1;
                    self.column = 0;
                    owned = next.chars().collect();
                    letters = &owned;
                    continue;
                }
                Some('\\') if quote == '"' => self.column += 1,
                Some(c) if *c == quote => {
                    let doubled = quote == '\'' && letters.get(self.column + 1) == Some(&quote);
                    if !doubled {
                        break;
                    }
                    self.column += 1;
                }
                Some(_) => {}
            }
            self.column += 1;
        }
        self.column += 1;
        // Of several lines, it is most likely open where it began, and the quote that closed it begins another text.
        if span.line <= self.row && (span.line..=self.row + 1).contains(&self.at) {
            return Err(open_quote(span, quote));
        }
        let mut rest = letters[self.column.min(letters.len())..].iter();
        let gap = rest.clone().take_while(|c| c.is_whitespace()).count();
        let fits = match rest.find(|c| !c.is_whitespace()) {
            None | Some(':') => true,
            Some('#') => gap > 0,
            Some(c) => !self.open.is_empty() && ",]}".contains(*c),
        };
        if fits || self.row + 1 != self.at {
            return Ok(());
        }
        let message = "text stands behind the quote that closes a text";
        let help = if quote == '\'' {
            "write `''` for a quote inside single quotes"
        } else {
            "write `\\\"` for a quote inside double quotes"
        };
        self.column += gap;
        Err(Cause::new(self.span(1), message, help))
    }
}

fn unclosed(open: char, span: Span, before: &str) -> Cause {
    let message = format!("the `{open}` is never closed");
    let help = format!("close it with `{}`{before}", closing(open));
    Cause::new(span, message, help).label("opened here")
}

fn open_quote(span: Span, quote: char) -> Cause {
    let message = format!("the quote {quote} is never closed");
    let help = format!("close it with {quote} at the end of the text");
    Cause::new(span, message, help).label("opened here")
}
