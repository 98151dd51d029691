//! The folder of one run: its files, and how each is written. Reading is in `load.rs`, when a run is done in `finished.rs`.

use super::commit::{file_length, read_file};
use super::lease::{LEASE, Lease, LeaseError};
use super::metrics::encode_metrics;
use super::predictions::encode_predictions;
use super::weights::{NamedTensor, encode_weights};
use super::{MetricRow, PredictionRow, RecordError, Status};
use crate::disk::Disk;
use crate::plan::RunPlan;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The resolved plan.
pub const PLAN: &str = "plan.yaml";
/// How far the run got.
pub const STATUS: &str = "status.json";
/// A diary for people; not a result, so it is in no manifest and may grow later.
pub const LOG: &str = "log.txt";
/// Every figure of the run.
pub const METRICS: &str = "metrics.parquet";
/// The finished model's answers on the test split.
pub const PREDICTIONS: &str = "predictions.parquet";
/// The finished model.
pub const MODEL: &str = "model.safetensors";
/// What a finished run is made of, beside its manifest; the log goes on growing.
pub(super) const RESULTS: [&str; 5] = [PLAN, STATUS, METRICS, PREDICTIONS, MODEL];

/// The folder of one run, and the disk on which it is written.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
    disk: Disk,
}

impl PartialEq for RunDir {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl RunDir {
    /// Creates `results/<run_id>`, or opens it if it is there.
    ///
    /// # Errors
    /// The disk refused.
    pub fn create(results: &Path, run_id: &str) -> Result<Self, RecordError> {
        Self::create_on(&Disk::real(), results, run_id)
    }

    /// As `create`, on this disk.
    ///
    /// # Errors
    /// The disk refused.
    pub fn create_on(disk: &Disk, results: &Path, run_id: &str) -> Result<Self, RecordError> {
        let dir = Self::at(results.join(run_id)).on(disk);
        disk.create_folders(&dir.path)
            .map_err(RecordError::write(&dir.path))?;
        Ok(dir)
    }

    /// The folder at `path`, whatever is there.
    pub(crate) fn at(path: PathBuf) -> Self {
        let disk = Disk::real();
        Self { path, disk }
    }

    /// The same folder, written on this disk.
    #[must_use]
    pub fn on(self, disk: &Disk) -> Self {
        let disk = disk.clone();
        Self { disk, ..self }
    }

    /// The folder at `path`; it must hold a plan.
    ///
    /// # Errors
    /// There is no `plan.yaml`.
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let dir = Self::at(path.to_owned());
        let plan = dir.file(PLAN);
        match file_length(&plan).map_err(RecordError::read(&plan))? {
            Some(_) => Ok(dir),
            None => Err(dir.damaged(PLAN, "the file is missing: this is not the folder of a run")),
        }
    }

    /// All run folders at or below `results`, sorted by path. Hidden folders are skipped, runs are not searched for runs.
    #[must_use]
    pub fn list(results: &Path) -> Vec<Self> {
        let mut dirs = Vec::new();
        let mut walk = WalkDir::new(results).sort_by_file_name().into_iter();
        while let Some(entry) = walk.next() {
            let Ok(entry) = entry else { continue };
            if !entry.file_type().is_dir() {
                continue;
            }
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if entry.path().join(PLAN).is_file() {
                dirs.push(Self::at(entry.into_path()));
                walk.skip_current_dir();
            } else if hidden && entry.depth() > 0 {
                walk.skip_current_dir();
            }
        }
        dirs
    }

    /// Where it is written.
    #[must_use]
    pub const fn disk(&self) -> &Disk {
        &self.disk
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the folder, which is the run's id.
    #[must_use]
    pub fn run_id(&self) -> String {
        self.path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Path of one of the run's files.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes `plan.yaml`.
    ///
    /// # Errors
    /// The disk refused.
    pub fn write_plan(&self, plan: &RunPlan) -> Result<(), RecordError> {
        let mut bytes = Vec::new();
        // Enum variants with a value as one-key mappings instead of YAML tags, which other readers do not know.
        let mut yaml = serde_yaml::Serializer::new(&mut bytes);
        serde_yaml::with::singleton_map_recursive::serialize(plan, &mut yaml)
            .map_err(RecordError::encode(&self.file(PLAN)))?;
        self.write(PLAN, &bytes)
    }

    /// Writes `status.json`.
    ///
    /// # Errors
    /// The disk refused.
    pub fn write_status(&self, status: &Status) -> Result<(), RecordError> {
        let bytes = super::status::encode_status(status);
        self.write(
            STATUS,
            &bytes.map_err(RecordError::encode(&self.file(STATUS)))?,
        )
    }

    /// Writes `metrics.parquet`.
    ///
    /// # Errors
    /// The disk refused.
    pub fn write_metrics(&self, rows: &[MetricRow]) -> Result<(), RecordError> {
        let bytes = encode_metrics(&self.run_id(), rows);
        self.write(
            METRICS,
            &bytes.map_err(RecordError::encode(&self.file(METRICS)))?,
        )
    }

    /// Writes `predictions.parquet`.
    ///
    /// # Errors
    /// The disk refused, or the rows have different numbers of scores.
    pub fn write_predictions(&self, rows: &[PredictionRow]) -> Result<(), RecordError> {
        let bytes = encode_predictions(rows);
        self.write(
            PREDICTIONS,
            &bytes.map_err(RecordError::encode(&self.file(PREDICTIONS)))?,
        )
    }

    /// Writes `model.safetensors`.
    ///
    /// # Errors
    /// The disk refused, or the tensors are inconsistent.
    pub fn write_model(
        &self,
        tensors: &[NamedTensor],
        metadata: &BTreeMap<String, String>,
    ) -> Result<(), RecordError> {
        let path = self.file(MODEL);
        let parts = encode_weights(tensors, metadata).map_err(RecordError::encode(&path))?;
        let replaced = self.disk.replace_by_parts(&path, &parts);
        replaced.map_err(RecordError::write(&path))
    }

    /// Appends a line to `log.txt`.
    ///
    /// # Errors
    /// The disk refused.
    pub fn log(&self, line: &str) -> Result<(), RecordError> {
        let path = self.file(LOG);
        self.disk
            .append(&path, format!("{line}\n").as_bytes())
            .map_err(RecordError::write(&path))
    }

    /// The log, open at its end, for what a worker prints.
    ///
    /// # Errors
    /// The disk refused.
    pub fn open_log(&self) -> Result<File, RecordError> {
        let path = self.file(LOG);
        let log = self.disk.open_at_end(&path);
        log.map_err(RecordError::write(&path))
    }

    /// Takes the right to write here, for `what`.
    ///
    /// # Errors
    /// Another process has it, or the disk refused.
    pub fn lease(&self, what: &str) -> Result<Lease, LeaseError> {
        Lease::take_on(&self.disk, &self.file(LEASE), what)
    }

    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, RecordError> {
        let path = self.file(name);
        read_file(&path).map_err(RecordError::read(&path))
    }

    pub(super) fn damaged(&self, name: &str, problem: &str) -> RecordError {
        let (run, path) = (self.run_id(), self.file(name));
        RecordError::Damaged {
            run,
            path,
            problem: problem.to_owned(),
        }
    }

    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
        let path = self.file(name);
        self.disk
            .replace(&path, bytes)
            .map_err(RecordError::write(&path))
    }
}
