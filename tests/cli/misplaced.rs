//! Keys that are right and stand in the wrong place, and values in the notation of another program: one mistake each, answered
//! with the place or the form that is meant.

use super::{Case, GOOD, edited, found, one};

/// Code, line, message, label and help of the problems of `GOOD` with one piece replaced.
fn told(from: &str, to: &str) -> String {
    edited(from, to).text()
}

/// Asserts that the case has one problem with this code, whose text holds all parts.
fn only(case: &Case, code: &str, parts: &[&str]) {
    let (problems, text) = (found(case), case.text());
    assert_eq!(problems.len(), 1, "{text}");
    assert_eq!(problems[0].0, code, "{text}");
    for part in parts {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
}

#[test]
fn axes_right_below_sweep_are_led_to_grid() {
    for (sweep, help) in [
        (
            "{phases.pretrain.loss.temperature: [0.1, 0.5]}",
            "write it below `grid`, as in `grid: {phases.pretrain.loss.temperature: [...]}`",
        ),
        (
            "{encoder: {width: [8, 16]}}",
            "as in `grid: {encoder: [...]}`",
        ),
    ] {
        let case = Case::new(&format!("{GOOD}sweep: {sweep}\n"));
        only(&case, "unknown-key", &["spec.yaml:22:9", help]);
    }
}

#[test]
fn a_swept_key_without_its_path_is_answered_with_the_path() {
    for (key, help) in [
        ("temperature", "write `phases.pretrain.loss.temperature`"),
        ("temprature", "write `phases.pretrain.loss.temperature`"),
        ("tau", "write `phases.pretrain.loss.temperature`"),
        (
            "loss.temperature",
            "write `phases.pretrain.loss.temperature`",
        ),
        ("pretrain.epochs", "write `phases.pretrain.epochs`"),
        ("width", "write `encoder.width`"),
        (
            "epochs",
            "one of `phases.classify.epochs`, `phases.pretrain.epochs`",
        ),
        ("banana", "a sweep sets keys below `data`"),
    ] {
        let case = Case::new(&format!("{GOOD}sweep: {{grid: {{{key}: [1, 2]}}}}\n"));
        only(
            &case,
            "bad-sweep",
            &["spec.yaml:22:16", "cannot be swept", help],
        );
    }
}

#[test]
fn a_key_of_set_without_its_path_is_answered_with_the_path() {
    for (set, help) in [
        (
            "temperature=0.1",
            "write `phases.pretrain.loss.temperature`",
        ),
        ("tau=0.1", "write `phases.pretrain.loss.temperature`"),
        ("pretrain.epochs=3", "write `phases.pretrain`"),
        (
            "epochs=3",
            "one of `phases.classify.epochs`, `phases.pretrain.epochs`",
        ),
        (
            "phases.pretrain.lr=0.1",
            "write `phases.pretrain.optimizer.learning_rate`",
        ),
    ] {
        only(
            &Case::new(GOOD).set(set),
            "unknown-key",
            &["--> --set:1:", help],
        );
    }
    let env = Case::new(GOOD).env("SUPCON_SET__temperature", "0.1");
    only(
        &env,
        "unknown-key",
        &["write `phases__pretrain__loss__temperature`"],
    );
}

#[test]
fn a_word_of_another_section_or_program_is_led_there() {
    let batch = "    batch_size: 20\n    head: {name: p";
    for (key, help) in [
        (
            "lr: 0.1",
            "if `learning_rate` is meant, it belongs to `optimizer`",
        ),
        (
            "temprature: 0.1",
            "if `temperature` is meant, it belongs to `loss`",
        ),
        ("num_workers: 4", "`supcon run` takes `--threads`"),
        ("momentum: 0.9", "delete it"),
    ] {
        one(
            batch,
            &format!("    {key}\n{batch}"),
            "unknown-key",
            9,
            &[help],
        );
    }
    one(
        "seeds:",
        "device: cuda\nseeds:",
        "unknown-key",
        2,
        &["`supcon run` takes `--device`"],
    );
}

#[test]
fn keys_beside_the_name_of_their_phase_are_one_mistake() {
    let flush = GOOD
        .replace("\n    ", "\n  ")
        .replace("  classify:\n  epochs: 1\n  batch_size: 20\n  freeze: [encoder]\n  head: {name: classifier}\n  loss: {name: cross_entropy}\n  optimizer: {name: adam, learning_rate: 1e-3}\n", "");
    let flush = flush.replace("test_accuracy, min: 0.2", "train_loss, max: 9");
    only(
        &Case::new(&flush),
        "wrong-type",
        &[
            "found keys of a phase: `batch_size`, `epochs`, `head`, `loss`, `optimizer`",
            "spec.yaml:8:3",
            "beside `pretrain`, not in it",
            "deeper than `pretrain`",
        ],
    );
    // What is wrong with their values is told in the same pass.
    let case = Case::new(&flush.replace("epochs: 2", "epochs: two"));
    let codes: Vec<_> = found(&case)
        .into_iter()
        .map(|(code, line, _)| (code, line))
        .collect();
    assert_eq!(codes, [("wrong-type", 8), ("wrong-type", 8)]);
    let nameless = flush.replace("  pretrain:\n", "");
    only(
        &Case::new(&nameless),
        "wrong-type",
        &[
            "spec.yaml:7:3",
            "in no phase",
            "write the name of a phase, as in `train:`",
        ],
    );
    let one_of = GOOD.replace("  classify:", "  precision: bf16\n  classify:");
    only(
        &Case::new(&one_of),
        "wrong-type",
        &["spec.yaml:13:3", "move `precision` into the phase"],
    );
    // Phases may have the names of keys.
    assert_eq!(edited("  pretrain:", "  loss:").runs().len(), 2);
}

#[test]
fn a_phase_that_is_not_below_phases_is_one_mistake() {
    let text = GOOD
        .replace("phases:\n", "")
        .replace("\n  ", "\n")
        .replace("\n- {", "\n  - {");
    let case = Case::new(&text);
    let problems = found(&case);
    let codes: Vec<_> = problems
        .iter()
        .map(|(code, line, _)| (*code, *line))
        .collect();
    assert_eq!(
        codes,
        [("unknown-key", 6), ("unknown-key", 12)],
        "{}",
        case.text()
    );
    assert!(
        case.text().contains("move it below `phases`"),
        "{}",
        case.text()
    );
    let case = Case::new(&text.replace("epochs: 2", "epohcs: 2"));
    assert!(
        case.text().contains("did you mean `epochs`?"),
        "{}",
        case.text()
    );
}

#[test]
fn phases_as_a_list_are_answered_with_the_mapping() {
    let text = GOOD
        .replace("  pretrain:\n    epochs", "  - name: pretrain\n    epochs")
        .replace("  classify:\n    epochs", "  - name: classify\n    epochs");
    only(
        &Case::new(&text),
        "wrong-type",
        &[
            "`phases` must be a mapping",
            "below its name, as in `pretrain:`",
        ],
    );
    let case = Case::new(&text.replace("batch_size", "batch_sise"));
    assert_eq!(found(&case).len(), 3, "{}", case.text());
}

#[test]
fn the_name_of_a_part_as_a_key_is_one_mistake() {
    one(
        "{name: adam, learning_rate: 1e-3}",
        "{adam: {learning_rate: 1e-3}}",
        "unknown-key",
        19,
        &[
            "has the name of its optimizer as a key",
            "expected `name: adam`",
            "write `name: adam`, and the keys below it beside that",
        ],
    );
    one(
        "{name: cross_entropy}",
        "{cross_entropy: }",
        "unknown-key",
        18,
        &["write `name: cross_entropy`"],
    );
    let case = edited("{name: adam, learning_rate: 1e-3}", "{adam: {lr: 1e-3}}");
    assert_eq!(found(&case).len(), 2, "{}", case.text());
    let case = edited(
        "{name: adam, learning_rate: 1e-3}",
        "{adam: ~, lr: 1e-3, beta_1: 0.5}",
    );
    assert_eq!(found(&case).len(), 2, "{}", case.text());
}

#[test]
fn lists_are_answered_with_an_example_of_their_own() {
    for (from, to, line, help) in [
        ("[encoder]", "true", 16, "as in `[encoder]`"),
        ("[encoder]", "yes", 16, "as in `[encoder]`"),
        (
            "[encoder]",
            "encoder",
            16,
            "write it in brackets: `[encoder]`",
        ),
        (
            "[{normalize: per_channel}, {flip: horizontal}]",
            "{flip: horizontal}",
            4,
            "as in `[{flip: ...}, ...]`",
        ),
        (
            "  - {metric",
            "    {metric",
            21,
            "put the mapping in brackets, or a `- ` before",
        ),
        (
            "[0, 1]",
            "3",
            2,
            "write it in brackets: `[3]`, or for 3 seeds `[0, 1, 2]`",
        ),
    ] {
        one(
            from,
            to,
            "wrong-type",
            if line == 21 { 20 } else { line },
            &[help],
        );
    }
}

#[test]
fn numbers_in_other_notations_are_answered_with_ours() {
    let block = |number: &str| {
        let text = GOOD.replace(
            "    loss: {name: npairs, temperature: 0.05}",
            &format!("    loss:\n      name: npairs\n      temperature: {number}"),
        );
        Case::new(&text)
    };
    only(&block("0,05"), "wrong-type", &["behind a point: `0.05`"]);
    only(
        &block("5%"),
        "wrong-type",
        &["write it as a fraction: `0.05`"],
    );
    one(
        "epochs: 2",
        "epochs: 10,000",
        "wrong-type",
        8,
        &["write it without `,`: `10000`"],
    );
    one(
        "{name: classifier}",
        "{name: classifier, dropout: 0,5}",
        "unknown-key",
        17,
        &["behind the `,`", "write `0.5`"],
    );
    only(
        &block("1/20"),
        "wrong-type",
        &["the number that it is: `0.05`"],
    );
    one(
        "epochs: 2",
        "epochs: 2 epochs",
        "wrong-type",
        8,
        &["write the number alone: `2`"],
    );
    let set = Case::new(GOOD).set("augment.1.flip=horizontal");
    only(&set, "wrong-type", &["as in `augment=[...]`"]);
    assert!(told("epochs: 2", "epochs: 1,x").contains("write a whole number"));
}

#[test]
fn letters_that_look_like_spaces_are_shown_in_keys() {
    one(
        "epochs: 2",
        "\u{a0}epochs: 2",
        "unknown-key",
        8,
        &[
            "unknown key `\\u{a0}epochs`",
            "did you mean `epochs`?",
            "holds U+00A0",
        ],
    );
    one(
        "epochs: 2",
        "epochs\u{200b}: 2",
        "unknown-key",
        8,
        &["`epochs\\u{200b}`", "did you mean `epochs`?"],
    );
}

#[test]
fn keys_of_a_sweep_or_set_below_a_misspelt_section_are_not_missing_there() {
    let misspelt = GOOD.replacen("    loss:", "    los:", 1);
    let sweep = "sweep: {grid: {phases.pretrain.loss.temperature: [0.1, 0.2, 0.3]}}\n";
    only(
        &Case::new(&format!("{misspelt}{sweep}")),
        "unknown-key",
        &["did you mean `loss`?"],
    );
    let set = Case::new(&misspelt).set("phases.pretrain.loss.temperature=0.3");
    only(&set, "unknown-key", &["did you mean `loss`?"]);
    // In one layer, the section that is spelt right lacks its own keys.
    let both = GOOD.replacen("    loss:", "    loss: {temperature: 1}\n    los:", 1);
    assert_eq!(found(&Case::new(&both)).len(), 2);
}
