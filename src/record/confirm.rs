//! What is asked of files and folders before anything looks into them: plain files, lengths, hashes, manifests. Links are
//! not followed, and nothing is read that is longer than what its manifest says.

use super::commit::{MANIFEST, read_file};
use super::manifest::{Entry, Manifest, Refused};
use std::fs;
use std::io;
use std::path::{Component, Path};

/// Longest file that is text.
const TEXT: u64 = 64 << 20;

/// How a file differs from its manifest.
pub(super) enum Wrong {
    /// A look at the folder tells: a finished run does not count as done any more.
    Length(String),
    /// Only the hash tells.
    Content(String),
    /// The disk did not give it back.
    Unreadable(io::Error),
}

impl Wrong {
    /// The same of a file with its name.
    fn refused(self, name: &str) -> Refused {
        match self {
            Self::Length(what) | Self::Content(what) => Refused::Damaged(format!("{name}: {what}")),
            Self::Unreadable(error) => {
                let text = format!("{name}: {error}");
                Refused::Unreadable(io::Error::new(error.kind(), text))
            }
        }
    }
}

/// Compares a file with its entry by length, and by hash if its bytes are wanted.
pub(super) fn confirm(
    folder: &Path,
    name: &str,
    entry: &Entry,
    hash: bool,
) -> Result<Option<Vec<u8>>, Wrong> {
    if !is_plain_name(name) {
        return Err(Wrong::Length("leads out of the folder".into()));
    }
    let path = folder.join(name);
    let length = match plain_length(&path) {
        Ok(Some(length)) => length,
        Ok(None) => return Err(Wrong::Length("the file is missing".into())),
        Err(Refused::Unreadable(error)) => return Err(Wrong::Unreadable(error)),
        Err(other) => return Err(Wrong::Length(other.to_string())),
    };
    if length != entry.bytes {
        let what = format!("{length} bytes long, its manifest says {}", entry.bytes);
        return Err(Wrong::Length(what));
    }
    if !hash {
        return Ok(None);
    }
    let bytes = read_file(&path).map_err(Wrong::Unreadable)?;
    match entry.problem(bytes.as_deref()) {
        Some(problem) => Err(Wrong::Content(problem)),
        None => Ok(bytes),
    }
}

/// The manifest of a folder, `None` if there is none.
pub(super) fn manifest(folder: &Path) -> Result<Option<Manifest>, Refused> {
    let Some(bytes) = small(&folder.join(MANIFEST))? else {
        return Ok(None);
    };
    Manifest::decode(&bytes).map(Some)
}

/// One file of a committed folder, if it is what the manifest says.
pub(super) fn one(folder: &Path, name: &str) -> Option<Vec<u8>> {
    Committed::open(folder).ok()?.file(name).ok()
}

/// Whether each file of a committed folder is there with its length.
pub(super) fn has_lengths(folder: &Path) -> Result<(), Refused> {
    Committed::open(folder)?.all(false)
}

/// Whether each file of a committed folder is what its manifest says. One is read at a time.
pub(super) fn sound(folder: &Path) -> Result<(), Refused> {
    Committed::open(folder)?.all(true)
}

/// A folder with a manifest.
pub(super) struct Committed<'a> {
    folder: &'a Path,
    manifest: Manifest,
}

impl<'a> Committed<'a> {
    /// The folder, of which only the manifest has been read.
    pub(super) fn open(folder: &'a Path) -> Result<Self, Refused> {
        let found = manifest(folder).map_err(|refused| match refused {
            Refused::Damaged(what) => Wrong::Content(what).refused(MANIFEST),
            Refused::Unreadable(error) => Wrong::Unreadable(error).refused(MANIFEST),
            format @ Refused::Format(_) => format,
        })?;
        let missing = || Refused::Damaged(format!("{MANIFEST}: the file is missing"));
        let manifest = found.ok_or_else(missing)?;
        Ok(Self { folder, manifest })
    }

    /// Whether the files that are not among these are what the manifest says.
    pub(super) fn others(&self, known: &[&str]) -> Result<(), Refused> {
        let mut files = self.manifest.files.iter();
        files.try_for_each(|(name, entry)| match known.contains(&name.as_str()) {
            true => Ok(()),
            false => self.one(name, entry, true).map(drop),
        })
    }

    /// One of its files, confirmed.
    pub(super) fn file(&self, name: &str) -> Result<Vec<u8>, Refused> {
        let missing = || Refused::Damaged(format!("{name}: not in the manifest"));
        let entry = self.manifest.files.get(name).ok_or_else(missing)?;
        self.one(name, entry, true)?.ok_or_else(missing)
    }

    fn all(&self, hash: bool) -> Result<(), Refused> {
        let mut files = self.manifest.files.iter();
        files.try_for_each(|(name, entry)| self.one(name, entry, hash).map(drop))
    }

    fn one(&self, name: &str, entry: &Entry, hash: bool) -> Result<Option<Vec<u8>>, Refused> {
        confirm(self.folder, name, entry, hash).map_err(|wrong| wrong.refused(name))
    }
}

/// The bytes of a text file, `None` if there is none.
pub(super) fn small(path: &Path) -> Result<Option<Vec<u8>>, Refused> {
    match plain_length(path)? {
        None => Ok(None),
        Some(length) if length > TEXT => {
            let what = format!("{length} bytes long, which no run writes");
            Err(Refused::Damaged(what))
        }
        Some(_) => read_file(path).map_err(Refused::Unreadable),
    }
}

/// Whether a file that nothing confirms begins and ends as Parquet does; one that is not there is right too.
pub(super) fn has_parquet_ends(path: &Path) -> Result<(), String> {
    const MARK: &[u8] = b"PAR1";
    let Some(bytes) = small(path).map_err(|refused| refused.to_string())? else {
        return Ok(());
    };
    let length = bytes.len();
    if length > 2 * MARK.len() && bytes.starts_with(MARK) && bytes.ends_with(MARK) {
        return Ok(());
    }
    Err(format!(
        "{length} bytes that do not begin and end as a Parquet file does"
    ))
}

/// Length of a plain file, `None` if there is none.
fn plain_length(path: &Path) -> Result<Option<u64>, Refused> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_file() => Ok(Some(about.len())),
        Ok(_) => Err(Refused::Damaged("not a plain file".into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Refused::Unreadable(error)),
    }
}

/// Whether a name is that of a file in the folder itself.
fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let only = (parts.next(), parts.next());
    matches!(only, (Some(Component::Normal(_)), None))
}

/// Names in a folder, sorted, and whether each is a folder.
pub(super) fn entries(folder: &Path) -> Vec<(String, bool)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        (name, entry.file_type().is_ok_and(|kind| kind.is_dir()))
    });
    let mut names: Vec<(String, bool)> = named.collect();
    names.sort_unstable();
    names
}
