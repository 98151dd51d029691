//! The axes of a sweep and their points. An axis is made only when it is known that there are not too many points.

use super::{Leaf, Point};
use crate::diag::{Code, Found, Problem};
use crate::spec::assignment::nest;
use crate::spec::check::as_float;
use crate::spec::index::join;
use crate::spec::layers::{Merged, tree};
use crate::spec::source::{LayerKind, Source};
use crate::spec::yaml::Tree;
use figment::value::Value;

/// A swept key with one of its values, as a layer and as what was written.
type One = (String, Source, Tree);

/// Values that move together: of one key, or of all keys of `zip`.
type Setting = Vec<One>;

/// The axes of a checked sweep, in their order: the first one varies slowest.
#[derive(Default)]
pub(crate) struct Axes {
    axes: Vec<Vec<Setting>>,
    /// How many points they span.
    pub(crate) points: usize,
}

impl Axes {
    /// The axes of a spec's sweep; `None` with the problem if there is something wrong with them together.
    pub(crate) fn of(merged: &Merged, max_runs: usize, found: &mut Found) -> Option<Self> {
        let none = Self {
            axes: Vec::new(),
            points: 1,
        };
        let Some(Value::Dict(_, sweep)) = merged.root.get("sweep") else {
            return Some(none);
        };
        let [grid, range, zip] = ["grid", "range", "zip"].map(|name| super::section(sweep, name));
        let sound = is_zip_even(merged, &zip, found) & are_ranges_positive(merged, &range, found);
        let lists = grid.iter().map(|leaf| length(leaf.value));
        let ranges = range
            .iter()
            .map(|leaf| Range::of(leaf.value).map_or(0, |range| range.steps));
        let rows = zip.first().map(|leaf| length(leaf.value));
        let points = lists
            .chain(ranges)
            .chain(rows)
            .try_fold(1, usize::checked_mul);
        let seeds = match merged.root.get("seeds") {
            Some(Value::Array(_, seeds)) => seeds.len(),
            _ => 1,
        };
        let runs = points.and_then(|points| points.checked_mul(seeds));
        match (points, runs) {
            (Some(points), Some(runs)) if runs <= max_runs => {
                if !sound {
                    return None;
                }
                let alone = |values: Vec<One>| values.into_iter().map(|one| vec![one]).collect();
                let grid = grid.iter().map(|leaf| alone(listed(merged, leaf)));
                let range = range.iter().map(|leaf| alone(spaced(merged, leaf)));
                let zip = zipped(merged, &zip);
                let axes = grid.chain(range).chain(zip).collect();
                Some(Self { axes, points })
            }
            _ => {
                found.push(too_many(merged, runs, max_runs));
                None
            }
        }
    }

    /// Whether nothing is swept.
    pub(crate) fn is_empty(&self) -> bool {
        self.axes.is_empty()
    }

    /// Point `number`, with the last axis varying fastest.
    pub(crate) fn point(&self, number: usize) -> Point {
        let mut rest = number;
        let mut places = Vec::new();
        for axis in self.axes.iter().rev() {
            places.push(rest % axis.len());
            rest /= axis.len();
        }
        places.reverse();
        self.at(&places)
    }

    /// The first point, and for each axis the points that differ from it there alone: every value once. At most `most`.
    pub(crate) fn star(&self, most: usize) -> Vec<Point> {
        let first = vec![0; self.axes.len()];
        let mut points = vec![self.at(&first)];
        for (number, axis) in self.axes.iter().enumerate() {
            for value in 1..axis.len() {
                if points.len() >= most {
                    return points;
                }
                let mut places = first.clone();
                places[number] = value;
                points.push(self.at(&places));
            }
        }
        points
    }

    fn at(&self, places: &[usize]) -> Point {
        let mut point = Point::default();
        let chosen = self.axes.iter().zip(places);
        for (key, layer, tree) in chosen.flat_map(|(axis, &place)| &axis[place]) {
            point.values.push((key.clone(), short(tree)));
            point.layers.push(layer.clone());
        }
        point
    }
}

fn length(list: &Value) -> usize {
    match list {
        Value::Array(_, items) => items.len(),
        _ => 0,
    }
}

fn too_many(merged: &Merged, runs: Option<usize>, max_runs: usize) -> Problem {
    let runs = runs.map_or("more runs than can be counted".into(), |n| {
        format!("{n} runs")
    });
    let place = merged.key_place("sweep", &merged.root["sweep"]);
    Problem::new(Code::TooManyRuns, format!("the sweep asks for {runs}"))
        .at(place)
        .label(format!("the limit is {max_runs}"))
        .help("leave values out, or raise the limit with `--max-runs`")
}

