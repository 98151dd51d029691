//! One text of a spec, read and taken apart: a file, a template, an environment variable or a `--set` argument.
//! Keeps the limits on files and turns spans into places.

use super::limits::{MAX_BYTES, MAX_LINE};
use super::span::{Entry, Index, Span, join, scan};
use super::yaml::{self, Tree};
use crate::diag::{Code, Place, Problem};
use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
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

/// A layer: its text, its values, and where they stand.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) kind: LayerKind,
    /// How places call it.
    pub(crate) label: String,
    /// Folder that relative paths start from; none for a template.
    pub(crate) folder: Option<PathBuf>,
    lines: Arc<[String]>,
    pub(crate) tree: Vec<(String, Tree)>,
    index: Arc<Index>,
    /// (path in the layer, path at which its value was written), where these differ.
    moved: Vec<(String, String)>,
}

impl Source {
    /// Takes a file's text apart; `None` with the problems if nothing can be done with it.
    pub(crate) fn parse(
        kind: LayerKind,
        label: &str,
        folder: Option<PathBuf>,
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
        let unfit = source.control_character(&text);
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
        let nothing = !scan.index.contains_key("");
        match if nothing {
            Ok(Tree::Null)
        } else {
            yaml::from_text(&text)
        } {
            Ok(Tree::Map(tree)) => source.tree = tree,
            Ok(Tree::Null) => problems.push(empty()),
            Ok(other) => problems.push(
                Problem::new(
                    Code::WrongType,
                    format!("a spec is a mapping, found {}", other.describe()),
                )
                .at(scan.index.get("").map(|entry| source.at(entry.value)))
                .label("expected `key: value` lines"),
            ),
            Err(error) => problems.push(source.syntax(&error)),
        }
        source.index = Arc::new(scan.index);
        (!source.tree.is_empty()).then_some(source)
    }

    /// Takes an assignment apart: keys between `prefix` and `=`, divided by `separator`, then a YAML value.
    pub(crate) fn assignment(
        kind: LayerKind,
        label: &str,
        text: &str,
        (prefix, separator): (&str, &str),
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        let mut source = Self::empty(kind, label, None, text);
        let whole = Span {
            line: 1,
            column: 1,
            len: text.chars().count(),
        };
        let refuse =
            |message: String| Problem::new(Code::BadOverride, message).at(source.at(whole));
        let example =
            format!("write it as `{prefix}phases{separator}pretrain{separator}epochs=10`");
        let Some((keys, value)) = text
            .strip_prefix(prefix)
            .and_then(|rest| rest.split_once('='))
        else {
            problems.push(refuse(format!("`{text}` has no `=`")).help(example));
            return None;
        };
        let names: Vec<&str> = keys.split(separator).collect();
        if names.iter().any(|name| name.trim().is_empty()) || value.trim().is_empty() {
            let what = if value.trim().is_empty() {
                "value"
            } else {
                "name of a key"
            };
            problems.push(
                refuse(format!("`{text}` lacks a {what}")).help(format!("{example}; `~` deletes")),
            );
            return None;
        }
        if names == ["extends"] {
            problems.push(refuse("`extends` can only be written in a file".into()));
            return None;
        }
        let column = (
            text.len() - value.len(),
            text[..text.len() - value.len()].chars().count(),
        );
        let shift = |span: Span| match span.line {
            1 => Span {
                column: span.column + column.1,
                ..span
            },
            _ => span,
        };
        let scan = scan(value, &names.join("."), &|span| source.at(shift(span)));
        problems.extend(scan.problems);
        if scan.fatal {
            return None;
        }
        match yaml::from_text(value) {
            Ok(tree) => source.tree = nest(&names, tree),
            Err(error) => problems.push(source.syntax(&error)),
        }
        let shifted = |(path, entry)| (path, shifted(entry, &shift));
        source.index = Arc::new(scan.index.into_iter().map(shifted).collect());
        source.index_names(prefix, separator, &names);
        (!source.tree.is_empty()).then_some(source)
    }

    /// Gives each key of an assignment its place.
    fn index_names(&mut self, prefix: &str, separator: &str, names: &[&str]) {
        let mut column = 1 + prefix.chars().count();
        let mut path = String::new();
        for name in names {
            path = join(&path, name);
            let key = Span {
                line: 1,
                column,
                len: name.chars().count(),
            };
            let inner = Entry {
                key: None,
                value: key,
                container: true,
                quoted: false,
            };
            let index = Arc::make_mut(&mut self.index);
            index.entry(path.clone()).or_insert(inner).key = Some(key);
            column += key.len + separator.len();
        }
    }

    fn empty(kind: LayerKind, label: &str, folder: Option<PathBuf>, text: &str) -> Self {
        let lines = text.split('\n').map(str::to_owned).collect();
        Self {
            kind,
            label: label.to_owned(),
            folder,
            lines,
            tree: Vec::new(),
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
            tree,
            moved,
            ..self.clone()
        }
    }

