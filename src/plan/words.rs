//! How parts of a plan are called wherever a person reads of them.

use super::{AugmentPlan, SourcePlan};
use std::fmt;

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
