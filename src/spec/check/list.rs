//! Lists: their length, their items, and items that are equal.

use super::{Check, EXACT, scalar};
use crate::diag::{Code, Problem, suggest};
use crate::spec::index::join;
use crate::spec::schema::Kind;
use figment::value::{Num, Value};
use std::collections::HashMap;

impl Check<'_> {
    pub(super) fn list(
        &mut self,
        path: &str,
        name: &str,
        value: &Value,
        item: &'static Kind,
        least: usize,
    ) {
        let Value::Array(_, items) = value else {
            let problem = self.wrong_type(path, value, "a list");
            let help = match value {
                Value::String(_, text) if may_hold(text, item) => {
                    let items =
                        text.trim_matches(|c: char| "()<>".contains(c) || c.is_whitespace());
                    format!("write it in brackets: `[{items}]`")
                }
                Value::Num(_, number) => in_brackets(name, *number),
                Value::Dict(_, dict) if dict.keys().all(|key| key.parse::<usize>().is_ok()) => {
                    format!(
                        "give all of its items, as in `{path}=[...]`: lists are replaced as a whole"
                    )
                }
                Value::Dict(_, dict) => match item {
                    Kind::Step(_) => {
                        let step = dict.keys().next().map_or("flip", String::as_str);
                        format!("make each step an item of its own, as in `[{{{step}: ...}}, ...]`")
                    }
                    _ => "put the mapping in brackets, or a `- ` before its first line".into(),
                },
                _ => format!(
                    "write it in brackets, as in `{}`; lists are replaced as a whole",
                    example(item)
                ),
            };
            self.report(path, problem.help(help));
            return;
        };
        if items.len() < least {
            self.too_few(path, value, least, "item");
        }
        for (i, value) in items.iter().enumerate() {
            self.value(&join(path, &i.to_string()), name, value, item);
        }
    }

    pub(super) fn too_few(&mut self, path: &str, value: &Value, least: usize, what: &str) {
        let problem = Problem::new(
            Code::EmptyList,
            format!("`{path}` needs at least {least} {what}"),
        );
        let problem = problem
            .at(self.merged.value_place(path, value))
            .label("empty");
        self.report(path, problem.help(format!("write at least {least} {what}")));
    }

    /// Items that are equal to an earlier one.
    pub(super) fn duplicates(&mut self, path: &str, value: &Value) {
        let Value::Array(_, items) = value else {
            return;
        };
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (i, item) in items.iter().enumerate() {
            let first = *seen.entry(canonical(item)).or_insert(i);
            if first == i {
                continue;
            }
            let place = |i: usize| {
                self.merged
                    .value_place(&join(path, &i.to_string()), &items[i])
            };
            let message = format!("`{path}` holds {} twice", scalar::describe(item));
            let problem = Problem::new(Code::DuplicateValue, message)
                .at(place(i))
                .label("written again")
                .related(place(first), "first written here")
                .help("delete one of the two");
            self.report(&join(path, &i.to_string()), problem);
        }
    }
}

/// What to do about a single number in the place of a list.
fn in_brackets(name: &str, number: Num) -> String {
    let alone = format!("write it in brackets: `[{}]`", scalar::number(number));
    match number.to_u128() {
        Some(n @ 2..=10) if name == "seeds" => {
            let all: Vec<String> = (0..n).map(|seed| seed.to_string()).collect();
            format!("{alone}, or for {n} seeds `[{}]`", all.join(", "))
        }
        _ => alone,
    }
}

/// Whether the words of a text are near to what a list of this kind takes.
fn may_hold(text: &str, item: &Kind) -> bool {
    let known = |word: &str| match item {
        Kind::Choice(choices) => suggest(word, choices.iter().map(|(word, _)| *word)).is_some(),
        _ => true,
    };
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| !word.is_empty() && known(word))
}

/// A list of items of a kind.
fn example(item: &Kind) -> String {
    match item {
        Kind::Choice(choices) => format!("[{}]", choices.first().map_or("a", |(word, _)| word)),
        Kind::Whole(..) => "[0, 1]".into(),
        Kind::Step(_) => "[{flip: horizontal}]".into(),
        _ => "[a, b]".into(),
    }
}

/// A value as text that is the same for equal values, however they were written.
fn canonical(value: &Value) -> String {
    match value {
        Value::Num(_, Num::F64(x)) if x.fract() == 0.0 && x.abs() <= EXACT => {
            (*x as i128).to_string()
        }
        Value::Num(_, number) => {
            let whole = number
                .to_i128()
                .or_else(|| number.to_u128()?.try_into().ok());
            whole.map_or_else(|| scalar::as_float(*number).to_string(), |n| n.to_string())
        }
        Value::Array(_, items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(","))
        }
        Value::Dict(_, dict) => {
            let entry = |(key, value): (&String, &Value)| format!("{key:?}:{}", canonical(value));
            let entries: Vec<String> = dict.iter().map(entry).collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, letter) => format!("{:?}", letter.to_string()),
        Value::Bool(_, x) => x.to_string(),
        Value::Empty(..) => "~".into(),
    }
}
