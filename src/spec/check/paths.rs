//! Every key path of a spec with its phases and variants as they are: for `--set` and sweeps that name a key without its
//! path.

use crate::spec::index::{is_within, join};
use crate::spec::layers::Merged;
use crate::spec::schema::{self, Key, Kind, SPEC, Section};
use figment::value::{Dict, Value};
use std::collections::BTreeSet;

/// Phases whose keys are listed: among thousands, nobody looks for a name.
const PHASES: usize = 100;
/// Paths that are shown for one name.
const SHOWN: usize = 3;

/// The key paths that can be set, in the order of the tables.
pub(crate) struct Paths(Vec<String>);

impl Paths {
    /// The paths of a merged spec.
    pub(crate) fn of(merged: &Merged) -> Self {
        let mut paths = Self(Vec::new());
        paths.keys("", Some(&merged.root), SPEC.keys);
        paths
    }

    fn keys(&mut self, path: &str, dict: Option<&Dict>, keys: &'static [Key]) {
        for key in keys {
            let inner = join(path, key.name);
            let value = match dict.and_then(|dict| dict.get(key.name)) {
                Some(Value::Dict(_, dict)) => Some(dict),
                _ => None,
            };
            self.0.push(inner.clone());
            match &key.kind {
                Kind::Part(part) => {
                    self.0.push(join(&inner, part.tag));
                    let tag = value.and_then(|dict| dict.get(part.tag));
                    let chosen = tag
                        .and_then(Value::as_str)
                        .and_then(|name| part.variant(name));
                    let variants = chosen.map_or(part.variants, std::slice::from_ref);
                    for variant in variants {
                        self.keys(&inner, value, variant.keys);
                    }
                }
                Kind::Named(section) => self.named(&inner, value, section),
                _ => {}
            }
        }
    }

    fn named(&mut self, path: &str, dict: Option<&Dict>, section: &'static Section) {
        for (name, value) in dict.into_iter().flatten().take(PHASES) {
            if let Value::Dict(_, dict) = value {
                let inner = join(path, name);
                self.0.push(inner.clone());
                self.keys(&inner, Some(dict), section.keys);
            }
        }
    }

    /// The first paths inside another one that end with the names of `key`.
    pub(crate) fn ending(&self, above: &str, key: &str) -> Vec<&str> {
        let ends = |path: &&String| {
            let rest = path.strip_suffix(key);
            is_within(path, above) && rest.is_some_and(|rest| rest.ends_with('.'))
        };
        let mut found: Vec<&str> = Vec::new();
        for path in self.0.iter().filter(ends) {
            // Variants share keys.
            if !found.contains(&path.as_str()) {
                found.push(path);
            }
            if found.len() > SHOWN {
                break;
            }
        }
        found
    }

    /// The paths inside another one that `key` was meant to be; empty if it is no part of any.
    pub(crate) fn meant(&self, above: &str, key: &str) -> Vec<&str> {
        let found = self.ending(above, key);
        if !found.is_empty() {
            return found;
        }
        let last = |path: &'_ str| path.rsplit('.').next().map(str::to_owned);
        let names: BTreeSet<String> = self.0.iter().filter_map(|path| last(path)).collect();
        let (first, name) = key
            .rsplit_once('.')
            .map_or(("", key), |(first, name)| (first, name));
        match schema::meant(name, names.iter().map(String::as_str)) {
            Some(name) => self.ending(above, &join_names(first, name)),
            None => Vec::new(),
        }
    }
}

fn join_names(first: &str, last: &str) -> String {
    if first.is_empty() {
        last.to_owned()
    } else {
        format!("{first}.{last}")
    }
}

/// The one thing to do where these paths may be meant; `None` without any.
pub(crate) fn one_of(paths: &[String]) -> Option<String> {
    let shown = paths.iter().take(SHOWN).map(|path| format!("`{path}`"));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match paths.len() {
        0 => None,
        1 => Some(format!("write {shown}")),
        2..=SHOWN => Some(format!("write the whole path, one of {shown}")),
        _ => Some(format!("write the whole path, as in {shown}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_every_path_that_ends_with_it() {
        let paths = Paths(
            [
                "phases.a.epochs",
                "phases.b.epochs",
                "phases.a.optimizer.learning_rate",
                "encoder.width",
            ]
            .map(str::to_owned)
            .into(),
        );
        assert_eq!(
            paths.meant("", "epochs"),
            ["phases.a.epochs", "phases.b.epochs"]
        );
        assert_eq!(paths.meant("phases.b", "epochs"), ["phases.b.epochs"]);
        assert_eq!(paths.meant("", "a.epohcs"), ["phases.a.epochs"]);
        assert_eq!(paths.meant("", "lr"), ["phases.a.optimizer.learning_rate"]);
        assert!(paths.meant("", "banana").is_empty() && paths.meant("", "idth").len() < 2);
        assert_eq!(one_of(&[]), None);
        assert_eq!(one_of(&["a.b".into()]).as_deref(), Some("write `a.b`"));
    }
}
