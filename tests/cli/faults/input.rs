//! Files that are hostile, special, in another encoding, or gone. What S10 and S11 cost is measured in `limits`.

use super::super::shipped::experiments;
use super::super::survives::survives;
use super::super::{Case, GOOD, codes, edited};
use super::refused;
use supcon::spec::{Overrides, load_with};

#[test]
fn s10_a_text_that_grows_through_aliases_is_refused() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let item = format!("*a{}", level - 1);
        laughs += &format!("a{level}: &a{level} [{}]\n", [item.as_str(); 9].join(","));
    }
    assert!(laughs.len() < 500);
    let found = codes(laughs.as_bytes());
    assert!(matches!(found[..], [("alias-limit", _)]), "{found:?}");
    let long = format!(
        "a: &a\n  {}\nb: [{}]\n",
        "words \n  ".repeat(50_000),
        "*a, ".repeat(50)
    );
    assert_eq!(codes(long.as_bytes()), [("alias-limit", 50_003)]);
}

#[test]
fn s11_deep_long_and_large_files_are_refused() {
    for deep in ["[", "- ", "{a: "] {
        let found = codes(deep.repeat(10_000 / deep.len()).as_bytes());
        assert!(matches!(found[..], [("too-deep", 1)]), "{deep} {found:?}");
    }
    let long = format!("seeds: [{}1]\n", "1, ".repeat(10_000));
    assert_eq!(codes(long.as_bytes()), [("too-large", 1)]);
    for bytes in [(1 << 20) + 1, 5 << 20] {
        assert_eq!(codes(&b"x".repeat(bytes)), [("too-large", 0)]);
    }
}

#[test]
fn s12_specs_that_extend_themselves_are_refused_with_their_chain() {
    refused(
        &Case::new("extends: spec.yaml\n"),
        &["extends itself", "spec.yaml -> spec.yaml"],
    );
    let cycle = Case::new("extends: a.yaml\n")
        .file("a.yaml", b"extends: b.yaml\n")
        .file("b.yaml", b"extends: spec.yaml\n");
    assert!(
        cycle
            .text()
            .contains("spec.yaml -> a.yaml -> b.yaml -> spec.yaml"),
        "{}",
        cycle.text()
    );
}

#[test]
fn s12_only_specs_are_read_as_specs() {
    for path in ["../../etc/passwd", "/etc/passwd", "./secret.txt"] {
        let case = Case::new(&format!("extends: {path}\n")).file("secret.txt", b"name: secret\n");
        let text = case.text();
        assert!(
            text.contains("was not read") && text.contains("--> spec.yaml:1:10"),
            "{text}"
        );
        assert!(!text.contains("name: secret"), "{text}");
    }
}

#[test]
#[cfg(unix)]
fn s12_special_files_and_circles_of_links_are_refused_unread() {
    use std::os::unix::fs::symlink;
    let base = |name: &str| Case::new(&format!("extends: {name}\n"));
    let refused = |case: &Case, part: &str| {
        let text = case.text();
        assert!(
            text.contains("error[bad-extends]") && text.contains(part),
            "{text}"
        );
    };
    let case = base("a.yaml");
    symlink("b.yaml", case.dir.path().join("a.yaml")).expect("a link");
    symlink("a.yaml", case.dir.path().join("b.yaml")).expect("a link");
    refused(&case, "cannot read `a.yaml`");
    let case = base("zero.yaml");
    symlink("/dev/zero", case.dir.path().join("zero.yaml")).expect("a link");
    refused(&case, "`zero.yaml` is not a regular file");
    let case = base("pipe.yaml");
    let pipe = case.dir.path().join("pipe.yaml");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo");
    refused(&case, "`pipe.yaml` is not a regular file");
    let problems = load_with(&pipe, &Overrides::default(), &[]).expect_err("refused");
    assert_eq!(
        problems.iter().map(|p| p.code).collect::<Vec<_>>(),
        ["not-a-file"]
    );
}

