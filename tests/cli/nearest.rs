//! Names that are meant though they are not near in spelling: pieces of names, files beside the one that is not there.

use super::{Case, GOOD, found, one};

#[test]
fn a_piece_of_a_name_leads_to_the_name() {
    one(
        "resnet_cifar, blocks: 1",
        "resnet50",
        "unknown-name",
        5,
        &["did you mean `resnet50_v2`?"],
    );
    one(
        "{name: resnet_cifar, blocks: 1}",
        "resnet50",
        "wrong-type",
        5,
        &["as `{name: resnet50_v2}`"],
    );
    one(
        "name: npairs",
        "name: n_pairs",
        "unknown-name",
        11,
        &["did you mean `npairs`?"],
    );
    one(
        "name: cross_entropy",
        "name: entropy",
        "unknown-name",
        18,
        &["did you mean `cross_entropy`?"],
    );
    one(
        "name: projection",
        "name: projection_head",
        "unknown-name",
        10,
        &["did you mean `projection`?"],
    );
}

#[test]
fn a_base_that_is_not_there_is_told_with_the_nearest_file() {
    let base = |name: &str| {
        Case::new(&format!("extends: {name}\nname: top\n"))
            .file("base.yaml", GOOD.as_bytes())
            .file("bases/other.yml", GOOD.as_bytes())
    };
    for (name, near) in [
        ("bse.yaml", "base.yaml"),
        ("bases/othr.yaml", "other.yml"),
        ("./base.yml", "base.yaml"),
    ] {
        let text = base(name).text();
        assert!(text.contains(&format!("did you mean `{near}`?")), "{text}");
        assert_eq!(found(&base(name)).len(), 1, "{text}");
    }
    let text = base("banana.yaml").text();
    assert!(
        !text.contains("did you mean") && text.contains("correct the path"),
        "{text}"
    );
    for name in ["cifar10-resnet50", "resnet50v2", "cifar10"] {
        let text = base(name).text();
        assert!(
            text.contains("did you mean `cifar10-resnet50v2`?"),
            "{text}"
        );
    }
}

#[test]
fn a_spec_that_is_not_there_is_told_with_the_nearest_file() {
    let case = Case::new(GOOD).file("deep/mine.yaml", GOOD.as_bytes());
    let told = |path: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_supcon"))
            .args(["check", path])
            .current_dir(case.dir.path())
            .output()
            .expect("supcon starts");
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(told("spce.yaml").contains("did you mean `spec.yaml`?"));
    assert!(told("deep/mine.yml").contains("did you mean `deep/mine.yaml`?"));
    assert!(told("dep").contains("did you mean `deep`?"));
    assert!(told("nothing.yaml").contains("correct the path"));
}
