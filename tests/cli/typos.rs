//! P1: each key of each shipped spec and template, misspelt by one edit, is refused at its line, and the nearest name is
//! the key.

mod more;
mod takes;

use super::shipped::experiments;
use more::MORE;
use rayon::prelude::*;
use saphyr_parser::{Event, Parser};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use supcon::diag::{Place, Problem};
use supcon::spec::{Overrides, load_with};
use takes::Takes;

/// What is put in, and in the place of a letter, at every position.
const FEW: [char; 3] = ['e', 'x', '_'];

/// As `FEW`, at three positions: the first, the last and one between them.
const ALL: &str = "abcdefghijklmnopqrstuvwxyz0123456789_-";

/// What stands in a path for an item of a list.
const ITEM: &str = "*";

/// What a template lacks to be a spec.
const REST: &str = "\
name: rest
seeds: [0]
phases:
  train:
    epochs: 1
    batch_size: 8
    head: {name: classifier}
    loss: {name: cross_entropy}
    optimizer: {name: adam}
";

/// A copy of a shipped file.
struct Shipped {
    path: PathBuf,
    text: String,
    is_template: bool,
}

/// A key as it stands in a text.
struct Written {
    name: String,
    /// Path of the mapping that holds it.
    holder: Vec<String>,
    /// Offset in bytes.
    at: usize,
    line: usize,
    column: usize,
    /// A path of keys with dots, in a sweep.
    is_path: bool,
}

/// One misspelling of one key.
struct Typo<'a> {
    file: &'a Shipped,
    key: &'a Written,
    word: String,
}

impl Typo<'_> {
    /// Whether a problem refuses the word where it stands: a key at its place, a path of a sweep in its line.
    fn is_refused(&self, problem: &Problem, file: &str) -> bool {
        let Self { key, .. } = self;
        let place = problem.place.as_ref();
        let here = |place: &Place| {
            let column = key.is_path || place.column == key.column;
            place.file.ends_with(file) && place.line == key.line && column
        };
        let codes = ["unknown-key", "unknown-name", "bad-sweep"];
        let codes = &codes[..if key.is_path { 3 } else { 1 }];
        codes.iter().any(|code| problem.code == *code) && place.is_some_and(here)
    }

    /// The name that should be suggested: the key, or the name in a path that is misspelt.
    fn wanted(&self) -> Option<&str> {
        let Self { key, word, .. } = self;
        if !key.is_path {
            return Some(&key.name);
        }
        let (names, words) = (key.name.split('.'), word.split('.'));
        let same = names.clone().count() == words.clone().count();
        let mut pairs = names.zip(words).filter(|(name, word)| name != word);
        pairs.next().map(|(name, _)| name).filter(|_| same)
    }

    /// Whether the nearest name is the key, or why this was no refusal at the key's place, or not the only one.
    fn is_suggested(&self, number: usize) -> Result<bool, String> {
        let Self { file, key, word } = self;
        let told = format!("{}:{}: `{word}`", file.path.display(), key.line);
        let mut text = file.text.clone();
        text.replace_range(key.at..key.at + key.name.len(), word);
        let name = format!("typo-{number}.yaml");
        let path = file.path.with_file_name(&name);
        std::fs::write(&path, text).expect("written");
        let result = load_with(&whole(file, &path), &Overrides::default(), &[]);
        std::fs::remove_file(&path).expect("removed");
        let Err(problems) = result else {
            return Err(format!("{told} was taken"));
        };
        let found = problems
            .iter()
            .find(|problem| self.is_refused(problem, &name));
        let Some(problem) = found else {
            return Err(format!("{told} is not reported at its place:\n{problems}"));
        };
        let wanted = self.wanted().map(|name| format!("did you mean `{name}`?"));
        let right = wanted.is_some() && problem.label == wanted;
        // What a sweep sets inside a misspelt section lacks the rest of it, which is told.
        if right && problems.len() > 1 && !file.text.contains("sweep:") {
            return Err(format!(
                "{told} is one mistake and more is said:\n{problems}"
            ));
        }
        Ok(right)
    }
}

