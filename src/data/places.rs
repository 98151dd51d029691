//! Where a data set is looked for: at `--data` and nowhere else, or at `SUPCON_DATA`, then at the spec's `data.root`. Who
//! named a place is kept, so that a message can say where a wrong path came from.

use super::error::{DataError, shown};
use std::path::{Path, PathBuf};

/// Places that a person named, strongest first.
pub(super) struct Places {
    named: Vec<(&'static str, PathBuf)>,
}

impl Places {
    /// Collects the places of the spec, the command line and the environment. One that was named for this command is the only
    /// one: with a mistake in it another copy would be taken without a word.
    pub(super) fn new(root: Option<PathBuf>, data_dir: Option<PathBuf>) -> Self {
        if data_dir.is_some() {
            return Self::of([("`--data`", data_dir)]);
        }
        let variable = std::env::var_os("SUPCON_DATA").filter(|value| !value.is_empty());
        Self::of([
            ("`SUPCON_DATA`", variable.map(PathBuf::from)),
            ("`data.root`", root),
        ])
    }

    /// Keeps the places that are set.
    pub(super) fn of<const N: usize>(all: [(&'static str, Option<PathBuf>); N]) -> Self {
        let named = all
            .into_iter()
            .filter_map(|(by, path)| Some((by, path?)))
            .collect();
        Self { named }
    }

    /// True if nobody named a place.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The first place where `find` sees the set, with what it saw there.
    pub(super) fn first<T>(&self, find: impl Fn(&Path) -> Option<T>) -> Option<T> {
        self.named.iter().find_map(|(_, path)| find(path))
    }

    /// The error for a set that is at none of the places.
    pub(super) fn nothing(&self, expected: &str, help: String) -> DataError {
        let states: Vec<String> = self
            .named
            .iter()
            .map(|(by, path)| state(by, path))
            .collect();
        let found = if states.is_empty() {
            "no folder was named".into()
        } else {
            states.join(" and ")
        };
        DataError::Path {
            found,
            expected: expected.into(),
            help,
        }
    }
}

/// One place, who named it, and what is there.
fn state(by: &str, path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => "does not exist".into(),
        Err(error) => format!("cannot be read ({error})"),
        Ok(meta) if meta.is_file() => "is a file of another kind".into(),
        Ok(_) => match std::fs::read_dir(path).map(|mut entries| entries.next().is_none()) {
            Ok(true) => "is an empty folder".into(),
            Ok(false) => "is a folder without it".into(),
            Err(error) => format!("cannot be read ({error})"),
        },
    };
    format!("`{}` (from {by}) {there}", shown(&absolute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_names_absolute_path_origin_and_state() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        let cases = [
            (PathBuf::from("gone/far"), "does not exist"),
            (file, "is a file of another kind"),
            (empty, "is an empty folder"),
            (folder.path().to_owned(), "is a folder without it"),
        ];
        for (path, state) in cases {
            let places = Places::of([("`--data`", Some(path.clone()))]);
            let error = places.nothing("the set", "do this".into());
            assert_eq!(
                (error.code().as_str(), error.exit_code(3)),
                ("DATA-PATH", 5)
            );
            let absolute = std::path::absolute(&path).unwrap();
            let text = format!(
                "`{}` (from `--data`) {state}, expected the set; do this",
                absolute.display()
            );
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn what_the_command_names_is_the_only_place() {
        let [root, named] = ["root", "named"].map(|name| Some(PathBuf::from(name)));
        let paths = |places: Places| {
            let paths = places.named.into_iter().map(|(_, path)| path);
            paths.collect::<Vec<_>>()
        };
        assert_eq!(
            paths(Places::new(root.clone(), named.clone())),
            [named.unwrap()]
        );
        assert!(paths(Places::new(root.clone(), None)).contains(&root.unwrap()));
    }

    #[test]
    fn the_first_place_that_has_the_set_wins() {
        let places = Places::of([
            ("a", Some("one".into())),
            ("b", None),
            ("c", Some("two".into())),
        ]);
        assert_eq!(
            places.first(|path| Some(path.to_owned())),
            Some("one".into())
        );
        assert_eq!(
            places.first(|p| (p == Path::new("two")).then_some(2)),
            Some(2)
        );
    }
}
