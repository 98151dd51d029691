//! A run folder read back. The files of a finished run are hashed before any parser sees them; the figures of another one
//! are those of its newest checkpoint, which have a hash too.

use super::files::Files;
use super::metrics::decode_metrics;
use super::predictions::decode_predictions;
use super::run_dir::{METRICS, PREDICTIONS};
use super::{MetricRow, PredictionRow, RecordError, RunDir, State, Status};
use crate::plan::RunPlan;
use std::path::Path;

/// Everything that a report needs of one run.
#[derive(Clone, Debug)]
pub struct RunRecord {
    /// Where it lies.
    pub dir: RunDir,
    /// What was to be done.
    pub plan: RunPlan,
    /// How far it got.
    pub status: Status,
    /// Its figures; none if it did not get that far.
    pub metrics: Vec<MetricRow>,
    /// The finished model's answers; none if it did not get that far.
    pub predictions: Vec<PredictionRow>,
}

/// Reads the run at `path`, finished or not.
///
/// # Errors
/// A file that is missing from a finished run, differs from its hash, or does not parse.
pub fn load(path: &Path) -> Result<RunRecord, RecordError> {
    let dir = RunDir::open(path)?;
    let files = Files::of(&dir)?;
    let plan = files.plan()?;
    let status = status_in(&files)?;
    let (metrics, predictions) = if files.is_finished() {
        let metrics = |bytes: &[u8]| decode_metrics(&plan.run_id, bytes);
        let metrics = files.parsed(METRICS, metrics)?;
        (metrics, files.parsed(PREDICTIONS, decode_predictions)?)
    } else {
        // Nothing confirms the tables beside the checkpoints.
        (dir.checkpoint_rows(), None)
    };
    Ok(RunRecord {
        plan,
        status,
        metrics: metrics.unwrap_or_default(),
        predictions: predictions.unwrap_or_default(),
        dir,
    })
}

/// How far a run got, as far as that is recorded.
///
/// # Errors
/// Its status cannot be trusted, or the disk refused.
pub fn recorded_status(dir: &RunDir) -> Result<Status, RecordError> {
    status_in(&Files::of(dir)?)
}

fn status_in(files: &Files) -> Result<Status, RecordError> {
    let mut status = files.status()?.unwrap_or_else(unstarted);
    // The manifest is what makes a run done; without it the process was killed before the last write.
    if !files.is_finished() && status.state == State::Done {
        status.state = State::Running;
    }
    Ok(status)
}

/// What a run that was killed between its plan and its first status has to say.
fn unstarted() -> Status {
    Status {
        state: State::Running,
        code: None,
        cause: None,
        device: String::new(),
        threads: 0,
        version: String::new(),
        class_names: Vec::new(),
        data_hash: String::new(),
        encoder_parameters: 0,
        wall_secs: 0.0,
        images_per_sec: Vec::new(),
        data_place: None,
        data_files: None,
        shared_phases: Vec::new(),
        backends: Vec::new(),
        started_at: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{metric_rows, plan, prediction_rows, status};
    use super::super::{PLAN, STATUS};
    use super::*;
    use std::fs;

    fn finished(folder: &Path) -> RunDir {
        let plan = plan("supcon", 1);
        let dir = RunDir::create(folder, &plan.run_id).unwrap();
        dir.write_plan(&plan).unwrap();
        dir.write_status(&status(State::Done)).unwrap();
        dir.write_metrics(&metric_rows(&plan, 0.7)).unwrap();
        dir.write_predictions(&prediction_rows(1, 100)).unwrap();
        dir.write_model(&[], &std::collections::BTreeMap::new())
            .unwrap();
        dir.log("one").unwrap();
        dir.finish().unwrap();
        dir
    }

    #[test]
    fn a_finished_run_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let dir = finished(folder.path());
        dir.log("a diary may grow after the end").unwrap();
        assert!(dir.is_done());
        assert_eq!(dir.verify().unwrap(), Vec::<String>::new());
        let record = load(dir.path()).unwrap();
        assert_eq!(record.plan, plan("supcon", 1));
        assert_eq!(record.status, status(State::Done));
        assert_eq!(record.metrics, metric_rows(&record.plan, 0.7));
        assert_eq!(record.predictions, prediction_rows(1, 100));
        assert_eq!(RunDir::list(folder.path()), [dir]);
    }

    #[test]
    fn the_plan_is_yaml_without_tags() {
        let folder = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(finished(folder.path()).file(PLAN)).unwrap();
        assert!(!text.contains('!'), "{text}");
        assert!(text.contains("rotate: 0.02"), "{text}");
    }

    #[test]
    fn one_changed_byte_is_found_before_any_parser_sees_it() {
        for name in [PLAN, STATUS, METRICS, PREDICTIONS] {
            let folder = tempfile::tempdir().unwrap();
            let dir = finished(folder.path());
            let mut bytes = fs::read(dir.file(name)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(dir.file(name), bytes).unwrap();
            assert!(dir.is_done(), "the length is the same");
            let problem = "its content differs from the hash in its manifest";
            assert_eq!(dir.verify().unwrap(), [format!("{name}: {problem}")]);
            let error = load(dir.path()).unwrap_err();
            assert_eq!(error.exit_code(), 4);
            let text = error.to_string();
            assert!(
                text.contains(&dir.run_id()) && text.contains(name),
                "{text}"
            );
        }
    }

    #[test]
    fn a_short_or_missing_file_means_not_done() {
        let folder = tempfile::tempdir().unwrap();
        let dir = finished(folder.path());
        let bytes = fs::read(dir.file(METRICS)).unwrap();
        fs::write(dir.file(METRICS), &bytes[1..]).unwrap();
        assert!(!dir.is_done());
        fs::remove_file(dir.file(METRICS)).unwrap();
        assert!(!dir.is_done());
        assert_eq!(
            dir.verify().unwrap(),
            ["metrics.parquet: the file is missing"]
        );
        assert!(load(dir.path()).is_err());
    }

    #[test]
    fn a_run_that_was_killed_early_loads_as_running() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan("supcon", 1);
        let dir = RunDir::create(folder.path(), &plan.run_id).unwrap();
        dir.write_plan(&plan).unwrap();
        let record = load(dir.path()).unwrap();
        assert_eq!(record.status.state, State::Running);
        assert!(record.metrics.is_empty() && !dir.is_done());
    }

    #[test]
    fn tables_that_nothing_confirms_are_not_parsed() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan("supcon", 1);
        let dir = RunDir::create(folder.path(), &plan.run_id).unwrap();
        dir.write_plan(&plan).unwrap();
        dir.write_metrics(&metric_rows(&plan, 0.7)).unwrap();
        dir.write_predictions(&prediction_rows(1, 30)).unwrap();
        let record = load(dir.path()).unwrap();
        assert!(record.metrics.is_empty() && record.predictions.is_empty());
        fs::write(dir.file(METRICS), "no table").unwrap();
        load(dir.path()).unwrap();
    }

    #[test]
    fn without_a_manifest_no_run_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let dir = finished(folder.path());
        fs::remove_file(dir.file(super::super::MANIFEST)).unwrap();
        assert_eq!(load(dir.path()).unwrap().status.state, State::Running);
    }

    #[test]
    fn a_folder_without_a_plan_is_no_run() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(load(folder.path()).unwrap_err().exit_code(), 4);
        assert_eq!(RunDir::list(folder.path()), []);
        assert_eq!(RunDir::list(&folder.path().join("absent")), []);
    }
}
