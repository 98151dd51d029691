//! Phases: their free names, and names by which a layer meant a phase of a weaker one. A misspelt name would otherwise
//! delete nothing without a word, or begin a new phase that lacks almost all of its keys.

use super::{Check, Owner, is_empty, misspelt};
use crate::diag::{Code, Problem, suggest};
use crate::spec::index::join;
use crate::spec::layers::quoted;
use crate::spec::schema::{Need, Section};
use figment::value::{Dict, Value};
use std::collections::BTreeMap;

/// Names that are compared with a misspelt one and listed: among thousands, that takes seconds.
const NAMES: usize = 100;

impl Check<'_> {
    pub(super) fn named(&mut self, path: &str, value: &Value, section: &'static Section) {
        if let Value::Array(_, items) = value {
            return self.listed_phases(path, value, items, section);
        }
        let Some(phases) = self.mapping(path, value) else {
            return;
        };
        let before = self.found.seen();
        let merged = self.merged;
        let beside = self.keys_beside(path, phases, section);
        let written = Written {
            phases,
            layers: merged.phase_layers(),
        };
        for (name, inner) in phases {
            let inner_path = join(path, name);
            if beside.contains(&inner_path) {
                continue;
            }
            if is_empty(inner) {
                self.deleted(&inner_path, name, inner, &written);
                continue;
            }
            self.phase_name(&inner_path, name, inner);
            let Some(dict) = self.mapping(&inner_path, inner) else {
                continue;
            };
            let owner = Owner {
                title: "a phase".into(),
                tag: None,
            };
            let lacks = self.lacks(&inner_path, dict, section);
            if self.is_part_of_another(&inner_path, name, &written, &lacks) {
                self.entries(&inner_path, dict, section.keys, &owner);
            } else {
                self.section(&inner_path, inner, dict, section, &owner);
            }
        }
        if phases.values().all(is_empty) && self.found.seen() == before {
            self.too_few(path, value, 1, "phase");
        }
    }

    /// Reports a list of phases in the place of a mapping, and what is wrong inside its items.
    fn listed_phases(
        &mut self,
        path: &str,
        value: &Value,
        items: &[Value],
        section: &'static Section,
    ) {
        let problem = self.wrong_type(path, value, "a mapping");
        let name = |item: &Value| match item {
            Value::Dict(_, dict) => dict.get("name").and_then(Value::as_str).map(str::to_owned),
            _ => None,
        };
        let name = items.iter().find_map(name).unwrap_or("train".into());
        let what = section.name;
        let help = format!(
            "write each {what} below its name, as in `{name}:` and its keys in lines below, without `-`"
        );
        self.report(path, problem.help(help));
        for (i, item) in items.iter().enumerate() {
            if let Value::Dict(_, dict) = item {
                let mut dict = dict.clone();
                dict.remove("name");
                let title = format!("a {what}");
                let owner = Owner { title, tag: None };
                self.entries(&join(path, &i.to_string()), &dict, section.keys, &owner);
            }
        }
    }

    /// Reports keys of a phase that stand where only phases can, beside the name of theirs or without one; gives their
    /// paths, and those of the phases which they belong in.
    fn keys_beside(&mut self, path: &str, phases: &Dict, section: &'static Section) -> Vec<String> {
        let is_phase = |value: &Value| match value {
            Value::Dict(_, dict) => dict.keys().any(|name| section.key(name).is_some()),
            value => is_empty(value),
        };
        let keys = phases.iter().filter(|(_, value)| !is_phase(value));
        let keys: Vec<_> = keys
            .filter_map(|(name, value)| Some((name.as_str(), value, section.key(name)?)))
            .collect();
        let place =
            |(name, value, _): &(&str, &Value, _)| self.merged.key_place(&join(path, name), value);
        let Some(place) = keys.iter().filter_map(place).min() else {
            return Vec::new();
        };
        let blank = phases.iter().filter(|(name, value)| {
            section.key(name).is_none() && self.is_blank(&join(path, name), value)
        });
        let blank: Vec<&str> = blank.map(|(name, _)| name.as_str()).collect();
        let names = quoted(keys.iter().map(|(name, ..)| *name));
        let written = phases
            .values()
            .any(|value| !is_empty(value) && is_phase(value));
        let (label, help) = match blank.first() {
            Some(phase) => (
                format!("beside `{phase}`, not in it"),
                format!("indent {names} deeper than `{phase}`"),
            ),
            None if written => (
                "in no phase".into(),
                format!("move {names} into the phase that they are for"),
            ),
            None => (
                "in no phase".into(),
                format!("write the name of a phase, as in `train:`, and {names} in lines below it"),
            ),
        };
        let message = format!("`{path}` holds phases by name, found keys of a phase: {names}");
        let problem = Problem::new(Code::WrongType, message).at(place);
        self.found.push(problem.label(label).help(help));
        for (name, value, key) in &keys {
            self.value(&join(path, name), name, value, &key.kind);
        }
        let names = keys.iter().map(|(name, ..)| *name).chain(blank);
        let paths: Vec<String> = names.map(|name| join(path, name)).collect();
        self.wrong.extend(paths.iter().cloned());
        paths
    }

    /// Reports a phase without anything in it that no weaker layer has.
    fn deleted(&mut self, path: &str, name: &str, empty: &Value, written: &Written) {
        let layer = self.merged.layer(empty);
        let there = written.layers.get(name).is_some_and(|first| *first < layer);
        let source = &self.merged.sources[layer];
        let blank = source.is_blank(path);
        if there && !blank || self.is_set_elsewhere(path) {
            return;
        }
        let known = written.below(layer);
        let nearest = suggest(name, known.iter().copied());
        let problem = if there {
            // `~` deletes what a weaker layer has; nothing at all is more often forgotten than meant.
            Problem::new(Code::MissingKey, format!("`{path}` is empty"))
                .label("needs a value")
                .help(format!(
                    "write the keys to change, or `{name}: ~` to delete the phase"
                ))
        } else if blank && nearest.is_none() {
            Problem::new(Code::MissingKey, format!("`{path}` is empty"))
                .label("needs a value")
                .help("write the keys of the phase in lines below, or delete the line")
        } else {
            let message = format!("there is no phase `{name}` to delete");
            let problem = Problem::new(Code::UnknownName, message).note(listed(&known));
            match nearest {
                Some(nearest) => problem.means(nearest),
                None => {
                    problem.help("delete it, or name one of the phases that the weaker layers have")
                }
            }
        };
        self.report(path, problem.at(source.key_place(path)));
    }

    /// Reports a phase that lacks keys, if its name is near to that of a phase which a weaker layer has.
    fn is_part_of_another(
        &mut self,
        path: &str,
        name: &str,
        written: &Written,
        lacks: &[&'static str],
    ) -> bool {
        let Some(&first) = written.layers.get(name) else {
            return false;
        };
        let known = written.below(first);
        let nearest = suggest(name, known.iter().copied());
        let Some(nearest) = nearest.filter(|_| !lacks.is_empty()) else {
            return false;
        };
        let missing = quoted(lacks.iter().copied());
        let message = format!("there is no phase `{name}` to change");
        let problem = Problem::new(Code::UnknownName, message)
            .at(self.merged.sources[first].key_place(path))
            .means(nearest)
            .note(listed(&known))
            .help(format!(
                "write `{nearest}`; a phase of its own would need {missing} too"
            ));
        self.report(path, problem);
        true
    }

    /// The required keys that a phase has not, also not misspelt.
    fn lacks(&self, path: &str, dict: &Dict, section: &'static Section) -> Vec<&'static str> {
        let valid = || section.keys.iter().map(|key| key.name);
        let keys = section.keys.iter().filter(|key| {
            key.need == Need::Required
                && dict.get(key.name).is_none_or(is_empty)
                && misspelt(dict, key.name, valid).is_none()
                && !self.is_set_elsewhere(&join(path, key.name))
        });
        keys.map(|key| key.name).collect()
    }
}

/// The merged phases, and for each the weakest layer that has something in it.
struct Written<'a> {
    phases: &'a Dict,
    layers: BTreeMap<&'a str, usize>,
}

impl Written<'_> {
    /// The first of the phases that a layer below this one begins and none deletes.
    fn below(&self, layer: usize) -> Vec<&str> {
        if layer == 0 {
            return Vec::new();
        }
        let kept = self.phases.iter().filter(|(_, value)| !is_empty(value));
        let names = kept.map(|(name, _)| name.as_str());
        let begun = |name: &&str| self.layers.get(name).is_some_and(|first| *first < layer);
        names.filter(begun).take(NAMES).collect()
    }
}

fn listed(phases: &[&str]) -> String {
    if phases.is_empty() {
        return "the weaker layers have no phases".into();
    }
    format!("phases: {}", quoted(phases.iter().copied()))
}
