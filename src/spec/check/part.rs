//! Mappings whose keys depend on the value of one of them, and steps with one key of several.

use super::{Check, Owner, misspelt};
use crate::diag::{Code, Problem, suggest};
use crate::spec::check::is_empty;
use crate::spec::index::join;
use crate::spec::layers::quoted;
use crate::spec::schema::{Key, Part, Section};
use figment::value::{Dict, Value};

impl Check<'_> {
    pub(super) fn part(&mut self, path: &str, name: &str, value: &Value, part: &'static Part) {
        if let Value::String(_, word) = value
            && let Some(known) = suggest(word, part.names())
        {
            let problem = self.wrong_type(path, value, "a mapping");
            let (tag, what) = (part.tag, part.what);
            let help = format!("write the {what} as `{{{tag}: {known}}}`");
            self.report(path, problem.help(help));
            return;
        }
        let Some(dict) = self.mapping(path, value) else {
            return;
        };
        let title = |variant: &str| format!("`{name}` {variant}");
        let Some((tag, word)) = tag_of(part, dict) else {
            if self.is_named_by_key(path, dict, part) {
                return;
            }
            let takes = format!("one of {}", quoted(part.names()));
            self.missing_key(path, Some(value), dict, part.tag, &takes);
            let owner = Owner {
                title: title(&format!("without `{}`", part.tag)),
                tag: Some(part),
            };
            self.strangers(path, dict, &owner);
            return;
        };
        let variant = match word {
            // The key has swallowed its value, as in `{name:adam}`.
            Value::Empty(..) => {
                let word = tag.split_once([':', ' ']).map_or("", |(_, word)| word);
                part.variant(word.trim())
            }
            word => self.variant(&join(path, tag), word, part),
        };
        match variant {
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

    /// Reports a variant that is written as a key, with its own keys below it: `{adam: {learning_rate: 0.1}}`.
    fn is_named_by_key(&mut self, path: &str, dict: &Dict, part: &'static Part) -> bool {
        let mut named = dict
            .iter()
            .filter_map(|(name, value)| Some((name, value, part.variant(name)?)));
        let Some((name, value, section)) = named.next() else {
            return false;
        };
        let (tag, what) = (part.tag, part.what);
        let inner = join(path, name);
        let message = format!("`{path}` has the name of its {what} as a key");
        let help = match value {
            Value::Dict(..) => format!("write `{tag}: {name}`, and the keys below it beside that"),
            _ => format!("write `{tag}: {name}`"),
        };
        let problem = Problem::new(Code::UnknownKey, message)
            .at(self.merged.key_place(&inner, value))
            .label(format!("expected `{tag}: {name}`"));
        self.report(&inner, problem.help(help));
        self.wrong.push(join(path, tag));
        let title = format!("`{name}`");
        if let Value::Dict(_, below) = value {
            self.section(&inner, value, below, section, &Owner { title, tag: None });
        }
        let mut beside = dict.clone();
        beside.remove(name);
        let title = format!("`{path}`");
        let tag = Some(part);
        self.entries(path, &beside, section.keys, &Owner { title, tag });
        true
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
            let names = quoted(part.names());
            self.report(path, problem.help(format!("write one of {names}")));
            return None;
        };
        part.variant(word).or_else(|| {
            let message = format!("unknown {} `{word}`", part.what);
            self.unknown_name(path, message, word, tag, part.names().collect());
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

    pub(super) fn step(&mut self, path: &str, name: &str, value: &Value, steps: &'static [Key]) {
        if let Value::String(_, word) = value {
            let known = suggest(word, steps.iter().map(|step| step.name)).unwrap_or("flip");
            let step = steps.iter().find(|step| step.name == known);
            let choices = step.map_or(&[][..], |step| step.kind.choices());
            let example = choices.first().map_or("...", |(word, _)| word);
            let problem = self.wrong_type(path, value, "a mapping with one key");
            let help = format!("write the step as `{{{known}: {example}}}`");
            self.report(path, problem.help(help));
            return;
        }
        let Some(dict) = self.mapping(path, value) else {
            return;
        };
        let owner = Owner {
            title: format!("a step of `{name}`"),
            tag: None,
        };
        let before = self.found.seen();
        self.entries(path, dict, steps, &owner);
        let told = self.found.seen() > before;
        if dict.len() != 1 || dict.values().any(is_empty) && !told {
            let message = format!(
                "`{path}` must be a mapping with exactly one key, found {}",
                dict.len()
            );
            let help = "make each step an item of its own; to leave one out, leave the item out";
            let problem = Problem::new(Code::WrongType, message)
                .at(self.merged.value_place(path, value))
                .label("expected one step, such as `{flip: horizontal}`")
                .help(help);
            self.report(path, problem);
        }
    }
}

/// The entry that names the variant, also when its key is misspelt: then a base may have named another, which was to change.
fn tag_of<'d>(part: &'static Part, dict: &'d Dict) -> Option<(&'d str, &'d Value)> {
    let valid = || {
        let keys = part.variants.iter().flat_map(|variant| variant.keys);
        std::iter::once(part.tag).chain(keys.map(|key| key.name))
    };
    let written = dict.get_key_value(part.tag);
    let written = written.filter(|(_, value)| !is_empty(value));
    misspelt(dict, part.tag, valid).or(written.map(|(tag, value)| (tag.as_str(), value)))
}
