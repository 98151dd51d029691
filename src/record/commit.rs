//! The one commit rule, of files that belong together: they go into one folder with a manifest, which is written beside
//! under a temporary name, synced, and gets its name in one rename. That of a single file is in `disk/replace.rs`.

use super::confirm;
use super::manifest::{Entry, Manifest};
use crate::disk::{Disk, Parts, aside, moved_from, parent, temporary_name};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

/// Name of the list of a folder's files.
pub const MANIFEST: &str = "MANIFEST.json";

impl Disk {
    /// Makes the folder `path` with these files and their manifest, all of it or nothing, in the place of what has that name.
    /// The old one keeps it until the new one is read back and takes it, and its bytes until the new name is safe.
    ///
    /// # Errors
    /// The first failing operation. Up to the exchange of names what was begun is gone then and the old folder is untouched;
    /// behind it the old one is a leftover.
    pub fn replace_folder(&self, path: &Path, files: &[(&str, Parts<'_>)]) -> io::Result<()> {
        let temporary = temporary_name(path)?;
        self.remove_all(&temporary)?;
        let written = self
            .fill(&temporary, files)
            .and_then(|()| self.put(&temporary, path));
        if let Err(error) = written {
            let _ = self.remove_all(&temporary);
            return Err(error);
        }
        self.sync_folder(parent(path))?;
        self.remove_all(&temporary)?;
        self.remove_all(&aside(path))
    }

    /// Gives a folder the name `path`. What has it is called `new` then, or lies aside.
    fn put(&self, new: &Path, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path).is_err() {
            return self.rename(new, path);
        }
        match self.exchange(new, path) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {}
            exchanged => return exchanged,
        }
        let aside = aside(path);
        self.remove_all(&aside)?;
        self.rename(path, &aside)?;
        let put = self.rename(new, path);
        if put.is_err() {
            // Its old name, so that no reader needs to know of the other one.
            let _ = self.rename(&aside, path);
        }
        put
    }

    fn fill(&self, folder: &Path, files: &[(&str, Parts<'_>)]) -> io::Result<()> {
        self.create_folder(folder)?;
        let entry = |(name, parts): &(&str, Parts)| ((*name).to_owned(), Entry::of(parts));
        let manifest = Manifest::new(files.iter().map(entry).collect());
        for (name, parts) in files {
            self.write_and_sync(&folder.join(name), parts)?;
        }
        self.write_and_sync(&folder.join(MANIFEST), &[&manifest.encode()?])?;
        self.sync_folder(folder)?;
        // What cannot be read back never gets the name.
        let read = confirm::sound(folder);
        read.map_err(|refused| io::Error::other(format!("read back: {refused}")))
    }

    /// Brings back what a killed process has moved aside without putting a new folder in its place, and removes what it has
    /// replaced, for whoever has synced the folder: the new one's name is safe before the bytes of the old one go.
    pub(super) fn settle_aside(&self, folder: &Path) -> io::Result<()> {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let aside = entry.path();
            let Some(path) = moved_from(&aside) else {
                continue;
            };
            if fs::symlink_metadata(&path).is_ok() {
                self.remove_all(&aside)?;
            } else {
                self.rename(&aside, &path)?;
            }
        }
        Ok(())
    }

    /// Takes a committed folder away. It loses its name first, so that no reader meets a half of it.
    ///
    /// # Errors
    /// The failing operation.
    pub fn retract_folder(&self, path: &Path) -> io::Result<()> {
        // A link that leads nowhere is there too.
        if fs::symlink_metadata(path).is_err() {
            return Ok(());
        }
        let temporary = temporary_name(path)?;
        self.remove_all(&temporary)?;
        self.rename(path, &temporary)?;
        self.remove_all(&temporary)
    }
}

/// The whole file, `None` if there is none.
///
/// # Errors
/// Any failure but absence.
pub fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Length of the file in bytes, `None` if there is none.
///
/// # Errors
/// Any failure but absence.
pub fn file_length(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// SHA-256 of all parts together, in lower-case hexadecimal.
#[must_use]
pub fn sha256_hex(parts: &[impl AsRef<[u8]>]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize()
        .iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Fault, readable};

    #[test]
    fn sha256_of_abc_is_the_published_one() {
        assert_eq!(
            sha256_hex(&["a", "bc"]),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn absence_is_not_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read_file(&folder.path().join("a")).unwrap(), None);
        assert_eq!(file_length(&folder.path().join("a")).unwrap(), None);
    }

    const FILES: [&str; 2] = ["a", "b"];

    fn files(text: &str) -> [(&'static str, Parts<'static>); 2] {
        let parts = |name: &str| [format!("{name} "), text.to_owned()];
        FILES.map(|name| {
            (
                name,
                parts(name).map(|part| part.into_bytes().into()).into(),
            )
        })
    }

    fn full_at(at: u64) -> Disk {
        Disk::faulty(Fault::parse(&format!("full@{at}")).unwrap())
    }

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("9");
        for at in 1.. {
            let written = full_at(at).replace_folder(&path, &files("new"));
            let left = fs::read_dir(folder.path()).unwrap().count();
            if written.is_ok() {
                assert!(at > 10, "{at}");
                break;
            }
            // Only the last operation, the sync of the parent, fails with the new name in place.
            assert_eq!(left, usize::from(path.exists()), "operation {at}");
            Disk::real().retract_folder(&path).unwrap();
        }
        assert_eq!(fs::read(path.join("b")).unwrap(), b"b new");
        Disk::real().retract_folder(&path).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_replaced_is_the_old_one_or_the_new_one_at_every_operation() {
        for can_exchange in [true, false] {
            let like = |disk: Disk| match can_exchange {
                true => disk,
                false => disk.without_exchange(),
            };
            let ends = (1..).find(|&at| {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("9");
                like(Disk::real())
                    .replace_folder(&path, &files("old"))
                    .unwrap();
                let written = like(full_at(at)).replace_folder(&path, &files("new"));
                // What a reader finds, whoever swept or did not.
                let found = readable(&path);
                assert!(confirm::sound(&found).is_ok(), "operation {at}");
                let text = fs::read(found.join("a")).unwrap();
                assert!([&b"a old"[..], b"a new"].contains(&&text[..]));
                Disk::real().settle_aside(folder.path()).unwrap();
                assert_eq!(fs::read(path.join("a")).unwrap(), text, "operation {at}");
                if written.is_ok() {
                    assert_eq!(text, b"a new");
                    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
                }
                written.is_ok()
            });
            assert!(ends.unwrap() > 12, "{ends:?}");
        }
    }

    #[test]
    fn what_was_moved_aside_is_read_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("9");
        Disk::real().replace_folder(&path, &files("old")).unwrap();
        fs::rename(&path, aside(&path)).unwrap();
        assert_eq!(moved_from(&aside(&path)), Some(path.clone()));
        assert_eq!(fs::read(readable(&path).join("a")).unwrap(), b"a old");
        Disk::real().settle_aside(folder.path()).unwrap();
        assert_eq!(fs::read(path.join("a")).unwrap(), b"a old");
    }
}
