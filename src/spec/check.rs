//! Walks the merged values with the schema and reports every problem in one pass: unknown and missing keys, wrong
//! types, names and numbers. `part` judges mappings with variants, `phase` phases, `axes` swept keys, `unknown`
//! unknown keys, `list` lists, `scalar` single values; `paths` lists what could be meant. What conflicts between
//! sections is `plan`'s to say.

mod axes;
mod list;
mod part;
mod paths;
mod phase;
mod scalar;
mod unknown;

pub(crate) use paths::{Paths, one_of};
pub(crate) use scalar::{EXACT, as_float};

use super::index::{is_within, join};
use super::layers::Merged;
use super::schema::{self, Key, Kind, Need, Part, Section};
use super::sweep;
use crate::diag::{Code, Found, Problem};
use figment::value::{Dict, Value};

/// Finds the problems of a merged spec, and gives the paths of all values that are wrong or missing. What lies at, above
/// or below one of the paths `elsewhere` may be set by what was not merged, so that it is not missing.
pub(crate) fn check(merged: &Merged, elsewhere: &[String], found: &mut Found) -> Vec<String> {
    let mut check = Check {
        merged,
        elsewhere: elsewhere.to_vec(),
        found,
        wrong: Vec::new(),
    };
    let keys = schema::SPEC.keys;
    let owner = Owner {
        title: "the top level".into(),
        tag: None,
    };
    check.entries("", &merged.root, keys, &owner);
    check.missing("", None, &merged.root, keys);
    check.wrong
}

/// Finds the problems of the section `sweep`, which is taken out before its points are checked; whether there are none.
pub(crate) fn check_sweep(merged: &Merged, found: &mut Found) -> bool {
    let key = schema::SPEC.key("sweep");
    let (Some(value), Some(key)) = (merged.root.get("sweep"), key) else {
        return true;
    };
    let before = found.seen();
    let mut check = Check {
        merged,
        elsewhere: Vec::new(),
        found,
        wrong: Vec::new(),
    };
    if is_empty(value) {
        if check.is_blank("sweep", value) {
            check.blank_key("sweep", value, key);
        }
        return found.seen() == before;
    }
    check.value("sweep", "sweep", value, &key.kind);
    if found.seen() == before {
        sweep::check(merged, found);
    }
    found.seen() == before
}

/// Finds the wrong values of a sweep that has no points.
pub(crate) fn check_swept_values(merged: &Merged, found: &mut Found) {
    let mut check = Check {
        merged,
        elsewhere: Vec::new(),
        found,
        wrong: Vec::new(),
    };
    check.swept_values();
}

struct Check<'a> {
    merged: &'a Merged,
    /// Paths that may be set by what is not there under them: not merged, or under a misspelt name.
    elsewhere: Vec<String>,
    found: &'a mut Found,
    /// Paths of all values that are wrong or missing.
    wrong: Vec<String>,
}

/// Who takes the keys of a mapping.
struct Owner {
    /// As in "`loss` with `name: npairs`".
    title: String,
    /// The part and its variant, if the mapping has one.
    tag: Option<&'static Part>,
}

impl Owner {
    /// Whether some variant of the part takes this key.
    fn knows(&self, name: &str) -> bool {
        self.tag.is_some_and(|part| {
            part.variants
                .iter()
                .any(|variant| variant.key(name).is_some())
        })
    }
}

