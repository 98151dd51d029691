//! The costs that a plan names, against the networks as they are built, real runs and their folders.

mod folder;
mod windows;

use super::devices;
use super::runs::{Bench, bytes};
use burn::tensor::{Device, Tensor};
use std::collections::BTreeSet;
use supcon::model::{Encoder, Head, Initializer, Layout, Pass, Prepared, Weight, export};
use supcon::plan::{
    self, Array, EncoderPlan, HeadPlan, Host, Layer, ModelFacts, Precision, RunCost,
};
use supcon::record::{self, NamedTensor, RunRecord};
use supcon::spec::{Activation, Overrides};

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
                let features = net
                    .forward(images, Pass::Infer(Precision::F32, &Prepared::default()))
                    .dims();
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
                let output = head
                    .forward(
                        input,
                        Pass::Infer(Precision::F32, &Prepared::default()),
                        0,
                        0,
                    )
                    .dims();
                assert_eq!(output[1..], *last_output(&layers), "{name}: {plan:?}");
                assert_eq!(output[1], plan.outputs(classes));
            }
        }
    }
}

/// The file is encoded as a run does it, from a network as it is built.
#[test]
fn every_encoder_with_every_head_has_the_parameters_and_the_model_file_of_its_plan() {
    let (_, device) = devices().into_iter().next().expect("a device");
    let device = device.autodiff();
    let base = plan::load_runs(&[Bench::new().spec()], &Overrides::default());
    let base = base.expect("a plan").remove(0);
    let host = Host {
        producer: "supcon 0.1.0".into(),
        threads: 1,
    };
    let class_names = base.data.class_names().expect("known");
    for encoder in encoders() {
        let mut init = Initializer::new(0, 0, &device);
        let net = Encoder::new(&mut init, &encoder);
        for head in heads() {
            let mut plan = base.clone();
            plan.encoder = encoder.clone();
            let last = plan.phases.last_mut().expect("a phase");
            (last.head, last.freeze_encoder) = (head.clone(), false);
            let top = Head::new(&mut init, &head, encoder.features(), class_names.len());
            let parts = [
                ("encoder", export(&net, Layout::PyTorch)),
                ("head", export(&top, Layout::PyTorch)),
            ];
            let weights: Vec<Weight> = parts
                .into_iter()
                .flat_map(|(part, weights)| {
                    weights.into_iter().map(move |weight| Weight {
                        name: format!("{part}.{}", weight.name),
                        ..weight
                    })
                })
                .collect();
            let cost = plan.cost(&host);
            let trained = count(&built(weights.clone()), true);
            assert_eq!(cost.phases.last().expect("a phase").trained, Some(trained));
            let metadata = plan.model_metadata(&ModelFacts {
                producer: &host.producer,
                class_names: &class_names,
                data_hash: &"5f".repeat(32),
                statistics: [[125.3, 122.9, 113.8], [62.9, 62.1, 1e-7]],
            });
            let arrays: Vec<NamedTensor> = weights
                .into_iter()
                .map(|weight| NamedTensor {
                    name: weight.name,
                    shape: weight.shape,
                    values: weight.values,
                })
                .collect();
            let file = record::encode_weights(&arrays, &metadata).expect("encoded");
            let planned = cost.disk.expect("known").model;
            assert_eq!(
                planned,
                file.concat().len() as u64,
                "{encoder:?} with {head:?}"
            );
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

#[test]
fn figures_of_a_plan_are_those_of_the_run() {
    let bench = Bench::new();
    let no_validation = "--set=data.validation=~";
    for (results, arguments) in [
        ("validated", &[][..]),
        ("whole", &[no_validation]),
        ("contrastive", &[no_validation, "--set=phases.classify=~"]),
    ] {
        let run = bench.record(results, arguments);
        let mut planned = Vec::new();
        for (index, phase) in run.plan.phases.iter().enumerate() {
            let validation = run.plan.data.validation > 0.0;
            for epoch in 1..=phase.epochs {
                let figures = phase.epoch_figures(validation).into_iter();
                planned.extend(figures.map(|figure| (phase.name.as_str(), epoch, figure)));
            }
            if index + 1 == run.plan.phases.len() {
                let figures = phase.test_figures().into_iter();
                planned.extend(figures.map(|figure| (phase.name.as_str(), phase.epochs, figure)));
            }
        }
        let rows = run.metrics.iter().map(|row| {
            let figure = (row.split.as_str(), row.metric.as_str());
            (row.phase.as_str(), row.epoch as usize, figure)
        });
        assert_eq!(rows.collect::<Vec<_>>(), planned, "{results}");
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
