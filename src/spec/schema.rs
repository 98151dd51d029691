//! What a spec may hold: every key once, with its kind, range, default and one line of explanation.
//! The check, the suggestions, the defaults of `plan` and everything that shows the language read these tables; `tables`
//! holds them, `name` the rules for free names, `json` writes the schema for editors and `markdown` the key reference.

mod json;
mod markdown;
mod meant;
mod name;
mod tables;
mod words;

pub use json::json_schema;
pub use markdown::markdown;
pub use meant::{meant, meant_anywhere};
pub use name::{LABEL, MAX_NAME, NameRule, PHASE_NAME};
pub use tables::*;

use serde::de::DeserializeOwned;
use std::fmt;

/// The version of the language that this program reads. Versions count up when a key changes its meaning or goes; a new
/// key is no new version.
pub const LANGUAGE: u64 = 1;

/// Keys of one section, or of one variant of a part.
#[derive(Debug)]
pub struct Section {
    /// Name of the section or variant.
    pub name: &'static str,
    /// One line that says what it is.
    pub doc: &'static str,
    /// Its keys in the order in which they are listed.
    pub keys: &'static [Key],
}

/// One key.
#[derive(Debug)]
pub struct Key {
    /// As written in YAML; also the Rust field and the Parquet column.
    pub name: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What happens without it.
    pub need: Need,
    /// One line with unit, range or precedence.
    pub doc: &'static str,
}

/// What happens when a key is absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Need {
    /// It is an error.
    Required,
    /// There is no value.
    Optional,
    /// This YAML text is the value.
    Default(&'static str),
}

