//! A batch works on the specs as they were when it began, and a complete run keeps its images. Says so where specs or places
//! mean something else by now.

use crate::data;
use crate::plan::{self, RunPlan, counted};
use crate::record::{RunDir, Status, plan_and_status};
use crate::runner::{Ended, Fate};
use crate::spec::Overrides;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A line each, if complete runs were trained on images from another place than the one that is named now, and if the files
/// there are others by now.
pub(super) fn other_images(ended: &[Ended], data_dir: Option<&PathBuf>) -> Vec<String> {
    let (mut elsewhere, mut changed) = (Vec::new(), Vec::new());
    // Many runs have one folder, and it may be large.
    let mut files_now = BTreeMap::new();
    for run in ended.iter().filter(|run| run.fate == Fate::Skipped) {
        let Some((plan, status, now)) = images_of(run, data_dir) else {
            continue;
        };
        if status.data_place.as_ref() != Some(&now) {
            elsewhere.push((run, status.data_place.unwrap_or_default(), now));
            continue;
        }
        let same = (now, plan.data.source.image_size());
        let found = files_now.entry(same.clone());
        let found = found.or_insert_with(|| data::files(&plan.data, data_dir.cloned()));
        if status.data_files.is_some() && *found != status.data_files {
            changed.push((run, same.0));
        }
    }
    let mut notes = Vec::new();
    let begin = |count, run: &Ended| {
        let count = counted(count, "complete run");
        format!("note: {count} (first `{}`) took their images from", run.run)
    };
    let anew = "give another `--results`, or remove the runs with `supcon rm`";
    if let Some((first, then, now)) = elsewhere.first() {
        notes.push(format!(
            "{} {}, and now {} is named: if those are others, {anew}",
            begin(elsewhere.len(), first),
            then.display(),
            now.display()
        ));
    }
    if let Some((first, place)) = changed.first() {
        notes.push(format!(
            "{} {}, and a path, length or time differs there by now: if the images are others, {anew}",
            begin(changed.len(), first),
            place.display()
        ));
    }
    notes
}

/// What a complete run says of its images, and where they would be looked for now.
fn images_of(run: &Ended, data_dir: Option<&PathBuf>) -> Option<(RunPlan, Status, PathBuf)> {
    let (plan, status) = plan_and_status(&RunDir::open(&run.path).ok()?).ok()?;
    let status = status.filter(|status| status.data_place.is_some())?;
    let now = data::place(&plan.data, data_dir.cloned())?;
    Some((plan, status, now))
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
