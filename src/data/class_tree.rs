//! The tree of class folders: which files belong to which class of which split, and everything that can be wrong with
//! the layout. Follows links, knows nothing of images but their paths.

use super::error::{DataError, shown};
use crate::diag::escape;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// The layout in words, for messages.
pub(super) const LAYOUT: &str = "`train/<class>/` and `test/<class>/` with png or jpeg images";

/// Files of one split by class name, each list in path order.
pub(super) type Classes = BTreeMap<String, Vec<PathBuf>>;

/// `root/name`, or an error that says what is there instead.
pub(super) fn split_folder(root: &Path, name: &str) -> Result<PathBuf, DataError> {
    let folder = root.join(name);
    if folder.is_dir() {
        return Ok(folder);
    }
    let mut inner: Vec<PathBuf> = std::fs::read_dir(root)
        .map_err(DataError::reading(root))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    inner.sort();
    let help = match inner.iter().find(|path| path.join("train").is_dir()) {
        Some(path) => format!("did you mean `{}`?", shown(path)),
        None => format!("make `{}` with a folder a class", shown(&folder)),
    };
    let names: Vec<String> = inner
        .iter()
        .take(5)
        .filter_map(|path| Some(shown(path.file_name()?.as_ref())))
        .collect();
    let found = match names.as_slice() {
        [] => format!("no folder `{name}`"),
        names => format!("no folder `{name}` beside `{}`", names.join("`, `")),
    };
    Err(DataError::Layout {
        path: shown(root),
        found,
        expected: LAYOUT.into(),
        help,
    })
}

/// Hidden files, and what file managers and notebooks leave behind.
fn is_hidden(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    name.starts_with('.') || matches!(&*name, "Thumbs.db" | "desktop.ini" | "@eaDir" | "__MACOSX")
}

/// All files of one split; hidden entries and files outside class folders are counted in `ignored`.
pub(super) fn walk(split: &Path, ignored: &mut usize) -> Result<Classes, DataError> {
    let mut classes = Classes::new();
    let mut walker = WalkDir::new(split)
        .min_depth(1)
        .follow_links(true)
        .sort_by_file_name()
        .into_iter();
    while let Some(entry) = walker.next() {
        let entry = entry.map_err(|error| walk_error(split, error))?;
        let is_dir = entry.file_type().is_dir();
        if is_hidden(&entry) {
            *ignored += 1;
            if is_dir {
                walker.skip_current_dir();
            }
        } else if is_dir && entry.depth() == 1 {
            classes.insert(class_name(&entry)?, Vec::new());
        } else if is_dir {
            let found = "a folder inside a class folder".into();
            let help =
                "move its images up, or name the folder that holds `train` and `test`".into();
            return Err(layout(entry.path(), found, help));
        } else if entry.depth() == 1 {
            *ignored += 1;
        } else {
            // Depth first and sorted by name: the file's class is the one that was entered last.
            let class = entry
                .path()
                .parent()
                .and_then(Path::file_name)
                .unwrap_or_default();
            classes
                .entry(class.to_string_lossy().into_owned())
                .or_default()
                .push(entry.into_path());
        }
    }
    if let Some((name, _)) = classes.iter().find(|(_, files)| files.is_empty()) {
        let help = "add its images, or remove the folder".into();
        return Err(layout(&split.join(name), "no image".into(), help));
    }
    let mut names = classes.keys();
    match (names.next(), names.next()) {
        (None, _) => Err(layout(
            split,
            "no class folder".into(),
            "make a folder for each class".into(),
        )),
        (Some(class), None) => Err(DataError::OneClass {
            path: shown(split),
            class: escape(class),
        }),
        _ => Ok(classes),
    }
}

fn class_name(entry: &DirEntry) -> Result<String, DataError> {
    entry.file_name().to_str().map(String::from).ok_or_else(|| {
        let help = "rename the folder".into();
        layout(entry.path(), "a class name that is not UTF-8".into(), help)
    })
}

fn walk_error(split: &Path, error: walkdir::Error) -> DataError {
    let path = error.path().unwrap_or(split).to_owned();
    if let Some(ancestor) = error.loop_ancestor() {
        let found = format!("a link that leads back to `{}`", shown(ancestor));
        return layout(&path, found, "remove the link".into());
    }
    DataError::reading(&path)(error.into())
}

fn layout(path: &Path, found: String, help: String) -> DataError {
    DataError::Layout {
        path: shown(path),
        found,
        expected: LAYOUT.into(),
        help,
    }
}

/// Labels mean the same in both splits only if both have the same classes.
pub(super) fn same_classes(root: &Path, train: &Classes, test: &Classes) -> Result<(), DataError> {
    let lacking = |from: &Classes, other: &Classes| -> Vec<String> {
        from.keys()
            .filter(|name| !other.contains_key(*name))
            .cloned()
            .collect()
    };
    for (name, missing) in [
        ("test", lacking(train, test)),
        ("train", lacking(test, train)),
    ] {
        if let Some(first) = missing.first() {
            let others = if missing.len() > 1 {
                format!(" and {} more", missing.len() - 1)
            } else {
                String::new()
            };
            let found = format!("class `{}`{others} is not in `{name}`", escape(first));
            let help = format!("add it to `{name}`, or remove it from the other split");
            return Err(layout(root, found, help));
        }
    }
    Ok(())
}
