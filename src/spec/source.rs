//! One text of a spec, taken apart: a file or a template here, single values in `assignment`. Turns spans into places.
//! Cheap to clone: every point of a sweep holds all layers.

use super::index::{Entry, Index, Span, is_within, join_paths};
use super::limits::MAX_LINE;
use super::span::scan;
use super::yaml::{self, Tree};
use crate::diag::{Code, Place, Problem};
use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// Which layer a value came from, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LayerKind {
    /// Default of the language.
    Default,
    /// A template inside the program.
    Template,
    /// A file that the spec extends.
    Base,
    /// The spec itself.
    File,
    /// The section of a file that `--profile` names.
    Profile,
    /// A `SUPCON_SET__` variable.
    Environment,
    /// A `--set` argument.
    Set,
    /// One point of a sweep.
    Sweep,
}

impl LayerKind {
    /// What it is called.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Template => "template",
            Self::Base => "base",
            Self::File => "file",
            Self::Profile => "profile",
            Self::Environment => "environment",
            Self::Set => "set",
            Self::Sweep => "sweep",
        }
    }
}

/// A layer: its text, its values, and where they stand.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) kind: LayerKind,
    /// How places call it.
    pub(crate) label: Arc<str>,
    /// Folder that relative paths start from: that of the file, the current one of an assignment, none of a template.
    pub(crate) folder: Option<Arc<Path>>,
    text: Arc<Text>,
    pub(crate) tree: Arc<Vec<(String, Tree)>>,
    pub(super) index: Arc<Index>,
    /// (path in the layer, path at which its value was written), where these differ.
    moved: Vec<(String, String)>,
}

/// A text and where its lines begin.
#[derive(Debug)]
struct Text {
    text: String,
    starts: Vec<usize>,
}

impl Text {
    fn new(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            starts: starts.collect(),
            text: text.to_owned(),
        }
    }

    /// A line without its end, from 1; empty if there is none.
    fn line(&self, number: usize) -> &str {
        let Some(&start) = self.starts.get(number.wrapping_sub(1)) else {
            return "";
        };
        let end = self
            .starts
            .get(number)
            .map_or(self.text.len(), |end| end - 1);
        &self.text[start..end]
    }

    fn lines(&self) -> impl Iterator<Item = &str> {
        (1..=self.starts.len()).map(|number| self.line(number))
    }
}

impl Source {
    /// Takes a file's text apart; `None` with the problems if nothing can be done with it.
    pub(crate) fn parse(
        kind: LayerKind,
        label: &str,
        folder: Option<&Path>,
        text: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        // Both parsers count the same lines if there is one kind of line end.
        let text = text
            .strip_prefix('\u{feff}')
            .unwrap_or(text)
            .replace("\r\n", "\n")
            .replace('\r', "\n");
        let mut source = Self::empty(kind, label, folder, &text);
        let unfit = source.control_character();
        if let Some(problem) = unfit.or_else(|| source.long_line()) {
            problems.push(problem);
            return None;
        }
        let scan = scan(&text, "", &|span| source.at(span));
        problems.extend(scan.problems);
        if scan.fatal {
            return None;
        }
        let empty = || {
            Problem::new(Code::Empty, format!("`{label}` holds no spec"))
                .help("begin with `supcon new NAME`; a spec has `name`, `seeds`, `data`, `encoder` and `phases`")
        };
        let nothing = scan.index.get("").is_none();
        match if nothing {
            Ok(Tree::Null)
        } else {
            yaml::from_text(&text)
        } {
            Ok(Tree::Map(tree)) => source.tree = tree.into(),
            Ok(Tree::Null) => problems.push(empty()),
            Ok(other) => problems.push(
                Problem::new(
                    Code::WrongType,
                    format!("a spec is a mapping, found {}", other.describe()),
                )
                .at(scan.index.get("").map(|entry| source.at(entry.value)))
                .label("expected `key: value` lines")
                .help("begin with `supcon new NAME`, which writes one to change"),
            ),
            Err(error) => problems.push(source.syntax(&error)),
        }
        source.index = Arc::new(scan.index);
        (!source.tree.is_empty()).then_some(source)
    }

    pub(super) fn empty(kind: LayerKind, label: &str, folder: Option<&Path>, text: &str) -> Self {
        Self {
            kind,
            label: label.into(),
            folder: folder.map(Into::into),
            text: Arc::new(Text::new(text)),
            tree: Arc::default(),
            index: Arc::default(),
            moved: Vec::new(),
        }
    }

