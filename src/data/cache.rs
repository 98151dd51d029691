//! Decoded images on disk, so that a folder of files is decoded once. One file holds a digest, a description and the
//! bytes; the digest is checked before anything is parsed, and a file is complete or not there at all.

use super::error::{DataError, room};
use super::{Source, Split};
use crate::disk::{Disk, parent};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

const MAGIC: &[u8; 16] = b"supcon-images-1\n";
const DIGEST: usize = 32;

static WRITING: Mutex<()> = Mutex::new(());

/// What lies behind the digest, in front of labels and pixels.
#[derive(Serialize, Deserialize)]
struct Description {
    class_names: Vec<String>,
    height: usize,
    width: usize,
    train: usize,
    test: usize,
}

/// Writes `source` to `path`, complete or not at all.
pub(super) fn write(disk: &Disk, path: &Path, source: &Source) -> Result<(), DataError> {
    let description = Description {
        class_names: source.class_names.clone(),
        height: source.train.height,
        width: source.train.width,
        train: source.train.len(),
        test: source.test.len(),
    };
    let text = serde_json::to_vec(&description).expect("names and numbers are valid JSON");
    let labels: Vec<u8> = source
        .train
        .labels
        .iter()
        .chain(&source.test.labels)
        .flat_map(|l| l.to_le_bytes())
        .collect();
    let length = (text.len() as u64).to_le_bytes();
    let parts: [&[u8]; 5] = [
        &length,
        &text,
        &labels,
        &source.train.pixels,
        &source.test.pixels,
    ];
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    let digest = hash.finalize();
    let head = [MAGIC.as_slice(), digest.as_slice()].into_iter();
    let parts: Vec<&[u8]> = head.chain(parts).collect();
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    let folder = parent(path);
    // Names of unfinished files are those of a process: its threads take turns.
    let _turn = WRITING.lock();
    let written = disk
        .create_folders(folder)
        .and_then(|()| disk.remove_abandoned(folder))
        .and_then(|()| disk.replace_by_parts(path, &parts));
    let needed = format!("it takes {} there", room(bytes as u64));
    written.map_err(DataError::writing(path, needed))
}

/// Reads a file of [`write`]; `None` if there is none, or if its digest does not fit.
pub(super) fn read(path: &Path) -> Option<Source> {
    let bytes = fs::read(path).ok()?;
    let body = bytes.strip_prefix(MAGIC)?;
    let (digest, body) = body.split_at_checked(DIGEST)?;
    if Sha256::digest(body).as_slice() != digest {
        return None;
    }
    parse(body)
}

fn parse(body: &[u8]) -> Option<Source> {
    let (length, body) = body.split_first_chunk::<8>()?;
    let (text, body) = body.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let is: Description = serde_json::from_slice(text).ok()?;
    let (labels, pixels) = body.split_at_checked(4 * (is.train + is.test))?;
    let labels: Vec<u32> = labels
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect();
    let (train, test) = pixels.split_at_checked(is.train * is.height * is.width * 3)?;
    let split = |pixels: &[u8], labels: &[u32]| Split {
        pixels: pixels.to_vec(),
        labels: labels.to_vec(),
        height: is.height,
        width: is.width,
    };
    let (train, test) = (
        split(train, &labels[..is.train]),
        split(test, &labels[is.train..]),
    );
    Some(Source {
        class_names: is.class_names,
        train,
        test,
        notes: Vec::new(),
        files: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source() -> Source {
        let split = |n: usize| Split {
            pixels: (0..n * 2 * 3 * 3).map(|i| (i % 251) as u8).collect(),
            labels: (0..n as u32).map(|i| i % 2).collect(),
            height: 2,
            width: 3,
        };
        let class_names = vec!["left".into(), "right".into()];
        Source {
            class_names,
            train: split(7),
            test: split(3),
            notes: Vec::new(),
            files: None,
        }
    }

    #[test]
    fn what_is_written_is_read_and_leaves_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/images.bin");
        assert!(read(&path).is_none());
        write(&Disk::real(), &path, &source()).unwrap();
        write(&Disk::real(), &path, &source()).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back.class_names, source().class_names);
        assert_eq!((back.train, back.test), (source().train, source().test));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn any_changed_or_missing_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("images.bin");
        write(&Disk::real(), &path, &source()).unwrap();
        let good = fs::read(&path).unwrap();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            fs::write(&path, bad).unwrap();
            assert!(read(&path).is_none(), "{at}");
            fs::write(&path, &good[..at]).unwrap();
            assert!(read(&path).is_none(), "{at}");
        }
    }
}