    /// The path at which the value of a path was written.
    fn written<'a>(&self, path: &'a str) -> Cow<'a, str> {
        let inside = |to: &str| match path.strip_prefix(to) {
            Some(rest) if to.is_empty() || rest.is_empty() || rest.starts_with('.') => Some(rest),
            _ => None,
        };
        let found = self
            .moved
            .iter()
            .rev()
            .find_map(|(to, from)| Some((to, from, inside(to)?)));
        match found {
            None => path.into(),
            Some((to, from, rest)) if to.is_empty() && !rest.is_empty() => join(from, rest).into(),
            Some((_, from, rest)) => format!("{from}{rest}").into(),
        }
    }

    /// The place of a span, cut at the end of its line.
    fn at(&self, span: Span) -> Place {
        let line_text = self
            .lines
            .get(span.line.wrapping_sub(1))
            .cloned()
            .unwrap_or_default();
        let rest = line_text
            .trim_end()
            .chars()
            .count()
            .saturating_sub(span.column - 1);
        let len = span.len.min(rest).max(1);
        Place {
            file: self.label.clone(),
            line: span.line,
            column: span.column,
            len,
            line_text,
        }
    }

    /// The entry of a path, or of the nearest path above it that was written here.
    fn entry(&self, path: &str) -> Option<(&Entry, bool)> {
        let written = self.written(path);
        let mut path = written.as_ref();
        let mut exact = true;
        loop {
            if let Some(entry) = self.index.get(path) {
                return Some((entry, exact));
            }
            exact = false;
            path = match path.rsplit_once('.') {
                Some((parent, _)) => parent,
                None if path.is_empty() => return None,
                None => "",
            };
        }
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

    /// Whether the value at a path is text in quotes.
    pub(crate) fn is_quoted(&self, path: &str) -> bool {
        self.entry(path)
            .is_some_and(|(entry, exact)| exact && entry.quoted)
    }

    /// The whole text of an assignment.
    pub(crate) fn first_line(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }

    fn syntax(&self, error: &yaml::YamlError) -> Problem {
        let at = error.at.map(|(line, column)| {
            self.at(Span {
                line,
                column,
                len: 1,
            })
        });
        Problem::new(Code::Syntax, format!("not valid YAML: {}", error.message)).at(at)
    }

    /// YAML allows no control characters but tab and line ends.
    fn control_character(&self, text: &str) -> Option<Problem> {
        let (line, column, c) = text.split('\n').enumerate().find_map(|(i, line)| {
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
        let long = |line: &String| line.len() > MAX_LINE && line.chars().count() > MAX_LINE;
        let at = self.lines.iter().position(long)?;
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

fn shifted(entry: Entry, shift: &dyn Fn(Span) -> Span) -> Entry {
    Entry {
        key: entry.key.map(shift),
        value: shift(entry.value),
        ..entry
    }
}

/// `a.b.c` and a value as nested mappings.
pub(crate) fn nest(names: &[&str], value: Tree) -> Vec<(String, Tree)> {
    let mut tree = value;
    for name in names.iter().skip(1).rev() {
        tree = Tree::Map(vec![((*name).to_owned(), tree)]);
    }
    vec![(names[0].to_owned(), tree)]
}

/// Reads a spec file: regular files only, at most 1 MiB, UTF-8.
pub(crate) fn read(path: &Path) -> Result<String, Box<Problem>> {
    let shown = path.display();
    let refuse = |code, message: String| Box::new(Problem::new(code, message));
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            refuse(Code::NotFound, format!("there is no file `{shown}`"))
        }
        _ => refuse(Code::Unreadable, format!("cannot read `{shown}`: {error}")),
    };
    // Asked before opening: opening a FIFO would wait for a writer.
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        let what = if about.is_dir() {
            "a folder"
        } else {
            "not a regular file"
        };
        return Err(refuse(Code::NotAFile, format!("`{shown}` is {what}")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(
            Code::TooLarge,
            format!("`{shown}` is larger than 1 MiB"),
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let why = format!("the byte at offset {at} is not part of a character; save it as UTF-8");
        refuse(Code::NotUtf8, format!("`{shown}` is not UTF-8: {why}"))
    })
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
    fn an_assignment_has_a_place_for_each_of_its_keys() {
        let mut problems = Vec::new();
        let form = ("SUPCON_SET__", "__");
        let text = "SUPCON_SET__a__b={c: 1}";
        let source = Source::assignment(
            LayerKind::Environment,
            "environment",
            text,
            form,
            &mut problems,
        );
        let source = source.expect("a source");
        let at = |place: Option<Place>| place.map(|p| (p.column, p.len));
        assert_eq!(at(source.key_place("a")), Some((13, 1)));
        assert_eq!(at(source.key_place("a.b")), Some((16, 1)));
        assert_eq!(at(source.value_place("a.b.c")), Some((22, 1)));
        assert!(problems.is_empty());
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
