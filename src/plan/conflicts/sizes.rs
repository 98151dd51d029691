//! Which batches a training split can fill, and whether its images can be compared. Asked before any work where the split's
//! size is known, and of what was loaded where only the files tell.

use super::super::{LossPlan, PhasePlan};

/// What is known of the images that training sees.
#[derive(Clone, Copy, Debug)]
pub struct Images {
    /// How many there are.
    pub count: usize,
    /// How many classes they have.
    pub classes: usize,
    /// Some class has two of them.
    pub has_pairs: bool,
    /// `validation` has taken its part of the split.
    pub held_out: bool,
}

/// A key of a phase whose value its images cannot serve.
#[derive(Clone, Debug)]
pub struct Misfit {
    /// Key within the phase.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// The same in a few words.
    pub label: &'static str,
    /// One thing to do.
    pub help: String,
}

/// What of a phase cannot work with so many images; only what no number of them would mend if that is not known.
#[must_use]
pub fn misfits(phase: &PhasePlan, images: Option<Images>) -> Vec<Misfit> {
    let compares = match phase.loss {
        LossPlan::Npairs { .. } => true,
        LossPlan::CrossEntropy => false,
    };
    let of = |key, message: String, label, help: &str| Misfit {
        key,
        message,
        label,
        help: help.to_owned(),
    };
    let batch = phase.batch_size;
    if compares && batch < 2 {
        let message = "the loss `npairs` compares images of a batch, and there is only one".into();
        let help = "use a larger batch";
        return vec![of("batch_size", message, "needs at least 2", help)];
    }
    let Some(images) = images else {
        return Vec::new();
    };
    let (count, mut found) = (images.count, Vec::new());
    if batch > count {
        let held_out = if images.held_out {
            " that `validation` leaves"
        } else {
            ""
        };
        let message =
            format!("a batch of {batch} is larger than the {count} training images{held_out}");
        found.push(of(
            "batch_size",
            message,
            "never filled",
            "use a smaller batch",
        ));
    } else if compares && count % batch == 1 {
        let message = format!(
            "the last batch of each epoch holds one of the {count} images, which has none to be compared with"
        );
        let fits = (2..batch).rev().find(|size| count % size != 1);
        let help = format!("use a batch of {}", fits.unwrap_or(2));
        found.push(of("batch_size", message, "one image is left over", &help));
    }
    if compares && !images.has_pairs {
        let message = format!(
            "the loss `npairs` pairs images of a class, and {count} images of {} classes give no pair",
            images.classes
        );
        let help = "use more training images: a few of each class in every batch";
        found.push(of("loss.name", message, "has no positives", help));
    }
    found
}
