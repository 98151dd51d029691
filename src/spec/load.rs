//! From a path to a checked, typed spec that knows the place of each of its values.

use super::check::{check, check_sweep, is_empty};
use super::layers::{self, ENV_PREFIX, Layers, Merged};
use super::profile;
use super::schema::{self, Key, Kind, Need};
use super::source::{LayerKind, Source};
use super::span::join;
use super::sweep::{self, Point};
use super::{Overrides, Spec};
use crate::diag::{Code, Place, Problem, Problems};
use figment::value::{Dict, Num, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A checked spec.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The merged values.
    pub spec: Spec,
    /// The file that was asked for.
    pub path: PathBuf,
    /// Key path and value of what this point of the sweep sets; empty without a sweep.
    pub point: Vec<(String, String)>,
    /// Names of the phases in the order written: those of a base first, then new ones.
    pub phase_order: Vec<String>,
    /// Key path -> where the value came from, defaults included.
    pub origins: BTreeMap<String, Origin>,
    sources: Vec<Source>,
    own: usize,
    /// Key path of every value, lists and mappings included -> its layer.
    layers: BTreeMap<String, usize>,
}

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
        match self.layer {
            LayerKind::Default => f.write_str("default"),
            LayerKind::Environment | LayerKind::Set => f.write_str(&self.file),
            LayerKind::Template
            | LayerKind::Base
            | LayerKind::File
            | LayerKind::Profile
            | LayerKind::Sweep => {
                write!(f, "{}:{}", self.file, self.line)
            }
        }
    }
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

    /// Folder that a path written at this key is relative to; `None` in a template.
    #[must_use]
    pub fn folder(&self, path: &str) -> Option<&Path> {
        let source = &self.sources[self.nearest(path).1];
        match source.kind {
            LayerKind::Environment | LayerKind::Set => self.sources[self.own].folder.as_deref(),
            _ => source.folder.as_deref(),
        }
    }

    fn nearest<'a>(&self, path: &'a str) -> (&'a str, usize) {
        let mut path = path;
        loop {
            if let Some(&layer) = self.layers.get(path) {
                return (path, layer);
            }
            match path.rsplit_once('.') {
                Some((parent, _)) => path = parent,
                None => return ("", self.own),
            }
        }
    }
}

/// Reads, merges, checks and types the spec at `path`, one for each point of its sweep; `SUPCON_SET__` variables of the
/// process count.
///
/// # Errors
/// Every problem that was found.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Vec<Loaded>, Problems> {
    let text = |name: std::ffi::OsString| name.to_string_lossy().into_owned();
    let mut env: Vec<(String, String)> = std::env::vars_os()
        .map(|(key, value)| (text(key), text(value)))
        .filter(|(key, _)| key.starts_with(ENV_PREFIX))
        .collect();
    env.sort();
    load_with(path, overrides, &env)
}

/// As `load`, with the variables given.
///
/// # Errors
/// Every problem that was found.
pub fn load_with(
    path: &Path,
    overrides: &Overrides,
    env: &[(String, String)],
) -> Result<Vec<Loaded>, Problems> {
    let mut problems = Vec::new();
    let layers = layers::read(path, overrides, env, &mut problems);
    let points = layers.map(|layers| checked(&layers, overrides, &mut problems));
    if let Some(problems) = Problems::collect(problems) {
        return Err(problems);
    }
    let Some(points) = points else {
        return Err(Problem::new(Code::Internal, "a layer was lost without a reason").into());
    };
    let name = points
        .first()
        .and_then(|(_, merged)| merged.root.get("name"));
    let name = name.and_then(Value::as_str).unwrap_or_default().to_owned();
    let (points, merged): (Vec<Point>, Vec<Merged>) = points.into_iter().unzip();
    let names = sweep::names(&name, &points);
    let each = points.into_iter().zip(merged).zip(names);
    each.map(|((point, merged), name)| typed(path, point, merged, name))
        .collect()
}

