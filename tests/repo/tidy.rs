//! Rules of the house that a machine can check, read from the source tree. Each test collects all offenders before it
//! fails. ARCHITECTURE.md explains the table of imports, CONTRIBUTING.md the rest.

use super::tree::{File, code, files, names, root, without_tests};

/// What each top folder or file of `src/` may import, besides itself. Everything else points backwards.
const IMPORTS: [(&str, &[&str]); 21] = [
    ("diag", &[]),
    ("disk", &[]),
    ("random", &[]),
    ("draw", &[]),
    ("spec", &["diag"]),
    ("plan", &["diag", "spec"]),
    ("record", &["disk", "plan"]),
    ("device", &["plan"]),
    ("ops", &["plan", "device", "random"]),
    (
        "data",
        &["diag", "disk", "plan", "ops", "augment", "random"],
    ),
    ("augment", &["plan", "ops", "random"]),
    // `spec` for the closed enums that plans carry on unchanged.
    ("model", &["plan", "spec", "ops", "random"]),
    ("loss", &["plan", "ops"]),
    ("metric", &["plan", "ops"]),
    ("optim", &["plan", "ops"]),
    (
        "train",
        &["disk", "plan", "record", "device", "ops", "random", PARTS],
    ),
    (
        "runner",
        &["diag", "disk", "plan", "record", "device", "train", PARTS],
    ),
    ("preview", &["plan", "random", "draw", "data", "augment"]),
    ("report", &["disk", "plan", "spec", "record", "draw"]),
    (
        "cli",
        &[
            "diag", "disk", "spec", "plan", "record", "device", "ops", PARTS, "train", "runner",
            "preview", "report",
        ],
    ),
    ("main", &["cli"]),
];

/// Stands for the parts that `train` joins.
const PARTS: &str = "parts";
const PART_NAMES: [&str; 6] = ["data", "augment", "model", "loss", "metric", "optim"];

/// Foreign crates that could be swapped, and the only places that name them.
const CRATES: [(&str, &[&str]); 16] = [
    ("polars", &["src/record/parquet.rs"]),
    ("plotters", &["src/draw/canvas.rs"]),
    ("image", &["src/data/decode.rs", "src/draw/"]),
    (
        "serde_yaml",
        &[
            "src/spec/yaml.rs",
            "src/record/load.rs",
            "src/record/run_dir.rs",
            "src/record/survey.rs",
        ],
    ),
    ("saphyr_parser", &["src/spec/span"]),
    ("figment", &["src/spec/"]),
    ("strsim", &["src/diag/"]),
    ("minijinja", &["src/report/"]),
    ("safetensors", &["src/record/weights.rs"]),
    ("rand_chacha", &["src/random.rs"]),
    ("indicatif", &["src/runner/progress"]),
    ("signal_hook", &["src/runner/stop.rs"]),
    ("ureq", &["src/data/download.rs"]),
    ("tar", &["src/data/archive.rs"]),
    ("clap", &["src/cli/"]),
    ("terminal_size", &["src/cli/out.rs"]),
];

/// Names of backends.
const BACKENDS: [&str; 10] = [
    "Flex",
    "FlexDevice",
    "LibTorch",
    "LibTorchDevice",
    "flex",
    "libtorch",
    "tch",
    "torch_sys",
    "burn_tch",
    "burn_flex",
];

/// Files may grow to this many lines; 300 is the aim.
const LINES: usize = 500;

const HEADER: [&str; 5] = [
    "# claim: ",
    "# source: ",
    "# cost: ",
    "# expected: ",
    "# command: ",
];

fn sources() -> Vec<File> {
    let files = files(&["src"], &[".rs"]);
    assert!(
        files.len() > 20,
        "only {} source files were found",
        files.len()
    );
    files
}

/// The module of `src/<module>.rs` or `src/<module>/...`.
fn module(path: &str) -> &str {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    inner.split('/').next().unwrap_or(inner)
}

