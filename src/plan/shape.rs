//! Sizes that follow from a plan alone: features, outputs and parameters. The only judge of them; tests compare it with
//! the networks as they are built.

use super::{EncoderPlan, HeadPlan, SourcePlan};

/// Numbers that an encoder holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// Changed by the optimizer.
    pub trainable: usize,
    /// Moving means and variances of the batch norms.
    pub moving: usize,
}

impl SourcePlan {
    /// Classes of the set; a folder's are only known when it is read.
    #[must_use]
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Cifar10 | Self::Shapes { .. } => Some(10),
            Self::ImageFolder { .. } => None,
        }
    }

    /// Images in the whole training split, if known.
    #[must_use]
    pub fn train_images(&self) -> Option<usize> {
        match self {
            Self::Cifar10 => Some(50_000),
            Self::Shapes { train_size, .. } => Some(*train_size),
            Self::ImageFolder { .. } => None,
        }
    }
}

impl EncoderPlan {
    /// Length of the vector that the encoder makes of an image.
    #[must_use]
    pub fn features(&self) -> usize {
        match self {
            Self::Resnet50V2 => 2048,
            Self::ResnetCifar { width, .. } => 4 * width,
        }
    }

    /// Parameters of the encoder.
    #[must_use]
    pub fn parameters(&self) -> Parameters {
        match self {
            Self::Resnet50V2 => resnet50_v2(),
            Self::ResnetCifar { blocks, width } => resnet_cifar(*blocks, *width),
        }
    }
}

impl HeadPlan {
    /// Length of the vector that the loss sees.
    #[must_use]
    pub fn outputs(&self, classes: usize) -> usize {
        match self {
            Self::Projection { widths, .. } => widths.last().copied().unwrap_or_default(),
            Self::Classifier { .. } => classes,
        }
    }

    /// Weights and biases of the dense layers, all trainable.
    #[must_use]
    pub fn parameters(&self, features: usize, classes: usize) -> usize {
        let (mut inputs, mut sum) = (features, 0);
        let hidden = match self {
            Self::Projection { widths, .. } => widths,
            Self::Classifier { hidden, .. } => hidden,
        };
        let last = matches!(self, Self::Classifier { .. }).then_some(classes);
        for outputs in hidden.iter().copied().chain(last) {
            sum += (inputs + 1) * outputs;
            inputs = outputs;
        }
        sum
    }
}

/// Running sums over the layers of a network.
#[derive(Default)]
struct Sum {
    trainable: usize,
    moving: usize,
}

impl Sum {
    fn conv(&mut self, kernel: usize, inputs: usize, outputs: usize, bias: bool) {
        self.trainable += kernel * kernel * inputs * outputs + if bias { outputs } else { 0 };
    }

    fn batch_norm(&mut self, channels: usize) {
        self.trainable += 2 * channels;
        self.moving += 2 * channels;
    }

    fn parameters(self) -> Parameters {
        Parameters {
            trainable: self.trainable,
            moving: self.moving,
        }
    }
}

/// `keras/applications/resnet_v2.py` and `resnet.py` at v2.15.0, `block2` and `stack2`.
fn resnet50_v2() -> Parameters {
    let mut sum = Sum::default();
    sum.conv(7, 3, 64, true);
    let mut channels = 64;
    for (filters, blocks) in [(64, 3), (128, 4), (256, 6), (512, 3)] {
        for block in 0..blocks {
            sum.batch_norm(channels);
            if block == 0 {
                sum.conv(1, channels, 4 * filters, true);
            }
            sum.conv(1, channels, filters, false);
            sum.batch_norm(filters);
            sum.conv(3, filters, filters, false);
            sum.batch_norm(filters);
            sum.conv(1, filters, 4 * filters, true);
            channels = 4 * filters;
        }
    }
    sum.batch_norm(channels);
    sum.parameters()
}

/// He et al. 2015, section 4.2, shortcuts of option A: no parameters.
fn resnet_cifar(blocks: usize, width: usize) -> Parameters {
    let mut sum = Sum::default();
    sum.conv(3, 3, width, false);
    sum.batch_norm(width);
    let mut channels = width;
    for stage in [width, 2 * width, 4 * width] {
        for _ in 0..blocks {
            sum.conv(3, channels, stage, false);
            sum.batch_norm(stage);
            sum.conv(3, stage, stage, false);
            sum.batch_norm(stage);
            channels = stage;
        }
    }
    sum.parameters()
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
