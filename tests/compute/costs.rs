//! The costs that a plan names, against the networks as they are built, real runs and their folders.

use super::devices;
use super::runs::{Bench, bytes};
use burn::tensor::{Device, Tensor};
use std::collections::{BTreeMap, BTreeSet};
use supcon::model::{Encoder, Head, Initializer, Layout, Pass, Weight, export};
use supcon::ops::Window;
use supcon::plan::{Array, EncoderPlan, HeadPlan, Host, Layer, Operation, Precision, RunCost};
use supcon::record::{self, RunRecord};
use supcon::spec::Activation;

/// Encoders of every kind, in several sizes. A new variant stops the match, and then needs a plan here.
fn encoders() -> Vec<EncoderPlan> {
    let kind = |plan: &EncoderPlan| match plan {
        EncoderPlan::Resnet50V2 => 0,
        EncoderPlan::ResnetCifar { .. } => 1,
    };
    let cifar = |blocks, width| EncoderPlan::ResnetCifar { blocks, width };
    let plans = vec![
        EncoderPlan::Resnet50V2,
        cifar(1, 8),
        cifar(2, 5),
        cifar(3, 16),
    ];
    assert!((0..=1).all(|wanted| plans.iter().any(|plan| kind(plan) == wanted)));
    plans
}

/// Heads of every kind, as `encoders`.
fn heads() -> Vec<HeadPlan> {
    let kind = |plan: &HeadPlan| match plan {
        HeadPlan::Projection { .. } => 0,
        HeadPlan::Classifier { .. } => 1,
    };
    let projection = |widths: &[usize], activation| HeadPlan::Projection {
        widths: widths.to_vec(),
        activation,
    };
    let classifier = |hidden: &[usize], dropout| HeadPlan::Classifier {
        hidden: hidden.to_vec(),
        dropout,
    };
    let plans = vec![
        projection(&[128], Activation::Relu),
        projection(&[64, 16], Activation::Linear),
        classifier(&[], 0.0),
        classifier(&[512], 0.5),
        classifier(&[32, 7], 0.2),
    ];
    assert!((0..=1).all(|wanted| plans.iter().any(|plan| kind(plan) == wanted)));
    plans
}

/// Arrays of a table, by name.
fn planned(layers: &[Layer]) -> BTreeSet<Array> {
    layers.iter().flat_map(Layer::arrays).collect()
}

/// Arrays of a network, by name.
fn built(weights: Vec<Weight>) -> BTreeSet<Array> {
    let arrays = weights.into_iter().map(|weight| Array {
        name: weight.name,
        shape: weight.shape,
        trainable: weight.trainable,
    });
    arrays.collect()
}

/// Numbers in the arrays that are trained, or that are not.
fn count(arrays: &BTreeSet<Array>, trainable: bool) -> usize {
    let chosen = arrays.iter().filter(|array| array.trainable == trainable);
    chosen
        .map(|array| array.shape.iter().product::<usize>())
        .sum()
}

fn last_output(layers: &[Layer]) -> &[usize] {
    &layers.last().expect("a layer").output
}

#[test]
fn every_encoder_has_the_arrays_and_features_of_its_table() {
    for (name, device) in devices() {
        for plan in encoders() {
            let autodiff = device.clone().autodiff();
            let mut net = Encoder::new(&mut Initializer::new(0, 0, &autodiff), &plan);
            let arrays = built(export(&net, Layout::PyTorch));
            for size in [[32, 32], [25, 38], [7, 1], [64, 33]] {
                let layers = plan.layers(size);
                assert_eq!(planned(&layers), arrays, "{name}: {plan:?} at {size:?}");
                let sum = |value: fn(&Layer) -> usize| layers.iter().map(value).sum::<usize>();
                assert_eq!(sum(|layer| layer.parameters), count(&arrays, true));
                assert_eq!(sum(|layer| layer.statistics), count(&arrays, false));
                let images = Tensor::<4>::zeros([2, size[0], size[1], 3], &device);
                let features = net.forward(images, Pass::Infer(Precision::F32)).dims();
                assert_eq!(
                    features[1..],
                    *last_output(&layers),
                    "{name}: {plan:?} at {size:?}"
                );
            }
        }
    }
}

/// A window as a module holds it, and the stride of the block around it, by path: what `Debug` shows of the network that
/// is trained.
#[derive(Debug, Default, PartialEq)]
struct Found {
    windows: BTreeMap<String, Window>,
    /// Strides that a block keeps for its shortcut.
    strides: BTreeMap<String, usize>,
}

