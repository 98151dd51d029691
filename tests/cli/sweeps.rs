//! Sweeps and profiles: which runs they give, what the runs are called, and every way in which they can be wrong.

use super::{Case, GOOD};
use supcon::plan::shared;
use supcon::spec::LayerKind;

const TEMPERATURE: &str = "phases.pretrain.loss.temperature";

fn with(section: &str) -> Case {
    Case::new(&format!("{GOOD}{section}"))
}

fn names(case: &Case) -> Vec<String> {
    let mut names: Vec<String> = case.runs().into_iter().map(|run| run.name).collect();
    names.dedup();
    names
}

#[test]
fn a_grid_gives_every_combination_with_every_seed_in_a_stable_order() {
    let case = with(
        "sweep: {grid: {phases.pretrain.loss.temperature: [0.05, 0.5], phases.classify.epochs: [1, 2]}}\n",
    );
    let runs = case.runs();
    assert_eq!(runs.len(), 2 * 2 * 2);
    assert_eq!(
        names(&case),
        [
            "good-epochs-1-temperature-0.05",
            "good-epochs-1-temperature-0.5",
            "good-epochs-2-temperature-0.05",
            "good-epochs-2-temperature-0.5"
        ]
    );
    assert_eq!(runs, case.runs());
    let mut ids: Vec<_> = runs.iter().map(|run| run.identity()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    assert_eq!(runs[2].point[1], (TEMPERATURE.to_owned(), "0.5".to_owned()));
}

#[test]
fn nested_mappings_and_dotted_paths_say_the_same() {
    let dotted = with("sweep: {grid: {phases.pretrain.loss.temperature: [0.1, 0.2]}}\n");
    let nested = with("sweep: {grid: {phases: {pretrain: {loss: {temperature: [0.1, 0.2]}}}}}\n");
    let set = with("").set("sweep.grid.phases.pretrain.loss.temperature=[0.1, 0.2]");
    let ids = |case: &Case| {
        case.runs()
            .into_iter()
            .map(|run| run.run_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&dotted), ids(&nested));
    assert_eq!(ids(&dotted), ids(&set));
}

#[test]
fn the_lists_of_zip_move_together_and_ranges_include_both_ends() {
    let zip =
        with("sweep: {zip: {phases.pretrain.epochs: [1, 2], phases.classify.epochs: [3, 4]}}\n");
    assert_eq!(
        names(&zip),
        [
            "good-classify.epochs-3-pretrain.epochs-1",
            "good-classify.epochs-4-pretrain.epochs-2"
        ]
    );
    let range = with(
        "sweep: {range: {phases.pretrain.loss.temperature: {from: 0.01, to: 1, steps: 3, scale: log}}}\n",
    );
    assert_eq!(
        names(&range),
        [
            "good-temperature-0.01",
            "good-temperature-0.1",
            "good-temperature-1"
        ]
    );
    let range = with("sweep: {range: {phases.pretrain.epochs: {from: 2, to: 6, steps: 3}}}\n");
    let epochs: Vec<usize> = range
        .runs()
        .iter()
        .step_by(2)
        .map(|run| run.phases[0].epochs)
        .collect();
    assert_eq!(epochs, [2, 4, 6]);
}

#[test]
fn a_mistake_in_a_swept_value_points_at_that_value() {
    let text =
        with("sweep:\n  grid:\n    phases.pretrain.loss.temperature: [0.1, 0, hot]\n").text();
    assert!(text.contains("spec.yaml:24:45"), "{text}");
    assert!(text.contains("spec.yaml:24:48"), "{text}");
    let text = with("sweep:\n  grid:\n    phases.pretrain.loss.temprature: [0.1]\n").text();
    assert!(text.contains("did you mean `temperature`?"), "{text}");
    assert!(text.contains("spec.yaml:24:"), "{text}");
}

#[test]
fn what_cannot_be_swept_is_refused() {
    let cases = [
        (
            "{grid: {seeds: [[0], [1]]}}",
            "every point is run with each of them",
        ),
        ("{grid: {name: [a, b]}}", "`name` cannot be swept"),
        ("{gird: {}}", "did you mean `grid`?"),
        ("{grid: {phases.pretrain.epochs: 3}}", "must be a list"),
        (
            "{grid: {phases.pretrain.epochs: []}}",
            "needs at least 1 item",
        ),
        (
            "{grid: {phases.pretrain.epochs: [3, 4, 3]}}",
            "describe the same runs",
        ),
        (
            "{zip: {phases.pretrain.epochs: [1, 2], phases.classify.epochs: [3]}}",
            "lists of one length",
        ),
        (
            "{range: {phases.pretrain.epochs: {from: 1, to: 3}}}",
            "missing key `steps`",
        ),
        (
            "{range: {phases.pretrain.epochs: {from: 1, to: 2, steps: 3}}}",
            "must be a whole number",
        ),
        (
            "{range: {phases.pretrain.loss.temperature: {from: 0, to: 2, steps: 3, scale: log}}}",
            "must lie above 0",
        ),
        ("{}", "the sweep sets nothing"),
        ("{grid: {}}", "the sweep sets nothing"),
        (
            "{grid: {phases.pretrain.epochs: [1, 2], phases: {pretrain: {epochs: [3]}}}}",
            "the sweep sets `phases.pretrain.epochs` twice",
        ),
        (
            "{grid: {phases.pretrain.epochs: [1]}, zip: {phases.pretrain.epochs: [3]}}",
            "the sweep sets `phases.pretrain.epochs` twice",
        ),
        (
            "{grid: {augment.0.rotate: [0.1]}}",
            "sweep `augment`, each value a list",
        ),
        (
            "{grid: {phases.pretain.epochs: [1]}}",
            "did you mean `pretrain`?",
        ),
        ("{grid: {phases.pretrain.epochs.x: [1]}}", "holds no keys"),
    ];
    for (sweep, expected) in cases {
        let text = with(&format!("sweep: {sweep}\n")).text();
        assert!(text.contains(expected), "{sweep}: {text}");
        assert!(text.contains("spec.yaml:22:"), "{sweep}: {text}");
        assert!(
            text.contains("error: 1 problem in spec.yaml"),
            "{sweep}: {text}"
        );
    }
}

#[test]
fn a_value_that_every_point_sets_again_is_refused() {
    let sweep = "sweep: {grid: {phases.pretrain.loss.temperature: [0.1, 0.2]}}\n";
    let text = with(sweep)
        .set("phases.pretrain.loss.temperature=0.9")
        .text();
    assert!(
        text.contains("error[no-effect]") && text.contains("--> --set:1:34"),
        "{text}"
    );
    let profile = "profiles: {hot: {phases: {pretrain: {loss: {temperature: 0.9}}}}}\n";
    let mut case = with(&format!("{sweep}{profile}"));
    case.overrides.profile = Some("hot".into());
    assert!(case.text().contains("error[no-effect]"), "{}", case.text());
    // What the file itself says below its sweep is what the points begin with.
    assert_eq!(with(sweep).runs().len(), 4);
}

#[test]
fn what_a_point_breaks_elsewhere_names_the_point() {
    let text = with("sweep: {grid: {encoder.name: [resnet_cifar, resnet50_v2]}}\n").text();
    assert!(text.contains("unknown key `blocks`"), "{text}");
    assert!(
        text.contains("at the point encoder.name = resnet50_v2"),
        "{text}"
    );
    let text = with("sweep: {grid: {data.train_size: [15, 100]}}\n").text();
    assert!(
        text.contains("larger than the 15 training images"),
        "{text}"
    );
    assert!(text.contains("at the point data.train_size = 15"), "{text}");
    let text = with("sweep: {grid: {data.root: [a, b]}}\n").text();
    assert!(text.contains("`root` belongs to `data` with"), "{text}");
}

#[test]
fn s14_a_million_points_by_mistake_are_counted_and_not_made() {
    let keys = [
        "loss.temperature",
        "optimizer.learning_rate",
        "optimizer.beta_1",
    ];
    let values = "[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]";
    let mut axes: Vec<String> = keys
        .map(|key| format!("phases.pretrain.{key}: {values}"))
        .into();
    axes.extend(
        ["beta_1", "beta_2", "learning_rate", "epsilon"]
            .map(|key| format!("phases.classify.optimizer.{key}: {values}")),
    );
    let text = with(&format!("sweep: {{grid: {{{}}}}}\n", axes.join(", "))).text();
    assert!(text.contains("the sweep asks for 20000000 runs"), "{text}");
    assert!(text.contains("the limit is 1000"), "{text}");
}

#[test]
fn s15_points_that_describe_the_same_runs_are_refused_with_the_axis_that_does_not_matter() {
    let set = "data={dataset: cifar10, train_size: ~}";
    let sweep = "sweep: {grid: {data.root: [a, b], phases.pretrain.epochs: [3, 4]}}\n";
    let case = with(sweep).set(set);
    let problems = case.problems();
    let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["duplicate-point"; 2], "{problems}");
    let text = case.text();
    for part in [
        "the same runs: data.root = b, phases.pretrain.epochs = 3",
        "the same runs: data.root = b, phases.pretrain.epochs = 4",
        "--> spec.yaml:22:31",
        "the first of them at spec.yaml:22:28",
        "the values a and b of `data.root` make no difference",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let text =
        with("sweep: {zip: {phases.pretrain.epochs: [3, 3], phases.classify.epochs: [1, 1.0]}}\n")
            .text();
    assert!(
        text.contains("error[duplicate-point]")
            && !text.contains("of `phases.pretrain.epochs` make"),
        "{text}"
    );
}

#[test]
fn profiles_are_told_apart_by_what_is_written() {
    let text = with("profiles: {1: {seeds: [1]}, 0x1: {seedz: [2]}, 1.0: {seeds: 7}}\n").text();
    assert!(
        text.contains("unknown key `seedz`") && text.contains("must be a list"),
        "{text}"
    );
}

#[test]
fn more_runs_than_the_limit_are_an_error_that_states_the_number() {
    let values: Vec<String> = (1..=501).map(|n| n.to_string()).collect();
    let sweep = format!(
        "sweep: {{grid: {{phases.pretrain.epochs: [{}]}}}}\n",
        values.join(", ")
    );
    let text = with(&sweep).text();
    assert!(text.contains("the sweep asks for 1002 runs"), "{text}");
    let mut case = with(&sweep);
    case.overrides.max_runs = 1002;
    assert_eq!(case.runs().len(), 1002);
}

#[test]
fn runs_share_the_phases_whose_history_is_equal() {
    let case = with("sweep: {grid: {phases.classify.epochs: [1, 2, 3]}}\n");
    let found = shared(&case.runs());
    assert_eq!(found.len(), 2, "one a seed");
    assert!(
        found
            .iter()
            .all(|shared| shared.phase == "pretrain" && shared.runs.len() == 3)
    );
    let case = with("sweep: {grid: {phases.pretrain.epochs: [1, 2, 3]}}\n");
    assert!(shared(&case.runs()).is_empty());
}

#[test]
fn a_profile_lies_over_the_file_and_under_the_arguments() {
    let mut case =
        with("profiles:\n  smoke:\n    seeds: [7]\n    phases: {pretrain: {epochs: 1}}\n");
    assert_eq!(case.runs().len(), 2);
    case.overrides.profile = Some("smoke".into());
    let runs = case.runs();
    assert_eq!(
        (runs.len(), runs[0].seed, runs[0].phases[0].epochs),
        (1, 7, 1)
    );
    let loaded = case.loaded();
    let origin = &loaded.origins["phases.pretrain.epochs"];
    assert_eq!((origin.layer, origin.line), (LayerKind::Profile, 25));
    let case = case.set("phases.pretrain.epochs=5");
    assert_eq!(case.runs()[0].phases[0].epochs, 5);
}

#[test]
fn a_mistake_in_a_profile_is_found_even_when_it_is_not_asked_for() {
    let text = with("profiles:\n  smoke:\n    sedes: [7]\n").text();
    assert!(
        text.contains("spec.yaml:24:5") && text.contains("did you mean `seeds`?"),
        "{text}"
    );
    let text = with("profiles: {smoke: {extends: x}}\n").text();
    assert!(text.contains("top level of a file"), "{text}");
    let text = with("profiles: {smoke: 3}\n").text();
    assert!(
        text.contains("must be a mapping of keys to values"),
        "{text}"
    );
    let mut case = with("profiles: {smoke: {seeds: [1]}}\n");
    case.overrides.profile = Some("smok".into());
    let text = case.text();
    assert!(text.contains("did you mean `--profile smoke`?"), "{text}");
}

#[test]
fn the_profile_of_a_base_counts_too() {
    let mut case = Case::new("extends: base.yaml\nname: child\n").file(
        "base.yaml",
        format!("{GOOD}profiles: {{smoke: {{seeds: [9]}}}}\n").as_bytes(),
    );
    case.overrides.profile = Some("smoke".into());
    assert_eq!(case.runs()[0].seed, 9);
}
