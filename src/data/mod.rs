//! Images and labels as bytes in memory: CIFAR-10, a folder a class, or the built-in shapes. Knows files and formats;
//! knows nothing of tensors, batches or augmentation. The same plan gives the same bytes on every machine.

mod archive;
mod cache;
mod cifar10;
mod class_tree;
mod decode;
mod download;
mod error;
mod image_folder;
mod places;
mod shapes;
mod subset;

pub use error::{BadImage, BadImages, DataError};

use crate::augment;
use crate::disk::Disk;
use crate::plan::{DataPlan, FolderCount, SourcePlan};
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{PathBuf, absolute};

/// Images of one split with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// `[n, height, width, 3]`, row-major, RGB.
    pub pixels: Vec<u8>,
    /// Position in `class_names`, one an image.
    pub labels: Vec<u32>,
    /// Rows of each image.
    pub height: usize,
    /// Columns of each image.
    pub width: usize,
}

impl Split {
    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is no image.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images as augmentation reads them.
    #[must_use]
    pub fn source(&self) -> augment::Source<'_> {
        augment::Source {
            pixels: &self.pixels,
            height: self.height,
            width: self.width,
        }
    }

    /// Bytes of the image at `index`.
    #[must_use]
    pub fn image(&self, index: usize) -> &[u8] {
        let size = self.height * self.width * 3;
        &self.pixels[index * size..(index + 1) * size]
    }
}

/// A data set as a run uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Names in label order.
    pub class_names: Vec<String>,
    /// What training sees.
    pub train: Split,
    /// Held out of the training split, `None` if the plan holds nothing out.
    pub validation: Option<Split>,
    /// What the finished model is judged on.
    pub test: Split,
    /// SHA-256 over names, sizes, labels and pixels of all splits as used, in hexadecimal.
    pub hash: String,
    /// What a person may want to know of the files: ignored ones, a cache that was damaged.
    pub notes: Vec<String>,
    /// What [`files`] said of an image folder before it was read.
    pub files: Option<String>,
}

/// Where data may lie, and who hears how far loading got.
pub struct LoadOptions<'a> {
    /// Folder or archive of `--data`.
    pub data_dir: Option<PathBuf>,
    /// Folder for downloads and decoded images; made when needed.
    pub cache_dir: PathBuf,
    /// On which they are written.
    pub disk: Disk,
    /// Called from any thread, a few hundred times a split.
    pub progress: &'a (dyn Fn(Progress) + Sync),
}

/// How far one piece of work got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The work: `downloading`, `decoding`, ...
    pub what: &'static str,
    /// Units done.
    pub done: u64,
    /// Units in all, if known.
    pub total: Option<u64>,
    /// What is counted.
    pub unit: Unit,
}

/// What a [`Progress`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of a file.
    Bytes,
    /// Images of a data set.
    Images,
}

/// Both official splits of a source, before the plan's choice.
#[derive(Debug)]
struct Source {
    class_names: Vec<String>,
    train: Split,
    test: Split,
    notes: Vec<String>,
    files: Option<String>,
}

/// Loads what `plan` asks for: the source, then `train_limit`, then `validation` of what is left.
///
/// # Errors
/// Every problem with files, formats, downloads or sizes, as a [`DataError`] with its code.
pub fn load(plan: &DataPlan, options: &LoadOptions<'_>) -> Result<Dataset, DataError> {
    let places = places::Places::new(plan.root.clone(), options.data_dir.clone());
    let source = match plan.source {
        SourcePlan::Cifar10 => cifar10::load(&places, options)?,
        SourcePlan::ImageFolder { image_size } => image_folder::load(&places, image_size, options)?,
        SourcePlan::Shapes {
            train_size,
            test_size,
        } => shapes::generate(train_size, test_size),
    };
    let Source {
        class_names,
        train,
        test,
        mut notes,
        files,
    } = source;
    notes.extend(seen_before(&train, &test));
    let (train, validation) = subset::choose(train, &class_names, plan)?;
    let hash = content_hash(&class_names, &train, validation.as_ref(), &test);
    Ok(Dataset {
        class_names,
        train,
        validation,
        test,
        hash,
        notes,
        files,
    })
}