    /// A layer of its own from a part of this text: the value that was written at `from` stands at `to`.
    pub(crate) fn part(
        &self,
        kind: LayerKind,
        tree: Vec<(String, Tree)>,
        to: &str,
        from: &str,
    ) -> Self {
        let mut moved = self.moved.clone();
        moved.push((to.to_owned(), self.written(from).into_owned()));
        Self {
            kind,
            label: self.label.clone(),
            folder: self.folder.clone(),
            text: self.text.clone(),
            tree: tree.into(),
            index: self.index.clone(),
            moved,
        }
    }

    /// The path at which the value of a path was written.
    fn written<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let mut moves = self.moved.iter().rev();
        match moves.find(|(to, _)| is_within(path, to)) {
            None => path.into(),
            Some((to, from)) => {
                let rest = path[to.len()..].trim_start_matches('.');
                join_paths(from, rest).into()
            }
        }
    }

    /// The place of a span, cut at the end of its line.
    pub(super) fn at(&self, span: Span) -> Place {
        let line_text = self.text.line(span.line).to_owned();
        let rest = line_text
            .trim_end()
            .chars()
            .count()
            .saturating_sub(span.column - 1);
        let len = span.len.min(rest).max(1);
        // The parser marks a text in quotes with all that follows it, a comment too.
        let len = quoted(&line_text, span.column).map_or(len, |quoted| len.min(quoted));
        Place {
            file: self.label.to_string(),
            line: span.line,
            column: span.column,
            len,
            line_text,
        }
    }

    /// The entry of a path, or of the nearest path above it that was written here.
    fn entry(&self, path: &str) -> Option<(&Entry, bool)> {
        self.index.nearest(&self.written(path))
    }

    /// Where the value at a path was written; for a list or mapping, where its key was.
    pub(crate) fn value_place(&self, path: &str) -> Option<Place> {
        let (entry, _) = self.entry(path)?;
        let span = match entry.key {
            Some(key) if entry.container || entry.value.len == 0 => key,
            None if entry.container => Span {
                len: 1,
                ..entry.value
            },
            _ => entry.value,
        };
        Some(self.at(span))
    }

    /// Where the key at a path was written.
    pub(crate) fn key_place(&self, path: &str) -> Option<Place> {
        let (entry, _) = self.entry(path)?;
        Some(self.at(entry.key.unwrap_or(entry.value)))
    }

    /// Whether a place is that of the value which a layer was made from: a part of another text.
    pub(crate) fn wrote(&self, place: &Place) -> bool {
        let mut parts = self.moved.iter();
        parts.any(|(to, _)| {
            let own = [self.value_place(to), self.key_place(to)];
            own.iter().flatten().any(|own| own == place)
        })
    }

    /// Whether a layer that was made from a part of another text begins at this path.
    pub(crate) fn is_part(&self, path: &str) -> bool {
        self.moved.last().is_some_and(|(to, _)| to == path)
    }

    /// Whether the value at a path is text in quotes.
    pub(crate) fn is_quoted(&self, path: &str) -> bool {
        self.entry(path)
            .is_some_and(|(entry, exact)| exact && entry.quoted)
    }

    /// Whether the key at a path has nothing behind its colon.
    pub(crate) fn is_blank(&self, path: &str) -> bool {
        self.entry(path)
            .is_some_and(|(entry, exact)| exact && entry.value.len == 0)
    }

    /// The whole text of an assignment.
    pub(crate) fn first_line(&self) -> &str {
        self.text.line(1)
    }

    pub(super) fn syntax(&self, error: &yaml::YamlError) -> Problem {
        let at = error.at.map(|(line, column)| {
            self.at(Span {
                line,
                column,
                len: 1,
            })
        });
        Problem::new(Code::Syntax, format!("not valid YAML: {}", error.message))
            .at(at)
            .help("look at the marked place and the line above it")
    }

    /// YAML allows no control characters but tab and line ends.
    fn control_character(&self) -> Option<Problem> {
        let unusual = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n') || byte >= 0x7f;
        if !self.text.text.bytes().any(unusual) {
            return None;
        }
        let (line, column, c) = self.text.lines().enumerate().find_map(|(i, line)| {
            let found = line
                .chars()
                .enumerate()
                .find(|(_, c)| c.is_control() && *c != '\t');
            found.map(|(column, c)| (i + 1, column + 1, c))
        })?;
        let message = format!("the control character U+{:04X} in a spec", u32::from(c));
        Some(
            Problem::new(Code::Syntax, message)
                .at(self.at(Span {
                    line,
                    column,
                    len: 1,
                }))
                .help("delete it"),
        )
    }

    fn long_line(&self) -> Option<Problem> {
        let long = |line: &str| line.len() > MAX_LINE && line.chars().count() > MAX_LINE;
        let at = self.text.lines().position(long)?;
        let message = format!("a line of more than {MAX_LINE} characters");
        let place = self.at(Span {
            line: at + 1,
            column: MAX_LINE + 1,
            len: 1,
        });
        let help = "break the line: a value in brackets may go on in the next one";
        Some(Problem::new(Code::TooLarge, message).at(place).help(help))
    }
}

