//! Where each value of a merged spec came from: its layer, file and line, or the schema's default.

use super::check::is_empty;
use super::index::join;
use super::layers::Merged;
use super::schema::{self, Key, Kind, Need};
use super::source::LayerKind;
use figment::value::{Dict, Value};
use std::collections::BTreeMap;
use std::fmt;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    /// The layer.
    pub layer: LayerKind,
    /// File or argument; empty for a default.
    pub file: String,
    /// Line in the file; 0 for a default or an argument.
    pub line: usize,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = self.layer.word();
        match self.layer {
            LayerKind::Default => f.write_str(layer),
            LayerKind::Environment | LayerKind::Set => write!(f, "{layer} {}", self.file),
            LayerKind::Template
            | LayerKind::Base
            | LayerKind::File
            | LayerKind::Profile
            | LayerKind::Sweep => write!(f, "{layer} {}:{}", self.file, self.line),
        }
    }
}

/// Key path of every value, lists and mappings included -> its layer.
pub(super) type LayerOf = BTreeMap<String, usize>;

/// The layer of every value, and the origin of every scalar and list.
pub(super) fn of(merged: &Merged) -> (LayerOf, BTreeMap<String, Origin>) {
    let mut walk = Walk {
        merged,
        layers: BTreeMap::new(),
        origins: BTreeMap::new(),
    };
    walk.dict("", &merged.root);
    walk.defaults("", &merged.root, schema::SPEC.keys);
    (walk.layers, walk.origins)
}

/// Collects the layer of every value and the origin of every scalar and list.
struct Walk<'a> {
    merged: &'a Merged,
    layers: LayerOf,
    origins: BTreeMap<String, Origin>,
}

impl Walk<'_> {
    fn dict(&mut self, path: &str, dict: &Dict) {
        for (key, value) in dict.iter().filter(|(_, value)| !is_empty(value)) {
            self.value(&join(path, key), value, true);
        }
    }

    fn value(&mut self, path: &str, value: &Value, named: bool) {
        let layer = self.merged.layer(value);
        self.layers.insert(path.to_owned(), layer);
        match value {
            Value::Dict(_, dict) if named => return self.dict(path, dict),
            Value::Dict(_, dict) => {
                for (key, value) in dict {
                    self.value(&join(path, key), value, false);
                }
            }
            Value::Array(_, items) => {
                for (i, item) in items.iter().enumerate() {
                    self.value(&join(path, &i.to_string()), item, false);
                }
            }
            _ => {}
        }
        if named {
            let source = &self.merged.sources[layer];
            let line = source.value_place(path).map_or(0, |place| place.line);
            let file = match source.kind {
                LayerKind::Set | LayerKind::Environment => source.first_line().to_owned(),
                _ => source.label.to_string(),
            };
            self.origins.insert(
                path.to_owned(),
                Origin {
                    layer: source.kind,
                    file,
                    line,
                },
            );
        }
    }

    /// Notes the keys whose value is the schema's default.
    fn defaults(&mut self, path: &str, dict: &Dict, keys: &'static [Key]) {
        for key in keys {
            let inner = join(path, key.name);
            match (
                dict.get(key.name).filter(|value| !is_empty(value)),
                &key.kind,
            ) {
                (None, _) if matches!(key.need, Need::Default(_)) => {
                    let origin = Origin {
                        layer: LayerKind::Default,
                        file: String::new(),
                        line: 0,
                    };
                    self.origins.insert(inner, origin);
                }
                (Some(Value::Dict(_, dict)), Kind::Part(part)) => {
                    let variant = dict
                        .get(part.tag)
                        .and_then(Value::as_str)
                        .and_then(|name| part.variant(name));
                    self.defaults(&inner, dict, variant.map_or(&[], |section| section.keys));
                }
                (Some(Value::Dict(_, dict)), Kind::Named(section)) => {
                    for (name, value) in dict {
                        if let Value::Dict(_, dict) = value {
                            self.defaults(&join(&inner, name), dict, section.keys);
                        }
                    }
                }
                _ => {}
            }
        }
    }
}
