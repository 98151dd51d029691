//! Reads the texts that a spec is made of: its bases before itself, each once, then what the command line and the
//! environment set.

use super::{ENV_INTENT, ENV_PREFIX, Layers, format, quoted};
use crate::diag::{Code, Place, Problem, suggest};
use crate::spec::file;
use crate::spec::index::join;
use crate::spec::limits::MAX_LAYERS;
use crate::spec::schema;
use crate::spec::source::{LayerKind, Source};
use crate::spec::yaml::Tree;
use crate::spec::{Overrides, templates};
use std::path::{Path, PathBuf};

/// Reads all layers of the spec at `path`; `None` if its own file could not be read. Another layer that could not be is
/// left out.
pub(crate) fn read(
    path: &Path,
    overrides: &Overrides,
    env: &[(String, String)],
    problems: &mut Vec<Problem>,
) -> Option<Layers> {
    let mut reader = Reader {
        sources: Vec::new(),
        chain: Vec::new(),
        done: Vec::new(),
        extended: Vec::new(),
        problems,
        base_lost: false,
    };
    let own = reader.file(path, LayerKind::File, None);
    let own = own.then(|| reader.sources.len().checked_sub(1)).flatten();
    for (key, value) in env.iter().filter(|(key, _)| key.starts_with(ENV_INTENT)) {
        let text = format!("{key}={value}");
        let form = (ENV_PREFIX, "__");
        reader.assignment(LayerKind::Environment, "environment", &text, form);
    }
    for text in &overrides.set {
        reader.assignment(LayerKind::Set, "--set", text, ("", "."));
    }
    let bases = reader.done.iter().map(PathBuf::from).collect();
    let Reader {
        sources,
        base_lost,
        extended,
        ..
    } = reader;
    own.map(|own| Layers {
        sources,
        own,
        base_lost,
        bases,
        extended,
    })
}

struct Reader<'a> {
    sources: Vec<Source>,
    /// What is being read, outermost first: identity and name.
    chain: Vec<(String, String)>,
    /// Identities of the bases that were read.
    done: Vec<String>,
    /// Names of the bases that were read, valid or not.
    extended: Vec<String>,
    problems: &'a mut Vec<Problem>,
    base_lost: bool,
}

