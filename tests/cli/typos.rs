//! P1: each key of each shipped spec and template, misspelt by one edit, is refused at its line, and the nearest name is
//! the key.

use super::shipped::experiments;
use rayon::prelude::*;
use saphyr_parser::{Event, Parser};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use supcon::spec::schema::{self, Key, Kind};
use supcon::spec::{Overrides, load_with};

/// What is put in, and in the place of a letter.
const LETTERS: [char; 3] = ['e', 'x', '_'];

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
}

/// One misspelling of one key.
struct Typo<'a> {
    file: &'a Shipped,
    key: &'a Written,
    word: String,
}

impl Typo<'_> {
    /// Whether the nearest name is the key, or why this was no refusal at the key's place.
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
        let found = problems.iter().find(|problem| {
            problem.code == "unknown-key"
                && problem.place.as_ref().is_some_and(|place| {
                    place.file.ends_with(&name)
                        && (place.line, place.column) == (key.line, key.column)
                })
        });
        let Some(problem) = found else {
            return Err(format!("{told} is not reported at its place:\n{problems}"));
        };
        Ok(problem.label == Some(format!("did you mean `{}`?", key.name)))
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

/// What a mapping takes, all its variants together.
struct Takes {
    /// Names are the user's to choose.
    is_free: bool,
    tag: Option<&'static str>,
    keys: Vec<&'static Key>,
}

impl Takes {
    fn at(path: &[String]) -> Self {
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
            Kind::Named(section) => Self {
                is_free: true,
                ..Self::these(None, section.keys)
            },
            other => panic!("a mapping where the schema has {other:?}"),
        }
    }

    fn takes(&self, name: &str) -> bool {
        self.is_free || self.tag == Some(name) || self.keys.iter().any(|key| key.name == name)
    }
}

/// Every word that is one edit away: a letter less, two neighbours swapped, a letter replaced, a letter more.
fn edits(word: &str) -> BTreeSet<String> {
    let letters: Vec<char> = word.chars().collect();
    let text = |letters: Vec<char>| letters.into_iter().collect::<String>();
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
        for letter in LETTERS {
            let mut replaced = letters.clone();
            replaced[at] = letter;
            found.insert(text(replaced));
        }
    }
    for at in 0..=letters.len() {
        for letter in LETTERS {
            let mut more = letters.clone();
            more.insert(at, letter);
            found.insert(text(more));
        }
    }
    found.remove(word);
    found
}

#[test]
fn each_misspelling_of_each_shipped_key_is_refused_with_the_key_as_suggestion() {
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
            for word in edits(&key.name) {
                match (takes.is_free, takes.takes(&word)) {
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
    assert!(
        taken.is_empty(),
        "{} of {}: {:?}",
        taken.len(),
        typos.len(),
        taken.first()
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
    assert!(typos.len() > 5000, "{}", typos.len());
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
    let found = edits("ab");
    for word in ["a", "b", "ba", "eb", "ax", "_ab", "axb", "abe"] {
        assert!(found.contains(word), "{word}");
    }
    assert_eq!(found.len(), 2 + 1 + 2 * 3 + 3 * 3);
}