/// The points of a spec with the chosen profile, and the problems of all of them and of the other profiles.
fn checked(
    layers: &Layers,
    overrides: &Overrides,
    problems: &mut Vec<Problem>,
) -> Vec<(Point, Merged)> {
    profile::check(layers, problems);
    let names = profile::names(layers);
    let chosen = overrides.profile.as_ref();
    for name in names.iter().filter(|name| chosen != Some(name)) {
        // A profile that is not asked for now is a part of the spec all the same.
        expand(&profile::select(layers, name), overrides.max_runs, problems);
    }
    match chosen {
        Some(name) if !names.contains(name) => {
            problems.push(profile::unknown(layers, name));
            Vec::new()
        }
        Some(name) => expand(&profile::select(layers, name), overrides.max_runs, problems),
        None => expand(layers, overrides.max_runs, problems),
    }
}

/// The points of the layers' sweep, each merged and checked.
fn expand(layers: &Layers, max_runs: usize, problems: &mut Vec<Problem>) -> Vec<(Point, Merged)> {
    let mut base = layers.merge(&[]);
    let known = problems.len();
    problems.extend(check_sweep(&base));
    let mut points = Vec::new();
    if problems.len() == known {
        points = sweep::expand(&base, max_runs, problems);
    }
    if points.is_empty() {
        // The rest of the spec has mistakes of its own.
        base.root.remove("sweep");
        problems.extend(check(&base));
    }
    let merge = |point: Point| {
        let mut merged = layers.merge(&point.layers);
        merged.root.remove("sweep");
        problems.extend(check(&merged));
        (point, merged)
    };
    points.into_iter().map(merge).collect()
}

/// A checked point as a typed spec.
fn typed(path: &Path, point: Point, merged: Merged, name: String) -> Result<Loaded, Problems> {
    let mut spec: Spec = serde_json::from_value(plain_dict(&merged.root)).map_err(|error| {
        Problem::new(
            Code::Internal,
            format!("the check let through what serde refuses: {error}"),
        )
        .at(merged.sources[merged.own].value_place(""))
        .help("this is a mistake in supcon, please report it with the spec")
    })?;
    spec.name = name;
    let mut walk = Walk {
        merged: &merged,
        layers: BTreeMap::new(),
        origins: BTreeMap::new(),
    };
    walk.dict("", &merged.root);
    walk.defaults("", &merged.root, schema::SPEC.keys);
    let (layers, origins) = (walk.layers, walk.origins);
    let phase_order = merged.phase_order();
    let Merged { sources, own, .. } = merged;
    Ok(Loaded {
        spec,
        path: path.to_path_buf(),
        point: point.values,
        phase_order,
        origins,
        sources,
        own,
        layers,
    })
}

/// Collects the layer of every value and the origin of every scalar and list.
struct Walk<'a> {
    merged: &'a Merged,
    layers: BTreeMap<String, usize>,
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
                LayerKind::Set => format!("--set {}", source.first_line()),
                LayerKind::Environment => source.first_line().to_owned(),
                _ => source.label.clone(),
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

/// The values for serde, without what `~` deleted.
fn plain_dict(dict: &Dict) -> serde_json::Value {
    let kept = dict.iter().filter(|(_, value)| !is_empty(value));
    serde_json::Value::Object(
        kept.map(|(key, value)| (key.clone(), plain(value)))
            .collect(),
    )
}

fn plain(value: &Value) -> serde_json::Value {
    match value {
        Value::String(_, text) => text.clone().into(),
        Value::Char(_, c) => c.to_string().into(),
        Value::Bool(_, x) => (*x).into(),
        Value::Num(_, Num::U64(x)) => (*x).into(),
        Value::Num(_, Num::I128(x)) => i64::try_from(*x).map_or((*x as f64).into(), Into::into),
        Value::Num(_, number) => number.to_f64().into(),
        Value::Empty(..) => serde_json::Value::Null,
        Value::Dict(_, dict) => plain_dict(dict),
        Value::Array(_, items) => items.iter().map(plain).collect(),
    }
}
