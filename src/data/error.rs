//! What can be wrong with data, each with a stable code. A message names the place, what was found, what was expected
//! and one thing to do; paths are escaped, so that a file name cannot play with the terminal.

use crate::diag::{Code, escape};
use crate::disk;
use std::fmt;
use std::io;
use std::path::Path;

/// Bad images that a message lists one by one; the others are counted.
const LISTED: usize = 20;

/// A problem with images, labels or the files that hold them.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Nothing usable lies where the data was looked for.
    #[error("{found}, expected {expected}; {help}")]
    Path {
        /// The place and what is there, with where the path came from.
        found: String,
        /// What should be there.
        expected: String,
        /// One thing to do.
        help: String,
    },
    /// A file does not have the layout of its format.
    #[error("`{path}`: {found} at byte {offset}, expected {expected}; {help}")]
    Format {
        /// File, or member of an archive.
        path: String,
        /// First byte that is wrong.
        offset: u64,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// One thing to do.
        help: &'static str,
    },
    /// A label lies outside the classes.
    #[error(
        "`{path}`: record {record} has label {label} at byte {offset}, expected 0..={largest}; \
         restore the file from its source"
    )]
    Label {
        /// File, or member of an archive.
        path: String,
        /// Record, from 0.
        record: usize,
        /// Byte of the label.
        offset: u64,
        /// What is there.
        label: u8,
        /// Largest label of the format.
        largest: u8,
    },
    /// Files of an image folder that are no usable image.
    #[error("{0}")]
    BadImages(BadImages),
    /// The folders are not `train/<class>` and `test/<class>`.
    #[error("`{path}`: {found}, expected {expected}; {help}")]
    Layout {
        /// Folder.
        path: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// One thing to do.
        help: String,
    },
    /// There is nothing to tell apart.
    #[error(
        "`{path}`: one class (`{class}`), expected at least 2; add a folder for each further class"
    )]
    OneClass {
        /// Folder that holds the class folders.
        path: String,
        /// The only class.
        class: String,
    },
    /// A class is too small for what `train_limit` or `validation` asks.
    #[error("{found}, expected {expected}; {help}")]
    TooFew {
        /// The class with its size.
        found: String,
        /// What the split needs.
        expected: String,
        /// One thing to do.
        help: &'static str,
    },
    /// The archive could not be fetched.
    #[error("cannot download {url} to `{path}`: {cause}, expected {expected}; {help}")]
    Download {
        /// Address.
        url: String,
        /// File that it was meant for.
        path: String,
        /// What went wrong.
        cause: String,
        /// What a good answer would have been.
        expected: String,
        /// One thing to do.
        help: String,
    },
    /// An archive is damaged, or holds what a data set has no use for.
    #[error("`{path}`: {found}, expected {expected}; {help}")]
    Archive {
        /// Archive.
        path: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
        /// One thing to do.
        help: &'static str,
    },
    /// The operating system refused to read.
    #[error("cannot read `{path}`: {source}; check that it exists and that you may read it")]
    Io {
        /// File or folder.
        path: String,
        /// Cause.
        source: io::Error,
    },
    /// The disk refused a write of a download or of decoded images.
    #[error("cannot write `{path}`: {source}; {needed}")]
    Write {
        /// File or folder.
        path: String,
        /// Cause.
        source: io::Error,
        /// How much room it takes, what is kept, and what to do.
        needed: String,
    },
}

impl DataError {
    /// The kind of mistake, for documentation and scripts.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Path { .. } => Code::DataPath,
            Self::Format { .. } => Code::DataFormat,
            Self::Label { .. } => Code::DataLabel,
            Self::BadImages(_) => Code::DataBadImage,
            Self::Layout { .. } => Code::DataLayout,
            Self::OneClass { .. } => Code::DataOneClass,
            Self::TooFew { .. } => Code::DataTooFew,
            Self::Download { .. } => Code::DataDownload,
            Self::Archive { .. } => Code::DataArchive,
            Self::Io { .. } => Code::DataIo,
            Self::Write { source, .. } if disk::is_full(source) => Code::DiskFull,
            Self::Write { .. } => Code::DiskIo,
        }
    }

    /// Whether the disk refused a write: then somebody must see to the disk, whatever the data are.
    #[must_use]
    pub const fn is_of_disk(&self) -> bool {
        matches!(self, Self::Write { .. })
    }

    /// Exit code of the process, as in `runner::exit`: 7 where the disk refused a write, 5 where there is no such data set.
    #[must_use]
    pub const fn exit_code(&self, otherwise: u8) -> u8 {
        match self {
            Self::Write { .. } => 7,
            Self::Path { .. } | Self::Download { .. } => 5,
            _ => otherwise,
        }
    }

    /// Wraps a failed read of `path`.
    pub(super) fn reading(path: &Path) -> impl Fn(io::Error) -> Self {
        let path = shown(path);
        move |source| Self::Io {
            path: path.clone(),
            source,
        }
    }

    /// Wraps a failed write of `path`.
    pub(super) fn writing(path: &Path, needed: String) -> impl FnOnce(io::Error) -> Self {
        let path = shown(path);
        move |source| Self::Write {
            path,
            source,
            needed,
        }
    }
}

/// Bytes for people who must find room for them.
pub(super) fn room(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// Every unusable file of an image folder, in path order.
#[derive(Debug)]
pub struct BadImages(pub Vec<BadImage>);

/// One unusable file.
#[derive(Debug)]
pub struct BadImage {
    /// File, escaped.
    pub path: String,
    /// Why it is unusable.
    pub cause: String,
}

impl fmt::Display for BadImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.0.len();
        let noun = if count == 1 { "file is" } else { "files are" };
        write!(
            f,
            "{count} {noun} no usable image, expected png or jpeg; repair or remove:"
        )?;
        for bad in self.0.iter().take(LISTED) {
            write!(f, "\n  `{}`: {}", bad.path, bad.cause)?;
        }
        if count > LISTED {
            write!(f, "\n  and {} more", count - LISTED)?;
        }
        Ok(())
    }
}

/// A path as text with control characters escaped.
pub(super) fn shown(path: &Path) -> String {
    escape(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_names_are_escaped() {
        assert_eq!(shown(Path::new("a\n\u{1b}[31mb")), "a\\u{a}\\u{1b}[31mb");
    }

    #[test]
    fn twenty_bad_images_are_listed_and_the_others_counted() {
        let bad = |i| BadImage {
            path: format!("train/a/{i}.png"),
            cause: "0 bytes".into(),
        };
        let text = DataError::BadImages(BadImages((0..23).map(bad).collect())).to_string();
        assert!(text.starts_with("23 files are no usable image"), "{text}");
        assert_eq!(text.matches("0 bytes").count(), 20);
        assert!(text.ends_with("and 3 more"), "{text}");
    }
}
