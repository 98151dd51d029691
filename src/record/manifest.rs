//! `MANIFEST.json`: length and SHA-256 of each file of a finished run or of a checkpoint. Written last, so its presence means "done".

use super::commit::sha256_hex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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

impl Manifest {
    /// Bytes of `MANIFEST.json`.
    pub(super) fn encode(&self) -> std::io::Result<Vec<u8>> {
        Ok(serde_json::to_vec_pretty(self)?)
    }
}

impl Entry {
    /// The entry of a file with these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            sha256: sha256_hex(bytes),
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
        let differs = sha256_hex(found) != self.sha256;
        differs.then(|| "its content differs from the hash in its manifest".to_owned())
    }
}