/// Fails with all offenders, one a line.
fn none(rule: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{rule}:\n  {}",
        offenders.join("\n  ")
    );
}

/// Modules that `code` names behind `crate::`, alone or in braces, each with its line.
fn imports(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].lines().count().max(1);
        let rest = &code[at + "crate::".len()..];
        let first = |text: &str| -> String {
            text.trim_start()
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect()
        };
        match rest.strip_prefix('{') {
            None => found.push((line, first(rest))),
            Some(list) => {
                let mut depth = 0;
                for item in list.split_inclusive([',', '{', '}']) {
                    if depth == 0 && !first(item).is_empty() {
                        found.push((line, first(item)));
                    }
                    depth += item.matches('{').count() as i32 - item.matches('}').count() as i32;
                    if depth < 0 {
                        break;
                    }
                }
            }
        }
    }
    found
}

#[test]
fn imports_are_found_alone_and_in_braces() {
    let code = "use crate::plan::X;\nuse crate::{spec::{A, B}, diag::C};\nlet x = crate::data::load(); use y;";
    let found: Vec<_> = imports(code).into_iter().map(|(_, name)| name).collect();
    assert_eq!(found, ["plan", "spec", "diag", "data"]);
}

#[test]
fn no_import_points_backwards() {
    let mut offenders = Vec::new();
    for file in sources() {
        let from = module(&file.path);
        if from == "lib" {
            continue;
        }
        let Some((_, allowed)) = IMPORTS.iter().find(|(name, _)| *name == from) else {
            offenders.push(format!(
                "{}: `{from}` is not in the table of imports",
                file.path
            ));
            continue;
        };
        let may = |to: &str| {
            to == from
                || allowed.contains(&to)
                || (allowed.contains(&PARTS) && PART_NAMES.contains(&to))
        };
        for (line, to) in imports(&code(without_tests(&file))) {
            if !may(&to) {
                offenders.push(format!("{}:{line}: `{from}` imports `{to}`", file.path));
            }
        }
    }
    none("DESIGN: one direction", &offenders);
}

#[test]
fn only_device_and_ops_name_a_backend() {
    let mut offenders = Vec::new();
    for file in sources() {
        if file.path == "src/device.rs" || file.path.starts_with("src/ops/") {
            continue;
        }
        for (line, name) in names(&code(without_tests(&file))) {
            if BACKENDS.contains(&name) {
                offenders.push(format!("{}:{line}: `{name}`", file.path));
            }
        }
    }
    none("only src/device.rs and src/ops/ name a backend", &offenders);
}

#[test]
fn each_swappable_crate_is_named_in_its_place_only() {
    let mut offenders = Vec::new();
    for file in sources() {
        let code = code(without_tests(&file));
        for (name, places) in CRATES {
            let allowed = places.iter().any(|place| file.path.starts_with(place));
            let path = format!("{name}::");
            let named = code.match_indices(&path).any(|(at, _)| {
                !code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':')
            });
            if named && !allowed {
                offenders.push(format!(
                    "{}: `{name}` belongs to {}",
                    file.path,
                    places.join(", ")
                ));
            }
        }
    }
    none("one place for each foreign crate", &offenders);
}

#[test]
fn files_are_short_and_say_what_they_hold() {
    let mut offenders = Vec::new();
    let folders = ["src", "tests", "benches", "fuzz/fuzz_targets", "build.rs"];
    for file in files(&folders, &[".rs"]) {
        let lines = file.text.lines().count();
        if lines > LINES {
            offenders.push(format!("{}: {lines} lines, at most {LINES}", file.path));
        }
        if !file.text.starts_with("//!") {
            offenders.push(format!("{}: does not begin with `//!`", file.path));
        }
    }
    none("file size and heading", &offenders);
}