/// Reads the indented `Debug` of a network: fields, items of lists, and numbers.
fn found(net: &Encoder) -> Found {
    let mut found = Found::default();
    // Indentation, name, and items so far of each open line.
    let mut open: Vec<(usize, String, usize)> = Vec::new();
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    for line in format!("{net:#?}").lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        open.retain(|(above, ..)| *above < indent);
        if text.starts_with(['}', ']', ')']) {
            continue;
        }
        let (name, value) = match text.split_once(": ") {
            Some((name, value)) => (name.to_owned(), value),
            None => match open.last_mut() {
                // An item of a list has the number of its place instead of a name.
                Some((_, list, count)) if list.ends_with('s') => {
                    *count += 1;
                    ((*count - 1).to_string(), text)
                }
                _ => (String::new(), text),
            },
        };
        let path = open
            .iter()
            .map(|(_, name, _)| name.as_str())
            .chain([name.as_str()]);
        let path: Vec<&str> = path.filter(|name| !name.is_empty()).collect();
        let path = path.join(".");
        if let Ok(number) = value.trim_end_matches(',').parse() {
            numbers.insert(path, number);
        } else {
            open.push((indent, name, 0));
        }
    }
    for (path, &number) in &numbers {
        let field = |name: &str| numbers[&path.replace("kernel", name)];
        if let Some(conv) = path.strip_suffix(".window.kernel") {
            let window = Window {
                kernel: number,
                stride: field("stride"),
                padding: field("padding"),
            };
            found.windows.insert(conv.to_owned(), window);
        } else if let Some(block) = path
            .strip_suffix(".stride")
            .filter(|p| !p.ends_with("window"))
        {
            found.strides.insert(block.to_owned(), number);
        }
    }
    found
}

/// The mean over all pixels hides the size of the maps, so the windows of the network are compared one by one.
#[test]
fn every_encoder_has_the_windows_and_so_the_shapes_of_its_table() {
    let (_, device) = devices().into_iter().next().expect("a device");
    for plan in encoders() {
        let net = Encoder::new(&mut Initializer::new(0, 0, &device), &plan);
        let Found { windows, strides } = found(&net);
        let mut planned = BTreeMap::new();
        for layer in plan.layers([32, 32]) {
            if let Operation::Conv { kernel, stride, .. } = layer.kind {
                planned.insert(layer.name.clone(), [kernel, stride]);
            }
        }
        let built = windows.iter();
        let built: BTreeMap<_, _> = built
            .map(|(name, window)| (name.clone(), [window.kernel, window.stride]))
            .collect();
        assert_eq!(planned, built, "{plan:?}");
        // With this padding a map of n pixels has n / stride of them, rounded up, as the table says.
        for (name, window) in &windows {
            for n in 1..70 {
                assert_eq!(
                    window.output(n),
                    n.div_ceil(window.stride),
                    "{plan:?} {name}"
                );
            }
        }
        // Where a block halves its map, its shortcut does, and the sum has that size.
        for size in [[32, 32], [25, 38], [64, 33]] {
            let layers = plan.layers(size);
            let output = |name: String| {
                let layer = layers.iter().find(|layer| layer.name == name);
                layer
                    .map(|layer| layer.output.clone())
                    .unwrap_or_else(|| panic!("{name}"))
            };
            let mut before = layers
                .iter()
                .find(|layer| layer.name.contains(".blocks.0."));
            let first = layers
                .iter()
                .position(|layer| layer.name.contains(".blocks.0."));
            before = first.and_then(|at| layers.get(at - 1)).or(before);
            let mut map = before.expect("a stem").output.clone();
            for (stage, block) in blocks(&strides, &layers) {
                let path = format!("stages.{stage}.blocks.{block}");
                let stride = strides.get(&path).copied().unwrap_or(1);
                let sum = output(format!("{path}.add"));
                let halved = [map[0].div_ceil(stride), map[1].div_ceil(stride)];
                assert_eq!(sum[..2], halved, "{plan:?} {path} at {size:?}");
                map = sum;
            }
        }
    }
}

/// Stage and number of every block in order; each has a stride.
fn blocks(strides: &BTreeMap<String, usize>, layers: &[Layer]) -> Vec<(usize, usize)> {
    let sums = layers.iter().filter(|layer| layer.name.ends_with(".add"));
    let numbers = sums.map(|layer| {
        let parts: Vec<&str> = layer.name.split('.').collect();
        (
            parts[1].parse().expect("a stage"),
            parts[3].parse().expect("a block"),
        )
    });
    let numbers: Vec<(usize, usize)> = numbers.collect();
    assert_eq!(numbers.len(), strides.len(), "{strides:?}");
    numbers
}