/// Length of the text in quotes that begins at a column of a line, with its quotes, if it ends in that line.
fn quoted(line: &str, column: usize) -> Option<usize> {
    let mut chars = line.chars().skip(column - 1).enumerate().peekable();
    let (_, quote) = chars.next().filter(|(_, c)| matches!(c, '"' | '\''))?;
    while let Some((at, c)) = chars.next() {
        let doubled = c == '\'' && quote == c && chars.peek().is_some_and(|(_, next)| *next == c);
        if doubled || c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            return Some(at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Option<Source>, Vec<Problem>) {
        let mut problems = Vec::new();
        let source = Source::parse(LayerKind::File, "f.yaml", None, text, &mut problems);
        (source, problems)
    }

    #[test]
    fn places_are_of_values_keys_or_the_nearest_above() {
        let source = parsed("a: {b: [x, 'y z']}\nc:\n").0.expect("a source");
        let at = |place: Option<Place>| place.map(|p| (p.line, p.column, p.len));
        assert_eq!(at(source.value_place("a.b.1")), Some((1, 12, 5)));
        assert_eq!(at(source.value_place("a.b")), Some((1, 5, 1)));
        assert_eq!(at(source.value_place("a.b.7.x")), Some((1, 5, 1)));
        assert_eq!(at(source.value_place("c")), Some((2, 1, 1)));
        assert!(source.is_quoted("a.b.1") && !source.is_quoted("a.b.0"));
    }

    #[test]
    fn a_text_in_quotes_ends_with_its_quote() {
        let text =
            "a: 'x''y'   # why\n\"b\" : \"y\\\"z\"  # 'c'\nd: ['e' , \"f\"]  # g\nh: \"i\n  j\"\n";
        let source = parsed(text).0.expect("a source");
        let at = |place: Option<Place>| place.map(|p| (p.line, p.column, p.len));
        assert_eq!(at(source.value_place("a")), Some((1, 4, 6)));
        assert_eq!(at(source.key_place("b")), Some((2, 1, 3)));
        assert_eq!(at(source.value_place("b")), Some((2, 7, 6)));
        assert_eq!(at(source.value_place("d.0")), Some((3, 5, 3)));
        assert_eq!(at(source.value_place("d.1")), Some((3, 11, 3)));
        assert_eq!(at(source.value_place("h")), Some((4, 4, 2)));
    }

    #[test]
    fn what_an_alias_stands_for_is_where_its_anchor_is() {
        let text = "a: &x {b: 1, c: &y [2, 3]}\nd: *x\ne: {f: *y}\n";
        let source = parsed(text).0.expect("a source");
        let at = |place: Option<Place>| place.map(|p| (p.line, p.column));
        assert_eq!(at(source.value_place("d")), Some((2, 4)));
        assert_eq!(at(source.key_place("d.b")), Some((1, 8)));
        assert_eq!(at(source.value_place("d.c.1")), Some((1, 24)));
        assert_eq!(at(source.value_place("e.f.0")), Some((1, 21)));
        assert_eq!(at(source.value_place("d.none")), Some((1, 1)));
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "",
            ":",
            "a: b: c",
            "- - ? x",
            "&a *a",
            "{",
            "\u{7f}",
            "a: |\n  b\n",
            "? \n: \n",
            "%YAML 9\n---\na",
            "\"\\",
            "a: \u{85}b: \u{2028}c",
        ] {
            let (source, problems) = parsed(text);
            assert!(source.is_some() || !problems.is_empty(), "{text:?}");
        }
    }
}
