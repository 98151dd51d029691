//! The one file that knows the event-level YAML crate: where each key and value of a text stands, by key path.
//! It also refuses what must not reach the value parser: `refuse` says how.

mod refuse;

use super::index::{Entry, Index, Span, join};
use super::limits::{MAX_DEPTH, MAX_DUPLICATES, MAX_PATHS, Size};
use crate::diag::{Code, Place, Problem};
use refuse::too_deep;
use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks};
use std::collections::HashMap;

impl From<Marks> for Span {
    fn from(marks: Marks) -> Self {
        let one_line = marks.start.line() == marks.end.line();
        // A value of several lines is marked to the end of its first; `Source` cuts it there.
        let len = if one_line {
            marks.end.col().saturating_sub(marks.start.col())
        } else {
            usize::MAX
        };
        Self {
            line: marks.start.line(),
            column: marks.start.col() + 1,
            len,
        }
    }
}

/// One event handled, or the reason to stop.
type Step = Result<(), Box<Problem>>;

/// What a scan found.
pub(crate) struct Scan {
    pub(crate) index: Index,
    pub(crate) problems: Vec<Problem>,
    /// The text must not be given to the value parser.
    pub(crate) fatal: bool,
}

/// Walks the events of `text`; `place` turns a span into a place of the file; paths begin with `prefix`.
pub(crate) fn scan(text: &str, prefix: &str, place: &dyn Fn(Span) -> Place) -> Scan {
    let mut scanner = Scanner {
        scan: Scan {
            index: Index::default(),
            problems: Vec::new(),
            fatal: false,
        },
        place,
        path: prefix.to_owned(),
        last: prefix.to_owned(),
        frames: Vec::new(),
        anchors: HashMap::new(),
        size: Size::default(),
        path_bytes: 0,
        documents: 0,
    };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = match event {
            Ok((event, marks)) => scanner.on_event(event, marks.into()),
            Err(error) => Err(Box::new(scanner.unreadable(&error, text))),
        };
        if let Err(problem) = step {
            scanner.scan.problems.push(*problem);
            scanner.scan.fatal = true;
            break;
        }
    }
    scanner.scan
}

/// An open list or mapping.
struct Frame {
    /// Length of the path of the container itself.
    path_len: usize,
    anchor: usize,
    /// `size` when it was opened.
    opened_at: Size,
    kind: FrameKind,
}

enum FrameKind {
    List {
        next: usize,
    },
    Map {
        seen: HashMap<String, Span>,
        key: Option<(String, Span)>,
    },
}

/// What kind of value stands at a place.
#[derive(Clone, Copy)]
enum Shape {
    Scalar { quoted: bool },
    Alias { anchor: usize },
    Container,
}

struct Scanner<'a> {
    scan: Scan,
    place: &'a dyn Fn(Span) -> Place,
    path: String,
    /// Path of the value that was read last.
    last: String,
    frames: Vec<Frame>,
    /// What an anchor stands for, itself included, and the number of its path.
    anchors: HashMap<usize, (Size, usize)>,
    /// All that was read, aliases with what they stand for.
    size: Size,
    /// Length of all paths in the index.
    path_bytes: usize,
    documents: usize,
}

