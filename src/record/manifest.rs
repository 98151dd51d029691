//! `MANIFEST.json`: length and SHA-256 of each file of a finished run or of a checkpoint. Written last, so its presence means "done".

use super::commit::sha256_hex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the files that this program writes and reads.
pub(super) const FORMAT: u32 = 1;

/// The files of a finished run or of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this file format.
    pub format: u32,
    /// File name -> what it must be.
    pub files: BTreeMap<String, Entry>,
}

/// What one file must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a manifest, or another file with a format, is not taken for what it says.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    /// It cannot be read, or is no such file.
    #[error("{0}")]
    Damaged(String),
    /// Another version wrote it: it must not be taken for damage and replaced.
    #[error("of format {0}, this program knows {FORMAT}: use the version that wrote it")]
    Format(u32),
    /// The disk did not give it back, which says nothing of what it holds.
    #[error("{0}")]
    Unreadable(std::io::Error),
}

/// Lets the format through that this program reads.
pub(super) const fn known(format: u32) -> Result<(), Refused> {
    match format {
        FORMAT => Ok(()),
        other => Err(Refused::Format(other)),
    }
}

impl Manifest {
    /// The manifest of these files.
    pub(super) const fn new(files: BTreeMap<String, Entry>) -> Self {
        let format = FORMAT;
        Self { format, files }
    }

    /// The manifest in bytes of `MANIFEST.json`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Refused> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        // The format first: another one may have other fields.
        if let Ok(Format { format }) = serde_json::from_slice(bytes) {
            known(format)?;
        }
        serde_json::from_slice(bytes).map_err(|error| Refused::Damaged(error.to_string()))
    }

    /// Bytes of `MANIFEST.json`.
    pub(super) fn encode(&self) -> std::io::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }
}

impl Entry {
    /// The entry of a file of these parts.
    #[must_use]
    pub fn of(parts: &[impl AsRef<[u8]>]) -> Self {
        let lengths = parts.iter().map(|part| part.as_ref().len() as u64);
        Self {
            bytes: lengths.sum(),
            sha256: sha256_hex(parts),
        }
    }

    /// One line that says how `found` differs, `None` where it does not.
    #[must_use]
    pub fn problem(&self, found: Option<&[u8]>) -> Option<String> {
        let Some(found) = found else {
            return Some("the file is missing".to_owned());
        };
        if found.len() as u64 != self.bytes {
            let (found, expected) = (found.len(), self.bytes);
            return Some(format!("{found} bytes long, its manifest says {expected}"));
        }
        let differs = sha256_hex(&[found]) != self.sha256;
        differs.then(|| "its content differs from the hash in its manifest".to_owned())
    }
}
