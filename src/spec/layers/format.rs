//! The version of the language that a file says it is written in. A newer one is refused before any of its keys is judged:
//! they may mean what this program cannot know. There is no older one yet.

use crate::diag::{Code, Problem};
use crate::spec::schema::LANGUAGE;
use crate::spec::source::Source;
use crate::spec::yaml::Tree;

/// Refuses a file that is written in another version than this program reads.
pub(super) fn check(source: &Source) -> Result<(), Box<Problem>> {
    let Some((_, written)) = source.tree.iter().find(|(key, _)| key == "format") else {
        return Ok(());
    };
    let place = source.value_place("format");
    let refuse = |code, message: String| Problem::new(code, message).at(place.clone());
    let problem = match written {
        Tree::Whole(version) if *version == i128::from(LANGUAGE) => return Ok(()),
        Tree::Whole(version) if *version > i128::from(LANGUAGE) => {
            let message = format!(
                "`{}` is written in version {version} of the language",
                source.label
            );
            refuse(Code::NewerFormat, message)
                .label(format!("this program reads version {LANGUAGE}"))
                .note("its keys are not judged: they may be new")
                .help(
                    "install a newer supcon, or write the spec in the version that this one reads",
                )
        }
        Tree::Whole(version) => refuse(
            Code::OutOfRange,
            format!("`format` is out of range: found the number {version}"),
        )
        .label(format!("must be {LANGUAGE}"))
        .help(format!("write `format: {LANGUAGE}`, or delete the key")),
        other => refuse(
            Code::WrongType,
            format!(
                "`format` must be the number {LANGUAGE}, found {}",
                other.describe()
            ),
        )
        .label("expected a version")
        .help(format!("write `format: {LANGUAGE}`, or delete the key")),
    };
    Err(Box::new(problem))
}