impl Scanner<'_> {
    fn on_event(&mut self, event: Event<'_>, span: Span) -> Step {
        match event {
            Event::DocumentStart(_) => self.document(span),
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                let size = Size::of(text.len());
                self.count(size, span)?;
                if self.wants_key() {
                    self.key(&text, quoted, span)
                } else {
                    self.value(span, Shape::Scalar { quoted })
                }?;
                self.anchored(anchor, size);
                Ok(())
            }
            Event::Alias(anchor) => {
                let Some(&(size, anchor)) = self.anchors.get(&anchor) else {
                    let text = "an alias stands inside its own anchor";
                    return Err(Box::new(
                        self.problem(Code::AliasLimit, text, span)
                            .help("write the value out"),
                    ));
                };
                self.count(size, span)?;
                if self.wants_key() {
                    Err(Box::new(self.complex_key(span)))
                } else {
                    self.value(span, Shape::Alias { anchor })
                }
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                self.open(FrameKind::List { next: 0 }, anchor, span)
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_tag(tag.is_some(), span)?;
                self.open(
                    FrameKind::Map {
                        seen: HashMap::new(),
                        key: None,
                    },
                    anchor,
                    span,
                )
            }
            Event::SequenceEnd | Event::MappingEnd => {
                self.close();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn document(&mut self, span: Span) -> Step {
        self.documents += 1;
        if self.documents > 1 {
            return Err(Box::new(
                self.problem(Code::Syntax, "a second document begins here", span)
                    .help("write one spec a file, without further `---` lines"),
            ));
        }
        Ok(())
    }

    /// Keeps a problem behind which others can be found; the text has no values.
    fn keep(&mut self, problem: Problem) -> Step {
        self.scan.fatal = true;
        if self.scan.problems.len() + 1 >= MAX_DUPLICATES {
            return Err(Box::new(problem));
        }
        self.scan.problems.push(problem);
        Ok(())
    }

    fn wants_key(&self) -> bool {
        matches!(
            self.frames.last(),
            Some(Frame {
                kind: FrameKind::Map { key: None, .. },
                ..
            })
        )
    }

    fn key(&mut self, text: &str, quoted: bool, span: Span) -> Step {
        if text == "<<" && !quoted {
            let problem = self.merge_key(span);
            self.keep(problem)?;
        }
        let path = self.path.clone();
        let Some(Frame {
            kind: FrameKind::Map { seen, key },
            ..
        }) = self.frames.last_mut()
        else {
            return Ok(());
        };
        *key = Some((text.to_owned(), span));
        if let Some(&first) = seen.get(text) {
            let problem = self.duplicate(text, &path, span, first);
            if self.scan.problems.len() + 1 >= MAX_DUPLICATES {
                return Err(Box::new(problem));
            }
            self.scan.problems.push(problem);
        } else {
            seen.insert(text.to_owned(), span);
        }
        Ok(())
    }

    /// Files a value under its path, which is left in `self.path` for a container.
    fn value(&mut self, span: Span, shape: Shape) -> Step {
        let before = self.path.len();
        let mut key_span = None;
        match self.frames.last_mut().map(|frame| &mut frame.kind) {
            Some(FrameKind::List { next }) => {
                self.path = join(&self.path, &next.to_string());
                *next += 1;
            }
            Some(FrameKind::Map { key, .. }) => {
                if let Some((name, span)) = key.take() {
                    self.path = join(&self.path, &name);
                    key_span = Some(span);
                }
            }
            None => {}
        }
        let container = matches!(shape, Shape::Container);
        let entry = Entry {
            key: key_span,
            value: span,
            container,
            quoted: matches!(shape, Shape::Scalar { quoted: true }),
            alias: match shape {
                Shape::Alias { anchor } => Some(anchor),
                _ => None,
            },
        };
        self.path_bytes = self.path_bytes.saturating_add(self.path.len());
        if self.path_bytes > MAX_PATHS {
            let text =
                format!("the keys, each with the path to it, are more than {MAX_PATHS} bytes");
            return Err(Box::new(
                self.problem(Code::TooLarge, &text, span)
                    .help("use shorter keys"),
            ));
        }
        self.scan.index.insert(&self.path, entry);
        if !container {
            self.last.clone_from(&self.path);
            self.path.truncate(before);
        }
        Ok(())
    }

    fn open(&mut self, kind: FrameKind, anchor: usize, span: Span) -> Step {
        if self.wants_key() {
            return Err(Box::new(self.complex_key(span)));
        }
        if self.frames.len() >= MAX_DEPTH {
            return Err(Box::new(too_deep().at((self.place)(span))));
        }
        let opened_at = self.size;
        self.count(Size::of(0), span)?;
        let path_len = self.path.len();
        self.value(span, Shape::Container)?;
        self.frames.push(Frame {
            path_len,
            anchor,
            opened_at,
            kind,
        });
        Ok(())
    }

    fn close(&mut self) {
        if let Some(frame) = self.frames.pop() {
            if frame.anchor > 0 {
                self.last.clone_from(&self.path);
                self.anchored(frame.anchor, self.size.since(frame.opened_at));
            }
            self.path.truncate(frame.path_len);
        }
    }

    /// Notes what the value that was read last stands for, if it has an anchor.
    fn anchored(&mut self, anchor: usize, size: Size) {
        if anchor > 0 {
            let number = self.scan.index.anchor(self.last.clone());
            self.anchors.insert(anchor, (size, number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(text: &str) -> Scan {
        let place = |s: Span| Place {
            file: "f".into(),
            line: s.line,
            column: s.column,
            len: s.len,
            line_text: String::new(),
        };
        scan(text, "", &place)
    }

    fn codes(text: &str) -> Vec<&'static str> {
        scanned(text)
            .problems
            .iter()
            .map(|p| p.code.as_str())
            .collect()
    }

    #[test]
    fn keys_and_values_are_found_by_path() {
        let index = scanned("a: 1\nb:\n  c: [x, {d: 'e'}]  # note\n").index;
        assert_eq!(
            index.get("a").unwrap().value,
            Span {
                line: 1,
                column: 4,
                len: 1
            }
        );
        assert_eq!(
            index.get("b.c").unwrap().key,
            Some(Span {
                line: 3,
                column: 3,
                len: 1
            })
        );
        assert_eq!(
            index.get("b.c.0").unwrap().value,
            Span {
                line: 3,
                column: 7,
                len: 1
            }
        );
        assert_eq!(
            index.get("b.c.1.d").unwrap().value,
            Span {
                line: 3,
                column: 14,
                len: 3
            }
        );
        assert!(index.get("b.c.1.d").unwrap().quoted && index.get("b.c").unwrap().container);
    }

    #[test]
    fn duplicate_keys_show_both_lines() {
        let problems = scanned("a: 1\nb: {c: 1, c: 2}\na: 2\n").problems;
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[1].place.as_ref().map(|p| p.line), Some(3));
        assert_eq!(problems[1].related.as_ref().map(|(p, _)| p.line), Some(1));
    }

    #[test]
    fn bombs_are_refused_quickly() {
        let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
        for i in 1..10 {
            let item = format!("*a{}", i - 1);
            laughs += &format!("a{i}: &a{i} [{}]\n", [item.as_str(); 9].join(", "));
        }
        assert_eq!(codes(&laughs), ["alias-limit"]);
        assert_eq!(codes(&"[".repeat(10_000)), ["too-deep"]);
        assert_eq!(codes(&"- ".repeat(10_000)), ["too-deep"]);
        assert_eq!(codes("a: &x [*x]"), ["alias-limit"]);
        assert_eq!(
            codes(&format!("[{}]", "1,".repeat(200_000))),
            ["alias-limit"]
        );
    }

    #[test]
    fn small_texts_that_would_fill_the_memory_are_refused() {
        let long = "y".repeat(500_000);
        let text = format!("a: &a {long}\nb: [{}]", "*a, ".repeat(20));
        assert_eq!(codes(&text), ["alias-limit"]);
        let text = format!("? {long}\n: [{}]", "1, ".repeat(20));
        assert_eq!(codes(&text), ["too-large"]);
        let equal = "k: 1\n".repeat(4_000);
        assert_eq!(codes(&equal).len(), MAX_DUPLICATES);
    }

    #[test]
    fn tags_merge_keys_and_complex_keys_are_refused() {
        assert_eq!(codes("a: !!str 1"), ["tag"]);
        assert_eq!(codes("a: !x [1]"), ["tag"]);
        assert_eq!(codes("a: &b {c: 1}\nd: {<<: *b}"), ["merge-key"]);
        assert_eq!(
            codes("a: !x 1\nb: &c {<<: 1, <<: 2}\nd: !!str 3\na: 4"),
            [
                "tag",
                "merge-key",
                "merge-key",
                "duplicate-key",
                "tag",
                "duplicate-key"
            ]
        );
        assert_eq!(codes("? [a]\n: 1"), ["complex-key"]);
        assert_eq!(codes("a: 1\n---\nb: 2"), ["syntax"]);
        assert_eq!(codes("a: [1"), ["syntax"]);
    }
}
