//! Synthetic runs for the tests of `record` and `report`: two phases, ten classes, curves that fall and rise with the seed.

use super::{MetricRow, PredictionRow, State, Status};
use crate::plan::{
    AugmentPlan, CIFAR10_CLASSES, DataPlan, EncoderPlan, HeadPlan, LossPlan, OptimizerPlan,
    PhasePlan, ReferencePlan, ReferencePoint, RunPlan, SourcePlan,
};
use crate::random::{Draws, Purpose};
use crate::spec::{Activation, ExpectSpec, Precision, Subset};

/// Epochs of each phase.
pub const EPOCHS: u32 = 10;

fn phase(name: &str, head: HeadPlan, loss: LossPlan, freeze_encoder: bool) -> PhasePlan {
    PhasePlan {
        name: name.into(),
        epochs: EPOCHS as usize,
        batch_size: 265,
        augment: vec![
            AugmentPlan::NormalizePerChannel,
            AugmentPlan::FlipHorizontal,
            AugmentPlan::Rotate(0.02),
        ],
        head,
        loss,
        freeze_encoder,
        optimizer: OptimizerPlan::Adam {
            learning_rate: 0.001,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
        },
        precision: Precision::F32,
    }
}

/// A plan with two phases if the name says `supcon`, else with one.
pub fn plan(name: &str, seed: u64) -> RunPlan {
    let projection = HeadPlan::Projection {
        widths: vec![128],
        activation: Activation::Relu,
    };
    let classifier = HeadPlan::Classifier {
        hidden: vec![512],
        dropout: 0.5,
    };
    let supcon = name.contains("supcon");
    let mut phases = Vec::new();
    if supcon {
        phases.push(phase(
            "pretrain",
            projection,
            LossPlan::Npairs { temperature: 0.05 },
            false,
        ));
    }
    let last = if supcon { "classify" } else { "train" };
    phases.push(phase(last, classifier, LossPlan::CrossEntropy, supcon));
    RunPlan {
        format: 1,
        name: name.into(),
        run_id: format!("{name}-s{seed}-0123abcd"),
        seed,
        data: DataPlan {
            source: SourcePlan::Cifar10,
            root: None,
            train_limit: Some(10_000),
            train_subset: Subset::default(),
            validation: 0.0,
            folder: None,
        },
        encoder: EncoderPlan::Resnet50V2,
        phases,
        point: Vec::new(),
        expect: vec![
            expect("test_accuracy", Some((0.49, 0.02)), None),
            expect(&format!("{last}.train_loss"), None, Some(1.3)),
            expect("validation_accuracy", None, Some(0.9)),
        ],
        reference: vec![reference(supcon)],
        origins: std::collections::BTreeMap::new(),
        arguments: vec![format!("experiments/{name}.yaml")],
    }
}

fn expect(metric: &str, value: Option<(f64, f64)>, max: Option<f64>) -> ExpectSpec {
    ExpectSpec {
        metric: metric.into(),
        value: value.map(|x| x.0),
        tolerance: value.map(|x| x.1),
        min: None,
        max,
        source: Some("the example's page".into()),
    }
}

fn reference(supcon: bool) -> ReferencePlan {
    let phases: &[&str] = if supcon {
        &["pretrain", "classify"]
    } else {
        &["train"]
    };
    let mut points = Vec::new();
    for run in ["0", "1"] {
        for (at, phase) in phases.iter().enumerate() {
            let mut point = |epoch: usize, split: &str, metric: &str, value: f64| {
                points.push(ReferencePoint {
                    run: run.into(),
                    phase: (*phase).into(),
                    epoch,
                    split: split.into(),
                    metric: metric.into(),
                    value,
                });
            };
            let pretrain = supcon && at == 0;
            let shift = if run == "0" { 0.0 } else { 0.03 };
            for epoch in 1..=EPOCHS as usize {
                let (loss, accuracy) = curve(pretrain, epoch as u32);
                point(epoch, "train", "loss", loss * (1.02 + shift));
                if !pretrain {
                    point(epoch, "train", "accuracy", accuracy - shift);
                }
            }
            if !pretrain {
                point(
                    0,
                    "test",
                    "accuracy",
                    if supcon { 0.509 } else { 0.4578 } - shift,
                );
            }
        }
    }
    ReferencePlan {
        label: "Keras (TensorFlow 2.14)".into(),
        source: None,
        points: points.into(),
    }
}

