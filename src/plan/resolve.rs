//! From a checked spec to runs: defaults filled in, one run for each seed, every conflict between sections reported.

use super::conflicts;
use super::identity::FORMAT;
use super::reference::References;
use super::{
    AugmentPlan, DataPlan, EncoderPlan, HeadPlan, LossPlan, OptimizerPlan, PhasePlan, RunPlan,
    SourcePlan,
};
use crate::diag::Problem;
use crate::spec::schema::{
    ADAM, CLASSIFIER, IMAGE_FOLDER, NPAIRS, PHASE, PROJECTION, RESNET_CIFAR, SHAPES, Section,
};
use crate::spec::{
    AugmentSpec, DataSpec, EncoderSpec, Flip, HeadSpec, Loaded, LossSpec, Normalize, OptimizerSpec,
    PhaseSpec, Spec, Subset,
};
use serde::de::DeserializeOwned;

/// Resolves a spec into its runs, one for each seed in the order written, and finds every conflict between sections. The
/// runs are worth nothing if something was found, or if the spec was wrong before.
pub(super) fn resolve(
    loaded: &Loaded,
    references: &mut References,
    problems: &mut Vec<Problem>,
) -> Vec<RunPlan> {
    let spec = &loaded.spec;
    let named = |name: &String| {
        spec.phases
            .get(name)
            .map(|phase| self::phase(spec, name, phase))
    };
    let phases: Vec<PhasePlan> = loaded.phase_order.iter().filter_map(named).collect();
    let data = data(loaded);
    conflicts::find(loaded, &data, &phases, problems);
    let reference = references.read(loaded, &phases, problems);
    // What was mended may ask for any number of runs.
    if !problems.is_empty() || !loaded.is_whole() {
        return Vec::new();
    }
    let origins = loaded
        .origins
        .iter()
        .map(|(path, origin)| (path.clone(), origin.to_string()));
    let base = RunPlan {
        format: FORMAT,
        name: spec.name.clone(),
        run_id: String::new(),
        seed: 0,
        data,
        encoder: encoder(&spec.encoder),
        phases,
        point: loaded.point.clone(),
        expect: spec.expect.clone(),
        reference,
        origins: origins.collect(),
        arguments: loaded.arguments(),
    };
    let runs = spec.seeds.iter().map(|&seed| {
        let mut run = RunPlan {
            seed,
            ..base.clone()
        };
        run.run_id = run.make_run_id();
        run
    });
    runs.collect()
}

/// The value as written, or the schema's default.
fn or_default<T: DeserializeOwned + Clone>(value: Option<&T>, section: &Section, key: &str) -> T {
    value.cloned().unwrap_or_else(|| section.default(key))
}

fn data(loaded: &Loaded) -> DataPlan {
    let spec = &loaded.spec.data;
    let train_subset = match spec {
        DataSpec::Cifar10 { train_subset, .. } => train_subset.unwrap_or_default(),
        DataSpec::ImageFolder { .. } | DataSpec::Shapes { .. } => Subset::default(),
    };
    let (source, root, train_limit, validation) = match spec {
        DataSpec::Cifar10 {
            root,
            train_limit,
            validation,
            ..
        } => (SourcePlan::Cifar10, root.clone(), train_limit, validation),
        DataSpec::ImageFolder {
            root,
            image_size,
            train_limit,
            validation,
        } => {
            let image_size = or_default(image_size.as_ref(), &IMAGE_FOLDER, "image_size");
            (
                SourcePlan::ImageFolder { image_size },
                root.clone(),
                train_limit,
                validation,
            )
        }
        DataSpec::Shapes {
            train_size,
            test_size,
            train_limit,
            validation,
        } => {
            let train_size = or_default(train_size.as_ref(), &SHAPES, "train_size");
            let test_size = or_default(test_size.as_ref(), &SHAPES, "test_size");
            (
                SourcePlan::Shapes {
                    train_size,
                    test_size,
                },
                None,
                train_limit,
                validation,
            )
        }
    };
    // The variants share this key and its default.
    let validation = or_default(validation.as_ref(), &SHAPES, "validation");
    // Whole, since a run may go on under a command that is given elsewhere.
    let root = root.map(|root| {
        let root = loaded.leads("data.root", &root).unwrap_or(root);
        std::path::absolute(&root).unwrap_or(root)
    });
    DataPlan {
        source,
        root,
        train_limit: *train_limit,
        train_subset,
        validation,
        folder: None,
    }
}

