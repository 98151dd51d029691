//! The layers of a spec, weakest first: what it extends, the file, a profile (`profile`), `SUPCON_SET__` variables,
//! `--set` arguments, a point of a sweep (`sweep`). figment merges them: mappings merge, lists replace, `~` deletes; it
//! also remembers the layer of each value. `reader` reads the texts, `phases` says who writes which phase.

mod format;
mod phases;
mod reader;

pub(crate) use reader::read;

use super::source::Source;
use super::yaml::Tree;
use crate::diag::Place;
use figment::value::{Dict, Map, Num, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::path::PathBuf;

/// What a variable that sets a key begins with.
pub(crate) const ENV_PREFIX: &str = "SUPCON_SET__";

/// What a variable begins with that was meant to set a key.
pub(crate) const ENV_INTENT: &str = "SUPCON_SET";

/// Keys that say how the layers are made.
pub(crate) const STEERING: [&str; 3] = ["extends", "format", "profiles"];

/// The merged values of a spec, each with the layer that wrote it.
#[derive(Clone)]
pub(crate) struct Merged {
    pub(crate) root: Dict,
    figment: Figment,
    pub(crate) sources: Vec<Source>,
    /// The spec's own file among `sources`.
    pub(crate) own: usize,
}

impl Merged {
    /// The layer that wrote a value.
    pub(crate) fn layer(&self, value: &Value) -> usize {
        let metadata = self.figment.get_metadata(value.tag());
        metadata
            .and_then(|m| m.name.parse().ok())
            .unwrap_or(self.own)
    }

    /// Where a value was written.
    pub(crate) fn value_place(&self, path: &str, value: &Value) -> Option<Place> {
        self.sources[self.layer(value)].value_place(path)
    }

    /// The values with `above` over all of them.
    pub(crate) fn with(&self, above: &[Source]) -> Self {
        let mut figment = self.figment.clone();
        let mut sources = self.sources.clone();
        for source in above {
            let (number, tree) = (sources.len(), source.tree.as_slice());
            figment = figment.merge(Layer { number, tree });
            sources.push(source.clone());
        }
        Self {
            root: root(&figment),
            figment,
            sources,
            own: self.own,
        }
    }

    /// The value at a path of keys without dots.
    pub(crate) fn get(&self, path: &str) -> Option<&Value> {
        let mut keys = path.split('.');
        let mut value = self.root.get(keys.next()?)?;
        for key in keys {
            let Value::Dict(_, dict) = value else {
                return None;
            };
            value = dict.get(key)?;
        }
        Some(value)
    }

    /// Where a value's key was written.
    pub(crate) fn key_place(&self, path: &str, value: &Value) -> Option<Place> {
        self.sources[self.layer(value)].key_place(path)
    }
}

/// One layer as figment takes it; its number is its name.
struct Layer<'a> {
    number: usize,
    tree: &'a [(String, Tree)],
}

impl Provider for Layer<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.number.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        // What steers the layers is no value of the spec.
        let entries = self
            .tree
            .iter()
            .filter(|(key, _)| !STEERING.contains(&key.as_str()));
        let dict = entries
            .map(|(key, tree)| (key.clone(), value(tree)))
            .collect();
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

/// A tree as a figment value; numbers keep their kind.
fn value(tree: &Tree) -> Value {
    let tag = Tag::Default;
    match tree {
        Tree::Null => Value::from(figment::value::Empty::None),
        Tree::Bool(x) => Value::Bool(tag, *x),
        Tree::Whole(x) => Value::Num(tag, u64::try_from(*x).map_or(Num::I128(*x), Num::U64)),
        Tree::Float(x) => Value::Num(tag, Num::F64(*x)),
        Tree::Text(x) => Value::String(tag, x.clone()),
        Tree::List(items) => Value::Array(tag, items.iter().map(value).collect()),
        Tree::Map(entries) => Value::Dict(
            tag,
            entries
                .iter()
                .map(|(key, tree)| (key.clone(), value(tree)))
                .collect(),
        ),
    }
}

/// A figment value as a tree.
pub(crate) fn tree(value: &Value) -> Tree {
    match value {
        Value::Empty(..) => Tree::Null,
        Value::Bool(_, x) => Tree::Bool(*x),
        Value::Num(_, Num::U64(x)) => Tree::Whole((*x).into()),
        Value::Num(_, Num::I128(x)) => Tree::Whole(*x),
        Value::Num(..) => Tree::Float(value.to_f64().unwrap_or(f64::NAN)),
        Value::Char(_, x) => Tree::Text(x.to_string()),
        Value::String(_, x) => Tree::Text(x.clone()),
        Value::Array(_, items) => Tree::List(items.iter().map(tree).collect()),
        Value::Dict(_, dict) => {
            let entries = dict.iter().map(|(key, value)| (key.clone(), tree(value)));
            Tree::Map(entries.collect())
        }
    }
}

/// The values of a figment.
fn root(figment: &Figment) -> Dict {
    // `Layer::data` cannot fail, so neither can the merge.
    let mut data = figment.data().unwrap_or_default();
    data.remove(&Profile::Default).unwrap_or_default()
}

/// Every text that a spec is made of, weakest first.
#[derive(Clone)]
pub(crate) struct Layers {
    pub(crate) sources: Vec<Source>,
    /// The spec's own file among `sources`.
    pub(crate) own: usize,
    /// A base could not be read: what it holds is not known.
    pub(crate) base_lost: bool,
    /// Identities of all files that the spec extends.
    pub(crate) bases: Vec<PathBuf>,
    /// What places call the files and templates that it extends, also those that are not valid.
    pub(crate) extended: Vec<String>,
}

impl Layers {
    /// Merges the layers.
    pub(crate) fn merge(&self) -> Merged {
        let nothing = Merged {
            root: Dict::new(),
            figment: Figment::new(),
            sources: Vec::new(),
            own: self.own,
        };
        nothing.with(&self.sources)
    }
}

/// Names in backticks, divided by commas.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}
