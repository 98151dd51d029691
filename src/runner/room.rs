//! Room on the disk of a run: what it lacks before its first step, and what to do where a write was refused.

use super::resume::Origin;
use crate::data::Dataset;
use crate::disk::free_bytes;
use crate::plan::RunPlan;
use crate::record::{RecordError, RunDir};

/// An error of the disk, with what is needed and what to do.
pub(super) fn explain(plan: &RunPlan, error: &RecordError) -> String {
    if !matches!(error, RecordError::Write { .. }) {
        return error.to_string();
    }
    let needed = plan.working_bytes(plan.data.source.image_size());
    format!(
        "{error}; the run takes up to {} MB there. What was committed is kept: mend that and give the same command again",
        needed.div_ceil(1_000_000)
    )
}

/// Says what a run lacks on its disk, `None` if there is enough for what is not there yet: a run that goes on has its
/// checkpoints, and a phase that is stored is not stored again.
pub(super) fn lacks(
    dir: &RunDir,
    plan: &RunPlan,
    data: &Dataset,
    origin: &Origin,
) -> Option<String> {
    let all = plan.working_bytes([data.train.height, data.train.width]);
    let shared = 0..plan.phases.len().saturating_sub(1);
    let stored = shared.map(|phase| dir.stored_phase_bytes(&origin.key(plan, phase)));
    let held = dir.checkpoint_bytes() + stored.sum::<u64>();
    let free = free_bytes(dir.path()).ok()?;
    let needed = missing((all, held), free)?;
    Some(format!(
        "the run needs up to {} MB on the disk of {}, {} MB are free",
        needed.div_ceil(1_000_000),
        dir.path().display(),
        free / 1_000_000
    ))
}

/// Bytes that are still to be written, if they are more than what is free.
fn missing((all, held): (u64, u64), free: u64) -> Option<u64> {
    let needed = all.saturating_sub(held);
    (free < needed).then_some(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_holds_already_is_not_needed_once_more() {
        assert_eq!(missing((100, 0), 99), Some(100));
        assert_eq!(missing((100, 60), 40), None);
        assert_eq!(missing((100, 60), 39), Some(40));
        assert_eq!(missing((100, 200), 0), None);
    }
}
