//! CIFAR-10 in its official binary layout (Krizhevsky 2009, <https://www.cs.toronto.edu/~kriz/cifar.html>): records of
//! one label byte and 3,072 bytes in the order red, green, blue plane. Read from a folder or from the `.tar.gz`.

use super::archive::{self, Member};
use super::download::{self, Remote};
use super::error::{DataError, shown};
use super::places::Places;
use super::{LoadOptions, Progress, Source, Split, Unit};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;
/// Label and three planes.
const RECORD: usize = 1 + 3 * PLANE;
const CLASSES: u8 = 10;
const FOLDER: &str = "cifar-10-batches-bin";
const ARCHIVE: &str = "cifar-10-binary.tar.gz";
const NAMES: &str = "batches.meta.txt";
const TRAIN: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
const TEST: &str = "test_batch.bin";
/// Images a file.
const BATCH: usize = 10_000;
/// Longest `batches.meta.txt` that is read.
const NAMES_LIMIT: u64 = 4_096;

/// The authors' archive; size and MD5 (c32a1d4ab5d03f1284b67883e8d87530) are those of their page.
const OFFICIAL: Remote<'static> = Remote {
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    bytes: 170_052_171,
};

/// Where the set lies.
#[derive(Debug, PartialEq)]
enum Found {
    Folder(PathBuf),
    Archive(PathBuf),
}

/// Loads both splits from the named places, else from the cache, else from the authors' server.
pub(super) fn load(places: &Places, options: &LoadOptions<'_>) -> Result<Source, DataError> {
    load_from(places, options, &OFFICIAL, BATCH)
}

/// The named place that `load` takes.
pub(super) fn place(places: &Places) -> Option<PathBuf> {
    places.first(|path| find(path).map(|_| path.to_owned()))
}

fn load_from(
    places: &Places,
    options: &LoadOptions<'_>,
    remote: &Remote<'_>,
    batch: usize,
) -> Result<Source, DataError> {
    let found = match places.first(find) {
        Some(found) => found,
        None if places.is_empty() => in_cache(options, remote)?,
        None => {
            let expected = format!("`{FOLDER}/` or `{ARCHIVE}` (CIFAR-10, binary version)");
            let help = format!(
                "download {} there, or name no folder to let supcon do it",
                remote.url
            );
            return Err(places.nothing(&expected, help));
        }
    };
    match found {
        Found::Folder(folder) => read(batch, |name, limit| from_folder(&folder, name, limit)),
        Found::Archive(path) => {
            let mut members = from_archive(&path, batch, options)?;
            read(batch, |name, _| {
                Ok(members.remove(name).unwrap_or_default())
            })
        }
    }
}

/// The layouts under `place`: the folder itself, one in it, the archive itself, one in it.
fn find(place: &Path) -> Option<Found> {
    let holds = |folder: &Path| folder.join(TEST).is_file() || folder.join(TRAIN[0]).is_file();
    let nested = place.join(FOLDER);
    let archive = place.join(ARCHIVE);
    if holds(place) {
        Some(Found::Folder(place.to_owned()))
    } else if holds(&nested) {
        Some(Found::Folder(nested))
    } else if place.is_file() && archive::looks_like_gzip(place) {
        Some(Found::Archive(place.to_owned()))
    } else {
        archive.is_file().then_some(Found::Archive(archive))
    }
}

fn in_cache(options: &LoadOptions<'_>, remote: &Remote<'_>) -> Result<Found, DataError> {
    if let Some(folder @ Found::Folder(_)) = find(&options.cache_dir) {
        return Ok(folder);
    }
    let target = options.cache_dir.join(ARCHIVE);
    download::fetch(remote, &target, &options.disk, options.progress)?;
    Ok(Found::Archive(target))
}

/// Builds the splits from files that `file(name, limit)` reads up to one byte more than `limit`.
fn read(
    batch: usize,
    mut file: impl FnMut(&str, u64) -> Result<(String, Vec<u8>), DataError>,
) -> Result<Source, DataError> {
    let (path, text) = file(NAMES, NAMES_LIMIT)?;
    let class_names = parse_names(&path, &text)?;
    let limit = (batch * RECORD) as u64;
    let mut train = empty(TRAIN.len() * batch);
    for name in TRAIN {
        let (path, bytes) = file(name, limit)?;
        append(&mut train, &path, &bytes, batch)?;
    }
    let mut test = empty(batch);
    let (path, bytes) = file(TEST, limit)?;
    append(&mut test, &path, &bytes, batch)?;
    Ok(Source {
        class_names,
        train,
        test,
        notes: Vec::new(),
        files: None,
    })
}

