//! Walks the merged values with the schema and reports every problem in one pass: unknown and missing keys, wrong
//! types, names and numbers. `scalar` judges single values. What conflicts between sections is `plan`'s to say.

mod scalar;

pub(crate) use scalar::as_float;

use super::layers::{Merged, quoted};
use super::limits::MAX_PROBLEMS;
use super::schema::{self, Key, Kind, Need, Part, Section};
use super::span::join;
use super::sweep;
use crate::diag::{Code, Problem, suggest};
use figment::value::{Dict, Value};

/// All problems of a merged spec.
pub(crate) fn check(merged: &Merged) -> Vec<Problem> {
    let mut check = Check {
        merged,
        problems: Found::default(),
    };
    let keys = schema::SPEC.keys;
    check.entries(
        "",
        &merged.root,
        keys,
        &Owner {
            title: "the top level".into(),
            tag: None,
        },
    );
    check.missing("", None, &merged.root, keys);
    check.problems.finish()
}

/// The problems of the section `sweep`, which is taken out before its points are checked.
pub(crate) fn check_sweep(merged: &Merged) -> Vec<Problem> {
    let mut check = Check {
        merged,
        problems: Found::default(),
    };
    let section = schema::SPEC.key("sweep");
    if let (Some(value), Some(key)) = (merged.root.get("sweep"), section)
        && !is_empty(value)
    {
        check.value("sweep", "sweep", value, &key.kind);
    }
    check.problems.finish()
}

struct Check<'a> {
    merged: &'a Merged,
    problems: Found,
}

/// Problems up to a limit; those behind it are only counted.
#[derive(Default)]
struct Found {
    kept: Vec<Problem>,
    left_out: usize,
}

