//! Misspelt names of phases in a layer above the one that has the phase.

use super::{Case, GOOD, found};

/// The one problem of a case, whose code and parts of its text are these.
fn only(case: &Case, code: &str, parts: &[&str]) {
    let (problems, text) = (found(case), case.text());
    assert_eq!(problems.len(), 1, "{text}");
    assert_eq!(problems[0].0, code, "{text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

fn derived(more: &str) -> Case {
    let spec = format!("extends: base.yaml\nname: top\n{more}\n");
    Case::new(&spec).file("base.yaml", GOOD.as_bytes())
}

#[test]
fn deleting_a_phase_that_no_weaker_layer_has_is_refused_with_the_nearest_name() {
    let parts = [
        "no phase `pretrainn` to delete",
        "did you mean `pretrain`?",
        "`classify`",
    ];
    only(&derived("phases: {pretrainn: ~}"), "unknown-name", &parts);
    only(
        &Case::new(GOOD).set("phases.pretrainn=~"),
        "unknown-name",
        &parts,
    );
    let profile = "profiles: {short: {phases: {pretrainn: ~}}}";
    only(&derived(profile), "unknown-name", &parts);
    let mut case = derived(profile);
    case.overrides.profile = Some("short".into());
    only(&case, "unknown-name", &parts);
    let far = Case::new(GOOD).set("phases.warm_up=~");
    only(&far, "unknown-name", &["no phase `warm_up` to delete"]);
}

#[test]
fn deleting_a_phase_that_a_weaker_layer_has_is_no_mistake() {
    assert_eq!(
        derived("phases: {pretrain: ~, classify: {freeze: ~}}").runs()[0]
            .phases
            .len(),
        1
    );
    let twice = derived("phases: {pretrain: ~, classify: {freeze: ~}}").set("phases.pretrain=~");
    assert_eq!(twice.runs()[0].phases.len(), 1);
    // Nobody knows what a lost base holds.
    let lost = Case::new("extends: gone.yaml\nname: top\nphases: {a: ~, b: {epochs: 2}}\n");
    only(&lost, "bad-extends", &[]);
}

#[test]
fn a_part_of_a_phase_under_a_name_near_to_a_weaker_one_is_one_mistake() {
    let parts = [
        "no phase `pretrian` to change",
        "did you mean `pretrain`?",
        "would need `batch_size`, `head`, `loss`, `optimizer` too",
    ];
    let set = Case::new(GOOD).set("phases.pretrian.epochs=5");
    only(&set, "unknown-name", &parts);
    assert!(set.text().contains("--> --set:1:8"), "{}", set.text());
    only(
        &derived("phases: {pretrian: {epochs: 5}}"),
        "unknown-name",
        &parts,
    );
    let profile = derived("profiles: {short: {phases: {pretrian: {epochs: 5}}}}");
    only(&profile, "unknown-name", &parts);
    // What is wrong inside it is told as well.
    let text = Case::new(GOOD).set("phases.pretrian.epohcs=5").text();
    assert!(
        text.contains("did you mean `epochs`?") && text.contains("to change"),
        "{text}"
    );
}

#[test]
fn a_new_phase_with_all_its_keys_may_have_a_name_near_to_another() {
    let phase = "{epochs: 1, batch_size: 20, head: {name: classifier}, loss: {name: cross_entropy}, optimizer: {name: adam}}";
    let runs = derived(&format!("phases: {{classify2: {phase}}}")).runs();
    assert_eq!(runs[0].phases.len(), 3);
    // Of one layer alone, a phase without keys is a phase without keys.
    let text = Case::new(&GOOD.replace("    epochs: 1\n", "")).text();
    assert!(text.contains("missing key `epochs`"), "{text}");
}

#[test]
fn a_phase_with_nothing_below_it_is_marked_itself() {
    let spec = GOOD.replace("expect:", "  finish:\nexpect:");
    only(
        &Case::new(&spec),
        "missing-key",
        &["`phases.finish` is empty", "spec.yaml:20:3"],
    );
}
