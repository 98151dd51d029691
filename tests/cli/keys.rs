//! Every key counts: each key of the schema is typed, and another value of it gives another plan.

use super::{Case, GOOD};
use Sees::{Identity, Plan};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use supcon::plan::RunPlan;
use supcon::spec::schema::{self, Kind};

#[test]
fn every_key_and_variant_of_the_schema_is_typed() {
    let value = |kind: &schema::Kind| -> String {
        match kind {
            schema::Kind::Float(range) => {
                ((range.min.max(0.0) + range.max.min(1.0)) / 2.0).to_string()
            }
            schema::Kind::Whole(min, _) => (min + 50).to_string(),
            schema::Kind::Choice(choices) => choices[0].0.into(),
            schema::Kind::List(..) => "[4]".into(),
            _ => "text".into(),
        }
    };
    let mut parts = 0;
    for (path, part) in [
        ("data", &schema::DATA),
        ("encoder", &schema::ENCODER),
        ("phases.pretrain.head", &schema::HEAD),
        ("phases.pretrain.loss", &schema::LOSS),
        ("phases.pretrain.optimizer", &schema::OPTIMIZER),
    ] {
        for variant in part.variants {
            let keys: Vec<String> = variant
                .keys
                .iter()
                .map(|key| format!("{}: {}", key.name, value(&key.kind)))
                .collect();
            let all = std::iter::once(format!("{}: {}", part.tag, variant.name)).chain(keys);
            let text = format!("{path}={{{}}}", all.collect::<Vec<_>>().join(", "));
            Case::new(GOOD)
                .set(&format!("{path}=~"))
                .set(&text)
                .loaded();
            parts += 1;
        }
    }
    assert_eq!(parts, 10);
    for step in schema::STEPS {
        Case::new(GOOD)
            .set(&format!(
                "augment=[{{{}: {}}}]",
                step.name,
                value(&step.kind)
            ))
            .loaded();
    }
}

/// What must tell two values of a key apart.
#[derive(Clone, Copy)]
enum Sees {
    /// The identity of the runs: the key reaches the figures.
    Identity,
    /// The plan alone: the key names, places or judges the runs.
    Plan,
}

/// A key in its section, two values of it as layers over `GOOD`, and what tells them apart.
type Change = (&'static str, &'static str, &'static str, &'static str, Sees);

const TOP: &str = "the top level";
const CIFAR10: &str = "`data` with `dataset: cifar10`";
const FOLDER: &str = "`data` with `dataset: image_folder`";
const SHAPES: &str = "`data` with `dataset: shapes`";
const RESNET50_V2: &str = "`encoder` with `name: resnet50_v2`";
const RESNET_CIFAR: &str = "`encoder` with `name: resnet_cifar`";
const PHASE: &str = "a phase in `phases`";
const PROJECTION: &str = "`head` with `name: projection`";
const CLASSIFIER: &str = "`head` with `name: classifier`";
const NPAIRS: &str = "`loss` with `name: npairs`";
const CROSS_ENTROPY: &str = "`loss` with `name: cross_entropy`";
const ADAM: &str = "`optimizer` with `name: adam`";
const EXPECT: &str = "`expect`";
const REFERENCE: &str = "`reference`";
const SWEEP: &str = "`sweep`";
const RANGE: &str = "`range`";
/// As `schema::STEPS` has no title of its own.
const STEP: &str = "a step of `augment`";

/// `pretrain` with the other head and, since a head goes with its loss, the other loss.
const OTHER_HEAD: &str = "phases: {pretrain: {head: {name: classifier, widths: ~}, loss: {name: cross_entropy, temperature: ~}}}";