impl Check<'_> {
    /// Reports a problem with the value at a path.
    fn report(&mut self, path: &str, problem: Problem) {
        self.wrong.push(path.to_owned());
        self.found.push(problem);
    }

    /// Checks every key that is there.
    fn entries(&mut self, path: &str, dict: &Dict, keys: &'static [Key], owner: &Owner) {
        let is_key = |name: &str| keys.iter().any(|key| key.name == name);
        // What stands under a misspelt name is not missing where a stronger layer has spelt it.
        for (name, value) in dict.iter().filter(|(name, _)| !is_key(name)) {
            let meant = schema::meant(name, keys.iter().map(|key| key.name));
            let above = |meant: &&str| {
                let there = dict.get(*meant).filter(|value| is_dict(value));
                there.is_some_and(|there| self.weakest(there) > self.merged.layer(value))
            };
            let spelt = meant.filter(above).map(|meant| join(path, meant));
            self.elsewhere.extend(spelt);
        }
        for (name, value) in dict {
            if owner.tag.is_some_and(|part| part.tag == name) {
                continue;
            }
            let inner = join(path, name);
            match keys.iter().find(|key| key.name == name) {
                // Nothing behind a colon is more often forgotten than meant.
                Some(key) if self.is_blank(&inner, value) => self.blank_key(&inner, value, key),
                // `~` deletes: the key is as good as absent, also one of another variant that a base wrote.
                Some(_) if is_empty(value) => {}
                None if is_empty(value) && owner.knows(name) && !self.is_blank(&inner, value) => {}
                None => self.unknown_key(path, &inner, name, value, keys, owner),
                Some(key) => self.value(&inner, name, value, &key.kind),
            }
        }
    }

    /// Reports required keys that are absent; `value` is the mapping they belong in.
    fn missing(&mut self, path: &str, value: Option<&Value>, dict: &Dict, keys: &'static [Key]) {
        for key in keys {
            let absent = dict.get(key.name).is_none_or(is_empty);
            let valid = || keys.iter().map(|key| key.name);
            // A misspelt key is one mistake, which `unknown_key` has reported.
            if !absent || key.need != Need::Required {
                continue;
            }
            if misspelt(dict, key.name, valid).is_some() || holds_strays(dict, key, keys) {
                self.wrong.push(join(path, key.name));
            } else {
                let takes = format!("{}: {}", key.kind.words(), key.doc);
                self.missing_key(path, value, dict, key.name, &takes);
            }
        }
    }

    /// The weakest layer that wrote something inside a value.
    fn weakest(&self, value: &Value) -> usize {
        let inside = match value {
            Value::Dict(_, dict) => dict.values().map(|value| self.weakest(value)).min(),
            _ => None,
        };
        inside.unwrap_or_else(|| self.merged.layer(value))
    }

    /// Whether something that was not merged may set what lies at a path.
    fn is_set_elsewhere(&self, path: &str) -> bool {
        let touches = |other: &String| is_within(other, path) || is_within(path, other);
        self.elsewhere.iter().any(touches)
    }

    fn missing_key(
        &mut self,
        path: &str,
        value: Option<&Value>,
        dict: &Dict,
        name: &str,
        takes: &str,
    ) {
        let inner = join(path, name);
        if self.is_set_elsewhere(&inner) {
            self.wrong.push(inner);
            return;
        }
        if let Some(empty) = dict.get(name) {
            self.empty_key(&inner, empty, takes);
            return;
        }
        let place = match value {
            Some(value) => self.merged.value_place(path, value),
            None => self.merged.sources[self.merged.own].value_place(path),
        };
        let inside = if path.is_empty() {
            "at the top level".into()
        } else {
            format!("in `{path}`")
        };
        let problem = Problem::new(Code::MissingKey, format!("missing key `{name}` {inside}"));
        let problem = problem.at(place).label(format!("needs `{name}`"));
        self.report(&inner, problem.help(format!("add `{name}`, {takes}")));
    }

    /// Whether nothing is written behind the colon of a key.
    fn is_blank(&self, path: &str, value: &Value) -> bool {
        is_empty(value) && self.merged.sources[self.merged.layer(value)].is_blank(path)
    }

    /// Reports a key with nothing behind its colon, unless `missing` does.
    fn blank_key(&mut self, path: &str, value: &Value, key: &Key) {
        if key.need == Need::Required || self.is_set_elsewhere(path) {
            return;
        }
        let problem = Problem::new(Code::MissingKey, format!("`{path}` is empty"))
            .at(self.merged.key_place(path, value))
            .label("needs a value")
            .help(format!(
                "write its value, or `{}: ~` to delete it: {}: {}",
                key.name,
                key.kind.words(),
                key.doc
            ));
        self.report(path, problem);
    }

    /// Reports a required key that is there without a value.
    fn empty_key(&mut self, path: &str, empty: &Value, takes: &str) {
        let source = &self.merged.sources[self.merged.layer(empty)];
        let what = if source.is_blank(path) {
            "is empty"
        } else {
            "is deleted, but needed"
        };
        let problem = Problem::new(Code::MissingKey, format!("`{path}` {what}"))
            .at(source.key_place(path))
            .label("needs a value")
            .help(format!("write its value: {takes}"));
        self.report(path, problem);
    }

    fn value(&mut self, path: &str, name: &str, value: &Value, kind: &'static Kind) {
        match kind {
            Kind::List(item, least) => self.list(path, name, value, item, *least),
            Kind::Set(item, least) => {
                self.list(path, name, value, item, *least);
                self.duplicates(path, value);
            }
            Kind::Map(section) => {
                if let Some(dict) = self.mapping(path, value) {
                    let title = format!("`{name}`");
                    self.section(path, value, dict, section, &Owner { title, tag: None });
                }
            }
            Kind::Part(part) => self.part(path, name, value, part),
            Kind::Step(steps) => self.step(path, name, value, steps),
            Kind::Named(section) => self.named(path, value, section),
            Kind::Axes(item) => self.axes(path, value, item),
            Kind::Any | Kind::Extends | Kind::Format | Kind::Profiles => {}
            _ => self.scalar(path, name, value, kind),
        }
    }

    fn section(
        &mut self,
        path: &str,
        value: &Value,
        dict: &Dict,
        section: &Section,
        owner: &Owner,
    ) {
        self.entries(path, dict, section.keys, owner);
        self.missing(path, Some(value), dict, section.keys);
    }

    fn mapping<'v>(&mut self, path: &str, value: &'v Value) -> Option<&'v Dict> {
        if let Value::Dict(_, dict) = value {
            return Some(dict);
        }
        let problem = self.wrong_type(path, value, "a mapping");
        let help = match value {
            Value::Array(_, items) if matches!(items[..], [Value::Dict(..)]) => {
                "take the mapping out of the list: one `-` or one pair of brackets too many"
            }
            Value::Array(_, items) if !items.is_empty() && items.iter().all(is_dict) => {
                "write the keys without `-`: this is a section, not a list"
            }
            _ => "write it in braces, as in `{key: value}`, or with the keys in lines below",
        };
        self.report(path, problem.help(help));
        None
    }
}

