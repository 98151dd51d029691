//! The templates that specs extend by name, embedded so that an installed program needs no checkout.

/// Name and text of each template.
const TEMPLATES: &[(&str, &str)] = &[(
    "cifar10-resnet50v2",
    include_str!("../../templates/cifar10-resnet50v2.yaml"),
)];

/// Names of all templates.
pub fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.iter().map(|(name, _)| *name)
}

/// The text of a template.
#[must_use]
pub fn find(name: &str) -> Option<&'static str> {
    TEMPLATES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}
