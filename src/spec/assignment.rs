//! Single values from outside the files: `--set a.b=c` and `SUPCON_SET__a__b=c` as layers of their own.

use super::index::{Span, join};
use super::source::{LayerKind, Source};
use super::span::scan;
use super::yaml::{self, Tree};
use crate::diag::{Code, Problem};
use std::path::Path;
use std::sync::Arc;

impl Source {
    /// Takes an assignment apart: keys between `prefix` and `=`, divided by `separator`, then a YAML value.
    pub(crate) fn assignment(
        kind: LayerKind,
        label: &str,
        text: &str,
        (prefix, separator): (&str, &str),
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        // Who types a path in a shell means one from there.
        let folder = Some(Path::new(""));
        let mut source = Self::empty(kind, label, folder, text);
        let whole = Span {
            line: 1,
            column: 1,
            len: text.chars().count(),
        };
        let refuse =
            |message: String| Problem::new(Code::BadOverride, message).at(source.at(whole));
        let path = format!("{prefix}phases{separator}pretrain");
        let example = format!("write it as `{path}{separator}epochs=10`");
        let Some(rest) = text.strip_prefix(prefix) else {
            let name = text.split('=').next().unwrap_or(text);
            let message = format!("the variable `{name}` sets no key");
            let help = format!("call it `{prefix}` and the keys, each divided by `{separator}`");
            problems.push(refuse(message).help(help));
            return None;
        };
        let Some((keys, value)) = rest.split_once('=') else {
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
                // A shell would put a home folder in the place of a bare `~`.
                refuse(format!("`{text}` lacks a {what}"))
                    .help(format!("{example}; `'{path}=~'` deletes")),
            );
            return None;
        }
        if let "extends" | "format" = names[0] {
            let help = "write it in the file, or in a file that extends this one";
            let message = format!("`{}` can only be written in a file", names[0]);
            problems.push(refuse(message).help(help));
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
            Ok(tree) => source.tree = nest(&names, tree).into(),
            Err(error) => problems.push(source.syntax(&error)),
        }
        source.index = Arc::new(scan.index.shifted(&shift));
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
            Arc::make_mut(&mut self.index).set_key(&path, key);
            column += key.len + separator.len();
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Place;

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
}
