//! The file operations of a record, in the one place where they reach the system. A gate stands before each of them: open
//! in normal use, failing or killing at the n-th operation, or recording what passes, so that a kill, a full disk and a
//! power cut can be tried at every single operation.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Where the operations of a record go. Clones share one gate.
#[derive(Clone, Debug)]
pub struct Disk(Arc<Gate>);

#[derive(Debug)]
enum Gate {
    Open,
    Faulty { fault: Fault, passed: AtomicU64 },
    Recording(Mutex<Vec<Operation>>),
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
    /// Bytes at the end of a diary.
    Append(PathBuf, Vec<u8>),
    /// What was written to the file is on the medium.
    SyncFile(PathBuf),
    /// The names in the folder are on the medium.
    SyncFolder(PathBuf),
    /// A file or folder gets another name; what had it is gone.
    Rename(PathBuf, PathBuf),
    /// A file's name is gone.
    RemoveFile(PathBuf),
    /// An empty folder's name is gone.
    RemoveFolder(PathBuf),
}

/// Bytes that this user may still write to the file system of `path`.
///
/// # Errors
/// The system does not say.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let about = rustix::fs::statvfs(path)?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// What goes wrong, and at which operation of this process, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: FaultKind,
    at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FaultKind {
    /// The process dies; a write is half done.
    Kill,
    /// This one operation fails as if the medium had; a write is half done, and what follows works again.
    Once,
    /// From there on nothing can be written, with this error number; a write is half done. Removing still works.
    Error(i32),
}

/// Names of faults, with the error number that they stand for.
const ERRORS: [(&str, i32); 4] = [
    ("full", libc::ENOSPC),
    ("quota", libc::EDQUOT),
    ("io", libc::EIO),
    ("readonly", libc::EROFS),
];

impl Fault {
    /// Reads `kill@12`, `once@3`, `full@3`, `quota@3`, `io@3` or `readonly@3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, at) = text.split_once('@')?;
        let named = ERRORS.iter().find(|(known, _)| *known == name);
        let kind = match named {
            Some((_, number)) => FaultKind::Error(*number),
            None if name == "kill" => FaultKind::Kill,
            None if name == "once" => FaultKind::Once,
            None => return None,
        };
        let at = at.parse().ok()?;
        Some(Self { kind, at })
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::real()
    }
}

impl Disk {
    /// The system itself.
    #[must_use]
    pub fn real() -> Self {
        Self(Arc::new(Gate::Open))
    }

    /// The system, with a fault.
    #[must_use]
    pub fn faulty(fault: Fault) -> Self {
        let passed = AtomicU64::new(0);
        Self(Arc::new(Gate::Faulty { fault, passed }))
    }

    /// The system, with a record of what was asked of it.
    #[must_use]
    pub fn recording() -> Self {
        Self(Arc::new(Gate::Recording(Mutex::default())))
    }

    /// The disk of a process of this kind: real, unless `SUPCON_FAULT` (`worker:kill@12`) asks for a fault in it. This is
    /// how `supcon selftest` and the suite try what a kill or a full disk does.
    #[must_use]
    pub fn of(process: &str) -> Self {
        let fault = std::env::var("SUPCON_FAULT").ok();
        let fault = fault.as_deref().and_then(|text| text.split_once(':'));
        let fault = fault.filter(|(who, _)| *who == process);
        fault
            .and_then(|(_, fault)| Fault::parse(fault))
            .map_or_else(Self::real, Self::faulty)
    }

    /// The operations so far of a recording disk; none of another one.
    #[must_use]
    pub fn recorded(&self) -> Vec<Operation> {
        match &*self.0 {
            Gate::Recording(list) => list.lock().map(|list| list.clone()).unwrap_or_default(),
            Gate::Open | Gate::Faulty { .. } => Vec::new(),
        }
    }

    /// Makes one folder unless it is there; its parent must exist.
    pub(super) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.pass(|| Operation::CreateFolder(path.to_owned()))?;
        match fs::create_dir(path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    /// Makes or empties a file, writes all of it, and waits until it is on the medium.
    pub(super) fn write_and_sync(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.pass(|| Operation::Create(path.to_owned()))?;
        let mut file = File::create(path)?;
        self.write(&mut file, bytes, || {
            Operation::Write(path.to_owned(), bytes.to_vec())
        })?;
        self.pass(|| Operation::SyncFile(path.to_owned()))?;
        file.sync_all()
    }

    /// Adds to a diary.
    pub(super) fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        self.write(&mut file, bytes, || {
            Operation::Append(path.to_owned(), bytes.to_vec())
        })
    }