fn empty(images: usize) -> Split {
    let pixels = Vec::with_capacity(images * 3 * PLANE);
    Split {
        pixels,
        labels: Vec::with_capacity(images),
        height: SIDE,
        width: SIDE,
    }
}

fn from_folder(folder: &Path, name: &str, limit: u64) -> Result<(String, Vec<u8>), DataError> {
    use std::io::Read;
    let path = folder.join(name);
    let mut bytes = Vec::with_capacity(limit as usize + 1);
    std::fs::File::open(&path)
        .and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
        .map_err(DataError::reading(&path))?;
    Ok((shown(&path), bytes))
}

type Members = std::collections::HashMap<&'static str, (String, Vec<u8>)>;

fn from_archive(
    path: &Path,
    batch: usize,
    options: &LoadOptions<'_>,
) -> Result<Members, DataError> {
    let file = |name| Member {
        name,
        limit: (batch * RECORD) as u64,
    };
    let mut wanted: Vec<Member> = TRAIN.into_iter().chain([TEST]).map(file).collect();
    wanted.push(Member {
        name: NAMES,
        limit: NAMES_LIMIT,
    });
    let report = |done| {
        let total = Some(((TRAIN.len() + 1) * batch * RECORD) as u64);
        (options.progress)(Progress {
            what: "unpacking",
            done,
            total,
            unit: Unit::Bytes,
        });
    };
    archive::read_members(path, FOLDER, &wanted, &report)
}

/// Checks a file's size and labels, and appends its records with pixels interleaved.
fn append(split: &mut Split, path: &str, bytes: &[u8], batch: usize) -> Result<(), DataError> {
    let expected = batch * RECORD;
    if bytes.len() != expected {
        let cut = bytes.len() < expected;
        return Err(DataError::Format {
            path: path.into(),
            offset: bytes.len().min(expected) as u64,
            found: if cut {
                "the file ends"
            } else {
                "there is more"
            }
            .into(),
            expected: format!("{batch} records of {RECORD} bytes, {expected} in all"),
            help: "fetch the file again, and take the binary version",
        });
    }
    let records = bytes.chunks_exact(RECORD);
    if let Some((record, bad)) = records.clone().enumerate().find(|(_, r)| r[0] >= CLASSES) {
        let (offset, largest) = ((record * RECORD) as u64, CLASSES - 1);
        return Err(DataError::Label {
            path: path.into(),
            record,
            offset,
            label: bad[0],
            largest,
        });
    }
    split
        .labels
        .extend(records.map(|record| u32::from(record[0])));
    let begin = split.pixels.len();
    split.pixels.resize(begin + batch * 3 * PLANE, 0);
    split.pixels[begin..]
        .par_chunks_exact_mut(3 * PLANE)
        .zip(bytes.par_chunks_exact(RECORD))
        .for_each(|(image, record)| {
            for (at, pixel) in image.chunks_exact_mut(3).enumerate() {
                pixel.copy_from_slice(
                    &[1, 1 + PLANE, 1 + 2 * PLANE].map(|plane| record[plane + at]),
                );
            }
        });
    Ok(())
}

