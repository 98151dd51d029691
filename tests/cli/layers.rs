//! The layers of a spec, from what it extends to `--set`, and the place of each value in them.

use super::{Case, GOOD, found};
use supcon::plan::check_specs;
use supcon::spec::Overrides;

#[test]
fn layers_merge_in_order_and_each_value_knows_its_own() {
    let case = Case::new("extends: [a.yaml, sub/b.yaml]\nname: top\nseeds: [7]\n")
        .file("a.yaml", GOOD.as_bytes())
        .file(
            "sub/b.yaml",
            b"extends: ../c.yaml\nphases: {pretrain: {epochs: 30}}\n",
        )
        .file(
            "c.yaml",
            b"phases: {pretrain: {epochs: 20, batch_size: 40}}\ndata: {test_size: 50}\n",
        )
        .env("SUPCON_SET__phases__classify__epochs", "9")
        .set("phases.classify.loss.name=cross_entropy")
        .set("phases.classify.epochs=8")
        .set("augment=[]");
    let loaded = case.loaded();
    let run = &case.runs()[0];
    assert_eq!((run.name.as_str(), run.seed), ("top", 7));
    assert_eq!(
        (
            run.phases[0].epochs,
            run.phases[0].batch_size,
            run.phases[1].epochs
        ),
        (30, 40, 8)
    );
    assert!(run.phases[0].augment.is_empty());
    let origin = |path: &str| {
        let text = loaded.origins[path].to_string();
        text.replace(&format!("{}/", case.dir.path().display()), "")
    };
    assert_eq!(origin("name"), "file spec.yaml:2");
    assert_eq!(origin("phases.pretrain.epochs"), "base sub/b.yaml:2");
    assert_eq!(origin("phases.pretrain.batch_size"), "base sub/../c.yaml:1");
    assert_eq!(origin("phases.classify.batch_size"), "base a.yaml:15");
    assert_eq!(
        origin("phases.classify.epochs"),
        "set phases.classify.epochs=8"
    );
    assert_eq!(origin("augment"), "set augment=[]");
    assert_eq!(origin("encoder.width"), "default");
    assert_eq!(origin("phases.pretrain.optimizer.beta_1"), "default");
}

#[test]
fn a_problem_in_a_merged_value_points_at_the_file_that_wrote_it() {
    let case = Case::new("extends: a.yaml\nname: top\n")
        .file("a.yaml", GOOD.replace("epochs: 2", "epochs: x").as_bytes());
    let text = case.text();
    assert!(text.contains("--> a.yaml:8:13"), "{text}");
    assert!(
        text.ends_with("error: 1 problem in a.yaml, nothing was run\n"),
        "{text}"
    );
    let case = Case::new(GOOD)
        .set("phases.pretrain.epochs=x")
        .set("phases.pretrain.epoch=3");
    let text = case.text();
    assert!(text.contains("--> --set:1:17\n  |\n1 | phases.pretrain.epoch=3\n  |                 ^^^^^ did you mean `epochs`?"), "{text}");
    assert!(
        text.contains(
            "1 | phases.pretrain.epochs=x\n  |                        ^ expected a whole number"
        ),
        "{text}"
    );
    let text = Case::new(GOOD)
        .env("SUPCON_SET__phases__pretrain__epochs", "x")
        .text();
    assert!(text.contains("environment:1:38"), "{text}");
}

#[test]
fn a_tilde_deletes_and_lists_replace() {
    let run = &Case::new(GOOD)
        .set("phases.pretrain=~")
        .set("phases.classify.freeze=~")
        .set("seeds=[5]")
        .runs()[0];
    assert_eq!((run.phases.len(), run.seed), (1, 5));
    assert!(!run.phases[0].freeze_encoder);
    let case = Case::new("extends: a.yaml\nname: top\nencoder: {name: resnet50_v2}\n")
        .file("a.yaml", GOOD.as_bytes());
    let text = case.text();
    assert!(
        text.contains("write `blocks: ~` beside `name` in spec.yaml:3")
            && text.contains("takes no other key"),
        "{text}"
    );
    assert_eq!(case.set("encoder.blocks=~").runs().len(), 2);
}

#[test]
fn bad_overrides_are_refused() {
    for text in [
        "phases.pretrain.epochs",
        "=3",
        "a..b=3",
        "name=",
        "extends=x",
        "extends.0=x",
    ] {
        let found = found(&Case::new(GOOD).set(text));
        assert_eq!(
            found.iter().map(|(code, ..)| *code).collect::<Vec<_>>(),
            ["bad-override"],
            "{text}"
        );
    }
    assert_eq!(found(&Case::new(GOOD).set("seeds=[1"))[0].0, "syntax");
}

#[test]
fn cycles_and_missing_bases_name_the_chain() {
    let case = Case::new("extends: a.yaml\n")
        .file("a.yaml", b"extends: b.yaml\n")
        .file("b.yaml", b"extends: a.yaml\n");
    let text = case.text();
    assert!(
        text.contains("a.yaml` extends itself")
            && text.contains("spec.yaml -> a.yaml -> b.yaml -> a.yaml"),
        "{text}"
    );
    let text = Case::new("extends: a.yaml\n")
        .file("a.yaml", b"extends: none.yaml\nname: x\n")
        .text();
    assert!(
        text.contains("none.yaml`")
            && text.contains("--> a.yaml:1:10")
            && text.contains("spec.yaml -> a.yaml -> none.yaml"),
        "{text}"
    );
    let text = Case::new("extends: cifar10-resnet50\n").text();
    assert!(
        text.contains("did you mean `cifar10-resnet50v2`?"),
        "{text}"
    );
    assert!(
        Case::new("extends: [3]\n")
            .text()
            .contains("must be a name or a path")
    );
}