/// The spec to load for a file: itself, or one that adds to a template what it lacks.
fn whole(file: &Shipped, path: &Path) -> PathBuf {
    if !file.is_template {
        return path.to_path_buf();
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.expect("an ASCII name");
    let spec = path.with_file_name(format!("rest-of-{name}"));
    std::fs::write(&spec, format!("extends: {name}\n{REST}")).expect("written");
    spec
}

/// Copies of all shipped specs and templates, in folders as they are.
fn copies(to: &Path) -> Vec<Shipped> {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut files = Vec::new();
    for (root, folder) in [(experiments(), "experiments"), (templates, "templates")] {
        for entry in walkdir::WalkDir::new(&root).sort_by_file_name() {
            let from = entry.expect("readable").into_path();
            if from.extension().is_none_or(|ending| ending != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&from).expect("text");
            assert!(text.is_ascii(), "{}", from.display());
            let inner = from.strip_prefix(&root).expect("below its root");
            let path = to.join(folder).join(inner);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(&path, &text).expect("written");
            files.push(Shipped {
                path,
                text,
                is_template: folder == "templates",
            });
        }
    }
    let folder = to.join("more");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, text) in MORE {
        let path = folder.join(format!("{name}.yaml"));
        std::fs::write(&path, text).expect("written");
        files.push(Shipped {
            path,
            text: text.to_owned(),
            is_template: false,
        });
    }
    files
}

/// An open list or mapping.
struct Open {
    path: Vec<String>,
    is_mapping: bool,
    /// The key whose value comes next.
    key: Option<String>,
}

/// All keys of a text, in order.
fn keys(text: &str) -> Vec<Written> {
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.expect("shipped files are YAML");
        match event {
            Event::Scalar(word, ..) => match open.last_mut() {
                Some(top) if top.is_mapping && top.key.is_none() => {
                    top.key = Some(word.to_string());
                    found.push(Written {
                        name: word.to_string(),
                        holder: top.path.clone(),
                        at: span.start.index(),
                        line: span.start.line(),
                        column: span.start.col() + 1,
                        is_path: is_axes(&top.path),
                    });
                }
                Some(top) => top.key = None,
                None => {}
            },
            Event::SequenceStart(..) => begin(&mut open, false),
            Event::MappingStart(..) => begin(&mut open, true),
            Event::SequenceEnd | Event::MappingEnd => {
                open.pop();
            }
            _ => {}
        }
    }
    found
}

/// Whether the keys of the mapping at a path are paths: the axes of a sweep.
fn is_axes(path: &[String]) -> bool {
    let [.., sweep, kind] = path else {
        return false;
    };
    sweep == "sweep" && ["grid", "zip", "range"].contains(&kind.as_str())
}

fn begin(open: &mut Vec<Open>, is_mapping: bool) {
    let mut path = Vec::new();
    if let Some(top) = open.last_mut() {
        path.clone_from(&top.path);
        path.push(top.key.take().unwrap_or_else(|| ITEM.to_owned()));
    }
    open.push(Open {
        path,
        is_mapping,
        key: None,
    });
}

/// Words that are one edit away: a letter less, two neighbours swapped, a letter replaced, a letter more. Few letters are
/// put in everywhere, all of them at the first, the last and a middle position, which the word itself draws.
fn edits(word: &str) -> BTreeSet<String> {
    let letters: Vec<char> = word.chars().collect();
    let text = |letters: Vec<char>| letters.into_iter().collect::<String>();
    let drawn = word
        .bytes()
        .fold(7_usize, |sum, byte| sum * 31 % 1009 + usize::from(byte));
    let rich = [0, drawn % letters.len(), letters.len() - 1];
    let mut found = BTreeSet::new();
    for at in 0..letters.len() {
        let mut less = letters.clone();
        less.remove(at);
        found.insert(text(less));
        if at + 1 < letters.len() {
            let mut swapped = letters.clone();
            swapped.swap(at, at + 1);
            found.insert(text(swapped));
        }
        let all = ALL.chars().filter(|_| rich.contains(&at));
        for letter in FEW.into_iter().chain(all) {
            let mut replaced = letters.clone();
            replaced[at] = letter;
            found.insert(text(replaced));
            let mut more = letters.clone();
            more.insert(at, letter);
            found.insert(text(more));
        }
    }
    found.extend(ALL.chars().map(|letter| format!("{word}{letter}")));
    // What is left of a key of one letter is no key, and what begins with a `-` is an item of a list.
    found.retain(|edit| !edit.is_empty() && !edit.starts_with('-') && edit != word);
    found
}