#[rustfmt::skip]
const CHANGES: &[Change] = &[
    (TOP, "extends", "extends: [good.yaml, a.yaml]", "extends: [good.yaml, b.yaml]", Identity),
    (TOP, "name", "name: a", "name: b", Plan),
    (TOP, "seeds", "seeds: [1]", "seeds: [2]", Identity),
    (TOP, "data", "data: {train_size: 200}", "data: {test_size: 200}", Identity),
    (TOP, "augment", "augment: []", "augment: [{flip: horizontal}]", Identity),
    (TOP, "encoder", "encoder: {blocks: 1}", "encoder: {blocks: 2}", Identity),
    (TOP, "phases", "expect: []", "phases: {classify: ~}\nexpect: []", Identity),
    (TOP, "expect", "", "expect: []", Plan),
    (TOP, "sweep", "", "sweep: {grid: {phases.pretrain.epochs: [3]}}", Identity),
    (TOP, "profiles", "profiles: {x: {seeds: [1]}}", "profiles: {x: {seeds: [2]}}", Identity),
    (TOP, "reference", "", "reference: [{label: A, file: a.csv}]", Plan),

    (CIFAR10, "dataset", "", "data: {dataset: cifar10, train_size: ~}", Identity),
    (CIFAR10, "root", "data: {dataset: cifar10, train_size: ~, root: a}", "data: {dataset: cifar10, train_size: ~, root: b}", Plan),
    (CIFAR10, "train_limit", "data: {dataset: cifar10, train_size: ~}", "data: {dataset: cifar10, train_size: ~, train_limit: 90}", Identity),
    (CIFAR10, "validation", "data: {dataset: cifar10, train_size: ~}", "data: {dataset: cifar10, train_size: ~, validation: 0.1}", Identity),
    (FOLDER, "dataset", "", "data: {dataset: image_folder, train_size: ~}", Identity),
    (FOLDER, "root", "data: {dataset: image_folder, train_size: ~, root: a}", "data: {dataset: image_folder, train_size: ~, root: b}", Plan),
    (FOLDER, "image_size", "data: {dataset: image_folder, train_size: ~}", "data: {dataset: image_folder, train_size: ~, image_size: 64}", Identity),
    (CIFAR10, "train_subset", "data: {dataset: cifar10, train_size: ~, train_limit: 90}", "data: {dataset: cifar10, train_size: ~, train_limit: 90, train_subset: first}", Identity),
    (FOLDER, "train_limit", "data: {dataset: image_folder, train_size: ~}", "data: {dataset: image_folder, train_size: ~, train_limit: 90}", Identity),
    (FOLDER, "validation", "data: {dataset: image_folder, train_size: ~}", "data: {dataset: image_folder, train_size: ~, validation: 0.1}", Identity),
    (SHAPES, "dataset", "data: {dataset: cifar10, train_size: ~}", "", Identity),
    (SHAPES, "train_size", "", "data: {train_size: 200}", Identity),
    (SHAPES, "test_size", "", "data: {test_size: 200}", Identity),
    (SHAPES, "train_limit", "", "data: {train_limit: 90}", Identity),
    (SHAPES, "validation", "", "data: {validation: 0.1}", Identity),

    (STEP, "normalize", "augment: []", "augment: [{normalize: per_channel}]", Identity),
    (STEP, "flip", "augment: []", "augment: [{flip: horizontal}]", Identity),
    (STEP, "rotate", "augment: [{rotate: 0.1}]", "augment: [{rotate: 0.2}]", Identity),
    (STEP, "random_width", "augment: [{random_width: 0.1}]", "augment: [{random_width: 0.2}]", Identity),
    (STEP, "random_height", "augment: [{random_height: 0.1}]", "augment: [{random_height: 0.2}]", Identity),

    (RESNET50_V2, "name", "", "encoder: {name: resnet50_v2, blocks: ~}", Identity),
    (RESNET_CIFAR, "name", "encoder: {name: resnet50_v2, blocks: ~}", "", Identity),
    (RESNET_CIFAR, "blocks", "", "encoder: {blocks: 2}", Identity),
    (RESNET_CIFAR, "width", "", "encoder: {width: 8}", Identity),

    (PHASE, "epochs", "", "phases: {pretrain: {epochs: 3}}", Identity),
    (PHASE, "batch_size", "", "phases: {pretrain: {batch_size: 21}}", Identity),
    (PHASE, "augment", "", "phases: {pretrain: {augment: [{flip: horizontal}]}}", Identity),
    (PHASE, "head", "", "phases: {pretrain: {head: {widths: [8]}}}", Identity),
    (PHASE, "loss", "", "phases: {pretrain: {loss: {temperature: 0.1}}}", Identity),
    (PHASE, "freeze", "", "phases: {classify: {freeze: []}}", Identity),
    (PHASE, "precision", "", "phases: {pretrain: {precision: bf16}}", Identity),
    (PHASE, "optimizer", "", "phases: {pretrain: {optimizer: {beta_1: 0.8}}}", Identity),
    (PROJECTION, "name", OTHER_HEAD, "", Identity),
    (PROJECTION, "widths", "", "phases: {pretrain: {head: {widths: [16, 16]}}}", Identity),
    (PROJECTION, "activation", "", "phases: {pretrain: {head: {activation: linear}}}", Identity),
    (CLASSIFIER, "name", "", OTHER_HEAD, Identity),
    (CLASSIFIER, "hidden", "", "phases: {classify: {head: {hidden: [8]}}}", Identity),
    (CLASSIFIER, "dropout", "", "phases: {classify: {head: {dropout: 0.5}}}", Identity),
    (NPAIRS, "name", OTHER_HEAD, "", Identity),
    (NPAIRS, "temperature", "", "phases: {pretrain: {loss: {temperature: 0.07}}}", Identity),
    (CROSS_ENTROPY, "name", "", OTHER_HEAD, Identity),
    (ADAM, "learning_rate", "", "phases: {pretrain: {optimizer: {learning_rate: 0.01}}}", Identity),
    (ADAM, "beta_1", "", "phases: {pretrain: {optimizer: {beta_1: 0.5}}}", Identity),
    (ADAM, "beta_2", "", "phases: {pretrain: {optimizer: {beta_2: 0.5}}}", Identity),
    (ADAM, "epsilon", "", "phases: {pretrain: {optimizer: {epsilon: 1e-8}}}", Identity),

    (EXPECT, "metric", "expect: [{metric: test_loss, min: 1}]", "expect: [{metric: train_loss, min: 1}]", Plan),
    (EXPECT, "value", "expect: [{metric: test_loss, value: 1, tolerance: 1}]", "expect: [{metric: test_loss, value: 2, tolerance: 1}]", Plan),
    (EXPECT, "tolerance", "expect: [{metric: test_loss, value: 1, tolerance: 1}]", "expect: [{metric: test_loss, value: 1, tolerance: 2}]", Plan),
    (EXPECT, "min", "expect: [{metric: test_loss, min: 1}]", "expect: [{metric: test_loss, min: 2}]", Plan),
    (EXPECT, "max", "expect: [{metric: test_loss, max: 1}]", "expect: [{metric: test_loss, max: 2}]", Plan),
    (EXPECT, "source", "expect: [{metric: test_loss, min: 1}]", "expect: [{metric: test_loss, min: 1, source: x}]", Plan),
    (REFERENCE, "label", "reference: [{label: A, file: a.csv}]", "reference: [{label: B, file: a.csv}]", Plan),
    (REFERENCE, "file", "reference: [{label: A, file: a.csv}]", "reference: [{label: A, file: b.csv}]", Plan),
    (REFERENCE, "source", "reference: [{label: A, file: a.csv}]", "reference: [{label: A, file: a.csv, source: x}]", Plan),

    (SWEEP, "grid", "sweep: {grid: {phases.pretrain.epochs: [3]}}", "sweep: {grid: {phases.pretrain.epochs: [4]}}", Identity),
    (SWEEP, "zip", "sweep: {zip: {phases.pretrain.epochs: [3]}}", "sweep: {zip: {phases.pretrain.epochs: [4]}}", Identity),
    (SWEEP, "range", "sweep: {range: {phases.pretrain.loss.temperature: {from: 1, to: 2, steps: 2}}}", "sweep: {range: {phases.pretrain.loss.temperature: {from: 1, to: 3, steps: 2}}}", Identity),
    (RANGE, "from", "sweep: {range: {phases.pretrain.loss.temperature: {from: 1, to: 2, steps: 2}}}", "sweep: {range: {phases.pretrain.loss.temperature: {from: 0.5, to: 2, steps: 2}}}", Identity),
    (RANGE, "to", "sweep: {range: {phases.pretrain.loss.temperature: {from: 1, to: 2, steps: 2}}}", "sweep: {range: {phases.pretrain.loss.temperature: {from: 1, to: 3, steps: 2}}}", Identity),
    (RANGE, "steps", "sweep: {range: {phases.pretrain.loss.temperature: {from: 1, to: 2, steps: 2}}}", "sweep: {range: {phases.pretrain.loss.temperature: {from: 1, to: 2, steps: 3}}}", Identity),
    (RANGE, "scale", "sweep: {range: {phases.pretrain.loss.temperature: {from: 0.01, to: 1, steps: 3}}}", "sweep: {range: {phases.pretrain.loss.temperature: {from: 0.01, to: 1, steps: 3, scale: log}}}", Identity),
];