#[test]
fn phases_run_in_the_order_written_base_first() {
    let one = "{epochs: 1, batch_size: 8, head: {name: classifier}, loss: {name: cross_entropy}, optimizer: {name: adam}}";
    let base = format!(
        "{}zeta: {one}\n  mid: {one}\n",
        "name: base\nseeds: [0]\ndata: {dataset: shapes}\nencoder: {name: resnet_cifar}\nphases:\n  "
    );
    let top = format!(
        "extends: base.yaml\nname: top\nphases:\n  beta: {one}\n  mid: {{epochs: 2}}\n  alpha: {one}\n"
    );
    let case = Case::new(&top).file("base.yaml", base.as_bytes());
    assert_eq!(case.loaded().phase_order, ["zeta", "mid", "beta", "alpha"]);
    let names: Vec<String> = case.runs()[0]
        .phases
        .iter()
        .map(|phase| phase.name.clone())
        .collect();
    assert_eq!(names, ["zeta", "mid", "beta", "alpha"]);
}

#[test]
fn variables_that_look_like_ours_are_refused() {
    for name in [
        "SUPCON_SET_seeds",
        "SUPCON_SET",
        "SUPCON_SETTINGS",
        "SUPCON_SET__extends__0",
    ] {
        let found = found(&Case::new(GOOD).env(name, "1"));
        let codes: Vec<&str> = found.iter().map(|(code, ..)| *code).collect();
        assert_eq!(codes, ["bad-override"], "{name}");
    }
}

#[test]
fn a_base_of_two_bases_is_the_weakest_and_read_once() {
    let case = Case::new("extends: [b.yaml, c.yaml]\nname: top\n")
        .file("a.yaml", GOOD.as_bytes())
        .file(
            "b.yaml",
            b"extends: a.yaml\nphases: {pretrain: {epochs: 30}}\n",
        )
        .file("c.yaml", b"extends: a.yaml\nseeds: [9]\n");
    let run = &case.runs()[0];
    assert_eq!((run.phases[0].epochs, run.seed), (30, 9));
    // Not asked for after what already holds it, where it could only take back.
    for list in ["[b.yaml, a.yaml]", "[a.yaml, a.yaml]"] {
        let case = case.file_again(
            "spec.yaml",
            format!("extends: {list}\nname: top\n").as_bytes(),
        );
        let text = case.text();
        assert!(
            text.contains("`a.yaml` was extended already"),
            "{list}: {text}"
        );
    }
    let case = case.file_again("spec.yaml", b"extends: [a.yaml, b.yaml]\nname: top\n");
    assert_eq!(case.runs()[0].phases[0].epochs, 30);
}

#[test]
fn a_key_that_another_layer_has_made_wrong_names_that_layer_and_what_to_write_there() {
    let case = Case::new("extends: one.yaml\nname: top\nphases: {classify: ~, pretrain: {head: {name: classifier, widths: ~}, loss: {name: cross_entropy}}}\n")
        .file("one.yaml", GOOD.as_bytes());
    let text = case.text();
    for part in [
        "--> one.yaml:11:26",
        "note: `name` is written at spec.yaml:3:",
        "in spec.yaml, which extends one.yaml",
        "help: write `temperature: ~` beside `name` in spec.yaml:3",
        "error: 1 problem",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let text = Case::new(GOOD)
        .set("phases.classify.head.name=projection")
        .set("phases.pretrain.loss.name=cross_entropy")
        .text();
    for part in [
        "note: `name` is written at --set:1:27",
        "help: add `--set 'phases.pretrain.loss.temperature=~'`",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    // The key came last: it is the one that belongs elsewhere.
    let text = Case::new(GOOD)
        .set("phases.classify.loss.temperature=1")
        .text();
    assert!(
        text.contains("`temperature` belongs to `loss` with `name: npairs`"),
        "{text}"
    );
}

#[test]
fn two_specs_with_one_broken_base_are_two_sets_of_problems() {
    let case = Case::new("extends: base.yaml\nname: one\n")
        .file(
            "base.yaml",
            GOOD.replace("epochs: 2", "epochs: x").as_bytes(),
        )
        .file("two.yaml", b"extends: base.yaml\nname: two\n");
    let paths = ["spec.yaml", "two.yaml"].map(|name| case.dir.path().join(name));
    let problems = check_specs(&paths, &Overrides::default()).expect_err("problems");
    let text = problems
        .to_string()
        .replace(&format!("{}/", case.dir.path().display()), "");
    assert_eq!(problems.len(), 2, "{text}");
    for spec in ["spec", "two"] {
        let note = format!("in {spec}.yaml, which extends base.yaml");
        assert!(text.contains(&note), "no `{note}` in\n{text}");
    }
    // What has nothing to do with a spec is said once.
    let overrides = Overrides {
        set: vec!["phases.pretrain.epochs=y".into()],
        ..Overrides::default()
    };
    let problems = check_specs(&paths, &overrides).expect_err("problems");
    assert_eq!(problems.len(), 1, "{problems}");
}

#[test]
fn a_base_too_many_in_a_chain_is_refused() {
    let mut case = Case::new("extends: 1.yaml\nname: top\n").file("64.yaml", GOOD.as_bytes());
    for i in 1..64 {
        case = case.file(
            &format!("{i}.yaml"),
            format!("extends: {}.yaml\n", i + 1).as_bytes(),
        );
    }
    assert_eq!(case.runs().len(), 2);
    let case = case
        .file("64.yaml", b"extends: [65.yaml, 66.yaml]\n")
        .file("65.yaml", GOOD.as_bytes());
    let text = case.text();
    assert!(
        text.contains("more than 64 layers")
            && text.contains("--> 64.yaml:1:11")
            && text.contains("error: 1 problem"),
        "{text}"
    );
}
