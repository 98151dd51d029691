//! Profiles: named sections of a file that `--profile` lays over it, such as one that makes a long experiment short.

use super::index::join;
use super::layers::{Layers, STEERING, quoted};
use super::limits::MAX_PROFILES;
use super::source::{LayerKind, Source};
use super::yaml::Tree;
use crate::diag::{Code, Found, Place, Problem, suggest};

/// The mapping below `profiles` in one file.
fn section(source: &Source) -> Option<&Tree> {
    let found = source.tree.iter().find(|(key, _)| key == "profiles");
    found
        .map(|(_, tree)| tree)
        .filter(|tree| **tree != Tree::Null)
}

/// Names of all profiles, each once, in the order in which the layers wrote them.
pub(crate) fn names(layers: &Layers) -> Vec<String> {
    let mut names = Vec::new();
    for source in &layers.sources {
        if let Some(Tree::Map(entries)) = section(source) {
            for (name, _) in entries {
                if !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
    }
    names
}

/// Reports what is no mapping of names to sections, and what a profile cannot hold.
pub(crate) fn check(layers: &Layers, found: &mut Found) {
    let mut refuse = |source: &Source, path: &str, tree: &Tree, what: &str| {
        let message = format!("`{path}` must be {what}, found {}", tree.describe());
        found.push(
            Problem::new(Code::WrongType, message)
                .at(source.value_place(path))
                .label("expected `name: {key: value}`")
                .help("write a mapping of names, each with the keys that it sets"),
        );
    };
    let mut steering = Vec::new();
    for source in &layers.sources {
        let entries = match section(source) {
            None => {
                if source.is_blank("profiles") {
                    refuse(
                        source,
                        "profiles",
                        &Tree::Null,
                        "a mapping of names to sections",
                    );
                }
                continue;
            }
            Some(Tree::Map(entries)) => entries,
            Some(other) => {
                refuse(source, "profiles", other, "a mapping of names to sections");
                continue;
            }
        };
        for (name, tree) in entries {
            let path = join("profiles", name);
            match tree {
                Tree::Map(keys) => {
                    let keys = keys
                        .iter()
                        .filter(|(key, _)| STEERING.contains(&key.as_str()));
                    steering.extend(keys.map(|(key, _)| (source, join(&path, key))));
                }
                other => refuse(source, &path, other, "a mapping of keys to values"),
            }
        }
    }
    for (source, path) in steering {
        found.push(
            Problem::new(
                Code::BadProfile,
                format!("`{path}` can only stand at the top level of a file"),
            )
            .at(source.key_place(&path))
            .label("inside a profile")
            .help("move it out of the profile"),
        );
    }
    let count = names(layers).len();
    if count > MAX_PROFILES {
        let place = layers.sources[layers.own].key_place("profiles");
        found.push(
            Problem::new(Code::TooLarge, format!("{count} profiles in one spec"))
                .at(place)
                .label(format!("the limit is {MAX_PROFILES}"))
                .help("a `sweep` says the same with a list of values"),
        );
    }
}

/// The layers with the profile `name` above the files; what `check` reports is left out.
pub(crate) fn select(layers: &Layers, name: &str) -> Layers {
    let mut chosen = Vec::new();
    for source in &layers.sources {
        let Some(Tree::Map(entries)) = section(source) else {
            continue;
        };
        if let Some((_, Tree::Map(tree))) = entries.iter().find(|(known, _)| known == name) {
            let from = join("profiles", name);
            chosen.push(source.part(LayerKind::Profile, tree.clone(), "", &from));
        }
    }
    let mut selected = layers.clone();
    let above = selected.own + 1;
    selected.sources.splice(above..above, chosen);
    selected
}

/// The problem that a spec has no profile of this name.
pub(crate) fn unknown(layers: &Layers, name: &str) -> Problem {
    let known = names(layers);
    let label = &layers.sources[layers.own].label;
    let place = Place {
        file: "--profile".into(),
        line: 1,
        column: 1,
        len: name.chars().count().max(1),
        line_text: name.to_owned(),
    };
    let message = format!("{label} has no profile `{name}`");
    let problem = Problem::new(Code::UnknownName, message).at(place);
    let problem = match suggest(name, known.iter().map(String::as_str)) {
        Some(nearest) => problem.help(format!("did you mean `--profile {nearest}`?")),
        None => problem.help("leave `--profile` out, or write the section `profiles` in the spec"),
    };
    if known.is_empty() {
        return problem.note("it has no `profiles` at all");
    }
    problem.note(format!(
        "profiles: {}",
        quoted(known.iter().map(String::as_str))
    ))
}
