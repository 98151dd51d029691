//! The templates that specs extend by name, and the annotated spec that `supcon new` copies; embedded so that an
//! installed program needs no checkout.

use super::yaml::{self, Tree};

/// The annotated spec. It is complete, so nothing is gained by extending it: it is no base.
pub const ANNOTATED: &str = include_str!("../../templates/new.yaml");

/// Name and text of each base.
const TEMPLATES: &[(&str, &str)] = &[(
    "cifar10-resnet50v2",
    include_str!("../../templates/cifar10-resnet50v2.yaml"),
)];

/// Names of all bases.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// The text of a base.
#[must_use]
pub fn find(name: &str) -> Option<&'static str> {
    TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// What a base is for: the first line of its text.
#[must_use]
pub fn doc(name: &str) -> &'static str {
    let first = find(name).and_then(|text| text.lines().next());
    first.map_or("", |line| line.trim_start_matches(['#', ' ']))
}

/// Top-level keys that a base sets, those of its own bases first.
#[must_use]
pub fn sections(name: &str) -> Vec<String> {
    let Some(Ok(Tree::Map(entries))) = find(name).map(yaml::from_text::<Tree>) else {
        return Vec::new();
    };
    let mut found: Vec<String> = Vec::new();
    for (key, value) in entries {
        let inner = match value {
            Tree::Text(base) if key == "extends" => sections(&base),
            Tree::List(bases) if key == "extends" => bases.iter().flat_map(of_base).collect(),
            _ => vec![key],
        };
        for section in inner {
            if section != "extends" && !found.contains(&section) {
                found.push(section);
            }
        }
    }
    found
}

fn of_base(base: &Tree) -> Vec<String> {
    match base {
        Tree::Text(name) => sections(name),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_base_says_what_it_is_for_and_sets_something() {
        for name in names() {
            assert!(doc(name).len() > 20, "{name}");
            assert!(!sections(name).is_empty(), "{name}");
        }
        assert_eq!(
            sections("cifar10-resnet50v2"),
            ["data", "augment", "encoder"]
        );
    }

    #[test]
    fn the_annotated_spec_is_no_base() {
        assert!(find("new").is_none() && names().all(|name| name != "new"));
        assert!(sections("new").is_empty());
    }
}
