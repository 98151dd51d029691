//! Unknown keys: what was meant, or where the key belongs, and which layer made a key wrong that another layer wrote.

use super::{Check, Owner};
use crate::diag::{Code, Problem};
use crate::spec::index::join;
use crate::spec::layers::quoted;
use crate::spec::schema::{self, Key};
use crate::spec::source::LayerKind;
use figment::value::Value;

impl Check<'_> {
    pub(super) fn unknown_key(
        &mut self,
        path: &str,
        inner: &str,
        name: &str,
        value: &Value,
        keys: &'static [Key],
        owner: &Owner,
    ) {
        let keys: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let mut problem = unknown(path, name, &keys, owner);
        if problem.label.is_none()
            && let Some(part) = owner.tag.filter(|_| owner.knows(name))
        {
            problem = self.of_another(problem, path, name, value, part.tag);
        }
        let place = self.merged.key_place(inner, value);
        self.report(inner, problem.at(place));
    }

    /// Adds to the problem of a key of another variant which layer named the variant, if that is not the key's own.
    fn of_another(
        &self,
        problem: Problem,
        path: &str,
        name: &str,
        value: &Value,
        tag: &str,
    ) -> Problem {
        let tag_path = join(path, tag);
        let Some(word) = self.merged.get(&tag_path) else {
            return problem;
        };
        let (own, other) = (self.merged.layer(value), self.merged.layer(word));
        if own == other {
            return problem;
        }
        let place = self.merged.value_place(&tag_path, word);
        let line = place.as_ref().map_or(0, |place| place.line);
        let problem = problem.related(place, format!("`{tag}` is written"));
        let source = &self.merged.sources[other];
        match source.kind {
            // What the key's own layer can say is that it belongs elsewhere.
            _ if other < own => problem,
            LayerKind::Sweep | LayerKind::Default => problem,
            // A shell would put a home folder in the place of a bare `~`.
            LayerKind::Set | LayerKind::Environment => {
                problem.help(format!("add `--set '{}=~'`", join(path, name)))
            }
            _ => problem.help(format!(
                "write `{name}: ~` beside `{tag}` in {}:{line}",
                source.label
            )),
        }
    }
}

/// A valid key and its value where the colon between them is missing or has no space: `{name:adam}` and `{name adam}` are
/// mappings with one key and nothing behind it.
fn swallowed(name: &str, keys: impl Iterator<Item = &'static str>) -> Option<(&str, &str)> {
    let (key, value) = name.split_once([':', ' '])?;
    let value = value.trim_start_matches([':', '=', ' ']);
    let mut keys = keys;
    (!value.is_empty() && keys.any(|known| known == key)).then_some((key, value))
}

/// The problem of a key that is none of the `keys` in `path`, without its place.
pub(super) fn unknown(path: &str, name: &str, keys: &[&'static str], owner: &Owner) -> Problem {
    let inside = if path.is_empty() {
        "at the top level".into()
    } else {
        format!("in `{path}`")
    };
    let takes = if keys.is_empty() {
        "no other key".into()
    } else {
        quoted(keys.iter().copied())
    };
    let problem = Problem::new(Code::UnknownKey, format!("unknown key `{name}` {inside}"))
        .note(format!("{} takes {takes}", owner.title));
    let tag = owner.tag.iter().map(|part| part.tag);
    if let Some((key, value)) = swallowed(name, tag.clone().chain(keys.iter().copied())) {
        let what = if name[key.len()..].starts_with(':') {
            "no space behind its colon"
        } else {
            "no colon"
        };
        let problem = problem.label(format!("`{key}` has {what}"));
        return problem.help(format!("write `{key}: {value}`"));
    }
    let first = name.split_once('.').map(|(first, _)| first);
    let is_path = first.is_some_and(|first| keys.contains(&first));
    let meant = schema::meant(name, tag.chain(keys.iter().copied()));
    if let Some(meant) = meant.filter(|_| !is_path) {
        return problem.means(meant);
    }
    let elsewhere = schema::where_valid(name);
    problem.help(if name.contains('.') {
        "write the keys one inside the other: dots divide keys in `--set` and `sweep` only".into()
    } else if elsewhere.is_empty() {
        "delete it, or write one of the keys that are taken".into()
    } else {
        format!("`{name}` belongs to {}", elsewhere.join(", "))
    })
}
