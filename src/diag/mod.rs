//! Problems that a user can mend: what is wrong, where it was written, and one thing to do about it.
//! Knows nothing of specs; `codes` is the table of kinds, `render` draws, `json` is for programs, `suggest` finds the
//! nearest name.

mod codes;
mod found;
mod json;
mod render;
mod suggest;
mod text;

pub use codes::{Code, Explanation, pointer, render_page};
pub use found::Found;
pub use suggest::{distance, nearest, suggest};
pub use text::{escape, escape_json, is_hidden, wrap};

use std::fmt;

/// A stretch of one line of a file, or of an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// File as the user named it, or what else was written (`--set`, `environment`).
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Length in characters, at least 1.
    pub len: usize,
    /// The whole line, without its end.
    pub line_text: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One mistake, complete in its first line.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The kind of mistake.
    pub code: Code,
    /// What is wrong, in lower case and without a full stop.
    pub message: String,
    /// Where it was written.
    pub place: Option<Place>,
    /// Text under the caret.
    pub label: Option<String>,
    /// A second place with its own text, such as the first of two equal keys.
    pub related: Option<(Place, String)>,
    /// A fact that explains the message.
    pub note: Option<String>,
    /// The one thing to do.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with a code and a message, and no place yet.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            place: None,
            label: None,
            related: None,
            note: None,
            help: None,
        }
    }

    /// Sets where it was written.
    #[must_use]
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.place = place.into();
        self
    }

    /// Sets the text under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Shows a second place.
    #[must_use]
    pub fn related(mut self, place: Option<Place>, label: impl Into<String>) -> Self {
        self.related = place.map(|place| (place, label.into()));
        self
    }

    /// Sets the explaining fact.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Sets the one thing to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Sets the one thing to do, unless something better was said.
    #[must_use]
    pub fn or_help(mut self, help: impl Into<String>) -> Self {
        self.help.get_or_insert_with(|| help.into());
        self
    }

    /// `did you mean` under the caret if `name` is close to a candidate, and that as the thing to do.
    #[must_use]
    pub fn did_you_mean<'a>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match suggest(name, candidates) {
            Some(nearest) => self.means(nearest),
            None => self,
        }
    }
}

impl Problem {
    /// Adds a line to the explaining fact.
    pub fn add_note(&mut self, more: &str) {
        self.note = Some(match self.note.take() {
            Some(note) => format!("{note}\n{more}"),
            None => more.to_owned(),
        });
    }

    /// Says what was meant.
    #[must_use]
    pub fn means(self, name: &str) -> Self {
        let label = format!("did you mean `{name}`?");
        self.label(label).help(format!("write `{name}`"))
    }
}

/// All problems that were found, at least one, sorted by place and each only once.
#[derive(Clone, Debug, PartialEq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Sorts the problems; `None` if there are none.
    #[must_use]
    pub fn collect(mut problems: Vec<Problem>) -> Option<Self> {
        // A file's own problems stand together; what has no place comes first.
        problems.sort_by(|a, b| {
            let (first, second) = (a.code.as_str(), b.code.as_str());
            (&a.place, first, &a.message).cmp(&(&b.place, second, &b.message))
        });
        problems.dedup();
        (!problems.is_empty()).then_some(Self(problems))
    }

    /// `Ok(value)` if nothing was found.
    ///
    /// # Errors
    /// The problems, if there are any.
    pub fn or<T>(problems: Vec<Problem>, value: T) -> Result<T, Self> {
        match Self::collect(problems) {
            Some(problems) => Err(problems),
            None => Ok(value),
        }
    }

    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the collection is never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives up the problems in order.
    #[must_use]
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}