#[test]
fn every_head_has_the_arrays_and_outputs_of_its_table() {
    for (name, device) in devices() {
        for plan in heads() {
            for (features, classes) in [(32, 10), (5, 3), (2048, 100)] {
                let autodiff: Device = device.clone().autodiff();
                let mut init = Initializer::new(0, 0, &autodiff);
                let head = Head::new(&mut init, &plan, features, classes);
                let layers = plan.layers(features, classes);
                assert_eq!(
                    planned(&layers),
                    built(export(&head, Layout::PyTorch)),
                    "{name}: {plan:?}"
                );
                let input = Tensor::<2>::zeros([4, features], &device);
                let output = head
                    .forward(input, Pass::Infer(Precision::F32), 0, 0)
                    .dims();
                assert_eq!(output[1..], *last_output(&layers), "{name}: {plan:?}");
                assert_eq!(output[1], plan.outputs(classes));
            }
        }
    }
}

/// The plan that a run recorded, and its cost for the program and threads that made it.
fn cost(run: &RunRecord) -> RunCost {
    let host = Host {
        producer: run.status.version.clone(),
        threads: run.status.threads,
    };
    run.plan.cost(&host)
}

#[test]
fn steps_of_a_plan_are_those_of_the_run() {
    let bench = Bench::new();
    for (results, batch) in [("even", 27), ("odd", 25)] {
        let set = format!("--set=phases.pretrain.batch_size={batch}");
        let run = bench.record(results, &[&set]);
        for phase in cost(&run).phases {
            let steps = phase.steps.expect("known");
            let rows: Vec<_> = run
                .metrics
                .iter()
                .filter(|row| row.phase == phase.name && row.split == "train")
                .collect();
            assert!(!rows.is_empty());
            for row in rows {
                let expected = steps.per_epoch as u64 * u64::from(row.epoch);
                assert_eq!(row.step, expected, "{}", phase.name);
            }
            let last = run.metrics.iter().filter(|row| row.phase == phase.name);
            assert_eq!(
                last.map(|row| row.step).max(),
                Some(steps.total as u64),
                "{}",
                phase.name
            );
        }
    }
}

/// Bytes of every file in the run's folder.
fn folder_bytes(run: &RunRecord) -> u64 {
    let files = std::fs::read_dir(run.dir.path()).expect("a folder");
    let length = |file: std::io::Result<std::fs::DirEntry>| {
        let metadata = file.and_then(|file| file.metadata());
        metadata.expect("a file").len()
    };
    files.map(length).sum()
}

#[test]
fn disk_of_a_plan_is_that_of_the_run() {
    let bench = Bench::new();
    let cases: [(&str, &[&str]); 4] = [
        ("tiny", &[]),
        ("wide", &["--set=encoder.width=16"]),
        ("many", &["--set=data.test_size=2000"]),
        (
            "deep",
            &[
                "--set=encoder.blocks=2",
                "--set=phases.classify.head.hidden=[]",
                "--set=phases.classify.epochs=8",
            ],
        ),
    ];
    for (results, arguments) in cases {
        let run = bench.record(results, arguments);
        let disk = cost(&run).disk.expect("known");
        let model = bytes(&run, record::MODEL).len() as u64;
        assert_eq!(disk.model, model, "{results}: model");
        let plan = bytes(&run, record::PLAN).len() as u64;
        assert_eq!(disk.plan, plan, "{results}: plan");
        // What is only known when the run has been: each of them, and all together.
        let there = |name| bytes(&run, name).len() as u64;
        let estimates = [
            (disk.predictions, there(record::PREDICTIONS)),
            (disk.metrics, there(record::METRICS)),
            (disk.status, there(record::STATUS) + there("MANIFEST.json")),
        ];
        for (planned, real) in estimates {
            let part = planned as f64 / real as f64;
            assert!(
                (part - 1.0).abs() < 0.1,
                "{results}: {planned} planned, {real} there"
            );
        }
        let (planned, real) = (disk.total as f64, folder_bytes(&run) as f64);
        assert!(
            (planned / real - 1.0).abs() < 0.1,
            "{results}: {planned} planned, {real} there"
        );
    }
}
