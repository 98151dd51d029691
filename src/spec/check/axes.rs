//! Swept keys: their paths by the schema, so that a misspelt one is one mistake at its key however many values it has, and
//! the numbers of a range, at the end or the steps that make them wrong.

use super::unknown::unknown;
use super::{Check, Owner, Paths, is_empty};
use crate::diag::{Code, Problem};
use crate::spec::index::{join, join_paths, parent};
use crate::spec::schema::{Key, Kind, Part, RANGE, SPEC, Section};
use crate::spec::sweep::{self, Leaf, Range};
use figment::value::Value;
use std::cell::LazyCell;
use std::collections::HashSet;

/// What the schema has at a path.
#[derive(Clone, Copy)]
enum Here {
    Keys(&'static [Key]),
    Part(&'static Part),
    Names(&'static Section),
    /// The name of a variant.
    Tag,
    Value(&'static Kind),
}

impl Here {
    fn of(kind: &'static Kind) -> Self {
        match kind {
            Kind::Map(section) => Self::Keys(section.keys),
            Kind::Part(part) => Self::Part(part),
            Kind::Named(section) => Self::Names(section),
            _ => Self::Value(kind),
        }
    }
}

/// Whether the sweep itself may choose the variant of the part at a path.
fn is_open(path: &str, part: &Part, swept: &HashSet<String>) -> bool {
    let mut above = Some(path);
    while let Some(path) = above {
        if swept.contains(path) {
            return true;
        }
        above = parent(path);
    }
    swept.contains(&join(path, part.tag))
}

impl Check<'_> {
    pub(super) fn axes(&mut self, path: &str, value: &Value, item: &'static Kind) {
        if self.mapping(path, value).is_none() {
            return;
        }
        let swept: HashSet<String> = sweep::keys(self.merged).into_iter().collect();
        let mut leaves = Vec::new();
        sweep::leaves("", path, value, &mut leaves);
        let merged = self.merged;
        let paths = LazyCell::new(|| Paths::of(merged));
        for leaf in leaves {
            let found = match sweep::refuse(self.merged, &leaf, || &*paths) {
                Some(problem) => Err(problem.into()),
                None => self.found_at(&leaf, &swept),
            };
            match found {
                Err(problem) => self.report(&leaf.written, *problem),
                Ok(here) => {
                    if self.is_axis_of_another(&leaf, item) {
                        continue;
                    }
                    let before = self.found.seen();
                    self.value(&leaf.written, &leaf.key, leaf.value, item);
                    if self.found.seen() == before {
                        self.range(&leaf, here);
                    }
                }
            }
        }
    }

    /// Reports a range in the place of a list of values, and a list in that of a range.
    fn is_axis_of_another(&mut self, leaf: &Leaf, item: &'static Kind) -> bool {
        let (expected, help) = match (item, leaf.value) {
            (Kind::List(..), Value::Dict(_, dict))
                if dict.keys().any(|name| RANGE.key(name).is_some()) =>
            {
                (
                    "a list",
                    "move it below `range`, which takes `from`, `to` and `steps`",
                )
            }
            (Kind::Map(_), Value::Array(..)) => (
                "a mapping",
                "move it below `grid`, which takes lists of values",
            ),
            _ => return false,
        };
        let problem = self.wrong_type(&leaf.written, leaf.value, expected);
        self.report(&leaf.written, problem.help(help));
        true
    }

    /// Judges the values of the lists of a sweep that has no points, since something else is wrong with it. Those of one
    /// that has points are judged there, beside what they stand with.
    pub(super) fn swept_values(&mut self) {
        let swept: HashSet<String> = sweep::keys(self.merged).into_iter().collect();
        for leaf in sweep::lists(self.merged) {
            let (Value::Array(_, items), Ok(Here::Value(kind))) =
                (leaf.value, self.found_at(&leaf, &swept))
            else {
                continue;
            };
            let name = leaf.key.rsplit('.').next().unwrap_or_default();
            for (i, item) in items.iter().enumerate() {
                if self.found.is_enough() {
                    return;
                }
                // `~` takes the key away at that point.
                if !is_empty(item) {
                    self.value(&join(&leaf.written, &i.to_string()), name, item, kind);
                }
            }
        }
    }

    /// Follows the path of a swept key through the schema.
    fn found_at(&self, leaf: &Leaf, swept: &HashSet<String>) -> Result<Here, Box<Problem>> {
        let mut here = Here::Keys(SPEC.keys);
        let mut above = String::new();
        let mut last = "the top level";
        for (number, name) in leaf.key.split('.').enumerate() {
            let place = || leaf.place(self.merged, number);
            let find = |keys: &'static [Key]| keys.iter().find(|key| key.name == name);
            here = match here {
                Here::Names(section) => Here::Keys(section.keys),
                Here::Part(part) if name == part.tag => Here::Tag,
                Here::Part(part) => self
                    .key_of(part, (&above, last), name, is_open(&above, part, swept))
                    .map_err(|problem| Box::new(problem.at(place())))?,
                Here::Keys(keys) => match find(keys) {
                    Some(key) => Here::of(&key.kind),
                    None => {
                        let keys: Vec<&str> = keys.iter().map(|key| key.name).collect();
                        let title = "a phase".into();
                        let owner = Owner { title, tag: None };
                        return Err(unknown(&above, name, &keys, &owner).at(place()).into());
                    }
                },
                Here::Tag | Here::Value(_) => {
                    let key = &leaf.key;
                    let message = format!("the sweep sets `{key}`, but `{above}` holds no keys");
                    let help = format!("sweep `{above}` itself, or correct the path");
                    let problem = Problem::new(Code::BadSweep, message);
                    return Err(problem.at(place()).help(help).into());
                }
            };
            above = join_paths(&above, name);
            last = name;
        }
        Ok(here)
    }

    /// A key of the part at a path with its name: of its variant, or of any if that is `open`.
    fn key_of(
        &self,
        part: &'static Part,
        (path, name): (&str, &str),
        key: &str,
        open: bool,
    ) -> Result<Here, Box<Problem>> {
        let word = self.merged.get(&join(path, part.tag)).filter(|_| !open);
        let chosen = word
            .and_then(Value::as_str)
            .and_then(|word| part.variant(word));
        let variants = chosen.map_or(part.variants, std::slice::from_ref);
        if let Some(key) = variants.iter().find_map(|variant| variant.key(key)) {
            return Ok(Here::of(&key.kind));
        }
        let keys = variants.iter().flat_map(|variant| variant.keys);
        let mut keys: Vec<&str> = keys.map(|key| key.name).collect();
        keys.sort_unstable();
        keys.dedup();
        let title = match chosen {
            Some(section) => format!("`{name}` with `{}: {}`", part.tag, section.name),
            None => format!("`{name}`"),
        };
        let tag = Some(part);
        Err(unknown(path, key, &keys, &Owner { title, tag }).into())
    }

    /// Judges the numbers of a range; below zero on a logarithmic scale is for `sweep` to refuse.
    fn range(&mut self, leaf: &Leaf, here: Here) {
        let (Some(range), Value::Dict(_, written)) = (Range::of(leaf.value), leaf.value) else {
            return;
        };
        let key = &leaf.key;
        let at = |name: &str| join(&leaf.written, name);
        let kind = match here {
            Here::Value(kind @ (Kind::Float(_) | Kind::Whole(..))) => kind,
            _ => {
                let message = format!("a range gives numbers, but `{key}` takes none");
                let problem = Problem::new(Code::WrongType, message)
                    .at(self.merged.key_place(&leaf.written, leaf.value));
                let help = "list its values in `grid`";
                return self.report(&leaf.written, problem.help(help));
            }
        };
        if range.log && range.from.min(range.to) <= 0.0 {
            return;
        }
        let place = |name: &str| self.merged.value_place(&at(name), &written[name]);
        if range.from == range.to {
            let message =
                format!("`from` and `to` of `{key}` are equal: every step gives the same");
            let problem = Problem::new(Code::BadSweep, message)
                .at(place("to"))
                .label("the same number")
                .related(place("from"), "`from`")
                .help("write two numbers that differ, or one value in `grid`");
            return self.report(&at("to"), problem);
        }
        let before = self.found.seen();
        for end in ["from", "to"] {
            self.value(&at(end), key, &written[end], kind);
        }
        if self.found.seen() == before && matches!(kind, Kind::Whole(..)) {
            self.fractions(leaf, &range);
        }
    }

    /// Reports the first fraction that a range of whole numbers has between its ends.
    fn fractions(&mut self, leaf: &Leaf, range: &Range) {
        let Some(fraction) = range.first_fraction() else {
            return;
        };
        let (key, steps) = (&leaf.key, range.steps);
        let message =
            format!("`{key}` must be a whole number, but `steps: {steps}` gives {fraction}");
        let help = match range.whole_steps() {
            Some(fit) => format!("write `steps: {fit}`, or list the values in `grid`"),
            None => "list the values in `grid`".into(),
        };
        let path = join(&leaf.written, "steps");
        let problem = Problem::new(Code::WrongType, message)
            .at(self.merged.value_place(&path, leaf.value))
            .label("gives fractions")
            .help(help);
        self.report(&path, problem);
    }
}
