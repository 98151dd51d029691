//! `supcon help`: what a code means, how a verb is used, or the list of both.

use super::check::REFUSED;
use super::{Cli, out};
use crate::diag::{Code, nearest};
use clap::{CommandFactory, Parser};
use std::fmt::Write;
use std::process::ExitCode;

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
    for word in words.iter().filter(|word| topic(word).is_none()) {
        out::warn(&format!("error: {}\n", stranger(word)));
        unknown = true;
    }
    if unknown {
        return ExitCode::from(REFUSED);
    }
    for (i, topic) in words.iter().filter_map(|word| topic(word)).enumerate() {
        if i > 0 {
            out::line("");
        }
        match topic {
            Topic::Code(code) => out::print(&code.explain()),
            Topic::Verb(verb) => explain_verb(&verb),
        }
    }
    ExitCode::SUCCESS
}

/// What a word names.
#[derive(Debug, PartialEq)]
enum Topic {
    Code(Code),
    Verb(String),
}

/// A verb, or a code in any case, also as it stands in a message: `error[CODE]:`.
fn topic(word: &str) -> Option<Topic> {
    if Cli::command().find_subcommand(word).is_some() {
        return Some(Topic::Verb(word.to_owned()));
    }
    let bare = word
        .trim_start_matches("error[")
        .trim_end_matches([']', ':']);
    Code::find(bare).map(Topic::Code)
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
    let mut out = String::from("Codes of problems (`supcon help CODE` explains one):\n");
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

/// The answer to a word that is neither code nor verb.
fn stranger(word: &str) -> String {
    let mut names = verbs();
    names.extend(Code::all().map(|code| code.to_string()));
    let near: Vec<String> = nearest(word, names.iter().map(String::as_str), NEAREST)
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    // Escaped, since a word may hold what moves a terminal's cursor.
    let word = word.escape_debug();
    if near.is_empty() {
        format!("no code and no verb is called `{word}`; `supcon help` lists them")
    } else {
        let near = near.join(", ");
        format!("no code and no verb is called `{word}`; nearest: {near}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_as_written_in_a_message() {
        for word in ["unknown-key", "UNKNOWN-KEY", "error[unknown-key]:"] {
            assert_eq!(topic(word), Some(Topic::Code(Code::UnknownKey)), "{word}");
        }
        assert_eq!(topic("check"), Some(Topic::Verb("check".into())));
        assert_eq!(topic("chekc"), None);
    }

    #[test]
    fn no_code_hides_behind_a_verb() {
        for code in Code::all() {
            assert_eq!(topic(code.as_str()), Some(Topic::Code(code)));
        }
    }

    #[test]
    fn unknown_words_are_answered_with_the_nearest_names() {
        assert!(stranger("chekc").ends_with("nearest: `check`"));
        assert!(stranger("unknown-kye").contains("nearest: `unknown-key`"));
        assert!(stranger("banana-split").ends_with("`supcon help` lists them"));
        assert!(!stranger("\u{1b}[31m").contains('\u{1b}'));
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
