//! A run with no open choice left: what `plan.yaml` holds and every later stage reads.

use super::Points;
use crate::spec::{Activation, ExpectSpec, Precision, Subset};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One run: an experiment with one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    /// Version of this file format.
    pub format: u32,
    /// Label of the experiment.
    pub name: String,
    /// `<name>-s<seed>-<hash>`: also the name of the run's folder.
    pub run_id: String,
    /// Seed of every draw in the run.
    pub seed: u64,
    /// Images and labels.
    pub data: DataPlan,
    /// The network that all phases share.
    pub encoder: EncoderPlan,
    /// Phases in the order in which they run.
    pub phases: Vec<PhasePlan>,
    /// What this point of a sweep sets, key path and value; not part of the identity, which holds the values themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub point: Vec<(String, String)>,
    /// Figures that the report compares with; not part of the identity.
    #[serde(default)]
    pub expect: Vec<ExpectSpec>,
    /// Curves of other programs; not part of the identity.
    #[serde(default)]
    pub reference: Vec<ReferencePlan>,
    /// Key path -> layer, file and line that the value came from; not part of the identity.
    #[serde(default)]
    pub origins: BTreeMap<String, String>,
    /// Arguments of `supcon run` that give this plan again: the file, the profile, and what was set from outside it; not
    /// part of the identity. Empty in plans of builds that did not say it.
    #[serde(default)]
    pub arguments: Vec<String>,
}

/// Images and labels of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataPlan {
    /// Which set, with what only it needs.
    #[serde(flatten)]
    pub source: SourcePlan,
    /// Where the files lie, if the spec says so, from the root of the file system; not part of the identity.
    pub root: Option<PathBuf>,
    /// Class-balanced subset of the training split, in images.
    pub train_limit: Option<usize>,
    /// Which images that leaves.
    #[serde(default)]
    pub train_subset: Subset,
    /// Fraction of the training split held out, 0 for none.
    pub validation: f64,
    /// What a folder of images holds, where somebody has counted it; neither part of the file nor of the identity.
    #[serde(skip)]
    pub folder: Option<FolderCount>,
}

/// What a folder of images holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderCount {
    /// Class names in label order.
    pub class_names: Vec<String>,
    /// Images in the training split.
    pub train: usize,
    /// Images in the test split.
    pub test: usize,
}

/// The set itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dataset", rename_all = "snake_case")]
pub enum SourcePlan {
    /// CIFAR-10, 50,000 + 10,000 images of 32x32.
    Cifar10,
    /// A folder a class.
    ImageFolder {
        /// Side of the square images in pixels.
        image_size: usize,
    },
    /// The built-in procedural set.
    Shapes {
        /// Images in the training split.
        train_size: usize,
        /// Images in the test split.
        test_size: usize,
    },
}

/// One augmentation step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AugmentPlan {
    /// (x - mean) / deviation for each channel, statistics of the training split; also in evaluation.
    NormalizePerChannel,
    /// Mirror left to right with probability 0.5.
    FlipHorizontal,
    /// Angle from +-fraction of a full turn.
    Rotate(f64),
    /// Width times 1 +- fraction, one factor a batch.
    RandomWidth(f64),
    /// Height times 1 +- fraction, one factor a batch.
    RandomHeight(f64),
}

/// The network that all phases share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum EncoderPlan {
    /// Keras' ResNet50V2; 2,048 features.
    #[serde(rename = "resnet50_v2")]
    Resnet50V2,
    /// He et al. 2015, section 4.2; 4 * width features.
    ResnetCifar {
        /// Basic blocks a stage.
        blocks: usize,
        /// Channels of the first stage.
        width: usize,
    },
}

/// One phase of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhasePlan {
    /// Key of the phase in the spec.
    pub name: String,
    /// Passes over the training split.
    pub epochs: usize,
    /// Images a step.
    pub batch_size: usize,
    /// Steps on every image, in order.
    pub augment: Vec<AugmentPlan>,
    /// Layers between features and loss.
    pub head: HeadPlan,
    /// The objective.
    pub loss: LossPlan,
    /// The encoder is not trained and runs in evaluation mode.
    pub freeze_encoder: bool,
    /// The update rule.
    pub optimizer: OptimizerPlan,
    /// Numbers in which the network multiplies. Phases with the default keep the identity that they had before there was
    /// such a key.
    #[serde(default, skip_serializing_if = "Precision::is_default")]
    pub precision: Precision,
}

/// Layers between features and loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum HeadPlan {
    /// Dense layers whose output is the embedding.
    Projection {
        /// Outputs of each layer.
        widths: Vec<usize>,
        /// After every layer.
        activation: Activation,
    },
    /// One logit a class.
    Classifier {
        /// Outputs of the hidden layers.
        hidden: Vec<usize>,
        /// Before every dense layer, 0 for none.
        dropout: f64,
    },
}

/// The objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum LossPlan {
    /// n-pairs with the anchor itself as a positive.
    Npairs {
        /// Divides the cosine similarities.
        temperature: f64,
    },
    /// Softmax cross-entropy.
    CrossEntropy,
}

/// The update rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum OptimizerPlan {
    /// Adam with Keras' formula.
    Adam {
        /// Step size.
        learning_rate: f64,
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
    },
}

/// Curves of another program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferencePlan {
    /// Legend text.
    pub label: String,
    /// Where the figures come from.
    pub source: Option<String>,
    /// The points, which all runs of a call share.
    pub points: Points,
}

/// One point of a reference curve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferencePoint {
    /// Run (seed) of the other program.
    pub run: String,
    /// Phase of ours that it compares with.
    pub phase: String,
    /// Epoch, from 1; 0 for a figure of the finished phase.
    pub epoch: usize,
    /// `train` or `test`.
    pub split: String,
    /// `loss` or `accuracy`.
    pub metric: String,
    /// The figure.
    pub value: f64,
}
