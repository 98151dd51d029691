//! `supcon check`: says whether specs are right, and everything that is wrong with them.

use super::{Format, SpecArgs, out};
use crate::diag::Problems;
use crate::plan::{check_specs, counted};
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::IsTerminal;
use std::process::ExitCode;

pub(super) const MORE: &str = "\
Every mistake of every spec is named at once, with its place, the nearest valid name and one
thing to do. Nothing is trained and nothing is written. Exit code: 0 all right, 2 if not.

Examples:
  supcon check exp.yaml
  supcon check experiments                   every spec below a folder
  supcon check exp.yaml --set 'seeds=[0,1]'  with a value changed
  supcon check exp.yaml --profile smoke      with a section of `profiles`
  supcon check experiments --format json     for editors and scripts";

/// Exit code of a command that was refused before any work.
pub(super) const REFUSED: u8 = 2;

/// Checks every spec.
pub(super) fn check(args: &SpecArgs) -> ExitCode {
    match check_specs(&args.paths, &args.overrides()) {
        Ok(runs) => {
            let specs: BTreeSet<&String> = runs.iter().map(|run| &run.name).collect();
            out::line(&accepted(specs.len(), runs.len(), args.format));
            ExitCode::SUCCESS
        }
        Err(problems) => refuse(&problems, args.format),
    }
}

/// The answer to good specs.
fn accepted(specs: usize, runs: usize, format: Format) -> String {
    match format {
        Format::Text => format!(
            "ok: {}, {}",
            counted(specs, "experiment"),
            counted(runs, "run")
        ),
        Format::Json => {
            json!({ "ok": true, "experiments": specs, "runs": runs, "problems": [] }).to_string()
        }
    }
}

/// Writes problems and refuses to do any work.
pub(super) fn refuse(problems: &Problems, format: Format) -> ExitCode {
    show(problems, format);
    ExitCode::from(REFUSED)
}

/// Writes problems: drawn on standard error, with the line that leads to more, or as JSON on standard output.
pub(super) fn show(problems: &Problems, format: Format) {
    match format {
        Format::Text => {
            let no_color = std::env::var_os("NO_COLOR");
            let color = is_coloured(std::io::stderr().is_terminal(), no_color.as_deref());
            let drawn = problems.render_within(color, out::warn_columns());
            out::warn(&format!("{drawn}{}", problems.pointer()));
        }
        Format::Json => out::line(&problems.to_json()),
    }
}

/// Colour is for terminals, unless `NO_COLOR` is set to anything (<https://no-color.org>).
fn is_coloured(terminal: bool, no_color: Option<&OsStr>) -> bool {
    terminal && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_without_no_color() {
        assert!(is_coloured(true, None) && is_coloured(true, Some(OsStr::new(""))));
        assert!(!is_coloured(true, Some(OsStr::new("1"))));
        assert!(!is_coloured(true, Some(OsStr::new("0"))));
        assert!(!is_coloured(false, None));
    }

    #[test]
    fn good_specs_are_counted() {
        assert_eq!(accepted(1, 3, Format::Text), "ok: 1 experiment, 3 runs");
        assert_eq!(
            accepted(2, 1, Format::Json),
            r#"{"ok":true,"experiments":2,"runs":1,"problems":[]}"#
        );
    }
}
