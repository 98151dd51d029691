//! The file operations of records, downloads and caches, in the one place where they reach the system. A gate stands
//! before each of them (`gate`), so that a kill, a full disk and a power cut can be tried at every single operation.

mod fault;
mod gate;
mod names;
mod replace;

pub use fault::{DEATH, Fault, asked_of, die};
pub use gate::Operation;
pub(crate) use names::{
    aside, host, is_abandoned, is_gone, is_temporary, moved_from, readable, temporary_name,
};
pub(crate) use replace::parent;

use gate::Gate;
use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::panic::Location;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// Where file operations go. Clones share one gate.
#[derive(Clone, Debug)]
pub struct Disk {
    gate: Arc<Gate>,
    /// Whether two names may be exchanged, if the file system can.
    exchanges: bool,
}

/// What a file holds, in parts that lie in several places.
pub type Parts<'a> = Vec<Cow<'a, [u8]>>;

/// Bytes that this user may still write to the file system of `path`.
///
/// # Errors
/// The system does not say.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let about = rustix::fs::statvfs(path)?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Whether freeing space and trying again helps: the disk or a quota is full.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl Default for Disk {
    fn default() -> Self {
        Self::real()
    }
}

impl Disk {
    fn behind(gate: Gate) -> Self {
        let (gate, exchanges) = (Arc::new(gate), true);
        Self { gate, exchanges }
    }

    /// The same on a file system that cannot exchange two names.
    #[must_use]
    pub fn without_exchange(self) -> Self {
        let exchanges = false;
        Self { exchanges, ..self }
    }

    /// The system itself.
    #[must_use]
    pub fn real() -> Self {
        Self::behind(Gate::Open)
    }

    /// The system, with a fault.
    #[must_use]
    pub fn faulty(fault: Fault) -> Self {
        let passed = AtomicU64::new(0);
        Self::behind(Gate::Faulty { fault, passed })
    }

    /// The system, with a record of what was asked of it.
    #[must_use]
    pub fn recording() -> Self {
        Self::behind(Gate::Recording(Mutex::default()))
    }

    /// The disk of a process of this kind: real, unless a fault is asked of it.
    #[must_use]
    pub fn of(process: &str) -> Self {
        let asked = asked_of(process);
        let fault = asked.iter().find_map(|text| Fault::parse(text));
        fault.map_or_else(Self::real, Self::faulty)
    }

    /// The operations so far of a recording disk; none of another one.
    #[must_use]
    pub fn recorded(&self) -> Vec<Operation> {
        let recorded = self.recorded_at().into_iter();
        recorded.map(|(operation, _)| operation).collect()
    }

    /// The same, each with the line that asked for it: of a sync, outside this file.
    #[must_use]
    pub fn recorded_at(&self) -> Vec<(Operation, &'static Location<'static>)> {
        match &*self.gate {
            Gate::Recording(list) => list.lock().map(|list| list.clone()).unwrap_or_default(),
            Gate::Open | Gate::Faulty { .. } => Vec::new(),
        }
    }

    /// Makes one folder unless it is there; its parent must exist.
    pub(crate) fn create_folder(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.gate
            .pass(|| Operation::CreateFolder(path.to_owned()))?;
        match fs::create_dir(path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            made => made,
        }
    }

    /// Makes or empties a file, writes these parts of it, and waits until they are on the medium.
    #[track_caller]
    pub(crate) fn write_and_sync(&self, path: &Path, parts: &[impl AsRef<[u8]>]) -> io::Result<()> {
        self.gate.pass(|| Operation::Create(path.to_owned()))?;
        let file = File::create(path)?;
        self.write(&file, parts, |bytes| {
            Operation::Write(path.to_owned(), bytes)
        })?;
        self.gate.pass(|| Operation::SyncFile(path.to_owned()))?;
        file.sync_all()
    }

