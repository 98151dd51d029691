//! Texts follow the terminal: `COLUMNS` where there is none, and never less than 80 columns.

use super::{Case, GOOD};

/// What the program writes to standard output and standard error, with `COLUMNS` as given.
fn written(case: &Case, arguments: &[&str], columns: Option<&str>) -> String {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_supcon"));
    command
        .args(arguments)
        .current_dir(case.dir.path())
        .env_remove("COLUMNS");
    command.envs(columns.map(|columns| ("COLUMNS", columns)));
    let output = command.output().expect("supcon starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

fn widest(text: &str) -> usize {
    text.lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0)
}

/// The words of a text without figures and units: where there is little room, tables say the largest in short.
fn words(text: &str) -> Vec<&str> {
    let words = text.split_whitespace();
    words
        .filter(|word| word.len() > 2 && !word.contains(|c: char| c.is_ascii_digit()))
        .collect()
}

#[test]
fn plans_and_lists_fit_the_columns_and_say_the_same() {
    let case = Case::new(&GOOD.replacen("epochs: 2", "epochs: 1", 1));
    for arguments in [&["plan", "spec.yaml"][..], &["list"]] {
        let free = written(&case, arguments, None);
        assert!(widest(&free) > 100, "{free}");
        for (columns, most) in [
            ("80", 80),
            ("100", 100),
            ("160", 160),
            ("20", 80),
            ("900", 160),
        ] {
            let text = written(&case, arguments, Some(columns));
            assert!(
                widest(&text) <= most,
                "{columns}: {}\n{text}",
                widest(&text)
            );
            let (found, wanted) = (words(&text), words(&free));
            assert_eq!(found, wanted, "{columns}");
        }
    }
    let plan = written(&case, &["plan", "spec.yaml"], None);
    assert!(plan.contains("pretrain: 1 epoch, batch 20"), "{plan}");
    let layers = written(
        &case,
        &[
            "plan",
            "spec.yaml",
            "--layers",
            "--set",
            "encoder={name: resnet50_v2, blocks: ~}",
        ],
        Some("80"),
    );
    assert!(
        widest(&layers) <= 80 && layers.contains("shortcut"),
        "{layers}"
    );
}

#[test]
fn problems_fit_the_columns_and_are_cut_around_the_caret() {
    let long = format!(
        "{{name: npairs, temprature: 0.05}}  # {}",
        "and so on ".repeat(30)
    );
    let case = Case::new(&GOOD.replacen("{name: npairs, temperature: 0.05}", &long, 1));
    for (columns, most) in [("80", 80), ("120", 120)] {
        let text = written(&case, &["check", "spec.yaml"], Some(columns));
        assert!(
            widest(&text) <= most && text.contains("did you mean `temperature`?"),
            "{text}"
        );
    }
}
