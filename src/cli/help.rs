//! `supcon help`: what a code means, how a verb is used, what a key or a name of the language is, or the list of them.

use super::check::REFUSED;
use super::{Cli, out};
use crate::diag::{Code, escape, nearest, suggest};
use crate::spec::schema::{self, Key, Kind};
use clap::{CommandFactory, Parser};
use std::fmt::Write;
use std::process::ExitCode;

pub(super) const MORE: &str = "\
Examples:
  supcon help                     every verb and every code
  supcon help unknown-key         what a code means, with an example
  supcon help temperature         a key or a name of specs
  supcon help run                 a verb";

/// Nearest names that an unknown word is answered with.
const NEAREST: usize = 3;

/// Explains each word; without one, lists all of them.
pub(super) fn help(words: &[String]) -> ExitCode {
    if words.is_empty() {
        out::print(&format!("{}\n{}", Cli::command().render_help(), list()));
        return ExitCode::SUCCESS;
    }
    // Nothing is half answered: an unknown word is said before anything else.
    let mut unknown = false;
    for word in words.iter().filter(|word| topics(word).is_empty()) {
        out::warn(&format!("error: {}\n", stranger(word)));
        unknown = true;
    }
    if unknown {
        return ExitCode::from(REFUSED);
    }
    for (i, topic) in words.iter().flat_map(|word| topics(word)).enumerate() {
        if i > 0 {
            out::line("");
        }
        match topic {
            Topic::Code(code) => out::print(&code.explain()),
            Topic::Verb(verb) => explain_verb(&verb),
            Topic::Language(text) => out::print(&text),
        }
    }
    ExitCode::SUCCESS
}

/// What a word names.
#[derive(Debug, PartialEq)]
enum Topic {
    Code(Code),
    Verb(String),
    /// Keys and names of specs, explained.
    Language(String),
}

/// A verb, a code in any case, also as it stands in a message: `error[CODE]:`, and keys and names of specs.
fn topics(word: &str) -> Vec<Topic> {
    let mut found = Vec::new();
    if Cli::command().find_subcommand(word).is_some() {
        found.push(Topic::Verb(word.to_owned()));
    }
    let bare = word
        .trim_start_matches("error[")
        .trim_end_matches([']', ':']);
    found.extend(Code::find(bare).map(Topic::Code));
    let text = language(bare);
    if !text.is_empty() {
        found.push(Topic::Language(text));
    }
    found
}

/// Every key, step and variant of a part that a spec can write, with where it stands.
fn written() -> Vec<(String, &'static str, String)> {
    fn steps(kind: &Kind) -> &'static [Key] {
        match kind {
            Kind::Step(steps) => steps,
            Kind::List(item, _) | Kind::Set(item, _) => steps(item),
            _ => &[],
        }
    }
    let mut found: Vec<(String, &'static str, String)> = Vec::new();
    let mut add = |title: String, name, text| {
        if !found
            .iter()
            .any(|(other, known, _)| *other == title && *known == name)
        {
            found.push((title, name, text));
        }
    };
    let about = |key: &Key| {
        let (takes, need) = (key.kind.words(), key.need.words());
        let words = key.kind.choices().iter();
        let words = words.map(|(word, doc)| format!("\n    `{word}`: {doc}"));
        format!(
            "    {}\n    takes {takes}; {need}{}",
            key.doc,
            words.collect::<String>()
        )
    };
    schema::visit(
        &schema::SPEC,
        "the top level".into(),
        &mut |title, section| {
            if title.contains(" with `") {
                let keys: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
                let keys = if keys.is_empty() {
                    "no other keys".into()
                } else {
                    format!("keys: {}", keys.join(", "))
                };
                add(
                    title.to_owned(),
                    section.name,
                    format!("    {}\n    {keys}", section.doc),
                );
            }
            for key in section.keys {
                add(title.to_owned(), key.name, about(key));
                for step in steps(&key.kind) {
                    add(format!("a step of `{}`", key.name), step.name, about(step));
                }
            }
        },
    );
    found
}

/// What a word is in the language of specs, everywhere where it may stand; empty if it is nothing there.
fn language(word: &str) -> String {
    let named = written()
        .into_iter()
        .filter(|(_, name, _)| name.eq_ignore_ascii_case(word));
    let columns = out::columns().unwrap_or(usize::MAX);
    let mut text = String::new();
    for (title, name, about) in named {
        let _ = writeln!(text, "`{name}`, {title}:");
        for line in about.lines() {
            text += &out::fitted(line, 4, columns);
        }
    }
    text
}

/// Prints what `supcon VERB --help` prints.
fn explain_verb(verb: &str) {
    if let Err(help) = Cli::try_parse_from(["supcon", verb, "--help"]) {
        // A reader that went away needs no help.
        let _ = help.print();
    }
}

/// Every code with its title, by subject.
fn list() -> String {
    let width = Code::all().map(|code| code.as_str().len()).max();
    let width = width.unwrap_or_default();
    let mut out = String::from(
        "`supcon help KEY` explains a key or a name of specs, `supcon list` lists them.\n\n\
         Codes of problems (`supcon help CODE` explains one):\n",
    );
    for (subject, codes) in Code::SUBJECTS {
        let _ = writeln!(out, "\n{subject}:");
        for code in *codes {
            let _ = writeln!(out, "  {code:width$}  {}", code.explanation().title);
        }
    }
    out
}