/// What a key takes.
#[derive(Debug)]
pub enum Kind {
    /// A number.
    Float(Range),
    /// A whole number between two bounds, both included.
    Whole(u64, u64),
    /// Free text.
    Text,
    /// A path.
    Path,
    /// A label that becomes part of file names.
    Label,
    /// One of some words, each with its explanation.
    Choice(&'static [(&'static str, &'static str)]),
    /// A list with at least so many items.
    List(&'static Kind, usize),
    /// As `List`, without equal items.
    Set(&'static Kind, usize),
    /// A mapping with fixed keys.
    Map(&'static Section),
    /// A mapping whose keys depend on the value of one of them.
    Part(&'static Part),
    /// A mapping with exactly one of these keys.
    Step(&'static [Key]),
    /// A mapping of free names to sections, in the order written.
    Named(&'static Section),
    /// A mapping of dotted key paths of the spec to this kind; nested mappings say the same.
    Axes(&'static Kind),
    /// Any value; judged where it ends up.
    Any,
    /// Templates or files that a spec builds on; taken out before the merge.
    Extends,
    /// The version of the language; taken out before the merge.
    Format,
    /// A mapping of free names to parts of a spec; taken out before the merge.
    Profiles,
}

/// A part with several variants.
#[derive(Debug)]
pub struct Part {
    /// What it is called.
    pub what: &'static str,
    /// Key that names the variant.
    pub tag: &'static str,
    /// The variants.
    pub variants: &'static [Section],
}

impl Part {
    /// The variant of this name.
    #[must_use]
    pub fn variant(&self, name: &str) -> Option<&'static Section> {
        self.variants.iter().find(|section| section.name == name)
    }

    /// Names of all variants.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.variants.iter().map(|section| section.name)
    }
}

impl Section {
    /// The key of this name.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The default of a key.
    ///
    /// # Panics
    /// If the key has no default of this type; a test resolves every one.
    #[must_use]
    pub fn default<T: DeserializeOwned>(&self, name: &str) -> T {
        let Some(Key {
            need: Need::Default(text),
            ..
        }) = self.key(name)
        else {
            panic!("`{}` has no default for `{name}`", self.name)
        };
        super::yaml::from_text(text).expect("a test reads every default of the schema")
    }
}

/// Bounds of a number; each may be excluded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// Smallest number.
    pub min: f64,
    /// Largest number.
    pub max: f64,
    /// `min` itself is not allowed.
    pub above_min: bool,
    /// `max` itself is not allowed.
    pub below_max: bool,
}

impl Range {
    /// Both bounds allowed.
    #[must_use]
    pub const fn closed(min: f64, max: f64) -> Self {
        Self {
            min,
            max,
            above_min: false,
            below_max: false,
        }
    }

    /// Neither bound allowed.
    #[must_use]
    pub const fn open(min: f64, max: f64) -> Self {
        Self {
            min,
            max,
            above_min: true,
            below_max: true,
        }
    }

    /// The lower bound allowed, the upper one not.
    #[must_use]
    pub const fn half_open(min: f64, max: f64) -> Self {
        Self {
            min,
            max,
            above_min: false,
            below_max: true,
        }
    }

    /// The upper bound allowed, the lower one not.
    #[must_use]
    pub const fn above(min: f64, max: f64) -> Self {
        Self {
            min,
            max,
            above_min: true,
            below_max: false,
        }
    }

    /// Any finite number.
    pub const FINITE: Self = Self::closed(f64::MIN, f64::MAX);

    /// Whether a number lies within the bounds; NaN never does, and -0 is below 0.
    #[must_use]
    pub fn contains(&self, x: f64) -> bool {
        // Taken for 0, it would give an equal run another identity.
        if x == 0.0 && x.is_sign_negative() && self.min >= 0.0 {
            return false;
        }
        let low = if self.above_min {
            x > self.min
        } else {
            x >= self.min
        };
        let high = if self.below_max {
            x < self.max
        } else {
            x <= self.max
        };
        low && high
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::FINITE {
            return f.write_str("a finite number");
        }
        let low = if self.above_min { "above" } else { "at least" };
        let high = if self.below_max { "below" } else { "at most" };
        write!(f, "{low} {}", self.min)?;
        if self.max < f64::MAX {
            write!(f, " and {high} {}", self.max)
        } else {
            Ok(())
        }
    }
}

/// Every section and variant that has a key of this name, as a reader would call it.
#[must_use]
pub fn where_valid(key: &str) -> Vec<String> {
    let mut found = Vec::new();
    visit(&SPEC, "the top level".into(), &mut |title, section| {
        if section.key(key).is_some() && !found.iter().any(|known| known == title) {
            found.push(title.to_owned());
        }
    });
    found
}

/// Calls `see` with every section and variant below `section`, and how a reader would call it.
pub fn visit(
    section: &'static Section,
    title: String,
    see: &mut impl FnMut(&str, &'static Section),
) {
    see(&title, section);
    for key in section.keys {
        visit_kind(&key.kind, key.name, see);
    }
}

fn visit_kind(kind: &'static Kind, name: &str, see: &mut impl FnMut(&str, &'static Section)) {
    match kind {
        Kind::Map(section) => visit(section, format!("`{name}`"), see),
        Kind::Named(section) => visit(section, format!("a phase in `{name}`"), see),
        Kind::List(item, _) | Kind::Set(item, _) | Kind::Axes(item) => visit_kind(item, name, see),
        Kind::Part(part) => {
            for variant in part.variants {
                let title = format!("`{name}` with `{}: {}`", part.tag, variant.name);
                visit(variant, title, see);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid_yaml_and_every_key_has_a_doc() {
        let mut defaults = 0;
        visit(&SPEC, String::new(), &mut |_, section| {
            assert!(!section.doc.is_empty(), "{}", section.name);
            for key in section.keys {
                assert!(!key.doc.is_empty(), "{}.{}", section.name, key.name);
                assert_eq!(
                    section.keys.iter().filter(|k| k.name == key.name).count(),
                    1
                );
                if let Need::Default(text) = key.need {
                    crate::spec::yaml::from_text::<serde_json::Value>(text).expect("valid YAML");
                    defaults += 1;
                }
            }
        });
        assert!(defaults > 10, "{defaults}");
    }

    #[test]
    fn ranges_say_what_they_allow() {
        assert_eq!(Range::open(0.0, 1.0).to_string(), "above 0 and below 1");
        assert_eq!(Range::closed(0.001, f64::MAX).to_string(), "at least 0.001");
        assert!(!Range::half_open(0.0, 1.0).contains(-0.0) && Range::FINITE.contains(-0.0));
        assert!(!Range::FINITE.contains(f64::NAN) && !Range::FINITE.contains(f64::INFINITY));
        assert!(
            Range::half_open(0.0, 1.0).contains(0.0) && !Range::half_open(0.0, 1.0).contains(1.0)
        );
    }

    #[test]
    fn a_key_is_found_where_it_is_valid() {
        assert_eq!(where_valid("temperature"), ["`loss` with `name: npairs`"]);
        assert_eq!(where_valid("epochs"), ["a phase in `phases`"]);
        assert!(where_valid("temprature").is_empty());
    }
}
