//! The sections of a spec as a person writes them, after the layers were merged and every key was checked.
//! Optional values are still optional here; `plan` fills them in.

use serde::Deserialize;
use std::path::PathBuf;

/// One experiment file with everything that it extends and overrides merged in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Label of the experiment in folders, charts and tables.
    pub name: String,
    /// One run for each seed.
    pub seeds: Vec<u64>,
    /// Where images and labels come from.
    pub data: DataSpec,
    /// Steps applied to every image; phases may replace the list.
    #[serde(default)]
    pub augment: Vec<AugmentSpec>,
    /// The network that all phases share.
    pub encoder: EncoderSpec,
    /// Training phases by name. `phase_order` in `Loaded` holds the order as written.
    pub phases: std::collections::BTreeMap<String, PhaseSpec>,
    /// Published or required figures that the report compares with.
    #[serde(default)]
    pub expect: Vec<ExpectSpec>,
    /// Curves of other programs, drawn beside ours.
    #[serde(default)]
    pub reference: Vec<ReferenceSpec>,
}

/// Which images of a training split a limit leaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subset {
    /// A fixed draw with the same number of each class.
    #[default]
    Balanced,
    /// As they lie in the files.
    First,
}

/// The `data` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "dataset", rename_all = "snake_case", deny_unknown_fields)]
pub enum DataSpec {
    /// CIFAR-10 in the official binary layout, a folder or the `.tar.gz`.
    Cifar10 {
        /// Folder or archive, unless `--data` or `SUPCON_DATA` names another; without any of them the set is downloaded.
        root: Option<PathBuf>,
        /// Class-balanced subset of the training split, in images.
        train_limit: Option<usize>,
        /// Which images `train_limit` leaves.
        train_subset: Option<Subset>,
        /// Fraction of the training split held out, in 0..1.
        validation: Option<f64>,
    },
    /// `train/<class>/*.jpg|png` and `test/<class>/*.jpg|png`.
    ImageFolder {
        /// Folder that holds `train` and `test`.
        root: Option<PathBuf>,
        /// Side of the square images in pixels; larger or smaller files are resized.
        image_size: Option<usize>,
        /// Class-balanced subset of the training split, in images.
        train_limit: Option<usize>,
        /// Fraction of the training split held out, in 0..1.
        validation: Option<f64>,
    },
    /// Built-in procedural 32x32 colour images in 10 classes.
    Shapes {
        /// Images in the training split.
        train_size: Option<usize>,
        /// Images in the test split.
        test_size: Option<usize>,
        /// Class-balanced subset of the training split, in images.
        train_limit: Option<usize>,
        /// Fraction of the training split held out, in 0..1.
        validation: Option<f64>,
    },
}

/// One step of an `augment` list, written as a mapping with one key.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AugmentSpec {
    /// Subtract the mean and divide by the deviation of each channel of the training split; also in evaluation.
    Normalize(Normalize),
    /// Mirror each image with probability 0.5.
    Flip(Flip),
    /// Rotate by an angle drawn from +-fraction of a full turn, bilinear, reflected border.
    Rotate(f64),
    /// Resize the width by one factor a batch from 1 +- fraction, bilinear.
    RandomWidth(f64),
    /// Resize the height by one factor a batch from 1 +- fraction, bilinear.
    RandomHeight(f64),
}

/// Statistics that `normalize` uses.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Normalize {
    /// Mean and population variance of each channel over the training split.
    PerChannel,
}

/// Axis that `flip` mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flip {
    /// Left to right.
    Horizontal,
}

/// The `encoder` section.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum EncoderSpec {
    /// ResNet50V2 as Keras builds it (He et al. 2016, pre-activation; `keras/applications/resnet_v2.py`).
    #[serde(rename = "resnet50_v2")]
    Resnet50V2 {},
    /// CIFAR ResNet of He et al. 2015, section 4.2: three stages of `blocks` basic blocks.
    ResnetCifar {
        /// Basic blocks a stage; the depth is 6 * blocks + 2.
        blocks: Option<usize>,
        /// Channels of the first stage; 16 in the paper.
        width: Option<usize>,
    },
}

/// One phase of training.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseSpec {
    /// Passes over the training split.
    pub epochs: usize,
    /// Images a step; the last, smaller batch of an epoch is kept.
    pub batch_size: usize,
    /// Replaces the top-level list for this phase.
    pub augment: Option<Vec<AugmentSpec>>,
    /// Layers between the encoder's features and the loss.
    pub head: HeadSpec,
    /// The objective.
    pub loss: LossSpec,
    /// Parts that are not trained in this phase (`encoder`).
    #[serde(default)]
    pub freeze: Vec<String>,
    /// The update rule.
    pub optimizer: OptimizerSpec,
    /// Numbers in which the network multiplies.
    pub precision: Option<Precision>,
}

/// Numbers in which a network multiplies; weights, statistics and sums are f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// The upper 16 bits of it.
    Bf16,
}

impl Precision {
    /// Whether it is the one of a phase that names none.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The `head` of a phase.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum HeadSpec {
    /// Dense layers whose output is the embedding.
    Projection {
        /// Outputs of each layer; the last is the embedding's length.
        widths: Vec<usize>,
        /// After every layer, the last one too.
        activation: Option<Activation>,
    },
    /// Dropout, hidden dense layers with ReLU, one logit a class.
    Classifier {
        /// Outputs of the hidden layers.
        hidden: Option<Vec<usize>>,
        /// Probability in 0..1, before every dense layer.
        dropout: Option<f64>,
    },
}

/// Activation after each layer of a projection.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(x, 0).
    Relu,
    /// The identity.
    Linear,
}

/// The `loss` of a phase.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum LossSpec {
    /// The Keras example's contrastive loss: n-pairs with the anchor itself as a positive.
    Npairs {
        /// Divides the cosine similarities; at least 1e-3.
        temperature: Option<f64>,
    },
    /// Softmax cross-entropy with integer labels.
    CrossEntropy {},
}

/// The `optimizer` of a phase.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
pub enum OptimizerSpec {
    /// Adam (Kingma & Ba 2015) with Keras' epsilon-hat formula.
    Adam {
        /// Step size.
        learning_rate: Option<f64>,
        /// Decay of the first moment.
        beta_1: Option<f64>,
        /// Decay of the second moment.
        beta_2: Option<f64>,
        /// Added to the root of the second moment.
        epsilon: Option<f64>,
    },
}

/// One line of `expect`: `value` with `tolerance`, or a bound, on the mean over seeds.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectSpec {
    /// `<split>_<metric>` of the last phase, or `<phase>.<split>_<metric>`; the last epoch counts.
    pub metric: String,
    /// Published figure.
    pub value: Option<f64>,
    /// Largest distance of our mean from `value`.
    pub tolerance: Option<f64>,
    /// Smallest acceptable mean.
    pub min: Option<f64>,
    /// Largest acceptable mean.
    pub max: Option<f64>,
    /// Where the figure was published.
    pub source: Option<String>,
}

/// Curves of another program, drawn beside ours in the report.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceSpec {
    /// Legend text.
    pub label: String,
    /// CSV with the columns `run,phase,epoch,split,metric,value`.
    pub file: PathBuf,
    /// Where the figures come from.
    pub source: Option<String>,
}
