//! The files of one run as its manifest confirms them: the one way by which readers get at plan, status and tables. Hash
//! before parse: of a finished run no parser sees a byte that differs from what was recorded.

use super::manifest::Manifest;
use super::run_dir::{PLAN, STATUS};
use super::{RecordError, RunDir, Status, decode_status};
use crate::plan::RunPlan;
use std::fmt::Display;

/// A run's files, each confirmed by the manifest where there is one.
pub(super) struct Files<'a> {
    dir: &'a RunDir,
    manifest: Option<Manifest>,
}

impl<'a> Files<'a> {
    /// The files of a run, finished or not.
    ///
    /// # Errors
    /// There is a manifest and it cannot be read.
    pub(super) fn of(dir: &'a RunDir) -> Result<Self, RecordError> {
        let manifest = dir.manifest()?;
        Ok(Self { dir, manifest })
    }

    /// Whether there is a manifest.
    pub(super) const fn is_finished(&self) -> bool {
        self.manifest.is_some()
    }

    /// The bytes of a file, `None` if an unfinished run has none of this name.
    ///
    /// # Errors
    /// The disk refused, or the file is not what the manifest says.
    pub(super) fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, RecordError> {
        let bytes = self.dir.read(name)?;
        let entry = self
            .manifest
            .as_ref()
            .and_then(|found| found.files.get(name));
        match entry.and_then(|entry| entry.problem(bytes.as_deref())) {
            Some(problem) => Err(self.dir.damaged(name, &problem)),
            None => Ok(bytes),
        }
    }

    /// What a parser makes of a file.
    ///
    /// # Errors
    /// As `bytes`, or the parser refused.
    pub(super) fn parsed<T, E: Display>(
        &self,
        name: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<Option<T>, RecordError> {
        let parsed = self.bytes(name)?.map(|bytes| parse(&bytes)).transpose();
        parsed.map_err(|error| self.dir.damaged(name, &error.to_string()))
    }

    /// The plan.
    ///
    /// # Errors
    /// There is none, or none that can be trusted.
    pub(super) fn plan(&self) -> Result<RunPlan, RecordError> {
        let plan = self.parsed(PLAN, super::survey::decode_plan)?;
        plan.ok_or_else(|| self.dir.damaged(PLAN, "the file is missing"))
    }

    /// The status, `None` before the first one.
    ///
    /// # Errors
    /// There is one that cannot be trusted.
    pub(super) fn status(&self) -> Result<Option<Status>, RecordError> {
        self.parsed(STATUS, decode_status)
    }
}
