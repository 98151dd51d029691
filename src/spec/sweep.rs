//! Sweeps: the section `sweep` expanded into points, each a layer above all others. The axes of `grid` and `range` are
//! combined, the keys of `zip` move together; axes stand in the order of their keys, and the first one varies slowest.

mod axes;
mod names;

pub(crate) use axes::{Axes, Range};
pub(crate) use names::names;

use super::check::{Paths, is_empty, one_of};
use super::index::{is_within, join, join_paths, steps};
use super::layers::Merged;
use super::schema::SPEC;
use super::source::Source;
use crate::diag::{Code, Found, Place, Problem};
use figment::value::{Dict, Value};

/// Sections that may be swept: the others do not change what is trained, or expand by themselves.
const SWEPT: [&str; 4] = ["data", "augment", "encoder", "phases"];
/// Subsections that hold axes.
const KINDS: [&str; 3] = ["grid", "range", "zip"];

/// One point: what it sets.
#[derive(Clone, Default)]
pub(crate) struct Point {
    /// Key path and value as short text.
    pub(crate) values: Vec<(String, String)>,
    /// A layer for each key.
    pub(crate) layers: Vec<Source>,
}

impl Point {
    /// What it sets, in words.
    pub(crate) fn words(&self) -> String {
        let each = self
            .values
            .iter()
            .map(|(key, value)| format!("{key} = {value}"));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// A swept key: its path in the spec, the path at which it was written, and what was written there.
pub(crate) struct Leaf<'v> {
    pub(crate) key: String,
    pub(crate) written: String,
    pub(crate) value: &'v Value,
}

impl Leaf<'_> {
    /// Where a name of the swept path was written, by its number: a piece of a key that holds several.
    pub(crate) fn place(&self, merged: &Merged, number: usize) -> Option<Place> {
        let source = &merged.sources[merged.layer(self.value)];
        let mut keys = steps(&self.written).into_iter();
        // `sweep` and `grid` lie above the path.
        let mut path = keys
            .by_ref()
            .take(2)
            .fold(String::new(), |path, key| join(&path, key));
        let mut rest = number;
        for key in keys {
            path = join(&path, key);
            let names: Vec<&str> = key.split('.').collect();
            if rest >= names.len() {
                rest -= names.len();
                continue;
            }
            let before: usize = names[..rest]
                .iter()
                .map(|name| name.chars().count() + 1)
                .sum();
            return Some(piece(source.key_place(&path)?, before, names[rest]));
        }
        merged.key_place(&self.written, self.value)
    }
}

/// The piece of a key that begins so many characters behind the key's beginning, or its quote; the whole key if the piece
/// is not there.
fn piece(place: Place, before: usize, piece: &str) -> Place {
    let length = piece.chars().count();
    let starts = [place.column + before, place.column + before + 1];
    let found = starts.into_iter().find(|column| {
        let text = place.line_text.chars().skip(column - 1);
        text.take(length).eq(piece.chars())
    });
    match found {
        Some(column) => Place {
            column,
            len: length.max(1),
            ..place
        },
        None => place,
    }
}

/// The swept keys below `written`, whether their paths were written with dots or as nested mappings. A mapping with a
/// value that is no mapping is a leaf itself (a range).
pub(crate) fn leaves<'v>(key: &str, written: &str, value: &'v Value, found: &mut Vec<Leaf<'v>>) {
    match value {
        Value::Dict(_, dict) if key.is_empty() || inner(dict) => {
            for (name, value) in dict.iter().filter(|(_, value)| !is_empty(value)) {
                leaves(&join_paths(key, name), &join(written, name), value, found);
            }
        }
        _ => found.push(Leaf {
            key: key.to_owned(),
            written: written.to_owned(),
            value,
        }),
    }
}

fn inner(dict: &Dict) -> bool {
    let steps = |value: &Value| matches!(value, Value::Dict(..) | Value::Array(..));
    !dict.is_empty() && dict.values().all(steps)
}

/// The swept keys of one subsection.
fn section<'v>(sweep: &'v Dict, name: &str) -> Vec<Leaf<'v>> {
    let mut found = Vec::new();
    if let Some(value) = sweep.get(name).filter(|value| !is_empty(value)) {
        leaves("", &join("sweep", name), value, &mut found);
    }
    found
}

/// The swept keys that are lists of values.
pub(crate) fn lists(merged: &Merged) -> Vec<Leaf<'_>> {
    let Some(Value::Dict(_, sweep)) = merged.root.get("sweep") else {
        return Vec::new();
    };
    let lists = ["grid", "zip"].iter();
    lists.flat_map(|name| section(sweep, name)).collect()
}

/// Paths of all keys that the sweep sets.
pub(crate) fn keys(merged: &Merged) -> Vec<String> {
    let Some(Value::Dict(_, sweep)) = merged.root.get("sweep") else {
        return Vec::new();
    };
    let leaves = KINDS.iter().flat_map(|name| section(sweep, name));
    leaves.map(|leaf| leaf.key).collect()
}

/// Whether the path of a swept key can begin with this name.
pub(crate) fn may_begin(name: &str) -> bool {
    SWEPT.contains(&name)
}