/// Keys of which only one value is valid, so that another gives an error and no other plan.
const ONE_VALUE: &[(&str, &str)] = &[(TOP, "format")];

/// Every key of the schema by section; the key that names a variant where there is a choice of them.
pub(super) fn schema_keys() -> BTreeSet<(String, String)> {
    let mut keys = BTreeSet::new();
    walk(TOP, schema::SPEC.keys, &mut keys);
    keys
}

fn walk(title: &str, keys: &'static [schema::Key], found: &mut BTreeSet<(String, String)>) {
    for key in keys {
        found.insert((title.to_owned(), key.name.to_owned()));
        walk_kind(key.name, &key.kind, found);
    }
}

/// The keys inside a kind. Every kind is named here: a new one stops the match until it says what keys it holds.
fn walk_kind(name: &str, kind: &'static Kind, found: &mut BTreeSet<(String, String)>) {
    match kind {
        Kind::Float(_)
        | Kind::Whole(..)
        | Kind::Text
        | Kind::Path
        | Kind::Label
        | Kind::Choice(_)
        | Kind::Any
        | Kind::Extends
        | Kind::Format
        // A profile holds the keys of a spec.
        | Kind::Profiles => {}
        Kind::List(item, _) | Kind::Set(item, _) | Kind::Axes(item) => walk_kind(name, item, found),
        Kind::Map(section) => walk(&format!("`{name}`"), section.keys, found),
        Kind::Named(section) => walk(&format!("a phase in `{name}`"), section.keys, found),
        Kind::Step(steps) => walk(&format!("a step of `{name}`"), steps, found),
        Kind::Part(part) => {
            for variant in part.variants {
                let title = format!("`{name}` with `{}: {}`", part.tag, variant.name);
                if part.variants.len() > 1 {
                    found.insert((title.clone(), part.tag.to_owned()));
                }
                walk(&title, variant.keys, found);
            }
        }
    }
}

