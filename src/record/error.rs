//! What can go wrong with a record, always with the path, and the exit code that it means.

use crate::disk;
use std::io;
use std::path::{Path, PathBuf};

/// A record that could not be written, or must not be trusted.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The disk refused a write.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The disk refused a read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// File or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A file is missing, differs from its hash, or does not parse.
    #[error("run `{run}` is damaged: {}: {problem}", path.display())]
    Damaged {
        /// Name of the run's folder.
        run: String,
        /// The file.
        path: PathBuf,
        /// One line that says what is wrong.
        problem: String,
    },
    /// Every checkpoint of an unfinished run is damaged.
    #[error(
        "run `{run}` has no sound checkpoint in {}: {}; `--restart` begins it again from nothing",
        path.display(), problems.join("; ")
    )]
    NoCheckpoint {
        /// Name of the run's folder.
        run: String,
        /// Folder of the checkpoints.
        path: PathBuf,
        /// One line for each.
        problems: Vec<String>,
    },
    /// Values that the format cannot hold.
    #[error("cannot encode {}: {problem}", path.display())]
    Encode {
        /// The file that was to be written.
        path: PathBuf,
        /// One line that says what is wrong.
        problem: String,
    },
}

impl RecordError {
    /// Exit code of the process: 7 where the disk refused a write, 4 where results are damaged.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Write { .. } => 7,
            Self::Read { .. }
            | Self::Damaged { .. }
            | Self::NoCheckpoint { .. }
            | Self::Encode { .. } => 4,
        }
    }

    /// Stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Write { .. } if self.is_full() => "DISK-FULL",
            Self::Write { .. } => "DISK-IO",
            Self::NoCheckpoint { .. } => "CKPT-NONE-VALID",
            Self::Read { .. } | Self::Damaged { .. } | Self::Encode { .. } => "STORE-DAMAGED",
        }
    }

    /// The disk or the quota is full: freeing space and running again helps.
    #[must_use]
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Write { source, .. } if disk::is_full(source))
    }

    pub(crate) fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(super) fn encode<E: std::fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        move |problem| Self::Encode {
            path: path.to_owned(),
            problem: problem.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_full_quota_exit_with_7() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let error = RecordError::write(Path::new("a/b"))(kind.into());
            assert_eq!(error.exit_code(), 7);
            assert!(error.is_full());
            assert!(error.to_string().starts_with("cannot write a/b: "));
        }
    }

    #[test]
    fn damage_names_run_and_file_and_exits_with_4() {
        let error = RecordError::Damaged {
            run: "x-s0-1".into(),
            path: "r/x-s0-1/plan.yaml".into(),
            problem: "its hash differs".into(),
        };
        assert_eq!(error.exit_code(), 4);
        let text = "run `x-s0-1` is damaged: r/x-s0-1/plan.yaml: its hash differs";
        assert_eq!(error.to_string(), text);
    }
}
