//! The tables as one Markdown page, the key reference in `docs/keys.md`.

use super::{Key, Kind, SPEC, visit};
use std::fmt::Write;

const INTRO: &str = "\
# Keys of a spec

`supcon schema --markdown` prints this page from the tables in `src/spec/schema`; a test fails when it differs.
`supcon list` shows the same in short, and `supcon schema` as a JSON Schema for editors.

Layers merge from the weakest to the strongest: defaults, `extends` (each base once, the later of two wins), the file, the
section of `--profile`, `SUPCON_SET__` variables, `--set`, a point of `sweep`. Mappings merge, lists are replaced as a whole,
and `~` deletes a key. A path starts at the folder of the file that it is written in, one of a variable or `--set` at the
current directory. A spec with `extends` may leave out what its bases hold, required keys too. Numbers may be written as
`0.001`, `.001` or `1e-3`, whole ones as `1000` or `1e3`.
";

/// The key reference.
#[must_use]
pub fn markdown() -> String {
    let mut out = INTRO.to_owned();
    let mut shown: Vec<&str> = Vec::new();
    visit(&SPEC, "the top level".into(), &mut |title, section| {
        heading(&mut out, title, section.doc);
        if section.keys.is_empty() {
            out.push_str("No other keys.\n");
        } else {
            table(&mut out, section.keys, true);
        }
        for key in section.keys {
            let steps = steps(&key.kind);
            if !steps.is_empty() && !shown.contains(&key.name) {
                shown.push(key.name);
                let title = format!("a step of `{}`", key.name);
                heading(&mut out, &title, "a mapping with exactly one of these keys");
                table(&mut out, steps, false);
            }
        }
    });
    out
}

/// The steps that a key takes, alone or in a list.
fn steps(kind: &Kind) -> &'static [Key] {
    match kind {
        Kind::Step(steps) => steps,
        Kind::List(item, _) | Kind::Set(item, _) => steps(item),
        _ => &[],
    }
}

fn heading(out: &mut String, title: &str, doc: &str) {
    let _ = write!(out, "\n## {}\n\n{}.\n\n", capital(title), capital(doc));
}

/// A row for each key; without `needs`, nothing on what happens when a key is absent.
fn table(out: &mut String, keys: &[Key], needs: bool) {
    out.push_str(if needs {
        "| key | takes | without it | meaning |\n|---|---|---|---|\n"
    } else {
        "| key | takes | meaning |\n|---|---|---|\n"
    });
    for key in keys {
        let mut cells = vec![format!("`{}`", key.name), key.kind.words()];
        if needs {
            cells.push(key.need.words());
        }
        let mut meaning = key.doc.to_owned();
        for (word, doc) in key.kind.choices() {
            let _ = write!(meaning, "; `{word}`: {doc}");
        }
        cells.push(meaning);
        // A bar inside a cell would begin the next one.
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
}

/// The text with a capital first letter.
fn capital(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next();
    first
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(chars)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_row_with_its_range_default_and_doc() {
        let page = markdown();
        visit(&SPEC, String::new(), &mut |_, section| {
            for key in section.keys {
                let row = format!(
                    "| `{}` | {} | {} | {}",
                    key.name,
                    key.kind.words().replace('|', "\\|"),
                    key.need.words().replace('|', "\\|"),
                    key.doc.replace('|', "\\|")
                );
                assert!(page.contains(&row), "{row}");
            }
        });
        for step in super::super::STEPS {
            assert!(page.contains(&format!("| `{}` | ", step.name)));
        }
    }

    #[test]
    fn no_heading_comes_twice_and_bars_stay_inside_their_cells() {
        let page = markdown();
        let mut headings: Vec<&str> = page
            .lines()
            .filter(|line| line.starts_with("## "))
            .collect();
        let all = headings.len();
        headings.sort_unstable();
        headings.dedup();
        assert!(headings.len() == all && all > 10, "{headings:?}");
        for line in page.lines().filter(|line| line.starts_with("| ")) {
            let bars = line.replace("\\|", "").matches('|').count();
            assert!(bars == 5 || bars == 4, "{line}");
        }
    }
}
