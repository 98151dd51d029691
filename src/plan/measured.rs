//! The figures that the phases of a run record: what `expect` may name, and the rows that they take. `src/train` measures
//! them; `tests/compute/costs.rs` compares the two.

use super::{HeadPlan, PhasePlan};

/// Split and metric of a figure.
pub type Figure = (&'static str, &'static str);

impl PhasePlan {
    /// Whether its output is one score a class, which can be compared with labels.
    #[must_use]
    pub const fn classifies(&self) -> bool {
        matches!(self.head, HeadPlan::Classifier { .. })
    }

    /// What it records in each epoch; `validation` says whether images are held out.
    #[must_use]
    pub fn epoch_figures(&self, validation: bool) -> Vec<Figure> {
        let mut figures = vec![("train", "loss")];
        if self.classifies() {
            figures.push(("train", "accuracy"));
            if validation {
                figures.extend([("validation", "loss"), ("validation", "accuracy")]);
            }
        }
        figures
    }

    /// What it records once, if it is the last phase.
    #[must_use]
    pub fn test_figures(&self) -> Vec<Figure> {
        if self.classifies() {
            vec![("test", "loss"), ("test", "accuracy")]
        } else {
            Vec::new()
        }
    }
}