fn curve(pretrain: bool, epoch: u32) -> (f64, f64) {
    let t = f64::from(epoch);
    if pretrain {
        (4.6 + 1.2 / t, 0.0)
    } else {
        (0.9 + 1.4 / t.sqrt(), 0.68 - 0.5 / t.sqrt())
    }
}

/// The figures of a run whose test accuracy is `accuracy`.
pub fn metric_rows(plan: &RunPlan, accuracy: f64) -> Vec<MetricRow> {
    let mut draws = Draws::new(plan.seed, Purpose::Split, 0);
    let bias = draws.between(-0.03, 0.03);
    let mut rows = Vec::new();
    let mut wall_secs = 0.0;
    for phase in &plan.phases {
        let pretrain = matches!(phase.loss, LossPlan::Npairs { .. });
        for epoch in 1..=EPOCHS {
            wall_secs += 21.5;
            let (loss, train_accuracy) = curve(pretrain, epoch);
            let noise = bias + draws.between(-0.01, 0.01);
            let mut row = |split: &str, metric: &str, value: f64| {
                rows.push(MetricRow {
                    phase: phase.name.clone(),
                    epoch,
                    step: u64::from(epoch) * 38,
                    split: split.into(),
                    metric: metric.into(),
                    value,
                    wall_secs,
                });
            };
            row("train", "loss", loss * (1.0 + noise));
            if !pretrain {
                row("train", "accuracy", train_accuracy - noise);
                row(
                    "validation",
                    "loss",
                    loss * 1.15 + 0.03 * f64::from(epoch) * (1.0 + noise),
                );
                row("validation", "accuracy", train_accuracy * 0.85 - noise);
            }
            if epoch == EPOCHS && !pretrain {
                row("test", "loss", 1.6);
                row("test", "accuracy", accuracy);
            }
        }
    }
    rows
}

/// Answers that are right for about `percent` of `n` images times ten.
pub fn prediction_rows(seed: u64, n: u32) -> Vec<PredictionRow> {
    let mut draws = Draws::new(seed, Purpose::Shapes, 0);
    let row = |index: u32| {
        let label = index % 10;
        let right = draws.unit() < 0.4 + f64::from(label) * 0.04;
        let other = draws.below(10) as u32;
        let near = if draws.unit() < 0.5 {
            [2, 9, 4, 5, 2, 3, 3, 4, 0, 1][label as usize]
        } else {
            other
        };
        let predicted = if right { label } else { near };
        let scores = (0..10)
            .map(|k| if k == predicted { 0.55 } else { 0.05 })
            .collect();
        PredictionRow {
            index,
            label,
            predicted,
            scores,
        }
    };
    (0..n).map(row).collect()
}

/// A status in this state.
pub fn status(state: State) -> Status {
    let failed = state == State::Failed;
    Status {
        state,
        code: failed.then(|| "out-of-memory".into()),
        cause: failed.then(|| "libtorch could not allocate 2.1 GB".into()),
        device: "libtorch".into(),
        threads: 2,
        version: "supcon 0.1.0, libtorch 2.9.0".into(),
        class_names: CIFAR10_CLASSES.map(str::to_owned).to_vec(),
        data_hash: "5f3a".into(),
        encoder_parameters: 23_519_360,
        wall_secs: 431.7,
        images_per_sec: vec![221.4, 913.0],
        data_place: None,
        data_files: None,
        shared_phases: Vec::new(),
        backends: Vec::new(),
        started_at: 1_790_000_000,
    }
}
