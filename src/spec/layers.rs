//! The layers of a spec, weakest first: what it extends, the file, a profile (`profile`), `SUPCON_SET__` variables,
//! `--set` arguments, a point of a sweep (`sweep`). figment merges them: mappings merge, lists replace, `~` deletes; it
//! also remembers the layer of each value.

use super::limits::MAX_LAYERS;
use super::source::{self, LayerKind, Source};
use super::span::join;
use super::yaml::Tree;
use super::{Overrides, templates};
use crate::diag::{Code, Place, Problem, suggest};
use figment::value::{Dict, Map, Num, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::path::{Path, PathBuf};

/// What a variable that sets a key begins with.
pub(crate) const ENV_PREFIX: &str = "SUPCON_SET__";

/// Keys that say how the layers are made.
pub(crate) const STEERING: [&str; 2] = ["extends", "profiles"];

/// The merged values of a spec, each with the layer that wrote it.
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

    /// Where a value's key was written.
    pub(crate) fn key_place(&self, path: &str, value: &Value) -> Option<Place> {
        self.sources[self.layer(value)].key_place(path)
    }

    /// Names of the phases in the order in which the layers wrote them.
    pub(crate) fn phase_order(&self) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        for source in &self.sources {
            let phases = source.tree.iter().find(|(key, _)| key == "phases");
            if let Some((_, Tree::Map(entries))) = phases {
                for (name, _) in entries {
                    if !order.contains(name) {
                        order.push(name.clone());
                    }
                }
            }
        }
        let Some(Value::Dict(_, phases)) = self.root.get("phases") else {
            return Vec::new();
        };
        order.retain(|name| !matches!(phases.get(name), None | Some(Value::Empty(..))));
        order
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

/// Every text that a spec is made of, weakest first.
#[derive(Clone)]
pub(crate) struct Layers {
    pub(crate) sources: Vec<Source>,
    /// The spec's own file among `sources`.
    pub(crate) own: usize,
}

impl Layers {
    /// Merges the layers, and `above` over all of them.
    pub(crate) fn merge(&self, above: &[Source]) -> Merged {
        let sources: Vec<Source> = self.sources.iter().chain(above).cloned().collect();
        let layers = sources.iter().enumerate();
        let figment = layers.fold(Figment::new(), |figment, (number, source)| {
            let tree = &source.tree;
            figment.merge(Layer { number, tree })
        });
        // `Layer::data` cannot fail, so neither can the merge.
        let mut data = figment.data().unwrap_or_default();
        Merged {
            root: data.remove(&Profile::Default).unwrap_or_default(),
            figment,
            sources,
            own: self.own,
        }
    }
}

/// Reads all layers of the spec at `path`; `None` if one of them could not be read.
pub(crate) fn read(
    path: &Path,
    overrides: &Overrides,
    env: &[(String, String)],
    problems: &mut Vec<Problem>,
) -> Option<Layers> {
    let mut reader = Reader {
        sources: Vec::new(),
        chain: Vec::new(),
        problems,
        failed: false,
    };
    reader.file(path, LayerKind::File, None);
    let own = reader.sources.len().checked_sub(1);
    for (key, value) in env.iter().filter(|(key, _)| key.starts_with(ENV_PREFIX)) {
        let text = format!("{key}={value}");
        reader.assignment(
            LayerKind::Environment,
            "environment",
            &text,
            (ENV_PREFIX, "__"),
        );
    }
    for text in &overrides.set {
        reader.assignment(LayerKind::Set, "--set", text, ("", "."));
    }
    let (sources, failed) = (reader.sources, reader.failed);
    own.filter(|_| !failed).map(|own| Layers { sources, own })
}

struct Reader<'a> {
    sources: Vec<Source>,
    /// What is being read, outermost first: identity and name.
    chain: Vec<(String, String)>,
    problems: &'a mut Vec<Problem>,
    failed: bool,
}

