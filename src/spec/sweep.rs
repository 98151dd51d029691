//! Sweeps: the section `sweep` expanded into points, each a layer above all others. The axes of `grid` and `range` are
//! combined, the keys of `zip` move together; axes stand in the order of their keys, and the first one varies slowest.

use super::check::{as_float, is_empty};
use super::layers::{Merged, tree};
use super::source::{LayerKind, Source, nest};
use super::span::join;
use super::yaml::Tree;
use crate::diag::{Code, Place, Problem};
use figment::value::{Dict, Value};

/// Sections that may be swept: the others do not change what is trained, or expand by themselves.
const SWEPT: [&str; 4] = ["data", "augment", "encoder", "phases"];
/// Longest name of a point, in characters.
const MAX_NAME: usize = 100;

/// One point: what it sets.
#[derive(Clone, Default)]
pub(crate) struct Point {
    /// Key path and value as short text.
    pub(crate) values: Vec<(String, String)>,
    /// A layer for each key.
    pub(crate) layers: Vec<Source>,
}

/// A swept key: its path in the spec, the path at which it was written, and what was written there.
pub(crate) struct Leaf<'v> {
    pub(crate) key: String,
    pub(crate) written: String,
    pub(crate) value: &'v Value,
}

/// One value of an axis for each of its keys.
type Setting = Vec<(String, Source, Tree)>;

