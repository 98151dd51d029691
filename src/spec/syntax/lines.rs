//! Keys without a colon, dashes without a space, entries in the wrong column: what single lines of a text tell.

use super::{Cause, Said, line};
use crate::spec::index::Span;

/// The fault of the marked line, or of the one above it, that can be behind what the parser said.
pub(super) fn fault(said: &Said, lines: &[&str]) -> Option<Cause> {
    let (at, above) = (said.at.line, above(lines, said.at.line));
    let pair = || above.into_iter().chain([at]);
    if said.says(&[
        "mapping values",
        "expected ':'",
        "expect ':'",
        "simple key",
        "'-' must be",
    ]) {
        let wrong = |number| foreign(lines, number).or_else(|| dash(lines, number));
        if let Some(cause) = pair().find_map(wrong) {
            return Some(cause);
        }
        if let Some(cause) = pair().find_map(|number| colon_missing(lines, number)) {
            return Some(cause);
        }
    }
    if said.says(&["sequence entries"]) {
        return dash_behind_key(said, lines);
    }
    if said.says(&["flow mapping"])
        && let Some(cause) = comma_missing(said, lines)
    {
        return Some(cause);
    }
    beside_dash(lines, at)
        .or_else(|| indented(lines, at))
        .or_else(|| second_colon(said, lines))
}

/// A key that begins a line.
#[derive(Clone, Copy)]
struct Key<'a> {
    line: usize,
    /// From 0.
    column: usize,
    name: &'a str,
    /// Something stands behind its colon.
    full: bool,
}

/// A line without its comment and the space around.
fn bare(line: &str) -> &str {
    let end = line.find(" #").unwrap_or(line.len());
    let text = line[..end].trim();
    if text.starts_with('#') { "" } else { text }
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).count()
}

fn is_name(text: &str) -> bool {
    let named = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    !text.is_empty() && text.chars().all(named)
}

/// The nearest line above that holds more than a comment.
fn above(lines: &[&str], at: usize) -> Option<usize> {
    (1..at)
        .rev()
        .find(|&number| !bare(line(lines, number)).is_empty())
}

/// The span of a line without its indentation and comment.
fn whole(lines: &[&str], number: usize) -> Span {
    let text = line(lines, number);
    Span {
        line: number,
        column: indent(text) + 1,
        len: bare(text).chars().count().max(1),
    }
}

/// The key with which a line begins, behind its dashes.
fn key<'a>(lines: &[&'a str], number: usize) -> Option<Key<'a>> {
    let text = line(lines, number);
    let mut rest = bare(text);
    let mut column = indent(text);
    while let Some(inner) = rest.strip_prefix("- ") {
        let trimmed = inner.trim_start();
        column += rest.chars().count() - trimmed.chars().count();
        rest = trimmed;
    }
    let (name, value) = rest.split_once(':')?;
    let ends = value.is_empty() || value.starts_with(' ');
    (ends && is_name(name)).then(|| Key {
        line: number,
        column,
        name,
        full: !value.trim().is_empty(),
    })
}

/// A comment of another language.
fn foreign(lines: &[&str], number: usize) -> Option<Cause> {
    let text = bare(line(lines, number));
    let mark = ["//", "/*", ";"]
        .into_iter()
        .find(|mark| text.starts_with(mark))?;
    let message = format!("a comment begins with `#`, not with `{mark}`");
    let help = format!("write `# {}`", text[mark.len()..].trim());
    Some(Cause::new(whole(lines, number), message, help))
}

/// `-item` or `--item` where `- item` was meant.
fn dash(lines: &[&str], number: usize) -> Option<Cause> {
    let text = bare(line(lines, number));
    let rest = text.trim_start_matches('-');
    let dashes = text.len() - rest.len();
    let message = match dashes {
        0 => return None,
        1 if rest.starts_with(' ') || rest.is_empty() => return None,
        1 => "this `-` has no space behind it".to_owned(),
        _ => format!("an item begins with one `-`, not with {dashes}"),
    };
    let span = Span {
        len: dashes,
        ..whole(lines, number)
    };
    Some(Cause::new(
        span,
        message,
        format!("write `- {}`", rest.trim()),
    ))
}

/// `key: - item`.
fn dash_behind_key(said: &Said, lines: &[&str]) -> Option<Cause> {
    let key = key(lines, said.at.line)?;
    let text = bare(line(lines, said.at.line));
    let item = text.split_once(':')?.1.trim().strip_prefix('-')?.trim();
    let message = format!("the list of `{}` begins in the line of its key", key.name);
    let help = if item.contains(['{', '[', ':']) {
        "begin the `-` in a line of its own, below the key".into()
    } else {
        format!(
            "write `{}: [{item}]`, or each `- ` in a line of its own",
            key.name
        )
    };
    Some(Cause::new(said.at, message, help).label("only below the key"))
}