#[test]
fn each_misspelling_of_each_shipped_key_is_refused_with_the_key_as_suggestion() {
    if cfg!(all(feature = "flex", feature = "libtorch")) {
        return println!("skipped: the suite without libtorch tries the same 115,000");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = copies(folder.path());
    for file in &files {
        let whole = whole(file, &file.path);
        load_with(&whole, &Overrides::default(), &[])
            .unwrap_or_else(|problems| panic!("{problems}"));
    }
    let keys: Vec<Vec<Written>> = files.iter().map(|file| keys(&file.text)).collect();
    let (mut typos, mut of_free, mut other_keys) = (Vec::new(), 0, 0);
    for (file, keys) in files.iter().zip(&keys) {
        for key in keys {
            assert_eq!(&file.text[key.at..key.at + key.name.len()], key.name);
            let takes = Takes::at(&key.holder);
            let is_free = takes.is_free && !key.is_path;
            for word in edits(&key.name) {
                match (is_free, !key.is_path && takes.takes(&word)) {
                    (true, _) => of_free += 1,
                    (false, true) => other_keys += 1,
                    (false, false) => typos.push(Typo { file, key, word }),
                }
            }
        }
    }
    let judged = typos.par_iter().enumerate();
    let judged: Vec<Result<bool, String>> = judged
        .map(|(number, typo)| typo.is_suggested(number))
        .collect();
    let taken: Vec<&String> = judged.iter().filter_map(|one| one.as_ref().err()).collect();
    let told = taken.iter().filter_map(|text| text.lines().next());
    assert!(
        taken.is_empty(),
        "{} of {}: {:#?} {}",
        taken.len(),
        typos.len(),
        told.step_by(100).collect::<Vec<_>>(),
        taken[0]
    );
    let right = judged.iter().filter(|one| **one == Ok(true)).count();
    let share = right as f64 / typos.len() as f64;
    println!(
        "{} misspellings of {} keys in {} files, all refused; the suggestion is right in {:.2} %. Left out: {of_free} of \
         free names, {other_keys} that are other keys",
        typos.len(),
        keys.iter().map(Vec::len).sum::<usize>(),
        files.len(),
        100.0 * share
    );
    assert!(typos.len() > 20_000, "{}", typos.len());
    assert!(share >= 0.95, "{share}");
}

#[test]
fn keys_are_found_in_blocks_in_brackets_and_not_in_texts() {
    let found = keys("a: {b: 'c: d', e: [f, {g: 1}]}  # h: i\n\"j\": k\n");
    let at = |key: &Written| (key.holder.join("."), key.name.clone(), key.at, key.column);
    let found: Vec<_> = found.iter().filter(|key| key.name != "j").map(at).collect();
    let key = |holder: &str, name: &str, at| (holder.to_owned(), name.to_owned(), at, at + 1);
    assert_eq!(
        found,
        [
            key("", "a", 0),
            key("a", "b", 4),
            key("a", "e", 15),
            key("a.e.*", "g", 23)
        ]
    );
}

#[test]
fn the_edits_of_a_word_are_those_of_all_four_kinds() {
    let found = edits("abcd");
    for word in [
        "bcd", "abc", "bacd", "abdc", "zbcd", "abcz", "zabcd", "abcdz", "abexcd",
    ] {
        let one = word != "abexcd";
        assert_eq!(found.contains(word), one, "{word}");
    }
    for letter in FEW {
        assert!(
            found.contains(&format!("ab{letter}cd")) && found.contains(&format!("a{letter}cd"))
        );
    }
    let edits = found.iter().filter(|word| word.len() == 4);
    assert!(edits.count() > 3 + 2 * (ALL.len() - 2), "{}", found.len());
}

#[test]
fn each_key_of_the_schema_is_misspelt_somewhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = copies(folder.path());
    let keys = files.iter().flat_map(|file| keys(&file.text));
    let written: BTreeSet<String> = keys.map(|key| key.name).collect();
    let wanted = super::keys::schema_keys();
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(_, key)| !written.contains(key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
