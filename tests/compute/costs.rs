//! The costs that a plan names, against the networks as they are built, real runs and their folders.

use super::devices;
use super::runs::{Bench, bytes};
use burn::tensor::{Device, Tensor};
use std::collections::BTreeSet;
use supcon::model::{Encoder, Head, Initializer, Layout, Pass, Weight, export};
use supcon::plan::{Array, EncoderPlan, HeadPlan, Host, Layer, RunCost};
use supcon::record::{self, RunRecord};
use supcon::spec::Activation;

fn encoders() -> Vec<EncoderPlan> {
    let cifar = |blocks, width| EncoderPlan::ResnetCifar { blocks, width };
    vec![
        EncoderPlan::Resnet50V2,
        cifar(1, 8),
        cifar(2, 5),
        cifar(3, 16),
    ]
}

fn heads() -> Vec<HeadPlan> {
    let projection = |widths: &[usize], activation| HeadPlan::Projection {
        widths: widths.to_vec(),
        activation,
    };
    let classifier = |hidden: &[usize], dropout| HeadPlan::Classifier {
        hidden: hidden.to_vec(),
        dropout,
    };
    vec![
        projection(&[128], Activation::Relu),
        projection(&[64, 16], Activation::Linear),
        classifier(&[], 0.0),
        classifier(&[512], 0.5),
        classifier(&[32, 7], 0.2),
    ]
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
                let features = net.forward(images, Pass::Infer).dims();
                assert_eq!(
                    features[1..],
                    *last_output(&layers),
                    "{name}: {plan:?} at {size:?}"
                );
            }
        }
    }
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
                let output = head.forward(input, Pass::Infer, 0, 0).dims();
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
        let (planned, real) = (disk.total as f64, folder_bytes(&run) as f64);
        assert!(
            (planned / real - 1.0).abs() < 0.1,
            "{results}: {planned} planned, {real} there"
        );
    }
}