impl Reader<'_> {
    fn fail(&mut self, problem: Problem) {
        self.problems.push(problem);
        self.base_lost = true;
    }

    /// Adds a file after everything that it extends, and says whether that was possible.
    fn file(&mut self, path: &Path, kind: LayerKind, asked: Option<Place>) -> bool {
        let shown = path.display().to_string();
        match file::read(path) {
            Ok(text) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                let id = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
                let names = (id.display().to_string(), shown);
                self.text(kind, names, Some(folder), &text, asked)
            }
            Err(problem) => {
                let problem = match asked {
                    Some(place) => {
                        let near = (problem.code == Code::NotFound).then(|| file::nearest(path));
                        let problem = match near.flatten() {
                            Some(near) => problem
                                .label(format!("did you mean `{near}`?"))
                                .help(format!("correct the path: there is `{near}` in its folder")),
                            None => *problem,
                        };
                        let problem = problem.at(place).note(self.chain_text(&shown));
                        Problem {
                            code: Code::BadExtends,
                            ..problem
                        }
                    }
                    None => *problem,
                };
                self.fail(problem);
                false
            }
        }
    }

    /// Adds a text after everything that it extends, and says whether that was possible.
    fn text(
        &mut self,
        kind: LayerKind,
        (id, shown): (String, String),
        folder: Option<&Path>,
        text: &str,
        asked: Option<Place>,
    ) -> bool {
        if self.chain.iter().any(|(known, _)| *known == id) {
            let chain = self.chain_text(&shown);
            let message = format!("`{shown}` extends itself");
            let help = "take one of the files out of the chain";
            let problem = Problem::new(Code::BadExtends, message).at(asked);
            self.fail(problem.note(chain).help(help));
            return false;
        }
        if kind != LayerKind::File {
            self.extended.push(shown.clone());
        }
        let Some(source) = Source::parse(kind, &shown, folder, text, self.problems) else {
            self.base_lost = true;
            return false;
        };
        if let Err(problem) = format::check(&source) {
            self.fail(*problem);
            return false;
        }
        self.problems.extend(empty_extends(&source));
        // What stands under a misspelt `extends` is not known either.
        self.base_lost |= source.tree.iter().any(|(key, _)| means_extends(key));
        self.chain.push((id.clone(), shown));
        let before = self.done.len();
        for (path, name) in self.bases(&source) {
            self.extend(&source, &name, source.value_place(&path), before);
        }
        self.chain.pop();
        if kind != LayerKind::File {
            self.done.push(id);
        }
        self.push(source, asked);
        true
    }

    fn push(&mut self, source: Source, asked: Option<Place>) {
        // The spec itself always has its place.
        let own = source.kind == LayerKind::File;
        if own || self.sources.len() < MAX_LAYERS {
            self.sources.push(source);
        } else if !self.base_lost {
            self.too_many(&source.label, asked);
        }
    }

    fn too_many(&mut self, name: &str, asked: Option<Place>) {
        let chain = self.chain_text(name);
        self.fail(
            Problem::new(Code::BadExtends, format!("more than {MAX_LAYERS} layers"))
                .at(asked)
                .label("one too many")
                .note(chain)
                .help("write several of the bases as one file"),
        );
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
                    .label("expected a template's name, a file, or a list of them")
                    .help("write `extends: base.yaml`, or `extends: [base.yaml, other.yaml]`"),
                ),
            }
        }
        bases
    }

    /// Whether a base was read before. Two bases may have one in common, which is read once, as the weaker of the layers;
    /// but an item of a list that an earlier item (from `before` on) has read already has no effect at its place.
    fn is_done(&mut self, id: &str, shown: &str, asked: Option<&Place>, before: usize) -> bool {
        let Some(at) = self.done.iter().position(|known| known == id) else {
            return false;
        };
        if at >= before {
            let message = format!("`{shown}` was extended already by what stands before it");
            self.fail(
                Problem::new(Code::BadExtends, message)
                    .at(asked.cloned())
                    .label("no effect here")
                    .help("delete it, or put it first: of two bases the later one wins"),
            );
        }
        true
    }

    /// Adds the template or file that `from` calls `name`; `before` bases were read when its list began.
    fn extend(&mut self, from: &Source, name: &str, asked: Option<Place>, before: usize) {
        let deep = self.chain.len() > MAX_LAYERS;
        if deep && !self.base_lost {
            return self.too_many(name, asked);
        }
        // Said once, for a list may hold thousands of them.
        if deep || self.base_lost && self.sources.len() >= MAX_LAYERS {
            return;
        }
        let lower = name.to_lowercase();
        let is_spec = lower.ends_with(".yaml") || lower.ends_with(".yml");
        let is_path = name.contains('/') || is_spec;
        if let Some(template) = templates::find(name) {
            let shown = format!("templates/{name}.yaml");
            if !self.is_done(&shown, name, asked.as_ref(), before) {
                let names = (shown.clone(), shown);
                self.text(LayerKind::Template, names, None, template, asked);
            }
            return;
        }
        if is_path && !is_spec {
            let message = format!("`{name}` was not read: a spec ends in `.yaml` or `.yml`");
            let help = "name a template, or a spec file relative to this one";
            return self.fail(Problem::new(Code::BadExtends, message).at(asked).help(help));
        }
        match (&from.folder, is_path) {
            (Some(folder), true) => {
                let path = folder.join(name);
                let id = path.canonicalize().unwrap_or_else(|_| path.clone());
                if !self.is_done(&id.display().to_string(), name, asked.as_ref(), before) {
                    self.file(&path, LayerKind::Base, asked);
                }
            }
            (None, true) => self.fail(
                Problem::new(
                    Code::BadExtends,
                    "a template can only extend a template".to_owned(),
                )
                .at(asked)
                .help("name a template (`supcon list templates`)"),
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
        if let Some(source) = Source::assignment(kind, label, text, form, self.problems) {
            self.sources.push(source);
        }
    }
}

/// Whether a key is none, and `extends` is what it was meant to be.
fn means_extends(key: &str) -> bool {
    let keys = || schema::SPEC.keys.iter().map(|key| key.name);
    keys().all(|known| known != key) && schema::meant(key, keys()) == Some("extends")
}

/// `extends` that names nothing: behind it, or in a spec that is none of the bases which lack the keys of others.
fn empty_extends(source: &Source) -> Option<Problem> {
    let (_, written) = source.tree.iter().find(|(key, _)| key == "extends")?;
    let named = source.tree.iter().any(|(key, _)| key == "name");
    let what = match written {
        Tree::Null => "names nothing",
        Tree::List(items) if items.is_empty() && named && source.kind == LayerKind::File => {
            "names nothing, and a spec with a name needs no mark of a base"
        }
        _ => return None,
    };
    let problem = Problem::new(Code::NoEffect, format!("`extends` {what}"))
        .at(source.key_place("extends"))
        .label("has no effect");
    Some(problem.help("delete it, or name a template or a file"))
}