impl Reader<'_> {
    fn fail(&mut self, problem: Problem) {
        self.problems.push(problem);
        self.failed = true;
    }

    fn file(&mut self, path: &Path, kind: LayerKind, asked: Option<Place>) {
        let shown = path.display().to_string();
        match source::read(path) {
            Ok(text) => {
                let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
                let id = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
                self.text(
                    kind,
                    (id.display().to_string(), shown),
                    Some(folder),
                    &text,
                    asked,
                );
            }
            Err(problem) => {
                let problem = match asked {
                    Some(place) => {
                        let problem = problem.at(place).note(self.chain_text(&shown));
                        Problem {
                            code: Code::BadExtends,
                            ..problem
                        }
                    }
                    None => *problem,
                };
                self.fail(problem);
            }
        }
    }

    /// Adds a text after everything that it extends.
    fn text(
        &mut self,
        kind: LayerKind,
        (id, shown): (String, String),
        folder: Option<PathBuf>,
        text: &str,
        asked: Option<Place>,
    ) {
        if self.chain.iter().any(|(known, _)| *known == id) {
            let chain = self.chain_text(&shown);
            self.fail(
                Problem::new(Code::BadExtends, format!("`{shown}` extends itself"))
                    .at(asked)
                    .note(chain),
            );
            return;
        }
        let Some(source) = Source::parse(kind, &shown, folder, text, self.problems) else {
            self.failed = true;
            return;
        };
        self.chain.push((id, shown));
        for (path, name) in self.bases(&source) {
            self.extend(&source, &name, source.value_place(&path));
        }
        self.chain.pop();
        self.push(source);
    }

    fn push(&mut self, source: Source) {
        if self.sources.len() < MAX_LAYERS {
            self.sources.push(source);
        } else if !self.failed {
            self.fail(Problem::new(
                Code::BadExtends,
                format!("more than {MAX_LAYERS} layers"),
            ));
        }
    }

    /// What a source extends, with the paths at which it says so.
    fn bases(&mut self, source: &Source) -> Vec<(String, String)> {
        let found = source.tree.iter().find(|(key, _)| key == "extends");
        let items: Vec<(String, &Tree)> = match found {
            None | Some((_, Tree::Null)) => Vec::new(),
            Some((key, Tree::List(items))) => items
                .iter()
                .enumerate()
                .map(|(i, tree)| (join(key, &i.to_string()), tree))
                .collect(),
            Some((key, tree)) => vec![(key.clone(), tree)],
        };
        let mut bases = Vec::new();
        for (path, tree) in items {
            match tree {
                Tree::Text(name) => bases.push((path, name.clone())),
                other => self.fail(
                    Problem::new(
                        Code::WrongType,
                        format!(
                            "`{path}` must be a name or a path, found {}",
                            other.describe()
                        ),
                    )
                    .at(source.value_place(&path))
                    .label("expected a template's name, a file, or a list of them"),
                ),
            }
        }
        bases
    }

    /// Adds the template or file that `from` calls `name`.
    fn extend(&mut self, from: &Source, name: &str, asked: Option<Place>) {
        if self.chain.len() > MAX_LAYERS || self.failed && self.sources.len() >= MAX_LAYERS {
            return;
        }
        let lower = name.to_lowercase();
        let is_spec = lower.ends_with(".yaml") || lower.ends_with(".yml");
        let is_path = name.contains('/') || is_spec;
        if let Some(template) = templates::find(name) {
            let shown = format!("templates/{name}.yaml");
            return self.text(
                LayerKind::Template,
                (shown.clone(), shown),
                None,
                template,
                asked,
            );
        }
        if is_path && !is_spec {
            let message = format!("`{name}` was not read: a spec ends in `.yaml` or `.yml`");
            let help = "name a template, or a spec file relative to this one";
            return self.fail(Problem::new(Code::BadExtends, message).at(asked).help(help));
        }
        match (&from.folder, is_path) {
            (Some(folder), true) => self.file(&folder.join(name), LayerKind::Base, asked),
            (None, true) => self.fail(
                Problem::new(
                    Code::BadExtends,
                    "a template can only extend a template".to_owned(),
                )
                .at(asked),
            ),
            (_, false) => {
                let mut problem = Problem::new(
                    Code::BadExtends,
                    format!("there is no template `{name}`"),
                )
                .at(asked)
                .note(format!("templates: {}", quoted(templates::names())))
                .help("a file is written with its ending, relative to this one, as in `base.yaml`");
                if let Some(nearest) = suggest(name, templates::names()) {
                    problem = problem.label(format!("did you mean `{nearest}`?"));
                }
                self.fail(problem);
            }
        }
    }

    fn chain_text(&self, last: &str) -> String {
        let names = self
            .chain
            .iter()
            .map(|(_, shown)| shown.as_str())
            .chain([last]);
        format!(
            "extended through {}",
            names.collect::<Vec<_>>().join(" -> ")
        )
    }

    fn assignment(&mut self, kind: LayerKind, label: &str, text: &str, form: (&str, &str)) {
        match Source::assignment(kind, label, text, form, self.problems) {
            Some(source) => self.push(source),
            None => self.failed = true,
        }
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
