//! What stands before each file operation: an open gate in normal use, one behind which an operation fails or the process
//! dies, or one that keeps what passes.

use super::fault::{Fault, FaultKind};
use std::fmt;
use std::io;
use std::panic::Location;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) enum Gate {
    Open,
    Faulty {
        fault: Fault,
        passed: AtomicU64,
    },
    /// Each operation with the line of the code that asked for it.
    Recording(Mutex<Vec<(Operation, &'static Location<'static>)>>),
}

/// One operation, as the recording gate keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A folder is made; its parent exists.
    CreateFolder(PathBuf),
    /// A file is made, or emptied.
    Create(PathBuf),
    /// Bytes at the end of a file that was just made.
    Write(PathBuf, Vec<u8>),
    /// Bytes at the end of a file that grows: a diary, or what came of a download.
    Append(PathBuf, Vec<u8>),
    /// Bytes over the beginning of a file: the name of a lease's holder.
    Overwrite(PathBuf, Vec<u8>),
    /// What was written to the file is on the medium.
    SyncFile(PathBuf),
    /// The names in the folder are on the medium.
    SyncFolder(PathBuf),
    /// A file or folder gets another name; what had it is gone.
    Rename(PathBuf, PathBuf),
    /// Two files or folders change names.
    Exchange(PathBuf, PathBuf),
    /// A file's name is gone.
    RemoveFile(PathBuf),
    /// An empty folder's name is gone.
    RemoveFolder(PathBuf),
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, path) = match self {
            Self::CreateFolder(path) => ("create folder", path),
            Self::Create(path) => ("create", path),
            Self::Write(path, _) => ("write", path),
            Self::Append(path, _) => ("append", path),
            Self::Overwrite(path, _) => ("overwrite", path),
            Self::SyncFile(path) => ("sync", path),
            Self::SyncFolder(path) => ("sync folder", path),
            Self::Rename(_, path) => ("rename to", path),
            Self::Exchange(_, path) => ("exchange with", path),
            Self::RemoveFile(path) => ("remove", path),
            Self::RemoveFolder(path) => ("remove folder", path),
        };
        write!(f, "{what} {}", path.display())
    }
}

impl Gate {
    /// Lets an operation through and keeps it, or makes its fault happen.
    #[track_caller]
    pub(super) fn pass(&self, operation: impl Fn() -> Operation) -> io::Result<()> {
        self.admit(&operation)?;
        self.note(operation);
        Ok(())
    }

    /// Lets an operation through, or makes its fault happen.
    pub(super) fn admit(&self, operation: impl Fn() -> Operation) -> io::Result<()> {
        let Some(kind) = self.due() else {
            return Ok(());
        };
        let operation = operation();
        let removes = matches!(
            operation,
            Operation::RemoveFile(_) | Operation::RemoveFolder(_)
        );
        if removes && kind != FaultKind::Kill {
            return Ok(());
        }
        Err(kind.happen(&operation))
    }

    /// Counts an operation; the fault, if it is this one's turn. Errors go on from their first time.
    pub(super) fn due(&self) -> Option<FaultKind> {
        let Self::Faulty { fault, passed } = self else {
            return None;
        };
        let number = passed.fetch_add(1, Ordering::Relaxed) + 1;
        let due = match fault.kind {
            FaultKind::Kill | FaultKind::Once => number == fault.at,
            FaultKind::Error(_) => number >= fault.at,
        };
        due.then_some(fault.kind)
    }

    #[track_caller]
    pub(super) fn note(&self, operation: impl Fn() -> Operation) {
        if let Self::Recording(list) = self
            && let Ok(mut list) = list.lock()
        {
            list.push((operation(), Location::caller()));
        }
    }
}