/// What a folder of images holds, from the names of its files alone; `None` for other sets, and where no place has a folder.
///
/// # Errors
/// What is wrong with the layout of the folder.
pub fn count(plan: &DataPlan, data_dir: Option<PathBuf>) -> Result<Option<FolderCount>, DataError> {
    match plan.source {
        SourcePlan::ImageFolder { .. } => {
            let asked = data_dir.is_some();
            image_folder::count(&places::Places::new(plan.root.clone(), data_dir), asked)
        }
        SourcePlan::Cifar10 | SourcePlan::Shapes { .. } => Ok(None),
    }
}

/// The named place from which a set is read; `None` for built-in images and downloads. What `data_dir` names counts though
/// nothing is there.
#[must_use]
pub fn place(plan: &DataPlan, data_dir: Option<PathBuf>) -> Option<PathBuf> {
    if matches!(plan.source, SourcePlan::Shapes { .. }) {
        return None;
    }
    let asked = data_dir.as_ref().and_then(|path| absolute(path).ok());
    let places = places::Places::new(plan.root.clone(), data_dir);
    let used = used(&plan.source, &places);
    used.and_then(|path| path.canonicalize().ok()).or(asked)
}

/// The place that `load` takes.
fn used(source: &SourcePlan, places: &places::Places) -> Option<PathBuf> {
    match source {
        SourcePlan::Cifar10 => cifar10::place(places),
        SourcePlan::ImageFolder { .. } => image_folder::found(places),
        SourcePlan::Shapes { .. } => None,
    }
}

/// Hash over path, length and time of modification of the files of an image folder; `None` for other sets, or if it cannot
/// be read.
#[must_use]
pub fn files(plan: &DataPlan, data_dir: Option<PathBuf>) -> Option<String> {
    let SourcePlan::ImageFolder { image_size } = plan.source else {
        return None;
    };
    let places = places::Places::new(plan.root.clone(), data_dir);
    image_folder::files(&places, image_size)
}

/// Says how many images of the test split are in the training split too, byte for byte.
fn seen_before(train: &Split, test: &Split) -> Option<String> {
    let known: HashSet<&[u8]> = (0..train.len()).map(|index| train.image(index)).collect();
    let is_known = |&index: &usize| known.contains(test.image(index));
    let seen = (0..test.len()).filter(is_known).count();
    (seen > 0).then(|| {
        let all = test.len();
        format!("warning: {seen} of the {all} test images are training images too, byte for byte")
    })
}

/// SHA-256 over everything that training and evaluation read. Splits are hashed in parallel, then their digests.
fn content_hash(
    names: &[String],
    train: &Split,
    validation: Option<&Split>,
    test: &Split,
) -> String {
    let (train, (validation, test)) = rayon::join(
        || split_digest(train),
        || rayon::join(|| validation.map(split_digest), || split_digest(test)),
    );
    let mut hash = Sha256::new();
    hash.update(b"supcon-data-1");
    for name in names {
        hash.update((name.len() as u64).to_le_bytes());
        hash.update(name);
    }
    hash.update(train);
    hash.update(validation.unwrap_or([0; 32]));
    hash.update(test);
    hex(&hash.finalize())
}

fn split_digest(split: &Split) -> [u8; 32] {
    let mut hash = Sha256::new();
    for size in [split.len(), split.height, split.width] {
        hash.update((size as u64).to_le_bytes());
    }
    for label in &split.labels {
        hash.update(label.to_le_bytes());
    }
    hash.update(&split.pixels);
    hash.finalize().into()
}