fn encoder(spec: &EncoderSpec) -> EncoderPlan {
    match spec {
        EncoderSpec::Resnet50V2 {} => EncoderPlan::Resnet50V2,
        EncoderSpec::ResnetCifar { blocks, width } => EncoderPlan::ResnetCifar {
            blocks: or_default(blocks.as_ref(), &RESNET_CIFAR, "blocks"),
            width: or_default(width.as_ref(), &RESNET_CIFAR, "width"),
        },
    }
}

fn phase(spec: &Spec, name: &str, phase: &PhaseSpec) -> PhasePlan {
    let augment = phase.augment.as_ref().unwrap_or(&spec.augment);
    PhasePlan {
        name: name.to_owned(),
        epochs: phase.epochs,
        batch_size: phase.batch_size,
        augment: augment.iter().map(step).collect(),
        head: head(&phase.head),
        loss: loss(&phase.loss),
        freeze_encoder: phase.freeze.iter().any(|part| part == "encoder"),
        optimizer: optimizer(&phase.optimizer),
        precision: or_default(phase.precision.as_ref(), &PHASE, "precision"),
    }
}

fn step(spec: &AugmentSpec) -> AugmentPlan {
    match spec {
        AugmentSpec::Normalize(Normalize::PerChannel) => AugmentPlan::NormalizePerChannel,
        AugmentSpec::Flip(Flip::Horizontal) => AugmentPlan::FlipHorizontal,
        AugmentSpec::Rotate(fraction) => AugmentPlan::Rotate(*fraction),
        AugmentSpec::RandomWidth(fraction) => AugmentPlan::RandomWidth(*fraction),
        AugmentSpec::RandomHeight(fraction) => AugmentPlan::RandomHeight(*fraction),
    }
}

fn head(spec: &HeadSpec) -> HeadPlan {
    match spec {
        HeadSpec::Projection { widths, activation } => HeadPlan::Projection {
            widths: widths.clone(),
            activation: or_default(activation.as_ref(), &PROJECTION, "activation"),
        },
        HeadSpec::Classifier { hidden, dropout } => HeadPlan::Classifier {
            hidden: or_default(hidden.as_ref(), &CLASSIFIER, "hidden"),
            dropout: or_default(dropout.as_ref(), &CLASSIFIER, "dropout"),
        },
    }
}

fn loss(spec: &LossSpec) -> LossPlan {
    match spec {
        LossSpec::Npairs { temperature } => LossPlan::Npairs {
            temperature: or_default(temperature.as_ref(), &NPAIRS, "temperature"),
        },
        LossSpec::CrossEntropy {} => LossPlan::CrossEntropy,
    }
}

fn optimizer(spec: &OptimizerSpec) -> OptimizerPlan {
    match spec {
        OptimizerSpec::Adam {
            learning_rate,
            beta_1,
            beta_2,
            epsilon,
        } => OptimizerPlan::Adam {
            learning_rate: or_default(learning_rate.as_ref(), &ADAM, "learning_rate"),
            beta_1: or_default(beta_1.as_ref(), &ADAM, "beta_1"),
            beta_2: or_default(beta_2.as_ref(), &ADAM, "beta_2"),
            epsilon: or_default(epsilon.as_ref(), &ADAM, "epsilon"),
        },
    }
}