    /// Gives a file or folder the name `to`.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass(|| Operation::Rename(from.to_owned(), to.to_owned()))?;
        fs::rename(from, to)
    }

    /// Makes renames, new names and removals in `folder` survive a power cut.
    pub(super) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.pass(|| Operation::SyncFolder(folder.to_owned()))?;
        File::open(folder)?.sync_all()
    }

    /// Removes a file; it may be absent.
    pub(super) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.pass(|| Operation::RemoveFile(path.to_owned()))?;
        absent_is_fine(fs::remove_file(path))
    }

    /// Removes a file, or a folder with all that is in it; it may be absent. A link is removed, not followed.
    pub(super) fn remove_all(&self, path: &Path) -> io::Result<()> {
        let is_folder = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            about => about?.is_dir(),
        };
        if !is_folder {
            return self.remove_file(path);
        }
        for entry in fs::read_dir(path)? {
            self.remove_all(&entry?.path())?;
        }
        self.pass(|| Operation::RemoveFolder(path.to_owned()))?;
        absent_is_fine(fs::remove_dir(path))
    }

    fn write(
        &self,
        file: &mut File,
        bytes: &[u8],
        operation: impl Fn() -> Operation,
    ) -> io::Result<()> {
        match self.due() {
            Some(kind) => {
                file.write_all(&bytes[..bytes.len() / 2])?;
                Err(kind.happen())
            }
            None => {
                self.note(operation);
                file.write_all(bytes)
            }
        }
    }

    /// Lets an operation through, or makes its fault happen.
    fn pass(&self, operation: impl Fn() -> Operation) -> io::Result<()> {
        let Some(kind) = self.due() else {
            self.note(operation);
            return Ok(());
        };
        let removes = matches!(
            operation(),
            Operation::RemoveFile(_) | Operation::RemoveFolder(_)
        );
        if removes && kind != FaultKind::Kill {
            return Ok(());
        }
        Err(kind.happen())
    }

    /// Counts an operation; the fault, if it is this one's turn. Errors go on from their first time.
    fn due(&self) -> Option<FaultKind> {
        let Gate::Faulty { fault, passed } = &*self.0 else {
            return None;
        };
        let number = passed.fetch_add(1, Ordering::Relaxed) + 1;
        let due = match fault.kind {
            FaultKind::Kill | FaultKind::Once => number == fault.at,
            FaultKind::Error(_) => number >= fault.at,
        };
        due.then_some(fault.kind)
    }

    fn note(&self, operation: impl Fn() -> Operation) {
        if let Gate::Recording(list) = &*self.0
            && let Ok(mut list) = list.lock()
        {
            list.push(operation());
        }
    }
}

impl FaultKind {
    fn happen(self) -> io::Error {
        match self {
            Self::Error(number) => io::Error::from_raw_os_error(number),
            Self::Once => io::Error::from_raw_os_error(libc::EIO),
            Self::Kill => {
                let this = rustix::process::getpid();
                // SIGKILL cannot be handled: nothing behind this line runs.
                let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
                io::ErrorKind::Other.into()
            }
        }
    }
}

fn absent_is_fine(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_nonsense_is_none() {
        assert_eq!(
            Fault::parse("quota@3"),
            Some(Fault {
                kind: FaultKind::Error(libc::EDQUOT),
                at: 3
            })
        );
        assert!(Fault::parse("kill@1").is_some());
        for text in ["", "kill", "kill@", "kill@x", "fire@1"] {
            assert_eq!(Fault::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_full_disk_stays_full_but_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, path) = (folder.path().join("kept"), folder.path().join("a"));
        fs::write(&kept, b"x").unwrap();
        let disk = Disk::faulty(Fault::parse("full@2").unwrap());
        for _ in 0..2 {
            let error = disk.write_and_sync(&path, b"four").unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        }
        assert_eq!(fs::read(&path).unwrap(), b"fo");
        disk.remove_file(&kept).unwrap();
        assert!(!kept.exists());
    }

    #[test]
    fn a_recording_disk_tells_every_operation() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::recording();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        disk.write_and_sync(&a, b"one").unwrap();
        disk.rename(&a, &b).unwrap();
        disk.remove_file(&b).unwrap();
        let expected = [
            Operation::Create(a.clone()),
            Operation::Write(a.clone(), b"one".into()),
            Operation::SyncFile(a.clone()),
            Operation::Rename(a, b.clone()),
            Operation::RemoveFile(b),
        ];
        assert_eq!(disk.recorded(), expected);
    }
}