fn is_zip_even(merged: &Merged, leaves: &[Leaf], found: &mut Found) -> bool {
    let Some((first, others)) = leaves.split_first() else {
        return true;
    };
    let wanted = length(first.value);
    for leaf in others.iter().filter(|leaf| length(leaf.value) != wanted) {
        let (key, other, n) = (&leaf.key, &first.key, length(leaf.value));
        let message =
            format!("`zip` needs lists of one length: `{key}` has {n}, `{other}` has {wanted}");
        found.push(
            Problem::new(Code::BadSweep, message)
                .at(merged.key_place(&leaf.written, leaf.value))
                .related(
                    merged.key_place(&first.written, first.value),
                    "the first list",
                )
                .help("use `grid` to combine every value with every other"),
        );
    }
    others.iter().all(|leaf| length(leaf.value) == wanted)
}

fn are_ranges_positive(merged: &Merged, leaves: &[Leaf], found: &mut Found) -> bool {
    let mut sound = true;
    for leaf in leaves {
        let Some(range) = Range::of(leaf.value).filter(|range| range.log) else {
            continue;
        };
        let end = if range.from <= 0.0 { "from" } else { "to" };
        if range.from > 0.0 && range.to > 0.0 {
            continue;
        }
        sound = false;
        let key = &leaf.key;
        let message = format!("a logarithmic range of `{key}` must lie above 0");
        found.push(
            Problem::new(Code::OutOfRange, message)
                .at(merged.value_place(&join(&leaf.written, end), leaf.value))
                .help("use `scale: linear`, or a number above 0"),
        );
    }
    sound
}

/// A layer that sets a key to what was written at a path of `source`.
fn setting(source: &Source, key: &str, tree: Tree, written: &str) -> One {
    let names: Vec<&str> = key.split('.').collect();
    let layer = source.part(LayerKind::Sweep, nest(&names, tree.clone()), key, written);
    (key.to_owned(), layer, tree)
}

fn listed(merged: &Merged, leaf: &Leaf) -> Vec<One> {
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
fn spaced(merged: &Merged, leaf: &Leaf) -> Vec<One> {
    let Some(range) = Range::of(leaf.value) else {
        return Vec::new();
    };
    let source = &merged.sources[merged.layer(leaf.value)];
    let values = range.values();
    let values = values.map(|value| setting(source, &leaf.key, value, &leaf.written));
    values.collect()
}

/// A range with numbers in all of its keys.
pub(crate) struct Range {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) steps: usize,
    pub(crate) log: bool,
}

impl Range {
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let Value::Dict(_, range) = value else {
            return None;
        };
        let number = |name: &str| match range.get(name) {
            Some(Value::Num(_, number)) => Some(as_float(*number)),
            _ => None,
        };
        Some(Self {
            from: number("from")?,
            to: number("to")?,
            steps: number("steps")? as usize,
            log: range.get("scale").and_then(Value::as_str) == Some("log"),
        })
    }

    /// Its numbers in their order.
    fn values(&self) -> impl Iterator<Item = Tree> {
        let &Self {
            from,
            to,
            steps,
            log,
        } = self;
        (0..steps).map(move |i| {
            let share = i as f64 / (steps - 1) as f64;
            rounded(match i {
                0 => from,
                _ if i + 1 == steps => to,
                _ if log => from * (to / from).powf(share),
                _ => from + (to - from) * share,
            })
        })
    }

    /// The first of its numbers that is not whole.
    pub(crate) fn first_fraction(&self) -> Option<f64> {
        self.values().find_map(|value| match value {
            Tree::Float(x) => Some(x),
            _ => None,
        })
    }

    /// The largest number of steps, not above its own, between whole ends that gives whole numbers only.
    pub(crate) fn whole_steps(&self) -> Option<usize> {
        let distance = (self.to - self.from).abs();
        let fits = |gaps: &usize| distance % (*gaps as f64) == 0.0;
        let gaps = (1..self.steps).rev().find(fits);
        gaps.filter(|_| !self.log).map(|gaps| gaps + 1)
    }
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
fn zipped(merged: &Merged, leaves: &[Leaf]) -> Option<Vec<Setting>> {
    let lists: Vec<_> = leaves.iter().map(|leaf| listed(merged, leaf)).collect();
    let rows = lists.first()?.len();
    let row = |i: usize| lists.iter().map(|list| list[i].clone()).collect();
    Some((0..rows).map(row).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_tenths_are_round() {
        assert_eq!(rounded(0.1 + 0.2), Tree::Float(0.3));
        assert_eq!(rounded(3.000_000_000_000_000_4), Tree::Whole(3));
    }
}
