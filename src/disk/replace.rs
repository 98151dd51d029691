//! The commit rule of a single file and of a folder's name: written beside under a temporary name, synced, renamed, and
//! the folder synced.

use super::Disk;
use super::names::{is_abandoned, temporary_name};
use std::fs;
use std::io;
use std::path::Path;

impl Disk {
    /// Replaces `path` by `bytes` so that a reader sees the old file or the new one, whatever happens.
    ///
    /// # Errors
    /// The first failing operation; the temporary file is gone then and the old file is untouched.
    pub fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.replace_by_parts(path, &[bytes])
    }

    /// The same with bytes that lie in several places.
    ///
    /// # Errors
    /// As `replace`.
    pub fn replace_by_parts(&self, path: &Path, parts: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let temporary = temporary_name(path)?;
        let written = self
            .write_and_sync(&temporary, parts)
            .and_then(|()| self.rename(&temporary, path));
        if let Err(error) = written {
            // The first error is the one to report; a leftover is swept by the next writer of the same name.
            let _ = self.remove_file(&temporary);
            return Err(error);
        }
        self.sync_folder(parent(path))
    }

    /// Creates a folder with its parents and makes their names durable.
    ///
    /// # Errors
    /// The failing operation.
    pub fn create_folders(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            // Whoever made it may have been killed before its name was safe. What we may not open is none of ours.
            let synced = self.sync_folder(parent(path));
            return match synced {
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
                synced => synced,
            };
        }
        self.create_folders(parent(path))?;
        self.create_inside(path)
    }

    /// Creates a folder in one that must be there, and makes its name durable.
    ///
    /// # Errors
    /// The failing operation.
    pub fn create_inside(&self, path: &Path) -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        self.create_folder(path)?;
        self.sync_folder(parent(path))
    }

    /// Removes what processes that are gone have not finished in this folder.
    ///
    /// # Errors
    /// The failing operation.
    pub fn remove_abandoned(&self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if is_abandoned(&path) {
                self.remove_all(&path)?;
            }
        }
        Ok(())
    }
}

/// The folder around a file, also of a name without one.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_file_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        Disk::real().replace(&path, b"one").unwrap();
        Disk::real().replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_rename_removes_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("x"), b"").unwrap();
        assert!(Disk::real().replace(&path, b"one").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_could_not_be_synced_is_not_renamed_and_the_second_try_succeeds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        // Create, write, sync; the rename behind them would have worked.
        for at in 1..=3 {
            Disk::real().replace(&path, b"old").unwrap();
            let fault = crate::disk::Fault::parse(&format!("once@{at}")).unwrap();
            let disk = Disk::faulty(fault);
            assert!(disk.replace(&path, b"new one").is_err(), "{at}");
            assert_eq!(fs::read(&path).unwrap(), b"old", "{at}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "{at}");
            disk.replace(&path, b"new one").unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new one", "{at}");
        }
    }
}