#[test]
fn what_visits_the_schema_passes_every_key() {
    let mut visited = BTreeSet::new();
    schema::visit(&schema::SPEC, TOP.into(), &mut |title, section| {
        let names = section.keys.iter();
        visited.extend(names.map(|key| (title.to_owned(), key.name.to_owned())));
    });
    let walked = schema_keys();
    let tags = ["dataset", "name"];
    let missed = walked.difference(&visited);
    let missed: Vec<_> = missed
        .filter(|(title, key)| title != STEP && !tags.contains(&key.as_str()))
        .collect();
    assert!(missed.is_empty(), "{missed:?}");
    assert!(visited.is_subset(&walked));
}

#[test]
fn a_key_of_one_value_is_refused_with_any_other_and_changes_no_plan() {
    let without = runs("");
    assert_eq!(identities(&without), identities(&runs("format: 1")));
    for (value, code) in [
        ("0", "out-of-range"),
        ("-1", "out-of-range"),
        ("2", "newer-format"),
        ("1.5", "wrong-type"),
        ("one", "wrong-type"),
        ("\"1\"", "wrong-type"),
        ("", "wrong-type"),
    ] {
        let text = format!("format: {value}\n{GOOD}");
        assert_eq!(super::codes(text.as_bytes()), [(code, 1)], "{value}");
    }
}