#[test]
fn no_leftovers_and_no_machine_paths() {
    // In two parts, so that this file is not an offender.
    let words: Vec<String> = [
        ("to", "do!"),
        ("unimple", "mented!"),
        ("db", "g!("),
        ("FIX", "ME"),
        ("XX", "X"),
        ("(filled", " next)"),
        ("/ro", "ot/"),
        ("/wo", "rk/"),
        ("crates", ".io/"),
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("registry.np", "mjs.org"),
    ]
    .map(|(first, second)| format!("{first}{second}"))
    .into();
    let endings = [
        ".rs", ".cpp", ".h", ".toml", ".md", ".yaml", ".yml", ".html", ".py", ".sh", ".csv",
    ];
    let mut tracked = files(
        &[
            "src",
            "tests",
            "templates",
            "experiments",
            "benches",
            "docs",
            "fuzz/fuzz_targets",
        ],
        &endings,
    );
    tracked.extend(files(&["scripts", ".ci"], &[""]));
    tracked.extend(files(&TOP, &[""]));
    let mut offenders = Vec::new();
    for file in tracked {
        for (at, line) in file.text.lines().enumerate() {
            let word = words.iter().find(|word| line.contains(word.as_str()));
            // The rule book names what it forbids.
            if let Some(word) = word.filter(|_| file.path != "CONTRIBUTING.md") {
                offenders.push(format!("{}:{}: `{word}`", file.path, at + 1));
            }
            if line.contains(concat!("TO", "DO")) && !line.contains(concat!("TO", "DO(#")) {
                offenders.push(format!(
                    "{}:{}: a reminder without issue",
                    file.path,
                    at + 1
                ));
            }
            if !line.is_ascii() {
                offenders.push(format!("{}:{}: not ASCII", file.path, at + 1));
            }
        }
    }
    none("no leftovers, no machine paths, ASCII only", &offenders);
}

/// Text files beside the folders.
const TOP: [&str; 10] = [
    "build.rs",
    "Cargo.toml",
    "clippy.toml",
    "rustfmt.toml",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "results/README.md",
    "results/LOG.md",
];

#[test]
fn every_experiment_says_what_it_claims_and_how_to_run_it() {
    let mut offenders = Vec::new();
    let specs = files(&["experiments"], &[".yaml", ".yml"]);
    assert!(!specs.is_empty(), "no experiment was found");
    for file in &specs {
        let mut lines = file.text.lines();
        for head in HEADER {
            let line = lines.next().unwrap_or("");
            let told = line
                .strip_prefix(head)
                .is_some_and(|text| !text.trim().is_empty());
            if !told {
                offenders.push(format!("{}: `{line}` is not `{head}...`", file.path));
            }
        }
        let command = file.text.lines().nth(4).unwrap_or("");
        if !command.contains(&file.path) && !command.contains(folder(&file.path)) {
            offenders.push(format!("{}: the command does not run it", file.path));
        }
    }
    none("five header lines", &offenders);
}

/// The line by which editors find the schema of a spec.
const MODELINE: &str = "# yaml-language-server: $schema=";

#[test]
fn every_spec_and_template_tells_editors_its_schema() {
    let schema = root().join("templates/spec.schema.json");
    let schema = schema.canonicalize().expect("the committed schema");
    let mut offenders = Vec::new();
    for file in files(&["experiments", "templates"], &[".yaml", ".yml"]) {
        let opening = file.text.lines().take_while(|line| line.starts_with('#'));
        let (last, count) = (opening.clone().last().unwrap_or(""), opening.count());
        let named = last.strip_prefix(MODELINE).map(|path| {
            let path = root().join(folder(&file.path)).join(path);
            path.canonicalize().is_ok_and(|path| path == schema)
        });
        if named != Some(true) {
            offenders.push(format!(
                "{}: its opening comments do not end with `{MODELINE}` and the path of templates/spec.schema.json",
                file.path
            ));
        }
        if file.path.starts_with("experiments/") && count != HEADER.len() + 1 {
            offenders.push(format!(
                "{}: opens with {count} lines of comments, not the five and that of the schema",
                file.path
            ));
        }
    }
    none("editors are told the schema", &offenders);
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