    /// Waits until what was added to a file is on the medium.
    pub(crate) fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.gate.pass(|| Operation::SyncFile(path.to_owned()))?;
        File::open(path)?.sync_all()
    }

    /// Opens a file that grows at its end, and makes it if it is not there.
    pub(crate) fn open_at_end(&self, path: &Path) -> io::Result<File> {
        if !path.exists() {
            self.gate.pass(|| Operation::Create(path.to_owned()))?;
        }
        OpenOptions::new().create(true).append(true).open(path)
    }

    /// Adds to the end of a file, and makes it if it is not there.
    pub(crate) fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write(&self.open_at_end(path)?, &[bytes], |bytes| {
            Operation::Append(path.to_owned(), bytes)
        })
    }

    /// Opens a file that is to be locked, and makes it if it is not there; says whether it did. A link is not followed.
    pub(crate) fn open_lock(&self, path: &Path) -> io::Result<(File, bool)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
        // In a folder that users share, Linux lets nobody open a file of somebody else's with the wish to make it.
        match options.open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return Ok((opened?, false)),
        }
        self.gate.pass(|| Operation::Create(path.to_owned()))?;
        match options.create_new(true).open(path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Ok((options.create_new(false).open(path)?, false))
            }
            made => Ok((made?, true)),
        }
    }

    /// Writes over the beginning of a file.
    pub(crate) fn overwrite(&self, file: &File, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.write(file, &[bytes], |bytes| {
            Operation::Overwrite(path.to_owned(), bytes)
        })
    }

    /// Gives a file or folder the name `to`.
    pub(crate) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.gate
            .pass(|| Operation::Rename(from.to_owned(), to.to_owned()))?;
        fs::rename(from, to)
    }

    /// Lets two files or folders change names in one step; `Unsupported` where the file system cannot.
    pub(crate) fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        if !self.exchanges {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let operation = || Operation::Exchange(a.to_owned(), b.to_owned());
        self.gate.admit(operation)?;
        exchange(a, b)?;
        self.gate.note(operation);
        Ok(())
    }

    /// Makes renames, new names and removals in `folder` survive a power cut.
    #[track_caller]
    pub(crate) fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.gate
            .pass(|| Operation::SyncFolder(folder.to_owned()))?;
        File::open(folder)?.sync_all()
    }

    /// Removes a file; it may be absent.
    pub(crate) fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.gate.pass(|| Operation::RemoveFile(path.to_owned()))?;
        absent_is_fine(fs::remove_file(path))
    }

    /// Removes a file, or a folder with all that is in it; it may be absent. A link is removed, not followed.
    pub(crate) fn remove_all(&self, path: &Path) -> io::Result<()> {
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
        self.gate
            .pass(|| Operation::RemoveFolder(path.to_owned()))?;
        absent_is_fine(fs::remove_dir(path))
    }

    /// One operation, whatever the number of parts.
    #[track_caller]
    fn write(
        &self,
        mut file: &File,
        parts: &[impl AsRef<[u8]>],
        operation: impl Fn(Vec<u8>) -> Operation,
    ) -> io::Result<()> {
        let whole = || {
            let parts: Vec<&[u8]> = parts.iter().map(AsRef::as_ref).collect();
            parts.concat()
        };
        if let Some(kind) = self.gate.due() {
            let bytes = whole();
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(kind.happen(&operation(bytes)));
        }
        self.gate.note(|| operation(whole()));
        // Short parts go together.
        let mut buffer = BufWriter::new(file);
        let mut parts = parts.iter();
        let written = parts.try_for_each(|part| buffer.write_all(part.as_ref()));
        let written = written.and_then(|()| buffer.flush());
        if written.is_err() {
            // Its end would try once more.
            drop(buffer.into_parts());
        }
        written
    }
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn exchange(a: &Path, b: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
        // The kernel, or this file system, does not know it.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Err(io::ErrorKind::Unsupported.into()),
        done => Ok(done?),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
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
    fn a_full_disk_stays_full_but_lets_go() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, path) = (folder.path().join("kept"), folder.path().join("a"));
        fs::write(&kept, b"x").unwrap();
        let disk = Disk::faulty(Fault::parse("full@2").unwrap());
        for _ in 0..2 {
            let error = disk.write_and_sync(&path, &["f", "our"]).unwrap_err();
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
        disk.write_and_sync(&a, &["o", "", "ne"]).unwrap();
        assert_eq!(fs::read(&a).unwrap(), b"one");
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