#[test]
fn s13_other_encodings_are_refused_and_marks_and_line_ends_accepted() {
    for (bytes, offset) in [
        (&b"name: x\xff\n"[..], 7),
        (&b"\xff\xfen\0a\0"[..], 0),
        (&b"\xfe\xff\0n\0a"[..], 0),
    ] {
        let case = Case::new("").file("spec.yaml", bytes);
        let text = case.text();
        assert!(text.contains("error[not-utf8]"), "{text}");
        assert!(
            text.contains(&format!("the byte at offset {offset} in line 1 ")),
            "{text}"
        );
        assert_eq!(text.contains("it is UTF-16"), offset == 0, "{text}");
    }
    assert_eq!(codes(b"name: x\nseeds: \0\n"), [("syntax", 2)]);
    assert_eq!(codes(b"phases:\n\ttrain: 1\n"), [("syntax", 2)]);
    let windows = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(
        Case::new(&windows).runs()[0].run_id,
        Case::new(GOOD).runs()[0].run_id
    );
    let case = edited("name: good", "name: \"go\u{202e}od\u{7}\"");
    refused(&case, &["U+0007", "\\u{7}", "\\u{202e}"]);
    let case = edited("name: good", "name: \"go\u{202e}od\"");
    let text = case.text();
    assert!(
        text.contains("go\\u{202e}od") && !text.contains('\u{202e}'),
        "{text}"
    );
}

/// The batch works on the plans in the run folders, which were written from the spec as it was, and says so.
#[test]
#[cfg(feature = "train")]
fn s18_a_batch_goes_on_when_its_spec_is_gone_or_changed() {
    let spec = GOOD
        .replacen("train_size: 100", "train_size: 40, test_size: 20", 1)
        .replacen("blocks: 1", "blocks: 1, width: 2", 1)
        .replacen("min: 0.2", "min: 0", 1);
    for (is_gone, note) in [
        (true, "now they cannot be read"),
        (false, "the same command now trains"),
    ] {
        let case = Case::new(&spec);
        let wanted: Vec<String> = case.runs().into_iter().map(|run| run.run_id).collect();
        let folder = case.dir.path();
        let mut batch = std::process::Command::new(env!("CARGO_BIN_EXE_supcon"))
            .args(["run", "spec.yaml", "--device=cpu", "--threads=1", "--quiet"])
            .current_dir(folder)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("supcon starts");
        let runs = folder.join("results/runs");
        let begun = || std::fs::read_dir(&runs).is_ok_and(|mut entries| entries.next().is_some());
        while !begun() && batch.try_wait().expect("a child").is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let path = folder.join("spec.yaml");
        if is_gone {
            std::fs::remove_file(path).expect("removed");
        } else {
            let other = spec.replacen("epochs: ", "epochs: 1", 1);
            std::fs::write(path, other).expect("written");
        }
        let ended = batch.wait_with_output().expect("a child");
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && said.contains(note), "{said}");
        for run_id in wanted {
            let manifest = runs.join(&run_id).join("MANIFEST.json");
            assert!(manifest.is_file(), "{run_id}");
        }
    }
}

#[test]
fn s20_no_bytes_make_it_panic() {
    let case = Case::new("");
    let spec = case.dir.path().join("spec.yaml");
    let seeds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let mut texts = 0;
    for folder in [seeds, experiments()] {
        for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
            let path = entry.expect("readable").into_path();
            if path.extension().is_none_or(|ending| ending != "yaml") {
                continue;
            }
            let bytes = std::fs::read(&path).expect("readable");
            survives(&spec, &bytes);
            texts += 1;
            // Cut off, and with one byte changed.
            let odd = b"\0\t\n\r \"#%&'*,-0:<?@[]`{|}~!\x7f\x80\xff";
            for (number, at) in (0..bytes.len()).step_by(5).enumerate() {
                survives(&spec, &bytes[..at]);
                let mut changed = bytes.clone();
                changed[at] = odd[number % odd.len()];
                survives(&spec, &changed);
            }
        }
    }
    assert!(texts > 20, "{texts}");
}
