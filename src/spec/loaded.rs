//! A checked, typed spec that knows the place of each of its values.

use super::Spec;
use super::index::{is_within, parent};
use super::layers;
use super::origins::{LayerOf, Origin};
use super::source::{LayerKind, Source};
use crate::diag::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A checked spec.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The merged values.
    pub spec: Spec,
    /// The file that was asked for.
    pub path: PathBuf,
    /// The profile that was laid over it.
    pub profile: Option<String>,
    /// Key path and value of what this point of the sweep sets; empty without a sweep.
    pub point: Vec<(String, String)>,
    /// Names of the phases in the order written: those of a base first, then new ones.
    pub phase_order: Vec<String>,
    /// Key path -> where the value came from, defaults included.
    pub origins: BTreeMap<String, Origin>,
    pub(super) sources: Vec<Source>,
    pub(super) own: usize,
    pub(super) layers: LayerOf,
    /// Paths at which there is something else than was written, since that was wrong.
    pub(super) unsure: BTreeSet<String>,
}

impl Loaded {
    /// Where the value at a key path was written, or the nearest value above it.
    #[must_use]
    pub fn place(&self, path: &str) -> Option<Place> {
        let (path, layer) = self.nearest(path);
        self.sources[layer].value_place(path)
    }

    /// Where the key at a path was written, or the nearest key above it.
    #[must_use]
    pub fn key_place(&self, path: &str) -> Option<Place> {
        let (path, layer) = self.nearest(path);
        self.sources[layer].key_place(path)
    }

    /// Arguments that read the same again: the file, the profile, and what variables and `--set` say.
    #[must_use]
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.path.display().to_string()];
        arguments.extend(self.profile.iter().map(|name| format!("--profile={name}")));
        for source in &self.sources {
            let text = source.first_line();
            if source.kind == LayerKind::Set {
                arguments.push(format!("--set={text}"));
            } else if source.kind == LayerKind::Environment {
                let text = text.strip_prefix(layers::ENV_PREFIX).unwrap_or(text);
                let (keys, value) = text.split_once('=').unwrap_or((text, ""));
                arguments.push(format!("--set={}={value}", keys.replace("__", ".")));
            }
        }
        arguments
    }

    /// Where the path `written` at this key leads: it is relative to the folder of the file that wrote it, and one of a
    /// variable or `--set` to the current directory. `None` in a template, which has no folder.
    #[must_use]
    pub fn leads(&self, key: &str, written: &Path) -> Option<PathBuf> {
        let source = &self.sources[self.nearest(key).1];
        source.folder.as_ref().map(|folder| folder.join(written))
    }

    /// Whether the value at a path is the one that was written, with all that is inside it.
    #[must_use]
    pub fn is_sure(&self, path: &str) -> bool {
        !touches(&self.unsure, path)
    }

    /// Whether every value is the one that was written.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unsure.is_empty()
    }

    /// Whether the value at a path was written by the spec itself or above it, and not by what it extends.
    #[must_use]
    pub fn is_own(&self, path: &str) -> bool {
        self.layers
            .get(path)
            .is_some_and(|&layer| layer >= self.own)
    }

    /// What this point of a sweep sets, in words, if a place lies outside of it.
    #[must_use]
    pub fn point_note(&self, place: Option<&Place>) -> Option<String> {
        let mut written = self.sources.iter().filter(|s| s.kind == LayerKind::Sweep);
        let inside = written.any(|source| place.is_some_and(|place| source.wrote(place)));
        let each = self
            .point
            .iter()
            .map(|(key, value)| format!("{key} = {value}"));
        let words = each.collect::<Vec<_>>().join(", ");
        (!inside && !words.is_empty()).then(|| format!("at the point {words}"))
    }

    fn nearest<'a>(&self, path: &'a str) -> (&'a str, usize) {
        let mut path = path;
        loop {
            if let Some(&layer) = self.layers.get(path) {
                return (path, layer);
            }
            match parent(path) {
                Some(above) => path = above,
                None => return ("", self.own),
            }
        }
    }
}

/// Whether one of the paths is this one, inside it or above it.
fn touches(paths: &BTreeSet<String>, path: &str) -> bool {
    if path.is_empty() {
        return !paths.is_empty();
    }
    // Of those inside, the first in order stands right behind the path and its dot.
    let inside = paths.range(format!("{path}.")..).next();
    let mut above = std::iter::successors(Some(path), |path| parent(path)).chain([""]);
    inside.is_some_and(|inside| is_within(inside, path)) || above.any(|path| paths.contains(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_touch_those_inside_and_above_and_no_others() {
        let all = [
            "", "a", "a.b", "a.b.c", "a-b", "ab", "a.bc", "b", "b.0", "b.10",
        ];
        for one in all {
            let paths = BTreeSet::from([one.to_owned()]);
            for path in all {
                let expected = is_within(one, path) || is_within(path, one);
                assert_eq!(touches(&paths, path), expected, "`{one}` and `{path}`");
            }
        }
        let paths = ["a-b", "b"].map(str::to_owned).into();
        assert!(!touches(&paths, "a") && touches(&paths, "b.0"));
    }
}
