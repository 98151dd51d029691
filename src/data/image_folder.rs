//! `train/<class>/*` and `test/<class>/*`: walks the folders, checks their layout, decodes all images in parallel and
//! keeps the result in the cache. Labels follow the sorted class names, images the sorted paths.

use super::class_tree::{Classes, LAYOUT, same_classes, split_folder, walk};
use super::error::{BadImage, BadImages, DataError, shown};
use super::places::Places;
use super::{LoadOptions, Progress, Source, Split, Unit, cache, decode, hex};
use crate::plan::FolderCount;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

/// Images between two reports of progress.
const REPORT_EVERY: u64 = 256;

/// Loads the folder at the first place that holds one.
pub(super) fn load(
    places: &Places,
    image_size: usize,
    options: &LoadOptions<'_>,
) -> Result<Source, DataError> {
    let Some(root) = found(places) else {
        return Err(nothing(places));
    };
    if std::fs::read_dir(&root)
        .map_err(DataError::reading(&root))?
        .next()
        .is_none()
    {
        return Err(places.nothing(
            LAYOUT,
            "put the images there, or name another folder".into(),
        ));
    }
    let mut ignored = 0;
    let [train, test] = splits(&root, &mut ignored)?;
    let mut notes = Vec::new();
    if ignored > 0 {
        notes.push(format!(
            "{ignored} hidden or loose entries below `{}` ignored",
            shown(&root)
        ));
    }
    let keys = Keys::of(&root, [&train, &test], image_size)?;
    let file = options
        .cache_dir
        .join(format!("image-folder-{}.bin", keys.cache));
    let files = Some(keys.files);
    if let Some(source) = cache::read(&file) {
        return Ok(Source {
            notes,
            files,
            ..source
        });
    }
    if file.exists() {
        notes.push(format!(
            "`{}` was damaged, images are decoded again",
            shown(&file)
        ));
    }
    let source = decode_all(&train, &test, image_size, options)?;
    if let Err(error) = cache::write(&options.disk, &file, &source) {
        notes.push(format!("decoded images are not kept: {error}"));
    }
    Ok(Source {
        notes,
        files,
        ..source
    })
}

/// Counts the folder at the first place that holds one, without a look into its files. That there is none is an error if
/// somebody `asked` for it now.
pub(super) fn count(places: &Places, asked: bool) -> Result<Option<FolderCount>, DataError> {
    let Some(root) = found(places) else {
        return match asked {
            true => Err(nothing(places)),
            false => Ok(None),
        };
    };
    let [train, test] = splits(&root, &mut 0)?;
    let count = |split: &Classes| split.values().map(Vec::len).sum();
    Ok(Some(FolderCount {
        train: count(&train),
        test: count(&test),
        class_names: train.into_keys().collect(),
    }))
}

fn nothing(places: &Places) -> DataError {
    let help = "name the folder with `data.root` or `--data`";
    places.nothing(LAYOUT, help.into())
}

/// The place that `load` takes.
pub(super) fn found(places: &Places) -> Option<PathBuf> {
    let folder = |path: &Path| path.is_dir().then(|| path.to_owned());
    let found = places.first(|path| folder(path).filter(|path| path.join("train").is_dir()));
    // A folder without `train` is taken for the sake of its message.
    found.or_else(|| places.first(folder))
}

/// The files of both splits, whose classes are the same.
fn splits(root: &Path, ignored: &mut usize) -> Result<[Classes; 2], DataError> {
    let train = walk(&split_folder(root, "train")?, ignored)?;
    let test = walk(&split_folder(root, "test")?, ignored)?;
    same_classes(root, &train, &test)?;
    Ok([train, test])
}

/// [`Keys::files`] of the folder at the first place that holds one.
pub(super) fn files(places: &Places, image_size: usize) -> Option<String> {
    let root = found(places)?;
    let [train, test] = splits(&root, &mut 0).ok()?;
    let keys = Keys::of(&root, [&train, &test], image_size);
    keys.ok().map(|keys| keys.files)
}

/// What stands for the files of a folder: hashes over its place, the size of the images, and each file.
struct Keys {
    /// Path, length and time of modification.
    files: String,
    /// Also the time of its last change of any kind, which a copy cannot bring along: decoding once more costs little.
    cache: String,
}

impl Keys {
    fn of(root: &Path, splits: [&Classes; 2], image_size: usize) -> Result<Self, DataError> {
        let root = root.canonicalize().map_err(DataError::reading(root))?;
        let mut files = Sha256::new();
        let add = |hash: &mut Sha256, bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(&mut files, root.as_os_str().as_encoded_bytes());
        add(&mut files, &image_size.to_le_bytes());
        let mut changes = Sha256::new();
        for file in splits
            .into_iter()
            .flat_map(|split| split.values().flatten())
        {
            let meta = file.metadata().map_err(DataError::reading(file))?;
            let age = meta.modified().ok();
            let age = age.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            add(&mut files, file.as_os_str().as_encoded_bytes());
            add(&mut files, &meta.len().to_le_bytes());
            add(
                &mut files,
                &age.map_or(0, |age| age.as_nanos()).to_le_bytes(),
            );
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt as _;
                changes.update(meta.ctime().to_le_bytes());
                changes.update(meta.ctime_nsec().to_le_bytes());
            }
        }
        let files = files.finalize();
        changes.update(files);
        Ok(Self {
            files: hex(&files[..16]),
            cache: hex(&changes.finalize()[..16]),
        })
    }
}

