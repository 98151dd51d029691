//! `supcon list`: what a spec can name, a line each, with keys and defaults from the schema's tables.

use super::out;
use crate::spec::schema::{self, Need, Part, Section};
use crate::spec::templates;
use clap::ValueEnum;
use std::fmt::Write;
use std::process::ExitCode;

/// What can be listed.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub(super) enum What {
    /// Bases that a spec can extend by name.
    Templates,
    /// Where images and labels come from.
    Datasets,
    /// Steps on images.
    Augmentations,
    /// Networks that all phases share.
    Encoders,
    /// Layers between the encoder and the loss.
    Heads,
    /// Objectives of a phase.
    Losses,
    /// Update rules of a phase.
    Optimizers,
}

/// Prints one list, or all of them.
pub(super) fn list(what: Option<What>) -> ExitCode {
    out::print(&text(what));
    ExitCode::SUCCESS
}

fn text(what: Option<What>) -> String {
    let chosen = match &what {
        Some(one) => std::slice::from_ref(one),
        None => What::value_variants(),
    };
    let lists: Vec<String> = chosen.iter().map(|what| what.list()).collect();
    lists.join("\n")
}

impl What {
    fn list(self) -> String {
        match self {
            Self::Templates => rows(
                "templates, written as `extends: NAME`",
                &templates::names().map(template).collect::<Vec<_>>(),
            ),
            Self::Augmentations => rows(
                "augmentations, written as items of an `augment` list",
                &schema::STEPS.iter().map(step).collect::<Vec<_>>(),
            ),
            Self::Datasets => part("datasets", "data", &schema::DATA),
            Self::Encoders => part("encoders", "encoder", &schema::ENCODER),
            Self::Heads => part("heads", "head", &schema::HEAD),
            Self::Losses => part("losses", "loss", &schema::LOSS),
            Self::Optimizers => part("optimizers", "optimizer", &schema::OPTIMIZER),
        }
    }
}

/// A name, what it is, and what else there is to say.
struct Row {
    name: &'static str,
    doc: &'static str,
    more: String,
}

fn template(name: &'static str) -> Row {
    let sections = templates::sections(name).join(", ");
    Row {
        name,
        doc: templates::doc(name),
        more: format!("sets {sections}"),
    }
}

fn step(key: &schema::Key) -> Row {
    Row {
        name: key.name,
        doc: key.doc,
        more: format!("takes {}", key.kind.words()),
    }
}

fn part(title: &str, key: &str, part: &'static Part) -> String {
    let title = format!("{title}, written as `{key}: {{{}: NAME, ...}}`", part.tag);
    rows(
        &title,
        &part.variants.iter().map(variant).collect::<Vec<_>>(),
    )
}

fn variant(section: &'static Section) -> Row {
    let keys = section.keys.iter().map(|key| match key.need {
        Need::Required => format!("{} (required)", key.name),
        Need::Optional => format!("{} (optional)", key.name),
        Need::Default(text) => format!("{}: {text}", key.name),
    });
    Row {
        name: section.name,
        doc: section.doc,
        more: keys.collect::<Vec<_>>().join(", "),
    }
}

fn rows(title: &str, rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut out = format!("{title}\n");
    for Row { name, doc, more } in rows {
        let _ = writeln!(out, "  {name:width$}  {doc}");
        if !more.is_empty() {
            let _ = writeln!(out, "  {:width$}    {more}", "");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::schema::{Key, Kind};

    #[test]
    fn a_list_gives_names_docs_keys_and_defaults() {
        assert_eq!(
            text(Some(What::Losses)),
            "\
losses, written as `loss: {name: NAME, ...}`
  npairs         the Keras example's contrastive loss: n-pairs with the anchor itself as a positive
                   temperature: 0.05
  cross_entropy  softmax cross-entropy with integer labels
"
        );
        assert!(text(Some(What::Heads)).contains("widths (required), activation: relu\n"));
        assert!(text(Some(What::Templates)).contains("sets data, augment, encoder\n"));
    }

    #[test]
    fn without_a_word_everything_that_a_spec_can_name_is_listed() {
        fn named(kind: &Kind, names: &mut Vec<&'static str>) {
            match kind {
                Kind::Part(part) => names.extend(part.names()),
                Kind::Step(steps) => names.extend(steps.iter().map(|step| step.name)),
                Kind::List(item, _) | Kind::Set(item, _) => named(item, names),
                _ => {}
            }
        }
        let mut names: Vec<&str> = templates::names().collect();
        schema::visit(&schema::SPEC, String::new(), &mut |_, section| {
            for Key { kind, .. } in section.keys {
                named(kind, &mut names);
            }
        });
        let all = text(None);
        for name in &names {
            assert!(all.contains(&format!("\n  {name} ")), "{name}\n{all}");
        }
        assert!(names.len() > 10, "{names:?}");
        for what in What::value_variants() {
            assert!(all.contains(&text(Some(*what))));
        }
    }
}
