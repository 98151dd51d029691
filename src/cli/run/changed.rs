//! A batch works on the specs as they were when it began. Says so where they mean something else by its end.

use crate::cli::store::counted;
use crate::plan::{self, RunPlan};
use crate::spec::Overrides;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// One line, if the same arguments would no longer give the runs that were planned.
pub(super) fn note(
    planned: &[RunPlan],
    paths: &[PathBuf],
    overrides: &Overrides,
) -> Option<String> {
    let begin = "note: the specs were changed while their runs were trained as they had been";
    let Ok(now) = plan::load_runs(paths, overrides) else {
        return Some(format!(
            "{begin}: now they cannot be read (`supcon check` says why)"
        ));
    };
    let ids = |plans: &[RunPlan]| -> BTreeSet<String> {
        plans.iter().map(|plan| plan.run_id.clone()).collect()
    };
    let (before, after) = (ids(planned), ids(&now));
    let new: Vec<&str> = after.difference(&before).map(String::as_str).collect();
    let gone = before.difference(&after).count();
    match (&new[..], gone) {
        ([], 0) => None,
        ([], gone) => Some(format!(
            "{begin}: they no longer name {}",
            counted(gone, "run")
        )),
        ([first, ..], _) => Some(format!(
            "{begin}: the same command now trains {} more, first `{first}`",
            counted(new.len(), "run")
        )),
    }
}
