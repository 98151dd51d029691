//! A batch works on the specs as they were when it began, and a complete run keeps its images. Says so where specs or places
//! mean something else by now.

use crate::data;
use crate::plan::{self, RunPlan, counted};
use crate::record::{RunDir, plan_and_status};
use crate::runner::{Ended, Fate};
use crate::spec::Overrides;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// One line, if complete runs were trained on images from another place than the one that is named now.
pub(super) fn other_images(ended: &[Ended], data_dir: Option<&PathBuf>) -> Option<String> {
    let mut others = ended.iter().filter_map(|run| {
        let complete = matches!(run.fate, Fate::Skipped);
        let dir = RunDir::open(&run.path).ok().filter(|_| complete)?;
        let (plan, status) = plan_and_status(&dir).ok()?;
        let then = status?.data_place?;
        let now = data::place(&plan.data, data_dir.cloned())?;
        (then != now).then_some((run, then, now))
    });
    let (first, then, now) = others.next()?;
    let count = counted(1 + others.count(), "complete run");
    Some(format!(
        "note: {count} (first `{}`) took their images from {}, and now {} is named: if those are others, give another \
         `--results`, or remove the runs with `supcon rm`",
        first.run,
        then.display(),
        now.display()
    ))
}

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