impl Found {
    fn push(&mut self, problem: Problem) {
        if self.kept.len() < MAX_PROBLEMS {
            self.kept.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    fn finish(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            let message = format!("{} more problems are not shown", self.left_out);
            self.kept
                .push(Problem::new(Code::TooManyProblems, message).help("mend those below first"));
        }
        self.kept
    }
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
    /// Checks every key that is there.
    fn entries(&mut self, path: &str, dict: &Dict, keys: &'static [Key], owner: &Owner) {
        for (name, value) in dict {
            if owner.tag.is_some_and(|part| part.tag == name) {
                continue;
            }
            let inner = join(path, name);
            match keys.iter().find(|key| key.name == name) {
                // `~` deletes: the key is as good as absent, also one of another variant that a base wrote.
                Some(_) if is_empty(value) => {}
                None if is_empty(value) && owner.knows(name) => {}
                None => self.unknown_key(path, &inner, name, value, keys, owner),
                Some(key) => self.value(&inner, name, value, &key.kind),
            }
        }
    }

    fn unknown_key(
        &mut self,
        path: &str,
        inner: &str,
        name: &str,
        value: &Value,
        keys: &'static [Key],
        owner: &Owner,
    ) {
        let place = if path.is_empty() {
            "at the top level".into()
        } else {
            format!("in `{path}`")
        };
        let mut valid: Vec<&str> = owner.tag.iter().map(|part| part.tag).collect();
        valid.extend(keys.iter().map(|key| key.name));
        let listed: Vec<&str> = keys.iter().map(|key| key.name).collect();
        let takes = if listed.is_empty() {
            "no other key".into()
        } else {
            quoted(listed)
        };
        let mut problem = Problem::new(Code::UnknownKey, format!("unknown key `{name}` {place}"))
            .at(self.merged.key_place(inner, value))
            .did_you_mean(name, valid)
            .note(format!("{} takes {takes}", owner.title));
        let layer = self.merged.layer(value);
        let elsewhere = schema::where_valid(name);
        if owner.knows(name) && layer != self.merged.own {
            let label = &self.merged.sources[layer].label;
            problem = problem.help(format!(
                "`{name}` comes from {label}; delete it with `{name}: ~`"
            ));
        } else if !elsewhere.is_empty() {
            problem = problem.help(format!("`{name}` belongs to {}", elsewhere.join(", ")));
        }
        self.problems.push(problem);
    }

    /// Reports required keys that are absent; `value` is the mapping they belong in.
    fn missing(&mut self, path: &str, value: Option<&Value>, dict: &Dict, keys: &'static [Key]) {
        for key in keys {
            let absent = dict.get(key.name).is_none_or(is_empty);
            let valid = || keys.iter().map(|key| key.name);
            // A misspelt key is one mistake, which `unknown_key` has reported.
            let missing = absent && misspelt(dict, key.name, valid).is_none();
            if key.need == Need::Required && missing {
                self.missing_key(path, value, key.name, key.doc);
            }
        }
    }

    fn missing_key(&mut self, path: &str, value: Option<&Value>, name: &str, doc: &str) {
        let place = match value {
            Some(value) => self.merged.value_place(path, value),
            None => self.merged.sources[self.merged.own].value_place(path),
        };
        let inside = if path.is_empty() {
            "at the top level".into()
        } else {
            format!("in `{path}`")
        };
        self.problems.push(
            Problem::new(Code::MissingKey, format!("missing key `{name}` {inside}"))
                .at(place)
                .label(format!("needs `{name}`"))
                .help(format!("add `{name}`: {doc}")),
        );
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
            Kind::Any | Kind::Extends | Kind::Profiles => {}
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

    fn part(&mut self, path: &str, name: &str, value: &Value, part: &'static Part) {
        if let Value::String(_, word) = value
            && let Some(known) = suggest(word, part.names())
        {
            let problem = self.wrong_type(path, value, "a mapping");
            let (tag, what) = (part.tag, part.what);
            self.problems
                .push(problem.help(format!("write the {what} as `{{{tag}: {known}}}`")));
            return;
        }
        let Some(dict) = self.mapping(path, value) else {
            return;
        };
        let title = |variant: &str| format!("`{name}` {variant}");
        let Some((tag, word)) = tag_of(part, dict) else {
            let doc = quoted(part.names());
            self.missing_key(path, Some(value), part.tag, &doc);
            let owner = Owner {
                title: title(&format!("without `{}`", part.tag)),
                tag: Some(part),
            };
            self.strangers(path, dict, &owner);
            return;
        };
        match self.variant(&join(path, tag), word, part) {
            Some(section) => {
                let title = title(&format!("with `{}: {}`", part.tag, section.name));
                self.section(
                    path,
                    value,
                    dict,
                    section,
                    &Owner {
                        title,
                        tag: Some(part),
                    },
                );
            }
            None => {
                let title = title(&format!("without a valid `{}`", part.tag));
                self.strangers(
                    path,
                    dict,
                    &Owner {
                        title,
                        tag: Some(part),
                    },
                );
            }
        }
    }

    /// The variant that a tag names, or the nearest one, as which the rest is checked.
    fn variant(
        &mut self,
        path: &str,
        tag: &Value,
        part: &'static Part,
    ) -> Option<&'static Section> {
        let Value::String(_, word) = tag else {
            let problem = self.wrong_type(path, tag, &format!("the name of a {}", part.what));
            self.problems
                .push(problem.note(format!("valid: {}", quoted(part.names()))));
            return None;
        };
        part.variant(word).or_else(|| {
            self.unknown_name(path, part.what, word, tag, part.names().collect());
            suggest(word, part.names()).and_then(|nearest| part.variant(nearest))
        })
    }

    /// Reports the keys that no variant of a part takes.
    fn strangers(&mut self, path: &str, dict: &Dict, owner: &Owner) {
        let tag = owner.tag.map(|part| part.tag);
        for (name, value) in dict.iter().filter(|(name, _)| Some(name.as_str()) != tag) {
            if !owner.knows(name) {
                self.unknown_key(path, &join(path, name), name, value, &[], owner);
            }
        }
    }

    fn step(&mut self, path: &str, name: &str, value: &Value, steps: &'static [Key]) {
        if let Value::String(_, word) = value {
            let known = suggest(word, steps.iter().map(|step| step.name)).unwrap_or("flip");
            let problem = self.wrong_type(path, value, "a mapping with one key");
            self.problems
                .push(problem.help(format!("write the step as `{{{known}: ...}}`")));
            return;
        }
        let Some(dict) = self.mapping(path, value) else {
            return;
        };
        let owner = Owner {
            title: format!("a step of `{name}`"),
            tag: None,
        };
        self.entries(path, dict, steps, &owner);
        if dict.len() != 1 || dict.values().any(is_empty) {
            let message = format!(
                "`{path}` must be a mapping with exactly one key, found {}",
                dict.len()
            );
            self.problems.push(
                Problem::new(Code::WrongType, message)
                    .at(self.merged.value_place(path, value))
                    .label("expected one step, such as `{flip: horizontal}`")
                    .help(
                        "make each step an item of its own; to leave one out, leave the item out",
                    ),
            );
        }
    }

    fn named(&mut self, path: &str, value: &Value, section: &'static Section) {
        let Some(dict) = self.mapping(path, value) else {
            return;
        };
        for (name, inner) in dict.iter().filter(|(_, inner)| !is_empty(inner)) {
            let inner_path = join(path, name);
            self.phase_name(&inner_path, name, inner);
            if let Some(dict) = self.mapping(&inner_path, inner) {
                let owner = Owner {
                    title: "a phase".into(),
                    tag: None,
                };
                self.section(&inner_path, inner, dict, section, &owner);
            }
        }
        if dict.values().all(is_empty) {
            self.too_few(path, value, 1, "phase");
        }
    }

    fn axes(&mut self, path: &str, value: &Value, item: &'static Kind) {
        if self.mapping(path, value).is_none() {
            return;
        }
        let mut leaves = Vec::new();
        sweep::leaves("", path, value, &mut leaves);
        for leaf in leaves {
            let place = self.merged.key_place(&leaf.written, leaf.value);
            match sweep::refuse(&leaf, place) {
                Some(problem) => self.problems.push(problem),
                None => self.value(&leaf.written, &leaf.key, leaf.value, item),
            }
        }
    }

    fn list(&mut self, path: &str, name: &str, value: &Value, item: &'static Kind, least: usize) {
        let Value::Array(_, items) = value else {
            let problem = self.wrong_type(path, value, "a list");
            let help = "write it in brackets, as in `[a, b]`; lists are replaced as a whole";
            self.problems.push(problem.help(help));
            return;
        };
        if items.len() < least {
            self.too_few(path, value, least, "item");
        }
        for (i, value) in items.iter().enumerate() {
            self.value(&join(path, &i.to_string()), name, value, item);
        }
    }

    fn too_few(&mut self, path: &str, value: &Value, least: usize, what: &str) {
        self.problems.push(
            Problem::new(
                Code::EmptyList,
                format!("`{path}` needs at least {least} {what}"),
            )
            .at(self.merged.value_place(path, value))
            .label("empty"),
        );
    }

    fn duplicates(&mut self, path: &str, value: &Value) {
        let Value::Array(_, items) = value else {
            return;
        };
        for (i, item) in items.iter().enumerate() {
            if let Some(first) = items[..i].iter().position(|earlier| earlier == item) {
                let first_path = join(path, &first.to_string());
                let message = format!("`{path}` holds {} twice", scalar::describe(item));
                self.problems.push(
                    Problem::new(Code::DuplicateValue, message)
                        .at(self.merged.value_place(&join(path, &i.to_string()), item))
                        .label("written again")
                        .related(
                            self.merged.value_place(&first_path, &items[first]),
                            "first written here",
                        ),
                );
            }
        }
    }

    fn mapping<'v>(&mut self, path: &str, value: &'v Value) -> Option<&'v Dict> {
        if let Value::Dict(_, dict) = value {
            return Some(dict);
        }
        let problem = self.wrong_type(path, value, "a mapping");
        self.problems.push(problem);
        None
    }
}

/// Whether a value is `~`.
pub(crate) fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Empty(..))
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
    let mut near = strange.filter(|(name, _)| suggest(name, valid()) == Some(wanted));
    near.next().map(|(name, value)| (name.as_str(), value))
}

/// The entry that names the variant, also when its key is misspelt.
fn tag_of<'d>(part: &'static Part, dict: &'d Dict) -> Option<(&'d str, &'d Value)> {
    let valid = || {
        let keys = part.variants.iter().flat_map(|variant| variant.keys);
        std::iter::once(part.tag).chain(keys.map(|key| key.name))
    };
    let written = dict
        .get_key_value(part.tag)
        .filter(|(_, value)| !is_empty(value));
    written
        .map(|(tag, value)| (tag.as_str(), value))
        .or_else(|| misspelt(dict, part.tag, valid))
}
