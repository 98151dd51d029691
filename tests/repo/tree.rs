//! The source tree as the tidy tests see it: files by folder, and code with comments, strings and tests taken out.

use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A text file of the project.
pub struct File {
    /// Path from the project's root, with `/`.
    pub path: String,
    /// Content.
    pub text: String,
}

/// Folder of the project.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below `folders` whose names end in one of `endings`, sorted by path. Test fixtures are left out.
pub fn files(folders: &[&str], endings: &[&str]) -> Vec<File> {
    let mut files = Vec::new();
    for folder in folders {
        for entry in WalkDir::new(root().join(folder)).sort_by_file_name() {
            let Ok(entry) = entry else { continue };
            let path = relative(entry.path());
            let wanted = endings.iter().any(|ending| path.ends_with(ending));
            let left_out = path.starts_with("tests/reference/") || path.contains("__pycache__");
            if wanted && !left_out && entry.file_type().is_file() {
                let text = std::fs::read_to_string(entry.path()).expect("sources are text");
                files.push(File { path, text });
            }
        }
    }
    files
}

fn relative(path: &Path) -> String {
    let path = path.strip_prefix(root()).expect("walks start at the root");
    path.to_str().expect("names are ASCII").replace('\\', "/")
}

/// The text in front of the unit tests; all of it where there are none, nothing for a file that only tests use.
pub fn without_tests(file: &File) -> &str {
    if file.path.ends_with("/samples.rs") || file.path.ends_with("/tests.rs") {
        return "";
    }
    file.text.split("#[cfg(test)]\nmod ").next().unwrap_or("")
}

/// Rust text with comments, and what stands in strings and characters, blanked.
pub fn code(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (length, keep) = token(rest, c, out.chars().next_back());
        let (taken, left) = rest.split_at(length);
        if keep {
            out.push_str(taken);
        } else {
            out.extend(taken.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = left;
    }
    out
}

/// Length of what begins at `rest`, and whether it is code.
fn token(rest: &str, first: char, before: Option<char>) -> (usize, bool) {
    let after_name = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (rest.find("*/").map_or(rest.len(), |end| end + 2), false);
    }
    if let Some(raw) = rest.strip_prefix('r').filter(|_| !after_name) {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let end = format!("\"{}", "#".repeat(hashes));
            let open = 2 + hashes;
            let close = rest[open..]
                .find(&end)
                .map_or(rest.len(), |at| open + at + end.len());
            return (close, false);
        }
    }
    match first {
        '"' => (quoted(rest, '"'), false),
        '\'' if is_character(rest) => (quoted(rest, '\''), false),
        _ => (first.len_utf8(), true),
    }
}

/// True for a character literal, false for a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    let (first, second) = (chars.next(), chars.next());
    first == Some('\\') || second == Some('\'')
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The names in `code`, each with its line from 1.
pub fn names(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().flat_map(|(at, line)| {
        line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|name| !name.is_empty())
            .map(move |name| (at + 1, name))
    })
}

#[test]
fn comments_strings_and_characters_are_not_code() {
    let text =
        "let a = \"x // y\"; // z\nlet b = r#\"q\"w\"#; let c: &'static str = f('\\'', 'd');";
    let code = code(text);
    let words: Vec<&str> = names(&code).map(|(_, name)| name).collect();
    assert_eq!(
        words,
        ["let", "a", "let", "b", "let", "c", "static", "str", "f"]
    );
    assert_eq!(code.lines().count(), 2);
}
