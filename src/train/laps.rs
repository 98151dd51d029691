//! Where the time of a training step goes.

use serde::Serialize;
use std::time::Instant;

/// Seconds of the parts of one training step. A device that computes behind the program's back is waited for where a number
/// is read: at the end of the loss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StepTimes {
    /// Images of the step.
    pub images: usize,
    /// Until the batch was there.
    pub wait: f64,
    /// Images to the device, encoder, head.
    pub forward: f64,
    /// Loss and its reading, and right answers.
    pub loss: f64,
    /// Gradients.
    pub backward: f64,
    /// Checks that loss and gradients are finite and the embeddings differ.
    pub guards: f64,
    /// The optimizer.
    pub update: f64,
}

impl StepTimes {
    /// Seconds of the whole step.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.parts().iter().map(|(_, secs)| secs).sum()
    }

    /// Name and seconds of each part, in their order.
    #[must_use]
    pub const fn parts(&self) -> [(&'static str, f64); 6] {
        [
            ("wait", self.wait),
            ("forward", self.forward),
            ("loss", self.loss),
            ("backward", self.backward),
            ("guards", self.guards),
            ("update", self.update),
        ]
    }
}

/// A watch that runs through one step.
pub(super) struct Laps {
    last: Instant,
    pub(super) times: StepTimes,
}

impl Laps {
    pub(super) fn begin() -> Self {
        Self {
            last: Instant::now(),
            times: StepTimes::default(),
        }
    }

    /// Ends a part: adds the time since the last end to the part that `of` names.
    pub(super) fn end(&mut self, of: impl FnOnce(&mut StepTimes) -> &mut f64) {
        let now = Instant::now();
        *of(&mut self.times) += (now - self.last).as_secs_f64();
        self.last = now;
    }
}