/// `key:value`, `key value`, or `key` with its section below, where `key: ` was meant.
fn colon_missing(lines: &[&str], number: usize) -> Option<Cause> {
    let text = bare(line(lines, number));
    if text.contains(": ") || text.ends_with(':') || text.starts_with(['-', '"', '\'', '{', '[']) {
        return None;
    }
    let (key, value) = text.split_once([':', ' ']).unwrap_or((text, ""));
    if !is_name(key) {
        return None;
    }
    let value = value.trim().trim_start_matches('=').trim_start();
    let what = if text[key.len()..].starts_with(':') {
        "no space behind its colon"
    } else {
        "no colon"
    };
    let message = format!("the key `{key}` has {what}");
    let help = format!("write `{}`", format!("{key}: {value}").trim_end());
    Some(Cause::new(whole(lines, number), message, help))
}

/// Two entries of a mapping in braces without a comma: `{a: b c: d}`. The parser marks the second colon.
fn comma_missing(said: &Said, lines: &[&str]) -> Option<Cause> {
    let text = line(lines, said.at.line);
    let letters: Vec<char> = text.chars().collect();
    let end = said.at.column.checked_sub(1)?;
    if letters.get(end) != Some(&':') {
        return None;
    }
    let letters_before = letters[..end].iter().rev();
    let len = letters_before
        .take_while(|c| !c.is_whitespace() && !"{[,".contains(**c))
        .count();
    let name: String = letters[end - len..end].iter().collect();
    let span = Span {
        column: end - len + 1,
        len,
        ..said.at
    };
    let message = format!("no `,` before the key `{name}`");
    is_name(&name).then(|| Cause::new(span, message, format!("write `, {name}: `")))
}

/// A key in the column of the items of a list.
fn beside_dash(lines: &[&str], at: usize) -> Option<Cause> {
    let own = key(lines, at).filter(|key| indent(line(lines, at)) == key.column)?;
    let same = |number: &usize| {
        let text = line(lines, *number);
        !bare(text).is_empty() && indent(text) <= own.column
    };
    let number = (1..at).rev().find(same)?;
    let text = line(lines, number);
    let item = bare(text).strip_prefix("- ")?;
    if indent(text) != own.column {
        return None;
    }
    let message = format!(
        "`{}` stands beside an item of a list, which begins with `-`",
        own.name
    );
    let span = Span {
        len: own.name.chars().count(),
        ..whole(lines, at)
    };
    let help = format!(
        "write `{}` in line {number} without the `-`: a section is no list",
        item.trim()
    );
    Some(Cause::new(span, message, help))
}

/// A key deeper than the one above that has a value already, or in a column in which no section has its keys.
fn indented(lines: &[&str], at: usize) -> Option<Cause> {
    let own = key(lines, at)?;
    let mut open: Vec<Key> = Vec::new();
    for number in 1..at {
        if let Some(key) = key(lines, number) {
            open.retain(|above| above.column < key.column);
            open.push(key);
        }
    }
    let last = *open.last()?;
    let span = Span {
        line: at,
        column: own.column + 1,
        len: own.name.chars().count(),
    };
    let (name, column) = (own.name, own.column + 1);
    if own.column > last.column {
        if !last.full {
            return None;
        }
        let message = format!(
            "`{name}` is indented deeper than `{}` above it, which has a value",
            last.name
        );
        let help = format!(
            "begin `{name}` and `{}` in one column, or delete what stands behind `{}:`",
            last.name, last.name
        );
        return Some(Cause::new(span, message, help));
    }
    if open.iter().any(|above| above.column == own.column) {
        return None;
    }
    let first = open[0];
    if own.column < first.column {
        let message = format!(
            "`{}` begins in column {}, and `{name}` below it in column {column}",
            first.name,
            first.column + 1
        );
        let span = Span {
            line: first.line,
            column: first.column + 1,
            len: first.name.chars().count(),
        };
        let help = "begin all keys of the top level in column 1";
        return Some(Cause::new(span, message, help));
    }
    // Of two columns equally near, that of a key of the same kind: with a value behind it, or a section below.
    let far = |above: &&Key| (above.column.abs_diff(own.column), above.full != own.full);
    let nearest = open.iter().rev().min_by_key(far)?;
    let message = format!("`{name}` begins in column {column}, where no section has its keys");
    let help = format!(
        "begin it in column {}, below `{}`",
        nearest.column + 1,
        nearest.name
    );
    Some(Cause::new(span, message, help))
}

/// `key: text: text`.
fn second_colon(said: &Said, lines: &[&str]) -> Option<Cause> {
    let key = key(lines, said.at.line).filter(|_| said.says(&["mapping values"]))?;
    let text = bare(line(lines, said.at.line));
    let value = text.split_once(':')?.1.trim();
    let inner = value.split_once(": ").map(|(name, _)| name);
    let message = format!("a second colon in the line of `{}`", key.name);
    let help = if inner.is_some_and(is_name) {
        let inner = value.trim_end_matches('}');
        format!("write `{}: {{{inner}}}`", key.name)
    } else {
        format!(
            "put the text in quotes: `{}: \"{}\"`",
            key.name,
            value.replace('"', "'")
        )
    };
    Some(Cause::new(said.at, message, help))
}