/// Whether a value is `~`.
pub(crate) fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Empty(..))
}

fn is_dict(value: &Value) -> bool {
    matches!(value, Value::Dict(..))
}

/// Whether a mapping holds, under names that are none of its `keys`, what belongs into the section of names `key`.
fn holds_strays(dict: &Dict, key: &Key, keys: &'static [Key]) -> bool {
    let Kind::Named(section) = &key.kind else {
        return false;
    };
    let is_key = |name: &str| keys.iter().any(|key| key.name == name);
    dict.iter()
        .any(|(name, value)| !is_key(name) && is_made_for(value, section))
}

/// Whether a value has several keys of a section, and few others.
fn is_made_for(value: &Value, section: &Section) -> bool {
    let Value::Dict(_, dict) = value else {
        return false;
    };
    let known = dict.keys().filter(|name| section.key(name).is_some());
    let known = known.count();
    known >= 2 && 2 * known > dict.len()
}

/// The entry that is no valid key and is nearest to `wanted` among the valid ones.
fn misspelt<'d, I: Iterator<Item = &'static str>>(
    dict: &'d Dict,
    wanted: &str,
    valid: impl Fn() -> I,
) -> Option<(&'d str, &'d Value)> {
    let strange = dict
        .iter()
        .filter(|(name, _)| valid().all(|known| known != name.as_str()));
    let mut near = strange.filter(|(name, _)| {
        let key = name.split([':', ' ']).next().unwrap_or(name);
        schema::meant(name, valid()) == Some(wanted) || key == wanted
    });
    near.next().map(|(name, value)| (name.as_str(), value))
}
