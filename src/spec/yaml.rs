//! The one file that knows the YAML value crate: text to `Tree` and back. A `Tree` keeps the order of keys; of equal
//! keys it keeps the first, since `span` reports the others with both places.

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::Serialize;
use std::fmt;

/// A YAML value with its keys in the order written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    /// `~`, `null` or nothing.
    Null,
    /// `true` or `false`; `yes`, `no`, `on`, `off` are text.
    Bool(bool),
    /// A whole number.
    Whole(i128),
    /// Any other number.
    Float(f64),
    /// Text, quoted or not.
    Text(String),
    /// A list.
    List(Vec<Tree>),
    /// A mapping.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    /// What it is, for messages.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Whole(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

/// A key as it is written: `1`, `0x1` and `1.0` are three names, as they are to `span`.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value without tags")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E>(self, x: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(x))
    }

    fn visit_i64<E>(self, x: i64) -> Result<Tree, E> {
        Ok(Tree::Whole(x.into()))
    }

    fn visit_u64<E>(self, x: u64) -> Result<Tree, E> {
        Ok(Tree::Whole(x.into()))
    }

    fn visit_i128<E>(self, x: i128) -> Result<Tree, E> {
        Ok(Tree::Whole(x))
    }

    fn visit_u128<E>(self, x: u128) -> Result<Tree, E> {
        Ok(i128::try_from(x).map_or(Tree::Float(x as f64), Tree::Whole))
    }

    fn visit_f64<E>(self, x: f64) -> Result<Tree, E> {
        Ok(Tree::Float(x))
    }

    fn visit_str<E>(self, x: &str) -> Result<Tree, E> {
        Ok(Tree::Text(x.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries: Vec<(String, Tree)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        while let Some((Name(key), value)) = map.next_entry::<Name, Tree>()? {
            if seen.insert(key.clone()) {
                entries.push((key, value));
            }
        }
        Ok(Tree::Map(entries))
    }
}

/// A mistake in YAML's own grammar.
#[derive(Debug)]
pub(crate) struct YamlError {
    /// What the parser says.
    pub(crate) message: String,
    /// Line and column, from 1.
    pub(crate) at: Option<(usize, usize)>,
}

/// Reads any value from YAML text.
pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Result<T, YamlError> {
    serde_yaml::from_str(text).map_err(|error| YamlError {
        at: error.location().map(|at| (at.line(), at.column())),
        message: error.to_string(),
    })
}

/// Writes any value as YAML text.
pub(crate) fn to_text<T: Serialize>(value: &T) -> Result<String, YamlError> {
    serde_yaml::to_string(value).map_err(|error| YamlError {
        message: error.to_string(),
        at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Tree {
        from_text(text).expect("valid YAML")
    }

    #[test]
    fn numbers_in_all_usual_forms_are_numbers() {
        for text in ["1e-3", "1E-3", ".001", "0.001"] {
            assert_eq!(scalar(text), Tree::Float(0.001), "{text}");
        }
        assert_eq!(scalar("18446744073709551616"), Tree::Whole(1 << 64));
        assert!(matches!(scalar("1e400"), Tree::Text(_)));
    }

    #[test]
    fn words_that_other_readers_take_for_booleans_are_text() {
        for text in [
            "no",
            "on",
            "off",
            "yes",
            "1:30",
            "01",
            "2020-01-01",
            "1_000",
        ] {
            assert_eq!(scalar(text), Tree::Text(text.into()));
        }
        assert_eq!(scalar("~"), Tree::Null);
    }

    #[test]
    fn keys_are_what_is_written() {
        let Tree::Map(entries) = scalar("{1: a, 0x1: b, 1.0: c, True: d, ~: e, 'q': f}") else {
            panic!("a mapping")
        };
        let keys: Vec<String> = entries.into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["1", "0x1", "1.0", "True", "~", "q"]);
    }

    #[test]
    fn order_is_kept_and_the_first_of_equal_keys_stays() {
        let Tree::Map(entries) = scalar("{z: 1, a: 2, z: 3}") else {
            panic!("a mapping")
        };
        assert_eq!(
            entries,
            [("z".into(), Tree::Whole(1)), ("a".into(), Tree::Whole(2))]
        );
    }
}