/// The runs of a layer over `GOOD`.
fn runs(layer: &str) -> Vec<RunPlan> {
    layered(layer).runs()
}

/// A layer over `GOOD`.
fn layered(layer: &str) -> Case {
    let base = if layer.starts_with("extends:") {
        ""
    } else {
        "extends: good.yaml\n"
    };
    let curve =
        |value| format!("run,phase,epoch,split,metric,value\n0,pretrain,1,train,loss,{value}\n");
    let mut case = Case::new(&format!("{base}{layer}\n"));
    // A profile has an effect where it is asked for.
    case.overrides.profile = layer.starts_with("profiles:").then(|| "x".to_owned());
    case.file("good.yaml", GOOD.as_bytes())
        .file("a.yaml", b"data: {train_limit: 50}\n")
        .file("b.yaml", b"data: {train_limit: 60}\n")
        .file("a.csv", curve(1).as_bytes())
        .file("b.csv", curve(2).as_bytes())
}

/// What `supcon plan` prints of a layer over `GOOD`, without the hashes of the runs.
fn printed(layer: &str) -> String {
    let case = layered(layer);
    let profile = case.overrides.profile.iter();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_supcon"))
        .args(["plan", "spec.yaml"])
        .args(profile.map(|name| format!("--profile={name}")))
        .current_dir(case.dir.path())
        .output()
        .expect("supcon starts");
    assert!(output.status.success(), "{layer}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let hashes = case.runs().into_iter().map(|run| run.identity());
    hashes.fold(text, |text, hash| text.replace(&hash[..8], ""))
}

fn identities(runs: &[RunPlan]) -> Vec<String> {
    runs.iter().map(RunPlan::identity).collect()
}

#[test]
fn every_key_of_the_schema_has_a_change() {
    let listed = CHANGES
        .iter()
        .map(|(section, key, ..)| ((*section).to_owned(), (*key).to_owned()));
    let mut listed: BTreeSet<(String, String)> = listed.collect();
    assert_eq!(listed.len(), CHANGES.len(), "a key is listed twice");
    let one = ONE_VALUE.iter();
    listed.extend(one.map(|(section, key)| ((*section).to_owned(), (*key).to_owned())));
    let keys = schema_keys();
    let missing: Vec<_> = keys.difference(&listed).collect();
    let strange: Vec<_> = listed.difference(&keys).collect();
    assert!(missing.is_empty(), "no change for {missing:?}");
    assert!(strange.is_empty(), "no such key: {strange:?}");
    assert_eq!(keys.len(), CHANGES.len() + ONE_VALUE.len());
}

#[test]
fn another_value_of_any_key_gives_another_plan() {
    // Where a value came from is no difference of plans, and the id follows from the rest.
    let bare = |runs: Vec<RunPlan>| -> Vec<RunPlan> {
        let without = |run: RunPlan| RunPlan {
            run_id: String::new(),
            origins: BTreeMap::new(),
            ..run
        };
        runs.into_iter().map(without).collect()
    };
    for (section, key, before, after, sees) in CHANGES {
        let (before, after) = (runs(before), runs(after));
        let (old, new) = (identities(&before), identities(&after));
        match sees {
            Identity => assert_ne!(old, new, "`{key}` of {section} reaches no figure"),
            Plan => {
                assert_eq!(old, new, "`{key}` of {section} changes the identity");
                assert_ne!(
                    bare(before),
                    bare(after),
                    "`{key}` of {section} has no effect"
                );
            }
        }
    }
}

#[test]
fn whatever_reaches_the_figures_is_shown_by_plan() {
    let seen = CHANGES.par_iter();
    let seen = seen.filter(|(.., sees)| matches!(sees, Identity));
    let hidden: Vec<_> = seen
        .filter(|(_, _, before, after, _)| printed(before) == printed(after))
        .map(|(section, key, ..)| format!("`{key}` of {section}"))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}