/// Verbs that are shown to people.
fn verbs() -> Vec<String> {
    Cli::command()
        .get_subcommands()
        .filter(|verb| !verb.is_hide_set())
        .map(|verb| verb.get_name().to_owned())
        .collect()
}

/// Words of other programs, and our verb.
const SYNONYMS: [(&str, &str); 17] = [
    ("clean", "gc"),
    ("create", "new"),
    ("delete", "rm"),
    ("devices", "doctor"),
    ("explain", "help"),
    ("init", "new"),
    ("lint", "check"),
    ("plot", "report"),
    ("remove", "rm"),
    ("resume", "run"),
    ("show", "plan"),
    ("start", "run"),
    ("status", "ls"),
    ("sweep", "run"),
    ("train", "run"),
    ("validate", "check"),
    ("verify", "fsck"),
];

/// The answer to a first word that is no verb.
pub(super) fn no_verb(word: &str) -> String {
    let verbs = verbs();
    let shown = escape(word);
    let lower = word.to_lowercase();
    let synonym = SYNONYMS.iter().find(|(known, _)| *known == lower);
    let synonym = synonym.and_then(|(_, verb)| verbs.iter().find(|known| known == verb));
    let near = || suggest(word, verbs.iter().map(String::as_str));
    match synonym.map(String::as_str).or_else(near) {
        Some(verb) => format!("there is no verb `{shown}`; did you mean `supcon {verb}`?"),
        None => format!("there is no verb `{shown}`; `supcon --help` lists them"),
    }
}

/// The answer to a word that is neither code nor verb.
fn stranger(word: &str) -> String {
    let mut names = verbs();
    names.extend(Code::all().map(|code| code.to_string()));
    names.extend(written().into_iter().map(|(_, name, _)| name.to_owned()));
    names.sort_unstable();
    names.dedup();
    let near: Vec<String> = nearest(word, names.iter().map(String::as_str), NEAREST)
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    // Escaped, since a word may hold what moves a terminal's cursor.
    let word = escape(word);
    if near.is_empty() {
        format!(
            "no code, verb or key is called `{word}`; `supcon help` and `supcon list` list them"
        )
    } else {
        let near = near.join(", ");
        format!("no code, verb or key is called `{word}`; nearest: {near}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_as_written_in_a_message() {
        for word in ["unknown-key", "UNKNOWN-KEY", "error[unknown-key]:"] {
            assert_eq!(topics(word), [Topic::Code(Code::UnknownKey)], "{word}");
        }
        assert_eq!(topics("check"), [Topic::Verb("check".into())]);
        assert_eq!(topics("chekc"), []);
    }

    #[test]
    fn no_code_hides_behind_a_verb_or_a_key() {
        for code in Code::all() {
            assert!(topics(code.as_str()).contains(&Topic::Code(code)));
        }
    }

    #[test]
    fn keys_and_names_of_specs_are_explained_wherever_they_stand() {
        let all = |word: &str| -> String {
            let texts = topics(word).into_iter().map(|topic| match topic {
                Topic::Language(text) => text,
                _ => String::new(),
            });
            texts.collect()
        };
        let key = all("temperature");
        for part in [
            "`temperature`, `loss` with `name: npairs`:",
            "at least 0.001; default `0.05`",
        ] {
            assert!(key.contains(part), "{part}\n{key}");
        }
        for (word, part) in [
            ("epochs", "`epochs`, a phase in `phases`:"),
            ("tolerance", "`tolerance`, `expect`:"),
            ("zip", "`zip`, `sweep`:"),
            ("scale", "`log`: equal ratios"),
            ("seeds", "`seeds`, the top level:"),
            ("rotate", "`rotate`, a step of `augment`:"),
            ("npairs", "`npairs`, `loss` with `name: npairs`:"),
            ("reference", "`reference`, the top level:"),
        ] {
            assert!(all(word).contains(part), "{word}: {part}\n{}", all(word));
        }
        schema::visit(&schema::SPEC, String::new(), &mut |_, section| {
            for key in section.keys {
                assert!(all(key.name).contains(key.doc), "{}", key.name);
            }
        });
        assert!(stranger("temprature").contains("nearest: `temperature`"));
    }

    #[test]
    fn unknown_words_are_answered_with_the_nearest_names() {
        assert!(stranger("chekc").ends_with("nearest: `check`"));
        assert!(stranger("unknown-kye").contains("nearest: `unknown-key`"));
        assert!(stranger("banana-split").ends_with("`supcon list` list them"));
        assert!(!stranger("\u{1b}[31m").contains('\u{1b}'));
    }

    #[test]
    fn words_of_other_programs_lead_to_verbs_and_are_none() {
        let verbs = verbs();
        assert!(SYNONYMS.is_sorted());
        for (word, verb) in SYNONYMS {
            assert!(!verbs.iter().any(|known| known == word), "{word}");
            // Without training, some verbs are not there.
            let known = verbs.iter().any(|known| known == verb);
            assert!(known || cfg!(not(feature = "train")), "{verb}");
        }
    }

    #[test]
    fn the_list_holds_every_code() {
        let list = list();
        for code in Code::all() {
            assert!(list.contains(&format!("  {code} ")), "{code}");
        }
        assert!(list.lines().all(|line| line.len() <= 100));
    }
}