/// The swept keys below `written`, whether their paths were written with dots or as nested mappings. A mapping with a
/// value that is no mapping is a leaf itself (a range).
pub(crate) fn leaves<'v>(key: &str, written: &str, value: &'v Value, found: &mut Vec<Leaf<'v>>) {
    match value {
        Value::Dict(_, dict) if key.is_empty() || inner(dict) => {
            for (name, value) in dict.iter().filter(|(_, value)| !is_empty(value)) {
                leaves(&join(key, name), &join(written, name), value, found);
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

/// The problem with sweeping a key, if there is one.
pub(crate) fn refuse(leaf: &Leaf, place: Option<Place>) -> Option<Problem> {
    let section = leaf.key.split('.').next().unwrap_or_default();
    if SWEPT.contains(&section) {
        return None;
    }
    let problem = Problem::new(Code::Conflict, format!("`{}` cannot be swept", leaf.key)).at(place);
    Some(match section {
        "seeds" => problem.help("list all seeds in `seeds`: every point is run with each of them"),
        _ => problem.help("a sweep sets keys below `data`, `augment`, `encoder` or `phases`"),
    })
}

/// The points of a checked `sweep`; one without any value if there is no sweep. Points with equal plans are found later.
pub(crate) fn expand(merged: &Merged, max_runs: usize, problems: &mut Vec<Problem>) -> Vec<Point> {
    let Some(Value::Dict(_, sweep)) = merged.root.get("sweep") else {
        return vec![Point::default()];
    };
    let mut axes: Vec<Vec<Setting>> = Vec::new();
    for leaf in section(sweep, "grid") {
        axes.push(listed(merged, &leaf).into_iter().map(|x| vec![x]).collect());
    }
    for leaf in section(sweep, "range") {
        axes.push(
            spaced(merged, &leaf, problems)
                .into_iter()
                .map(|x| vec![x])
                .collect(),
        );
    }
    axes.extend(zipped(merged, &section(sweep, "zip"), problems));
    let points = axes.iter().map(Vec::len).try_fold(1, usize::checked_mul);
    let seeds = match merged.root.get("seeds") {
        Some(Value::Array(_, seeds)) => seeds.len(),
        _ => 1,
    };
    let runs = points.and_then(|points| points.checked_mul(seeds));
    match (points, runs) {
        (Some(points), Some(runs)) if runs <= max_runs => {
            (0..points).map(|number| point(&axes, number)).collect()
        }
        _ => {
            let runs = runs.map_or("more runs than can be counted".into(), |n| {
                format!("{n} runs")
            });
            let problem = Problem::new(Code::TooManyRuns, format!("the sweep asks for {runs}"));
            let place = merged.key_place("sweep", &merged.root["sweep"]);
            problems.push(
                problem
                    .at(place)
                    .label(format!("the limit is {max_runs}"))
                    .help("leave values out, or raise the limit with `--max-runs`"),
            );
            Vec::new()
        }
    }
}

fn section<'v>(sweep: &'v Dict, name: &str) -> Vec<Leaf<'v>> {
    let mut found = Vec::new();
    if let Some(value) = sweep.get(name).filter(|value| !is_empty(value)) {
        leaves("", &join("sweep", name), value, &mut found);
    }
    found
}

/// A layer that sets a key to what was written at a path of `source`.
fn setting(source: &Source, key: &str, tree: Tree, written: &str) -> (String, Source, Tree) {
    let names: Vec<&str> = key.split('.').collect();
    let layer = source.part(LayerKind::Sweep, nest(&names, tree.clone()), key, written);
    (key.to_owned(), layer, tree)
}

fn listed(merged: &Merged, leaf: &Leaf) -> Vec<(String, Source, Tree)> {
    let Value::Array(_, items) = leaf.value else {
        return Vec::new();
    };
    let source = &merged.sources[merged.layer(leaf.value)];
    let each = items.iter().enumerate().map(|(i, item)| {
        setting(
            source,
            &leaf.key,
            tree(item),
            &join(&leaf.written, &i.to_string()),
        )
    });
    each.collect()
}

/// The values of a range: both ends and what lies evenly between them, on a linear or logarithmic scale.
fn spaced(
    merged: &Merged,
    leaf: &Leaf,
    problems: &mut Vec<Problem>,
) -> Vec<(String, Source, Tree)> {
    let Value::Dict(_, range) = leaf.value else {
        return Vec::new();
    };
    // The check has seen that these are numbers.
    let number = |name: &str| match range.get(name) {
        Some(Value::Num(_, number)) => as_float(*number),
        _ => f64::NAN,
    };
    let (from, to, steps) = (number("from"), number("to"), number("steps") as usize);
    let log = range.get("scale").and_then(Value::as_str) == Some("log");
    if log && (from <= 0.0 || to <= 0.0) {
        let path = join(&leaf.written, if from <= 0.0 { "from" } else { "to" });
        problems.push(
            Problem::new(
                Code::OutOfRange,
                format!("a logarithmic range of `{}` must lie above 0", leaf.key),
            )
            .at(merged.value_place(&path, leaf.value))
            .help("use `scale: linear`, or a number above 0"),
        );
        return Vec::new();
    }
    let source = &merged.sources[merged.layer(leaf.value)];
    let values = (0..steps).map(|i| {
        let share = i as f64 / (steps - 1) as f64;
        let value = match i {
            0 => from,
            _ if i + 1 == steps => to,
            _ if log => from * (to / from).powf(share),
            _ => from + (to - from) * share,
        };
        setting(source, &leaf.key, rounded(value), &leaf.written)
    });
    values.collect()
}

/// Twelve digits, so that 0.1 + 0.2 is 0.3; a whole number if it is one.
fn rounded(value: f64) -> Tree {
    let value = format!("{value:.11e}").parse().unwrap_or(value);
    if value.fract() == 0.0 && value.abs() < 1e15 {
        Tree::Whole(value as i128)
    } else {
        Tree::Float(value)
    }
}

/// The axis of `zip`, if there is one.
fn zipped(merged: &Merged, leaves: &[Leaf], problems: &mut Vec<Problem>) -> Option<Vec<Setting>> {
    let lists: Vec<_> = leaves.iter().map(|leaf| listed(merged, leaf)).collect();
    let first = lists.first()?;
    for (leaf, list) in leaves.iter().zip(&lists) {
        if list.len() != first.len() {
            let (key, other) = (&leaf.key, &leaves[0]);
            let message = format!(
                "`zip` needs lists of one length: `{key}` has {}, `{}` has {}",
                list.len(),
                other.key,
                first.len()
            );
            problems.push(
                Problem::new(Code::Conflict, message)
                    .at(merged.key_place(&leaf.written, leaf.value))
                    .related(
                        merged.key_place(&other.written, other.value),
                        "the first list",
                    )
                    .help("use `grid` to combine every value with every other"),
            );
            return None;
        }
    }
    let row = |i: usize| lists.iter().map(|list| list[i].clone()).collect();
    Some((0..first.len()).map(row).collect())
}

/// Point `number`, with the last axis varying fastest.
fn point(axes: &[Vec<Setting>], number: usize) -> Point {
    let (mut rest, mut chosen) = (number, Vec::new());
    for axis in axes.iter().rev() {
        chosen.push(&axis[rest % axis.len()]);
        rest /= axis.len();
    }
    let mut point = Point::default();
    for (key, layer, tree) in chosen.into_iter().rev().flatten() {
        point.values.push((key.clone(), short(tree)));
        point.layers.push(layer.clone());
    }
    point
}

/// A value in one line.
fn short(tree: &Tree) -> String {
    match tree {
        Tree::Null => "~".into(),
        Tree::Bool(x) => x.to_string(),
        Tree::Whole(x) => x.to_string(),
        Tree::Float(x) => x.to_string(),
        Tree::Text(x) => x.clone(),
        Tree::List(items) => {
            let items: Vec<_> = items.iter().map(short).collect();
            format!("[{}]", items.join(", "))
        }
        Tree::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", short(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Names of points: what differs, as in `<name>-temperature-0.1`; their numbers where that is too long or not unique.
pub(crate) fn names(name: &str, points: &[Point]) -> Vec<String> {
    let Some(first) = points.first().filter(|first| !first.values.is_empty()) else {
        return vec![name.to_owned(); points.len()];
    };
    let keys: Vec<&str> = first.values.iter().map(|(key, _)| key.as_str()).collect();
    let named: Vec<String> = points
        .iter()
        .map(|point| {
            let parts = point
                .values
                .iter()
                .map(|(key, value)| format!("-{}-{}", brief(key, &keys), label(value)));
            format!("{name}{}", parts.collect::<String>())
        })
        .collect();
    let unique = named
        .iter()
        .collect::<std::collections::BTreeSet<_>>()
        .len()
        == named.len();
    if unique && named.iter().all(|name| name.len() <= MAX_NAME) {
        return named;
    }
    (1..=points.len())
        .map(|number| format!("{name}-point-{number}"))
        .collect()
}

/// The shortest end of a key's path that no other key shares.
fn brief(key: &str, all: &[&str]) -> String {
    let starts = key.rmatch_indices('.').map(|(at, _)| &key[at + 1..]);
    let unique = |end: &&str| {
        let ends = |other: &&&str| **other == *end || other.ends_with(&format!(".{end}"));
        all.iter().filter(ends).count() == 1
    };
    label(starts.chain([key]).find(unique).unwrap_or(key))
}

/// Text as a part of a name: a-z, 0-9, `.`, `_`, `-`.
fn label(text: &str) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let words = text.split(|c| !valid(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: &[&[(&str, &str)]]) -> Vec<String> {
        let point = |values: &&[(&str, &str)]| Point {
            values: values
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            layers: Vec::new(),
        };
        names("x", &values.iter().map(point).collect::<Vec<_>>())
    }

    #[test]
    fn names_show_what_differs_and_stay_unique() {
        let temperature = "phases.pretrain.loss.temperature";
        assert_eq!(
            named(&[&[(temperature, "0.05")], &[(temperature, "0.1")]]),
            ["x-temperature-0.05", "x-temperature-0.1"]
        );
        let both = [("phases.a.epochs", "1"), ("phases.b.epochs", "2")];
        assert_eq!(named(&[&both]), ["x-a.epochs-1-b.epochs-2"]);
        let key = "phases.a.head.widths";
        assert_eq!(named(&[&[(key, "[16, 8]")]]), ["x-widths-16_8"]);
        assert_eq!(
            named(&[&[(key, "[1]")], &[(key, "(1)")]]),
            ["x-point-1", "x-point-2"]
        );
        assert_eq!(named(&[&[]]), ["x"]);
    }

    #[test]
    fn sums_of_tenths_are_round() {
        assert_eq!(rounded(0.1 + 0.2), Tree::Float(0.3));
        assert_eq!(rounded(3.000_000_000_000_000_4), Tree::Whole(3));
    }
}
