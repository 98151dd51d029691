//! How parts of a plan are called wherever a person reads of them.

use super::{
    AugmentPlan, DataPlan, EncoderPlan, HeadPlan, LossPlan, OptimizerPlan, PhasePlan, Precision,
    SourcePlan, Subset,
};
use crate::spec::Activation;
use std::fmt;

/// A count with its noun: `1 run`, `3 runs`.
#[must_use]
pub fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A count with a comma every three digits.
#[must_use]
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl SourcePlan {
    /// The set's name, as in a spec.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cifar10 => "cifar10",
            Self::ImageFolder { .. } => "image_folder",
            Self::Shapes { .. } => "shapes",
        }
    }
}

impl fmt::Display for DataPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source.name())?;
        match &self.source {
            SourcePlan::Cifar10 => {}
            SourcePlan::ImageFolder { image_size } => write!(f, " at {image_size}x{image_size}")?,
            SourcePlan::Shapes {
                train_size,
                test_size,
            } => {
                let (train, test) = (grouped(*train_size), grouped(*test_size));
                write!(f, ", {train} training and {test} test images")?;
            }
        }
        if let Some(limit) = self.train_limit {
            let which = match self.train_subset {
                Subset::Balanced => "",
                Subset::First => " (the first ones)",
            };
            write!(f, ", {} of the training images{which}", grouped(limit))?;
        }
        if self.validation > 0.0 {
            write!(f, ", fraction {} held out for validation", self.validation)?;
        }
        Ok(())
    }
}

impl fmt::Display for EncoderPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resnet50V2 => f.write_str("resnet50_v2"),
            Self::ResnetCifar { blocks, width } => {
                let depth = 6 * blocks + 2;
                write!(f, "resnet_cifar of depth {depth}, width {width}")
            }
        }
    }
}

impl fmt::Display for AugmentPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NormalizePerChannel => f.write_str("normalize per channel"),
            Self::FlipHorizontal => f.write_str("flip"),
            Self::Rotate(fraction) => write!(f, "rotate {fraction}"),
            Self::RandomWidth(fraction) => write!(f, "random_width {fraction}"),
            Self::RandomHeight(fraction) => write!(f, "random_height {fraction}"),
        }
    }
}

impl fmt::Display for HeadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Projection { widths, activation } => {
                let activation = match activation {
                    Activation::Relu => "relu",
                    Activation::Linear => "linear",
                };
                write!(f, "{activation} projection {widths:?}")
            }
            Self::Classifier { hidden, dropout } => {
                write!(f, "classifier {hidden:?} with dropout {dropout}")
            }
        }
    }
}

impl fmt::Display for LossPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Npairs { temperature } => write!(f, "npairs at temperature {temperature}"),
            Self::CrossEntropy => f.write_str("cross_entropy"),
        }
    }
}

impl fmt::Display for OptimizerPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // `Debug` writes 1e-7 as such.
            Self::Adam {
                learning_rate,
                beta_1,
                beta_2,
                epsilon,
            } => write!(
                f,
                "adam at {learning_rate:?}, beta_1 {beta_1:?}, beta_2 {beta_2:?}, epsilon {epsilon:?}"
            ),
        }
    }
}

impl PhasePlan {
    /// What is said of its precision behind other words, nothing of the default.
    #[must_use]
    pub const fn products(&self) -> &'static str {
        match self.precision {
            Precision::F32 => "",
            Precision::Bf16 => ", products in bf16",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            ["7", "265", "1,000", "23,519,360"],
            [7, 265, 1000, 23_519_360]
                .map(grouped)
                .each_ref()
                .map(String::as_str)
        );
    }
}