/// One name a line; empty lines at the end are those of the official file.
fn parse_names(path: &str, text: &[u8]) -> Result<Vec<String>, DataError> {
    let format = |offset: usize, found: String| DataError::Format {
        path: path.into(),
        offset: offset as u64,
        found,
        expected: format!("{CLASSES} lines with one class name each"),
        help: "restore the file from the official archive",
    };
    let text = std::str::from_utf8(text)
        .map_err(|error| format(error.valid_up_to(), "bytes that are not text".into()))?;
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(String::from)
        .collect();
    if names.len() != usize::from(CLASSES) {
        return Err(format(text.len(), format!("{} names end", names.len())));
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: usize = 12;

    fn batch_bytes(salt: usize) -> Vec<u8> {
        let byte = |i: usize| match i % RECORD {
            0 => ((i / RECORD + salt) % 10) as u8,
            at => (at / PLANE * 80 + (at + salt) % 79) as u8,
        };
        (0..SMALL * RECORD).map(byte).collect()
    }

    fn write_set(folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        let names: String = (0..10).map(|i| format!("class{i}\n")).collect();
        std::fs::write(folder.join(NAMES), names + "\n").unwrap();
        for (salt, name) in TRAIN.into_iter().chain([TEST]).enumerate() {
            std::fs::write(folder.join(name), batch_bytes(salt)).unwrap();
        }
    }

    fn load_at(place: &Path) -> Result<Source, DataError> {
        let options = LoadOptions {
            data_dir: None,
            cache_dir: place.join("cache"),
            disk: crate::disk::Disk::real(),
            progress: &|_| {},
        };
        let places = Places::of([("`--data`", Some(place.to_owned()))]);
        load_from(&places, &options, &OFFICIAL, SMALL)
    }

    #[test]
    fn folder_parent_and_archive_give_the_same_set() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join(FOLDER);
        write_set(&folder);
        let packed = tempfile::tempdir().unwrap();
        let archive = packed.path().join(ARCHIVE);
        let files: Vec<_> = TRAIN.into_iter().chain([TEST, NAMES]).collect();
        archive::pack(&archive, FOLDER, &folder, &files);
        let direct = load_at(&folder).unwrap();
        assert_eq!((direct.train.len(), direct.test.len()), (5 * SMALL, SMALL));
        assert_eq!(direct.class_names[9], "class9");
        assert_eq!(direct.train.labels[..3], [0, 1, 2]);
        assert_eq!(direct.train.image(0)[..6], [1, 157, 234, 2, 158, 235]);
        for place in [root.path(), packed.path(), &archive] {
            let other = load_at(place).unwrap();
            assert_eq!(other.train, direct.train);
            assert_eq!(other.test, direct.test);
        }
    }

    #[test]
    fn one_byte_short_or_long_is_named_with_its_offset() {
        let root = tempfile::tempdir().unwrap();
        write_set(root.path());
        let size = SMALL * RECORD;
        for (length, found) in [
            (size - 1, "the file ends"),
            (size + 1, "there is more"),
            (0, "ends"),
        ] {
            std::fs::write(root.path().join(TRAIN[2]), vec![0; length]).unwrap();
            let error = load_at(root.path()).unwrap_err();
            assert_eq!(error.code(), "DATA-FORMAT");
            let text = error.to_string();
            assert!(
                text.contains("data_batch_3.bin") && text.contains(found),
                "{text}"
            );
            assert!(
                text.contains(&format!("at byte {}", length.min(size))),
                "{text}"
            );
        }
    }

    #[test]
    fn label_ten_is_named_with_record_and_offset() {
        let root = tempfile::tempdir().unwrap();
        write_set(root.path());
        let mut bytes = batch_bytes(5);
        bytes[7 * RECORD] = 10;
        std::fs::write(root.path().join(TEST), bytes).unwrap();
        let error = load_at(root.path()).unwrap_err();
        assert_eq!(error.code(), "DATA-LABEL");
        let text = format!(
            "record 7 has label 10 at byte {}, expected 0..=9",
            7 * RECORD
        );
        assert!(error.to_string().contains(&text), "{error}");
    }

    #[test]
    fn missing_file_and_bad_names_are_named() {
        let root = tempfile::tempdir().unwrap();
        write_set(root.path());
        std::fs::write(root.path().join(NAMES), "one\ntwo\n").unwrap();
        assert_eq!(load_at(root.path()).unwrap_err().code(), "DATA-FORMAT");
        std::fs::remove_file(root.path().join(NAMES)).unwrap();
        let error = load_at(root.path()).unwrap_err();
        assert_eq!(error.code(), "DATA-IO");
        assert!(error.to_string().contains(NAMES), "{error}");
    }

    #[test]
    fn a_named_place_without_the_set_is_an_error_and_no_download() {
        let root = tempfile::tempdir().unwrap();
        let error = load_at(root.path()).unwrap_err();
        assert_eq!(error.code(), "DATA-PATH");
        assert!(
            error.to_string().contains("is an empty folder, expected"),
            "{error}"
        );
        assert!(!root.path().join("cache").exists());
    }
}
