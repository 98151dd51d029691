//! Unknown keys: what was meant, or where the key belongs, and which layer made a key wrong that another layer wrote.

use super::{Check, Owner, Paths, is_made_for, one_of};
use crate::diag::{Code, Place, Problem, is_hidden};
use crate::spec::index::join;
use crate::spec::layers::quoted;
use crate::spec::schema::{self, Key, Kind};
use crate::spec::source::LayerKind;
use crate::spec::sweep;
use figment::value::Value;

/// What other programs keep in their experiments, and the option of `supcon run` that says it.
const OPTIONS: [(&str, &str); 14] = [
    ("accelerator", "--device"),
    ("cuda", "--device"),
    ("device", "--device"),
    ("devices", "--device"),
    ("gpu", "--device"),
    ("gpus", "--device"),
    ("jobs", "--jobs"),
    ("num_workers", "--threads"),
    ("output", "--results"),
    ("output_dir", "--results"),
    ("results", "--results"),
    ("save_dir", "--results"),
    ("threads", "--threads"),
    ("workers", "--threads"),
];

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
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let mut problem = unknown(path, name, &names, owner);
        let place = self.merged.key_place(inner, value);
        let stray = keys.iter().find_map(|key| match (&key.kind, value) {
            (Kind::Named(section), Value::Dict(_, dict)) if is_made_for(value, section) => {
                Some((key.name, *section, dict))
            }
            _ => None,
        });
        if let Some(number) = place.as_ref().and_then(|place| cut_number(name, place)) {
            problem = problem.label("behind the `,`").help(format!(
                "write `{number}`: a fraction stands behind a point"
            ));
        } else if problem.label.is_none() {
            if let Some(part) = owner.tag.filter(|_| owner.knows(name)) {
                problem = self.of_another(problem, path, name, value, part.tag);
            } else if let Some(paths) = self.whole_paths(path, name, value) {
                problem = match &paths[..] {
                    [path] => problem.means(path),
                    paths => problem.help(one_of(paths).unwrap_or_default()),
                };
            } else if let Some((home, ..)) = stray {
                problem = problem.help(format!(
                    "move it below `{home}`: `{name}` has the keys of one"
                ));
            }
        }
        self.report(inner, problem.at(place));
        if let Some((_, section, dict)) = stray {
            let title = format!("a {}", section.name);
            self.entries(inner, dict, section.keys, &Owner { title, tag: None });
        }
    }

    /// The paths that a name on the command line or in a variable is the end of, written as there.
    fn whole_paths(&self, path: &str, name: &str, value: &Value) -> Option<Vec<String>> {
        let source = &self.merged.sources[self.merged.layer(value)];
        let divider = match source.kind {
            LayerKind::Set => ".",
            LayerKind::Environment => "__",
            _ => return None,
        };
        let paths = Paths::of(self.merged);
        let paths = paths.meant(path, name).into_iter();
        let paths: Vec<String> = paths.map(|path| path.replace('.', divider)).collect();
        (!paths.is_empty()).then_some(paths)
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
            LayerKind::Sweep if source.is_part(path) => problem.help(format!(
                "write `{name}: ~` beside `{tag}` in {}:{line}",
                source.label
            )),
            LayerKind::Sweep => {
                let word = word.as_str().unwrap_or_default();
                problem.help(format!(
                    "sweep `{path}` instead, with `{{{tag}: {word}, {name}: ~}}` as this value"
                ))
            }
            LayerKind::Default => problem,
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
        let problem = problem.means(meant);
        return match name.chars().find(|c| is_hidden(*c)) {
            Some(c) => problem.note(format!(
                "the key holds U+{:04X}, which looks like a space or like nothing",
                u32::from(c)
            )),
            None => problem,
        };
    }
    problem.help(elsewhere(path, name))
}

/// What to do about a key that is none here and near to none.
fn elsewhere(path: &str, name: &str) -> String {
    let first = name.split('.').next().unwrap_or(name);
    if path == "sweep" && sweep::may_begin(first) {
        return format!("write it below `grid`, as in `grid: {{{name}: [...]}}`");
    }
    if path == "sweep" {
        return "write the axes in `grid`, as in `grid: {encoder.width: [16, 32]}`".into();
    }
    if name.contains('.') {
        return "write the keys one inside the other: dots divide keys in `--set` and `sweep` only"
            .into();
    }
    let homes = schema::where_valid(name);
    if !homes.is_empty() {
        return format!("`{name}` belongs to {}", homes.join(", "));
    }
    let lower = name.to_lowercase();
    if let Some((_, option)) = OPTIONS.iter().find(|(known, _)| *known == lower) {
        return format!("delete it: it is no part of an experiment, `supcon run` takes `{option}`");
    }
    match schema::meant_anywhere(name) {
        Some(key) => {
            let homes = schema::where_valid(key).join(", ");
            format!("if `{key}` is meant, it belongs to {homes}")
        }
        None => "delete it, or write one of the keys that are taken".into(),
    }
}

/// The number that a decimal comma has cut in two: `{dropout: 0,5}` is `dropout: 0` and a key `5`.
fn cut_number(name: &str, place: &Place) -> Option<String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let before: String = place.line_text.chars().take(place.column - 1).collect();
    let before = before.strip_suffix(',').filter(|_| digits(name))?;
    let start = before.trim_end_matches(|c: char| c.is_ascii_digit());
    let whole = &before[start.len()..];
    let value = start.trim_end_matches('-').trim_end().ends_with(':');
    (digits(whole) && value).then(|| format!("{whole}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_command_line_are_no_keys() {
        assert!(OPTIONS.is_sorted());
        for (name, _) in OPTIONS {
            assert!(schema::where_valid(name).is_empty(), "{name}");
        }
    }
}