/// Bytes in lower-case hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(train_limit: Option<usize>, validation: f64) -> DataPlan {
        let source = SourcePlan::Shapes {
            train_size: 400,
            test_size: 100,
        };
        DataPlan {
            source,
            root: None,
            train_limit,
            train_subset: crate::plan::Subset::default(),
            validation,
            folder: None,
        }
    }

    #[test]
    fn the_place_of_a_set_is_where_it_lies_and_no_stronger_place_without_it() {
        let folder = tempfile::tempdir().unwrap();
        let [other, root] = ["other", "root"].map(|name| folder.path().join(name));
        std::fs::create_dir(&other).unwrap();
        std::fs::create_dir_all(root.join("train")).unwrap();
        let places = |root| {
            let other = Some(other.clone());
            places::Places::of([("`SUPCON_DATA`", other), ("`data.root`", Some(root))])
        };
        let images = SourcePlan::ImageFolder { image_size: 8 };
        assert_eq!(used(&images, &places(root.clone())), Some(root.clone()));
        assert_eq!(used(&SourcePlan::Cifar10, &places(root.clone())), None);
        let archive = root.join("cifar-10-binary.tar.gz");
        std::fs::write(&archive, b"x").unwrap();
        assert_eq!(
            used(&SourcePlan::Cifar10, &places(root.clone())),
            Some(root)
        );
    }

    fn loaded(plan: &DataPlan) -> Dataset {
        let cache_dir = PathBuf::from("unused");
        load(
            plan,
            &LoadOptions {
                data_dir: None,
                cache_dir,
                disk: Disk::real(),
                progress: &|_| {},
            },
        )
        .unwrap()
    }

    #[test]
    fn limit_comes_before_validation_and_sizes_add_up() {
        let data = loaded(&plan(Some(200), 0.25));
        assert_eq!((data.train.len(), data.test.len()), (150, 100));
        let validation = data.validation.unwrap();
        assert_eq!(validation.len(), 50);
        assert_eq!(data.train.image(149).len(), 32 * 32 * 3);
        for index in 0..validation.len() {
            let held = validation.image(index);
            assert!(
                (0..data.train.len()).all(|i| data.train.image(i) != held),
                "{index}"
            );
        }
    }

    #[test]
    fn the_first_images_are_those_that_lie_first() {
        let mut first = plan(Some(37), 0.0);
        first.train_subset = crate::plan::Subset::First;
        let (some, all) = (loaded(&first), loaded(&plan(None, 0.0)));
        assert_eq!(some.train.labels, all.train.labels[..37]);
        assert_eq!(some.train.pixels, all.train.pixels[..37 * 32 * 32 * 3]);
        assert_ne!(some.hash, loaded(&plan(Some(37), 0.0)).hash);
    }

    #[test]
    fn hash_repeats_and_sees_every_part() {
        let whole = loaded(&plan(None, 0.0));
        assert_eq!(whole.hash, loaded(&plan(None, 0.0)).hash);
        assert_eq!(whole.hash.len(), 64);
        let hash = |data: &Dataset| {
            content_hash(
                &data.class_names,
                &data.train,
                data.validation.as_ref(),
                &data.test,
            )
        };
        let mut changed = whole.clone();
        changed.test.pixels[0] ^= 1;
        assert_ne!(hash(&changed), whole.hash);
        let mut changed = whole.clone();
        changed.train.labels[3] ^= 1;
        assert_ne!(hash(&changed), whole.hash);
        let mut changed = whole.clone();
        changed.class_names[0].push('x');
        assert_ne!(hash(&changed), whole.hash);
        assert_ne!(loaded(&plan(None, 0.1)).hash, whole.hash);
    }

    #[test]
    fn test_images_that_training_sees_are_counted_in_a_note() {
        let data = loaded(&plan(None, 0.0));
        assert_eq!(data.notes, Vec::<String>::new());
        let mut test = data.test.clone();
        let size = test.image(0).len();
        test.pixels[..size].copy_from_slice(data.train.image(17));
        let note = seen_before(&data.train, &test).unwrap();
        let says = "warning: 1 of the 100 test images are training images too, byte for byte";
        assert_eq!(note, says);
    }
}
