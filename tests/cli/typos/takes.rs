//! What the schema has at a path of keys, so that a misspelling that is another valid key is no misspelling.

use super::ITEM;
use supcon::spec::schema::{self, Key, Kind};

/// What a mapping takes, all its variants together.
pub(super) struct Takes {
    /// Names are the user's to choose.
    pub(super) is_free: bool,
    tag: Option<&'static str>,
    keys: Vec<&'static Key>,
}

impl Takes {
    pub(super) fn at(path: &[String]) -> Self {
        let top = Self::these(None, schema::SPEC.keys);
        let names = path.iter().map(String::as_str).filter(|name| *name != ITEM);
        names.fold(top, Self::inside)
    }

    fn these(tag: Option<&'static str>, keys: &'static [Key]) -> Self {
        Self {
            is_free: false,
            tag,
            keys: keys.iter().collect(),
        }
    }

    /// A mapping of names that are the user's to choose, each to what is `inside`.
    fn free(inside: Self) -> Self {
        Self {
            is_free: true,
            ..inside
        }
    }

    fn inside(self, name: &str) -> Self {
        if self.is_free {
            return Self {
                is_free: false,
                ..self
            };
        }
        let mut known = self.keys.iter().copied();
        let key = known.find(|key| key.name == name);
        Self::of(&key.unwrap_or_else(|| panic!("no key `{name}`")).kind)
    }

    fn of(kind: &'static Kind) -> Self {
        match kind {
            Kind::Map(section) => Self::these(None, section.keys),
            Kind::Step(keys) => Self::these(None, keys),
            Kind::List(item, _) | Kind::Set(item, _) => Self::of(item),
            Kind::Part(part) => Self {
                is_free: false,
                tag: Some(part.tag),
                keys: part
                    .variants
                    .iter()
                    .flat_map(|variant| variant.keys)
                    .collect(),
            },
            Kind::Named(section) => Self::free(Self::these(None, section.keys)),
            Kind::Profiles => Self::free(Self::these(None, schema::SPEC.keys)),
            // The paths themselves are misspelt as what they are.
            Kind::Axes(item) => Self::free(match item {
                Kind::Map(section) => Self::these(None, section.keys),
                _ => Self::these(None, &[]),
            }),
            other => panic!("a mapping where the schema has {other:?}"),
        }
    }

    pub(super) fn takes(&self, name: &str) -> bool {
        self.is_free || self.tag == Some(name) || self.keys.iter().any(|key| key.name == name)
    }
}
