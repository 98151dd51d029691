//! Where the keys and values of one text stand, by key path, and how such paths are written. A key that holds a dot is
//! quoted in a path, so that it cannot be taken for two keys. What an alias stands for is found where its anchor is.

use std::borrow::Cow;
use std::collections::HashMap;

/// A stretch of one line, in characters from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) len: usize,
}

/// Where a key and its value stand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Option<Span>,
    pub(crate) value: Span,
    /// The value is a list or a mapping.
    pub(crate) container: bool,
    /// The value is text in quotes.
    pub(crate) quoted: bool,
    /// The value is an alias: the number of its anchor's path.
    pub(crate) alias: Option<usize>,
}

/// Appends a key or position to a path.
pub(crate) fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.contains('.')) {
        (true, false) => key.to_owned(),
        (true, true) => format!("\"{key}\""),
        (false, false) => format!("{path}.{key}"),
        (false, true) => format!("{path}.\"{key}\""),
    }
}

/// Appends a path to a path.
pub(crate) fn join_paths(path: &str, more: &str) -> String {
    match (path.is_empty(), more.is_empty()) {
        (true, _) => more.to_owned(),
        (_, true) => path.to_owned(),
        _ => format!("{path}.{more}"),
    }
}

/// The path above this one; `None` above the whole text.
pub(crate) fn parent(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    let quoted = path.strip_suffix('"').and_then(|rest| {
        let start = rest.rfind(".\"");
        start.or_else(|| rest.starts_with('"').then_some(0))
    });
    let end = quoted.or_else(|| path.rfind('.')).unwrap_or(0);
    Some(&path[..end])
}

/// The keys of a path from the top, without the quotes of those that hold a dot.
pub(crate) fn steps(path: &str) -> Vec<&str> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let quoted = rest.strip_prefix('"').and_then(|inner| {
            let end = inner
                .find("\".")
                .or_else(|| inner.strip_suffix('"').map(str::len));
            end.map(|end| (&inner[..end], &inner[end + 1..]))
        });
        let (step, more) = quoted.unwrap_or_else(|| {
            let end = rest.find('.').unwrap_or(rest.len());
            rest.split_at(end)
        });
        steps.push(step);
        rest = more.strip_prefix('.').unwrap_or(more);
    }
    steps
}

/// Whether `path` is `above` itself or something inside it; everything is inside the empty path.
pub(crate) fn is_within(path: &str, above: &str) -> bool {
    match path.strip_prefix(above) {
        Some(rest) => above.is_empty() || rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

/// Places by key path: keys and positions in lists, joined by dots; the whole text is the empty path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    entries: HashMap<String, Entry>,
    /// Paths of the anchors that aliases stand for.
    anchors: Vec<String>,
}

impl Index {
    /// What was written at exactly this path.
    pub(crate) fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Files a value; of equal paths the first one stays.
    pub(crate) fn insert(&mut self, path: &str, entry: Entry) {
        self.entries.entry(path.to_owned()).or_insert(entry);
    }

    /// Notes where an anchor stands, and gives the number that entries name it by.
    pub(crate) fn anchor(&mut self, path: String) -> usize {
        self.anchors.push(path);
        self.anchors.len() - 1
    }

    /// Gives a path a key, whatever its value is.
    pub(crate) fn set_key(&mut self, path: &str, key: Span) {
        let inner = Entry {
            key: None,
            value: key,
            container: true,
            quoted: false,
            alias: None,
        };
        let entry = self.entries.entry(path.to_owned()).or_insert(inner);
        entry.key = Some(key);
    }

    /// The same places, each shifted.
    pub(crate) fn shifted(mut self, shift: &dyn Fn(Span) -> Span) -> Self {
        #[expect(
            clippy::iter_over_hash_type,
            reason = "each entry is changed by itself"
        )]
        for entry in self.entries.values_mut() {
            entry.key = entry.key.map(shift);
            entry.value = shift(entry.value);
        }
        self
    }

    /// The entry of a path, or of the nearest path above it, and whether it is the path's own.
    pub(crate) fn nearest(&self, path: &str) -> Option<(&Entry, bool)> {
        let mut path = Cow::Borrowed(path);
        let mut exact = true;
        loop {
            if let Some(entry) = self.entries.get(path.as_ref()) {
                return Some((entry, exact));
            }
            if let Some(there) = self.behind_alias(&path) {
                path = there.into();
                continue;
            }
            exact = false;
            path = parent(&path)?.to_owned().into();
        }
    }

    /// The path inside an anchor that a path inside an alias stands for. An anchor comes before its aliases, so that
    /// this ends.
    fn behind_alias(&self, path: &str) -> Option<String> {
        let mut above = path;
        loop {
            above = parent(above)?;
            if let Some(entry) = self.entries.get(above) {
                let anchor = &self.anchors[entry.alias?];
                return Some(join_paths(
                    anchor,
                    path[above.len()..].trim_start_matches('.'),
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_dots_is_one_step_of_a_path() {
        let path = join(&join("a", "b.c"), "d");
        assert_eq!(path, "a.\"b.c\".d");
        assert_eq!(steps(&path), ["a", "b.c", "d"]);
        assert_eq!(steps(&join("a", "b.c")), ["a", "b.c"]);
        assert_eq!(parent(&path), Some("a.\"b.c\""));
        assert_eq!(parent("a.\"b.c\""), Some("a"));
        assert_eq!(parent(&join("", "b.c")), Some(""));
        assert_eq!((parent("a"), parent("")), (Some(""), None));
    }

    #[test]
    fn within_goes_by_whole_keys() {
        assert!(is_within("a.b", "a") && is_within("a", "a") && is_within("a", ""));
        assert!(!is_within("ab", "a") && !is_within("a", "a.b"));
    }
}
