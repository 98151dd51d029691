//! What must not reach the value parser, and how it is said: mistakes of grammar, texts that grow through aliases, tags,
//! merge keys, keys that are no names, keys written twice.

use super::{Scanner, Step};
use crate::diag::{Code, Problem};
use crate::spec::index::Span;
use crate::spec::limits::{MAX_DEPTH, MAX_TEXT, MAX_VALUES, Size};
use crate::spec::syntax::{self, Said};
use saphyr_parser::{ScanError, Span as Marks};

pub(super) fn too_deep() -> Problem {
    Problem::new(
        Code::TooDeep,
        format!("lists and mappings are nested deeper than {MAX_DEPTH}"),
    )
    .help("write the value with fewer brackets or levels: no key takes more than a few")
}

impl Scanner<'_> {
    /// A mistake in YAML's grammar, or nesting that the parser itself gives up on.
    pub(super) fn unreadable(&self, error: &ScanError, text: &str) -> Problem {
        let at: Span = Marks::empty(*error.marker()).into();
        if error.info().contains("recursion limit") {
            return too_deep().at((self.place)(at));
        }
        let said = Said {
            info: error.info(),
            at,
        };
        syntax::explain(&said, text, self.place)
    }

    pub(super) fn count(&mut self, more: Size, span: Span) -> Step {
        self.size = self.size.plus(more);
        let what = if self.size.values > MAX_VALUES {
            format!("{MAX_VALUES} keys and values")
        } else if self.size.bytes > MAX_TEXT {
            format!("{MAX_TEXT} bytes of text")
        } else {
            return Ok(());
        };
        let text = format!("more than {what}, counting what aliases stand for");
        let help = "write a shorter spec, with fewer aliases";
        Err(Box::new(
            self.problem(Code::AliasLimit, &text, span).help(help),
        ))
    }

    pub(super) fn refuse_tag(&mut self, tagged: bool, span: Span) -> Step {
        if !tagged {
            return Ok(());
        }
        let message = "tags (`!name`) are not part of this language";
        let problem = self.problem(Code::Tag, message, span);
        self.keep(problem.help("write the plain value"))
    }

    pub(super) fn complex_key(&self, span: Span) -> Problem {
        self.problem(
            Code::ComplexKey,
            "a key must be a name, not a list, a mapping or an alias",
            span,
        )
        .help("write a plain name before the colon")
    }

    pub(super) fn problem(&self, code: Code, message: &str, span: Span) -> Problem {
        Problem::new(code, message).at((self.place)(span))
    }

    pub(super) fn merge_key(&self, span: Span) -> Problem {
        let message = "merge keys (`<<`) are not part of this language";
        self.problem(Code::MergeKey, message, span)
            .help("use `extends`, or write the keys out")
    }

    /// The problem of a key of the mapping at `path` that was first written elsewhere.
    pub(super) fn duplicate(&self, key: &str, path: &str, span: Span, first: Span) -> Problem {
        let inside = if path.is_empty() {
            String::new()
        } else {
            format!(" in `{path}`")
        };
        self.problem(
            Code::DuplicateKey,
            &format!("duplicate key `{key}`{inside}"),
            span,
        )
        .label("written again")
        .related(Some((self.place)(first)), "first written here")
        .help("keep one of the two")
    }
}
