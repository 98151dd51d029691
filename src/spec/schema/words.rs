//! What a key takes, and what happens without it, in words: for editors, the key reference and `supcon list`.

use super::{Kind, LANGUAGE, Need, Range};

impl Kind {
    /// What it takes, as in "a number, at least 0.001".
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Float(range) if *range == Range::FINITE => "a number".into(),
            Self::Float(range) => format!("a number, {range}"),
            Self::Whole(min, u64::MAX) => format!("a whole number, at least {min}"),
            Self::Whole(min, max) => format!("a whole number from {min} to {max}"),
            Self::Text => "text".into(),
            Self::Path => "a path, relative to the file that names it".into(),
            Self::Label => "a name".into(),
            Self::Choice(choices) => either(choices.iter().map(|(word, _)| *word)),
            Self::List(item, least) => list(item, *least, ""),
            Self::Set(item, least) => list(item, *least, "; no two alike"),
            Self::Map(_) => "a mapping".into(),
            Self::Part(part) => {
                format!("a mapping whose `{}` is {}", part.tag, either(part.names()))
            }
            Self::Step(steps) => {
                let names = either(steps.iter().map(|step| step.name));
                format!("a mapping with one key: {names}")
            }
            Self::Named(section) => {
                format!("a mapping with a {} under each name", section.name)
            }
            Self::Axes(item) => format!("a mapping of key paths, each to {}", item.words()),
            Self::Any => "any value of that key".into(),
            Self::Profiles => "a mapping with a part of a spec under each name".into(),
            Self::Format => format!("the number {LANGUAGE}"),
            Self::Extends => "a template's name, a file, or a list of them".into(),
        }
    }

    /// The words that it takes, each with its explanation, also as items of a list.
    #[must_use]
    pub fn choices(&self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Choice(choices) => choices,
            Self::List(item, _) | Self::Set(item, _) => item.choices(),
            _ => &[],
        }
    }
}

impl Need {
    /// What happens without the key.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Required => "required".into(),
            Self::Optional => "optional".into(),
            Self::Default(text) => format!("default `{text}`"),
        }
    }
}

fn list(item: &Kind, least: usize, rule: &str) -> String {
    let length = match least {
        0 => String::new(),
        1 => " of at least 1 item".into(),
        n => format!(" of at least {n} items"),
    };
    format!("a list{length}, each {}{rule}", item.words())
}

/// Names in backticks, as in "`a`, `b` or `c`".
fn either<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.pop() {
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} or {last}", names.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_aloud() {
        for (kind, words) in [
            (Kind::Float(Range::FINITE), "a number"),
            (
                Kind::Float(Range::half_open(0.0, 1.0)),
                "a number, at least 0 and below 1",
            ),
            (Kind::Whole(2, 9), "a whole number from 2 to 9"),
            (
                Kind::Set(&Kind::Whole(0, u64::MAX), 1),
                "a list of at least 1 item, each a whole number, at least 0; no two alike",
            ),
            (
                Kind::List(&Kind::Choice(&[("a", ""), ("b", ""), ("c", "")]), 0),
                "a list, each `a`, `b` or `c`",
            ),
        ] {
            assert_eq!(kind.words(), words);
        }
        assert_eq!(Need::Default("1e-7").words(), "default `1e-7`");
    }
}