fn decode_all(
    train: &Classes,
    test: &Classes,
    image_size: usize,
    options: &LoadOptions<'_>,
) -> Result<Source, DataError> {
    let count = |split: &Classes| split.values().map(Vec::len).sum::<usize>();
    let total = Some((count(train) + count(test)) as u64);
    let counter = AtomicU64::new(0);
    let tick = || {
        let done = counter.fetch_add(1, Ordering::Relaxed) + 1;
        if done.is_multiple_of(REPORT_EVERY) || Some(done) == total {
            (options.progress)(Progress {
                what: "decoding",
                done,
                total,
                unit: Unit::Images,
            });
        }
    };
    let (train_split, mut bad) = decode_split(train, image_size, &tick);
    let (test_split, bad_test) = decode_split(test, image_size, &tick);
    bad.extend(bad_test);
    if !bad.is_empty() {
        return Err(DataError::BadImages(BadImages(bad)));
    }
    let class_names = train.keys().cloned().collect();
    Ok(Source {
        class_names,
        train: train_split,
        test: test_split,
        notes: Vec::new(),
        files: None,
    })
}

fn decode_split(
    classes: &Classes,
    side: usize,
    tick: &(dyn Fn() + Sync),
) -> (Split, Vec<BadImage>) {
    let files: Vec<(u32, &PathBuf)> = (0..)
        .zip(classes.values())
        .flat_map(|(label, files)| files.iter().map(move |file| (label, file)))
        .collect();
    let mut pixels = vec![0; files.len() * side * side * 3];
    let bad = pixels
        .par_chunks_exact_mut(side * side * 3)
        .zip(&files)
        .filter_map(|(target, (_, file))| {
            let decoded = std::fs::read(file)
                .map_err(|error| error.to_string())
                .and_then(|bytes| decode::rgb_square(&bytes, side));
            tick();
            match decoded {
                Ok(image) => {
                    target.copy_from_slice(&image);
                    None
                }
                Err(cause) => Some(BadImage {
                    path: shown(file),
                    cause,
                }),
            }
        })
        .collect();
    let labels = files.iter().map(|(label, _)| *label).collect();
    (
        Split {
            pixels,
            labels,
            height: side,
            width: side,
        },
        bad,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn put(root: &Path, name: &str, value: u8) {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, decode::png(&[value; 4 * 4 * 3], 4, 4)).unwrap();
    }

    fn small_set() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, value) in [
            ("train/b/2.png", 40),
            ("train/a/9.png", 20),
            ("train/b/1.jpg", 30),
            ("train/a/1.png", 10),
            ("test/b/x.png", 60),
            ("test/a/x.png", 50),
        ] {
            put(root.path(), name, value);
        }
        root
    }

    fn load_at(root: &Path) -> Result<Source, DataError> {
        let cache_dir = root.join(".cache");
        let options = LoadOptions {
            data_dir: None,
            cache_dir,
            disk: crate::disk::Disk::real(),
            progress: &|_| {},
        };
        load(
            &Places::of([("`--data`", Some(root.to_owned()))]),
            4,
            &options,
        )
    }

    fn refused(root: &Path, code: &str, parts: &[&str]) {
        let error = load_at(root).unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        for part in parts {
            assert!(error.to_string().contains(part), "{part} in {error}");
        }
    }

    #[test]
    fn classes_and_images_are_sorted_by_name() {
        let root = small_set();
        let source = load_at(root.path()).unwrap();
        assert_eq!(source.class_names, ["a", "b"]);
        assert_eq!(source.train.labels, [0, 0, 1, 1]);
        let firsts: Vec<u8> = (0..4).map(|i| source.train.image(i)[0]).collect();
        assert_eq!(firsts, [10, 20, 30, 40]);
        assert_eq!(source.test.labels, [0, 1]);
    }

    #[test]
    fn cache_gives_the_same_and_notices_changes_and_damage() {
        let root = small_set();
        let first = load_at(root.path()).unwrap();
        let cached = || {
            let mut files: Vec<PathBuf> = fs::read_dir(root.path().join(".cache"))
                .unwrap()
                .map(|e| e.unwrap().path())
                .collect();
            files.sort();
            files
        };
        let file = cached().remove(0);
        let again = load_at(root.path()).unwrap();
        assert_eq!((&again.train, &again.test), (&first.train, &first.test));
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&file, bytes).unwrap();
        let repaired = load_at(root.path()).unwrap();
        assert_eq!(repaired.test, first.test);
        assert!(
            repaired.notes[0].contains("damaged"),
            "{:?}",
            repaired.notes
        );
        assert!(load_at(root.path()).unwrap().notes.is_empty());
        put(root.path(), "train/a/3.png", 99);
        assert_eq!(load_at(root.path()).unwrap().train.len(), 5);
        assert_eq!(cached().len(), 2);
        // Other bytes of the same length and time of modification, as a copy with its times brings them.
        #[cfg(unix)]
        {
            let image = root.path().join("train/a/1.png");
            let about = |path: &Path| {
                let meta = fs::metadata(path).unwrap();
                (meta.len(), meta.modified().unwrap())
            };
            let before = about(&image);
            put(root.path(), "train/a/1.png", 11);
            let file = fs::File::options().write(true).open(&image).unwrap();
            file.set_modified(before.1).unwrap();
            assert_eq!(about(&image), before);
            assert_eq!(load_at(root.path()).unwrap().train.image(0)[0], 11);
        }
    }

    #[test]
    fn a_cache_that_eight_build_at_once_is_whole() {
        let root = small_set();
        let alone = load_at(small_set().path()).unwrap();
        let same = |source: &Source| (&source.train, &source.test) == (&alone.train, &alone.test);
        std::thread::scope(|scope| {
            let begun: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| load_at(root.path()).unwrap()))
                .collect();
            for one in begun {
                assert!(same(&one.join().unwrap()));
            }
        });
        let left = fs::read_dir(root.path().join(".cache")).unwrap();
        assert_eq!(left.count(), 1, "one file, and no other");
        let cached = load_at(root.path()).unwrap();
        assert!(same(&cached) && cached.notes.iter().all(|note| !note.contains("damaged")));
    }

    #[test]
    fn hidden_and_loose_entries_are_ignored_and_counted() {
        let root = small_set();
        for name in [
            "train/.DS_Store",
            "train/a/Thumbs.db",
            "train/classes.txt",
            "test/b/.x.png",
        ] {
            fs::write(root.path().join(name), "x").unwrap();
        }
        put(root.path(), "train/.ipynb_checkpoints/1.png", 1);
        put(root.path(), "train/a/@eaDir/1.png", 1);
        let source = load_at(root.path()).unwrap();
        assert_eq!(source.train.len(), 4);
        assert!(
            source.notes[0].starts_with("6 hidden or loose entries"),
            "{:?}",
            source.notes
        );
    }

    #[test]
    fn all_bad_images_are_reported_together() {
        let root = small_set();
        let good = fs::read(root.path().join("test/a/x.png")).unwrap();
        fs::write(root.path().join("train/b/cut.png"), &good[..good.len() / 2]).unwrap();
        fs::write(root.path().join("train/a/text.png"), "text").unwrap();
        fs::write(root.path().join("test/a/line\nbreak.png"), "").unwrap();
        let parts = [
            "3 files",
            "b/cut.png",
            "a/text.png`: neither",
            "line\\u{a}break.png`: 0 bytes",
        ];
        refused(root.path(), "DATA-BAD-IMAGE", &parts);
        assert!(!root.path().join(".cache").exists());
        assert_eq!(fs::read(root.path().join("test/a/x.png")).unwrap(), good);
    }

    #[test]
    fn other_layouts_are_named() {
        let root = tempfile::tempdir().unwrap();
        refused(root.path(), "DATA-PATH", &["is an empty folder"]);
        put(root.path(), "inner/train/a/1.png", 1);
        refused(
            root.path(),
            "DATA-LAYOUT",
            &[
                "no folder `train` beside `inner`",
                "did you mean",
                "inner`?",
            ],
        );
        put(root.path(), "train/a/1.png", 1);
        refused(root.path(), "DATA-ONE-CLASS", &["one class (`a`)"]);
        fs::create_dir(root.path().join("train/b")).unwrap();
        refused(root.path(), "DATA-LAYOUT", &["train/b`: no image"]);
        put(root.path(), "train/b/1.png", 1);
        refused(root.path(), "DATA-LAYOUT", &["no folder `test`"]);
        put(root.path(), "test/a/1.png", 1);
        put(root.path(), "test/c/1.png", 1);
        refused(root.path(), "DATA-LAYOUT", &["class `b` is not in `test`"]);
        put(root.path(), "test/b/1.png", 1);
        refused(root.path(), "DATA-LAYOUT", &["class `c` is not in `train`"]);
        put(root.path(), "train/c/deep/1.png", 1);
        refused(
            root.path(),
            "DATA-LAYOUT",
            &["a folder inside a class folder"],
        );
    }

    #[cfg(unix)]
    #[test]
    fn linked_folders_count_and_loops_are_refused() {
        let root = small_set();
        let aside = tempfile::tempdir().unwrap();
        put(aside.path(), "c/1.png", 1);
        for split in ["train", "test"] {
            let link = root.path().join(split).join("c");
            std::os::unix::fs::symlink(aside.path().join("c"), link).unwrap();
        }
        assert_eq!(load_at(root.path()).unwrap().class_names, ["a", "b", "c"]);
        std::os::unix::fs::symlink(root.path().join("train"), root.path().join("train/b/loop"))
            .unwrap();
        refused(
            root.path(),
            "DATA-LAYOUT",
            &["b/loop`: a link that leads back to"],
        );
    }
}
