//! Sizes that follow from a plan alone: images, classes, features, outputs and parameters. The sizes of networks are sums
//! of their tables (`layers.rs`).

use super::{DataPlan, EncoderPlan, HeadPlan, Layer, SourcePlan};
use serde::Serialize;

/// Numbers that a network holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Parameters {
    /// Changed by the optimizer.
    pub trainable: usize,
    /// Moving means and variances of the batch norms.
    pub moving: usize,
}

/// Class names of CIFAR-10 in label order, as its `batches.meta.txt` has them.
pub const CIFAR10_CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// Class names of the built-in set in label order, sorted.
pub const SHAPES_CLASSES: [&str; 10] = [
    "arrow", "bar", "crescent", "cross", "disc", "hexagon", "ring", "square", "star", "triangle",
];

/// Side of the images of CIFAR-10 and the built-in set in pixels.
const SIDE: usize = 32;

/// Images of each split as training sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SplitSizes {
    /// What training sees.
    pub train: usize,
    /// Held out of the training split.
    pub validation: usize,
    /// What the finished model is judged on.
    pub test: usize,
}

impl SourcePlan {
    /// Height and width of the images in pixels.
    #[must_use]
    pub fn image_size(&self) -> [usize; 2] {
        match self {
            Self::Cifar10 | Self::Shapes { .. } => [SIDE; 2],
            Self::ImageFolder { image_size } => [*image_size; 2],
        }
    }
}

/// A folder's classes and images are known where it was counted.
impl DataPlan {
    /// Class names in label order, if known.
    #[must_use]
    pub fn class_names(&self) -> Option<Vec<String>> {
        let fixed = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        match self.source {
            SourcePlan::Cifar10 => fixed(&CIFAR10_CLASSES),
            SourcePlan::Shapes { .. } => fixed(&SHAPES_CLASSES),
            SourcePlan::ImageFolder { .. } => Some(self.folder.as_ref()?.class_names.clone()),
        }
    }

    /// Classes of the set, if known.
    #[must_use]
    pub fn classes(&self) -> Option<usize> {
        match self.source {
            SourcePlan::Cifar10 => Some(CIFAR10_CLASSES.len()),
            SourcePlan::Shapes { .. } => Some(SHAPES_CLASSES.len()),
            SourcePlan::ImageFolder { .. } => Some(self.folder.as_ref()?.class_names.len()),
        }
    }

    /// Images in the whole training split, if known.
    #[must_use]
    pub fn all_train_images(&self) -> Option<usize> {
        match self.source {
            SourcePlan::Cifar10 => Some(50_000),
            SourcePlan::Shapes { train_size, .. } => Some(train_size),
            SourcePlan::ImageFolder { .. } => Some(self.folder.as_ref()?.train),
        }
    }

    /// Images in the test split, if known.
    fn test_images(&self) -> Option<usize> {
        match self.source {
            SourcePlan::Cifar10 => Some(10_000),
            SourcePlan::Shapes { test_size, .. } => Some(test_size),
            SourcePlan::ImageFolder { .. } => Some(self.folder.as_ref()?.test),
        }
    }

    /// Images that an epoch sees and images held out, if known; a `train_limit` says it even for a folder.
    fn chosen(&self) -> Option<[usize; 2]> {
        let all = self.train_limit.or(self.all_train_images())?;
        let held_out = (all as f64 * self.validation).round() as usize;
        Some([all.saturating_sub(held_out), held_out])
    }

    /// Images that an epoch sees, if known.
    #[must_use]
    pub fn train_images(&self) -> Option<usize> {
        self.chosen().map(|[train, _]| train)
    }

    /// Images of each split, if known.
    #[must_use]
    pub fn split_sizes(&self) -> Option<SplitSizes> {
        let [train, validation] = self.chosen()?;
        Some(SplitSizes {
            train,
            validation,
            test: self.test_images()?,
        })
    }
}

impl EncoderPlan {
    /// Length of the vector that the encoder makes of an image.
    #[must_use]
    pub fn features(&self) -> usize {
        outputs(&self.layers([SIDE; 2]))
    }

    /// Parameters of the encoder, the same for images of every size.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        Parameters::of(&self.layers([SIDE; 2]))
    }
}

impl HeadPlan {
    /// Length of the vector that the loss sees.
    #[must_use]
    pub fn outputs(&self, classes: usize) -> usize {
        // The outputs of the last layer do not depend on what the first one reads.
        outputs(&self.layers(1, classes))
    }

    /// Weights and biases of the dense layers, all trainable.
    #[must_use]
    pub fn parameters(&self, features: usize, classes: usize) -> usize {
        Parameters::of(&self.layers(features, classes)).trainable
    }
}

impl Parameters {
    /// Sums of a table.
    #[must_use]
    pub fn of(layers: &[Layer]) -> Self {
        Self {
            trainable: layers.iter().map(|layer| layer.parameters).sum(),
            moving: layers.iter().map(|layer| layer.statistics).sum(),
        }
    }
}

/// Length of what the last layer gives.
fn outputs(layers: &[Layer]) -> usize {
    layers
        .last()
        .and_then(|layer| layer.output.last().copied())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Activation;

    #[test]
    fn resnet50_v2_has_the_parameters_that_keras_prints() {
        let expected = Parameters {
            trainable: 23_519_360,
            moving: 45_440,
        };
        assert_eq!(EncoderPlan::Resnet50V2.parameters(), expected);
    }

    #[test]
    fn resnet_20_has_the_papers_quarter_million() {
        let encoder = EncoderPlan::ResnetCifar {
            blocks: 3,
            width: 16,
        };
        assert_eq!(encoder.features(), 64);
        let Parameters { trainable, moving } = encoder.parameters();
        let head = HeadPlan::Classifier {
            hidden: vec![],
            dropout: 0.0,
        }
        .parameters(64, 10);
        // He et al. 2015, table 6: 0.27M.
        assert_eq!(trainable + head, 269_722);
        assert_eq!(moving, 2 * (16 + 6 * (16 + 32 + 64)));
    }

    #[test]
    fn heads_have_the_parameters_that_keras_prints() {
        let projection = HeadPlan::Projection {
            widths: vec![128],
            activation: Activation::Relu,
        };
        let classifier = HeadPlan::Classifier {
            hidden: vec![512],
            dropout: 0.5,
        };
        assert_eq!(projection.parameters(2048, 10), 262_272);
        assert_eq!(classifier.parameters(2048, 10), 1_049_088 + 5_130);
        assert_eq!((projection.outputs(10), classifier.outputs(10)), (128, 10));
    }
}