/// The problem with sweeping a key, if there is one; `paths` gives those of the spec.
pub(crate) fn refuse<'p>(
    merged: &Merged,
    leaf: &Leaf,
    paths: impl FnOnce() -> &'p Paths,
) -> Option<Problem> {
    let section = leaf.key.split('.').next().unwrap_or_default();
    if may_begin(section) {
        return unreachable_key(merged, leaf);
    }
    let problem = Problem::new(Code::BadSweep, format!("`{}` cannot be swept", leaf.key))
        .at(leaf.place(merged, 0));
    Some(match section {
        "seeds" => problem.help("list all seeds in `seeds`: every point is run with each of them"),
        _ => elsewhere(problem, section, &leaf.key, paths),
    })
}

/// Says what a swept path was meant to be that begins nowhere.
fn elsewhere<'p>(
    problem: Problem,
    section: &str,
    key: &str,
    paths: impl FnOnce() -> &'p Paths,
) -> Problem {
    let help = "a sweep sets keys below `data`, `augment`, `encoder` or `phases`";
    // A key of the top level is itself.
    if SPEC.key(section).is_some() {
        return problem.help(help);
    }
    let paths = paths();
    let whole =
        |found: Vec<&str>| one_of(&found.into_iter().map(str::to_owned).collect::<Vec<_>>());
    if let Some(help) = whole(paths.ending("", key)) {
        return problem.help(help);
    }
    let problem = problem.did_you_mean(section, SWEPT);
    match whole(paths.meant("", key)).filter(|_| problem.label.is_none()) {
        Some(help) => problem.help(help),
        None => problem.or_help(help),
    }
}

/// A path that leads through what is not there, or through what holds no keys.
fn unreachable_key(merged: &Merged, leaf: &Leaf) -> Option<Problem> {
    let key = &leaf.key;
    let mut value: Option<&Value> = None;
    let mut above = String::new();
    for (number, name) in key.split('.').enumerate() {
        let place = || leaf.place(merged, number);
        let dict = match value {
            None => &merged.root,
            Some(Value::Dict(_, dict)) => dict,
            Some(Value::Array(..)) => {
                let message = format!("the sweep sets `{key}`, an item of a list");
                let help = format!(
                    "lists are replaced as a whole: sweep `{above}`, each value a list of its own"
                );
                return Some(Problem::new(Code::BadSweep, message).at(place()).help(help));
            }
            Some(_) => {
                let message = format!("the sweep sets `{key}`, but `{above}` holds no keys");
                let help = format!("sweep `{above}` itself, or correct the path");
                return Some(Problem::new(Code::BadSweep, message).at(place()).help(help));
            }
        };
        value = Some(match dict.get(name).filter(|value| !is_empty(value)) {
            Some(value) => value,
            // A phase that is not there would lack all but this key, or be none.
            None if above == "phases"
                && (key.len() > above.len() + 1 + name.len() || !are_sections(leaf.value)) =>
            {
                let names: Vec<&str> = dict.keys().map(String::as_str).collect();
                let message = format!("the sweep sets `{key}`, but there is no phase `{name}`");
                let problem = Problem::new(Code::UnknownName, message).at(place());
                let problem = problem.did_you_mean(name, names.iter().copied());
                let known = names.join("`, `");
                let note = problem.note(format!("phases: `{known}`"));
                return Some(note.or_help("name one of the phases"));
            }
            None => return None,
        });
        above = join_paths(&above, name);
    }
    None
}

/// Whether all values of an axis are mappings.
fn are_sections(value: &Value) -> bool {
    let section = |value: &Value| matches!(value, Value::Dict(..));
    matches!(value, Value::Array(_, items) if items.iter().all(section))
}

/// What is wrong between the axes, and between them and the layers above: keys that are set twice, so that one of the
/// values has no effect; and a sweep of nothing.
pub(crate) fn check(merged: &Merged, found: &mut Found) {
    let Some(Value::Dict(_, sweep)) = merged.root.get("sweep") else {
        return;
    };
    let leaves: Vec<Leaf> = KINDS.iter().flat_map(|name| section(sweep, name)).collect();
    if leaves.is_empty() {
        found.push(
            Problem::new(Code::EmptyList, "the sweep sets nothing")
                .at(merged.key_place("sweep", &merged.root["sweep"]))
                .label("has no effect")
                .help("give it an axis, as in `grid: {encoder.width: [16, 32]}`, or delete it"),
        );
    }
    let mut sorted: Vec<&Leaf> = leaves.iter().collect();
    sorted.sort_by(|a, b| a.key.split('.').cmp(b.key.split('.')));
    for pair in sorted.windows(2) {
        let [first, second] = pair else { continue };
        if is_within(&second.key, &first.key) {
            let message = format!("the sweep sets `{}` twice", second.key);
            let place = |leaf: &Leaf| merged.key_place(&leaf.written, leaf.value);
            found.push(
                Problem::new(Code::NoEffect, message)
                    .at(place(second))
                    .label("again")
                    .related(place(first), "the first axis")
                    .help("write all values of a key in one axis"),
            );
        }
    }
    for leaf in &leaves {
        let Some(value) = merged.get(&leaf.key) else {
            continue;
        };
        let (layer, sweeping) = (merged.layer(value), merged.layer(leaf.value));
        if layer > sweeping && !matches!(value, Value::Dict(..)) {
            let key = &leaf.key;
            let message = format!("`{key}` is set, but every point of the sweep sets it again");
            found.push(
                Problem::new(Code::NoEffect, message)
                    .at(merged.value_place(key, value))
                    .label("has no effect")
                    .related(merged.key_place(&leaf.written, leaf.value), "the axis")
                    .help(format!(
                        "set `{}` instead, or delete the sweep with `--set 'sweep=~'`",
                        leaf.written
                    )),
            );
        }
    }
}
