//! Keys that say nothing: each is told, so that nobody believes in a setting that no run has.

use super::{Case, GOOD, edited, found, one};

#[test]
fn a_second_flip_is_told_and_a_second_rotation_is_none() {
    one(
        "{flip: horizontal}]",
        "{flip: horizontal}, {rotate: 0.1}, {flip: horizontal}]",
        "no-effect",
        4,
        &["a second `flip` in one list has no effect", "delete it"],
    );
    let twice = "{rotate: 0.1}, {flip: horizontal}, {rotate: 0.1}]";
    assert_eq!(edited("{flip: horizontal}]", twice).runs().len(), 2);
}

#[test]
fn an_extends_that_names_nothing_is_told_unless_it_marks_a_base() {
    one(
        "name: good",
        "extends: []\nname: good",
        "no-effect",
        1,
        &["`extends` names nothing"],
    );
    one(
        "name: good",
        "extends:\nname: good",
        "no-effect",
        1,
        &["`extends` names nothing"],
    );
    let base = format!("extends: []\n{}", GOOD.replace("name: good\n", ""));
    let case = Case::new("extends: base.yaml\nname: top\n").file("base.yaml", base.as_bytes());
    assert_eq!(case.runs().len(), 2);
}

#[test]
fn nothing_behind_a_colon_is_told_wherever_it_would_delete_in_silence() {
    let derived = |more: &str| {
        let text = format!("extends: base.yaml\nname: top\n{more}\n");
        Case::new(&text).file("base.yaml", GOOD.as_bytes())
    };
    for (more, line, parts) in [
        (
            "phases:\n  pretrain:\n  classify: {freeze: ~}",
            4,
            ["`phases.pretrain` is empty", "`pretrain: ~` to delete"],
        ),
        (
            "phases: {classify: {freeze: }}",
            3,
            ["`phases.classify.freeze` is empty", "`freeze: ~` to delete"],
        ),
        (
            "augment:",
            3,
            ["`augment` is empty", "`augment: ~` to delete"],
        ),
        ("expect:", 3, ["`expect` is empty", "`expect: ~` to delete"]),
        ("sweep:", 3, ["`sweep` is empty", "`sweep: ~` to delete"]),
        (
            "sweep: {grid: , zip: {phases.pretrain.epochs: [3]}}",
            3,
            ["`sweep.grid` is empty", "`grid: ~` to delete"],
        ),
    ] {
        let case = derived(more);
        let (problems, text) = (found(&case), case.text());
        assert_eq!(problems.len(), 1, "{more}\n{text}");
        assert_eq!(
            (problems[0].0, problems[0].1),
            ("missing-key", line),
            "{more}\n{text}"
        );
        assert!(
            parts.iter().all(|part| text.contains(part)),
            "{more}\n{text}"
        );
    }
    // Written out, it deletes.
    assert_eq!(
        derived("phases: {pretrain: ~, classify: {freeze: ~}}").runs()[0]
            .phases
            .len(),
        1
    );
    assert_eq!(derived("augment: ~\nexpect: ~\nsweep: ~").runs().len(), 2);
    one(
        "{flip: horizontal}",
        "{flip: }",
        "missing-key",
        4,
        &["`augment.1.flip` is empty"],
    );
    let profiles = found(&Case::new(&format!("{GOOD}profiles:\n")));
    assert_eq!(profiles.len(), 1);
    assert_eq!((profiles[0].0, profiles[0].1), ("wrong-type", 22));
}
