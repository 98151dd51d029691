//! docs/faults.md against the tests: each case of the list is there once, with tests that exist or with a reason.

use super::tree::{files, root};
use std::collections::{BTreeMap, BTreeSet};

/// Groups of the list, and how many cases each has.
const GROUPS: [(&str, u32); 8] = [
    ("D", 17),
    ("F", 11),
    ("X", 17),
    ("G", 8),
    ("C", 10),
    ("R", 11),
    ("P", 12),
    ("N", 12),
];

/// Names of all tests.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for file in files(&["src", "tests"], &[".rs"]) {
        let mut marked = false;
        for line in file.text.lines().map(str::trim) {
            marked |= line == "#[test]";
            let name = line
                .strip_prefix("fn ")
                .and_then(|rest| rest.split('(').next());
            if let (true, Some(name)) = (marked, name) {
                names.insert(name.to_owned());
                marked = false;
            }
        }
    }
    names
}

/// Cells of each case by its number.
fn cases() -> Vec<(String, Vec<String>)> {
    let text = std::fs::read_to_string(root().join("docs/faults.md")).expect("a page");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| "));
    let cells = rows.map(|row| row.trim_end_matches('|').split('|'));
    let cells = cells.map(|cells| cells.map(|cell| cell.trim().to_owned()));
    let rows = cells.map(Iterator::collect::<Vec<String>>);
    let cases = rows.filter(|cells| cells[0] != "case");
    cases.map(|cells| (cells[0].clone(), cells)).collect()
}

#[test]
fn each_fault_has_tests_that_exist_or_a_reason() {
    let (tests, cases) = (tests(), cases());
    assert!(tests.len() > 400, "{}", tests.len());
    let mut offenders = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, cells) in &cases {
        *seen.entry(case).or_default() += 1;
        let [_, what, named, remark] = &cells[..] else {
            offenders.push(format!("{case}: {} cells", cells.len()));
            continue;
        };
        let names: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        let unknown = names.iter().filter(|name| !tests.contains(**name));
        offenders.extend(unknown.map(|name| format!("{case}: `{name}` is no test")));
        if what.is_empty() || names.is_empty() && (named != "-" || remark.is_empty()) {
            offenders.push(format!("{case}: neither test nor reason"));
        }
    }
    for (group, count) in GROUPS {
        for number in 1..=count {
            let found = seen
                .remove(format!("{group}{number}").as_str())
                .unwrap_or(0);
            if found != 1 {
                offenders.push(format!("{group}{number}: there {found} times"));
            }
        }
    }
    offenders.extend(seen.keys().map(|case| format!("{case}: no such case")));
    assert!(offenders.is_empty(), "{}", offenders.join("\n"));
}
