//! `supcon list`: what a spec can name and what keys it has, a line each, with defaults from the schema's tables.

use super::out;
use crate::spec::schema::{self, Need, Part, Section};
use crate::spec::templates;
use clap::ValueEnum;
use std::process::ExitCode;

pub(super) const MORE: &str = "\
Examples:
  supcon list                   everything
  supcon list losses            the losses, with their keys and defaults
  supcon list keys              the keys of the top level
  supcon help temperature       all about one key";

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
    /// Keys of the top level.
    Keys,
    /// Keys of a phase.
    Phases,
    /// Keys of an expectation.
    Expect,
    /// Keys of a curve of another program.
    Reference,
    /// Keys of a sweep, and of a range in it.
    Sweep,
}

/// Prints one list, or all of them.
pub(super) fn list(what: Option<What>) -> ExitCode {
    out::print(&text(what, out::columns().unwrap_or(usize::MAX)));
    ExitCode::SUCCESS
}

fn text(what: Option<What>, columns: usize) -> String {
    let chosen = match &what {
        Some(one) => std::slice::from_ref(one),
        None => What::value_variants(),
    };
    let lists: Vec<String> = chosen.iter().map(|what| what.list(columns)).collect();
    lists.join("\n")
}

impl What {
    fn list(self, columns: usize) -> String {
        let tables = match self {
            Self::Templates => {
                let rows = templates::names().map(template).collect();
                vec![("templates, written as `extends: NAME`".to_owned(), rows)]
            }
            Self::Augmentations => {
                let rows = schema::STEPS.iter().map(step).collect();
                let title = "augmentations, written as items of an `augment` list";
                vec![(title.to_owned(), rows)]
            }
            Self::Datasets => vec![part("datasets", "data", &schema::DATA)],
            Self::Encoders => vec![part("encoders", "encoder", &schema::ENCODER)],
            Self::Heads => vec![part("heads", "head", &schema::HEAD)],
            Self::Losses => vec![part("losses", "loss", &schema::LOSS)],
            Self::Optimizers => vec![part("optimizers", "optimizer", &schema::OPTIMIZER)],
            Self::Keys => vec![keys("keys of the top level", &schema::SPEC)],
            Self::Phases => {
                let title = "keys of a phase, written as `phases: {NAME: {...}}`";
                vec![keys(title, &schema::PHASE)]
            }
            Self::Expect => vec![keys("keys of an item of `expect`", &schema::EXPECT)],
            Self::Reference => vec![keys("keys of an item of `reference`", &schema::REFERENCE)],
            Self::Sweep => vec![
                keys("keys of `sweep`", &schema::SWEEP),
                keys("keys of a range in `sweep`", &schema::RANGE),
            ],
        };
        let tables = tables.into_iter();
        let tables: Vec<String> = tables
            .map(|(title, list)| rows(&title, &list, columns))
            .collect();
        tables.join("\n")
    }
}

/// A title and what stands below it.
type Table = (String, Vec<Row>);

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

fn part(title: &str, key: &str, part: &'static Part) -> Table {
    let title = format!("{title}, written as `{key}: {{{}: NAME, ...}}`", part.tag);
    (title, part.variants.iter().map(variant).collect())
}

fn keys(title: &str, section: &'static Section) -> Table {
    let row = |key: &'static schema::Key| Row {
        name: key.name,
        doc: key.doc,
        more: format!("takes {}; {}", key.kind.words(), key.need.words()),
    };
    (title.to_owned(), section.keys.iter().map(row).collect())
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

fn rows(title: &str, rows: &[Row], columns: usize) -> String {
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut out = format!("{title}\n");
    let lead = width + 4;
    for Row { name, doc, more } in rows {
        out += &out::fitted(&format!("  {name:width$}  {doc}"), lead, columns);
        if !more.is_empty() {
            out += &out::fitted(&format!("{:lead$}  {more}", ""), lead + 2, columns);
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
            text(Some(What::Losses), usize::MAX),
            "\
losses, written as `loss: {name: NAME, ...}`
  npairs         the Keras example's contrastive loss: n-pairs with the anchor itself as a positive
                   temperature: 0.05
  cross_entropy  softmax cross-entropy with integer labels
"
        );
        assert!(
            text(Some(What::Heads), usize::MAX).contains("widths (required), activation: relu\n")
        );
        assert!(text(Some(What::Templates), usize::MAX).contains("sets data, augment, encoder\n"));
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
        let all = text(None, usize::MAX);
        for name in &names {
            assert!(all.contains(&format!("\n  {name} ")), "{name}\n{all}");
        }
        assert!(names.len() > 10, "{names:?}");
        schema::visit(&schema::SPEC, String::new(), &mut |title, section| {
            for Key { name, .. } in section.keys {
                // Keys of a variant stand behind its name.
                let forms = [
                    format!("\n  {name} "),
                    format!(" {name}: "),
                    format!(" {name} ("),
                ];
                assert!(
                    forms.iter().any(|form| all.contains(form)),
                    "{name} of {title}"
                );
            }
        });
        assert!(all.contains("\n  batch_size "), "{all}");
        let narrow = text(None, 80);
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 80),
            "{narrow}"
        );
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&narrow), words(&all));
        for what in What::value_variants() {
            assert!(all.contains(&text(Some(*what), usize::MAX)));
        }
    }
}
