//! Standard output and standard error. A reader that went away, as `head` does, is no mistake; a disk that is full is one,
//! which is said and sets the exit code.

use crate::diag::{Code, Problem, Problems, wrap};
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;
use terminal_size::{Width, terminal_size_of};

/// Exit code where the disk is full or failing.
const DISK: u8 = 7;

/// Fewest and most columns that texts are laid out for: tables need the first, and nobody follows a line of more than the
/// second.
const COLUMNS: [usize; 2] = [80, 160];

/// The first error of writing, unless the reader just went away.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Writes a text to standard output.
pub(super) fn print(text: &str) {
    let mut out = io::stdout().lock();
    note(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}

/// Writes a text and the end of its line to standard output.
pub(super) fn line(text: &str) {
    print(&format!("{text}\n"));
}

/// Writes a text to standard error; where that is not possible, nobody can be told.
pub(super) fn warn(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Columns of standard output.
pub(super) fn columns() -> Option<usize> {
    told(terminal_size_of(io::stdout()))
}

/// Columns of standard error.
pub(super) fn warn_columns() -> Option<usize> {
    told(terminal_size_of(io::stderr()))
}

/// The terminal's columns, or else those of `COLUMNS`; `None` where nobody says.
fn told<H>(terminal: Option<(Width, H)>) -> Option<usize> {
    let terminal = terminal.map(|(width, _)| usize::from(width.0));
    limited(terminal, std::env::var_os("COLUMNS").as_deref())
}

fn limited(terminal: Option<usize>, variable: Option<&OsStr>) -> Option<usize> {
    let number = || variable?.to_str()?.trim().parse().ok();
    // A terminal that is not drawn yet has no columns.
    let columns = terminal.filter(|n| *n > 0).or_else(number)?;
    Some(columns.clamp(COLUMNS[0], COLUMNS[1]))
}

/// The lines of a text within so many columns; further lines of one that is too long begin in the column of its text,
/// behind `lead`, which is part of the line.
pub(super) fn fitted(line: &str, lead: usize, columns: usize) -> String {
    let (head, text) = line.split_at(line.len().min(lead));
    if line.chars().count() <= columns {
        return format!("{line}\n");
    }
    let indent = format!("\n{:lead$}", "");
    let lines = wrap(text, columns.saturating_sub(lead));
    format!("{head}{}\n", lines.join(&indent))
}

/// The exit code of the program: that of its verb, or the one that says that its output could not be written.
pub(super) fn finish(code: ExitCode) -> ExitCode {
    let Some(error) = FAILED.get() else {
        return code;
    };
    warn(&Problems::from(problem(error)).render_alone());
    ExitCode::from(DISK)
}

fn note(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        // Only the first one is told.
        let _ = FAILED.set(error);
    }
}

fn problem(error: &io::Error) -> Problem {
    let full = matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    );
    let code = if full { Code::DiskFull } else { Code::DiskIo };
    Problem::new(code, format!("cannot write to standard output: {error}"))
        .help("make room, or send the output somewhere else, and run the command again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_tells_the_columns_before_the_variable() {
        let variable = |text: &'static str| Some(OsStr::new(text));
        assert_eq!(limited(Some(100), variable("120")), Some(100));
        assert_eq!(limited(None, variable("120")), Some(120));
        assert_eq!(limited(Some(0), variable("120")), Some(120));
        assert_eq!(limited(None, variable("7")), Some(80));
        assert_eq!(limited(Some(500), None), Some(160));
        assert_eq!(limited(None, variable("wide")), None);
        assert_eq!(limited(None, None), None);
    }

    #[test]
    fn long_lines_go_on_below_their_text() {
        assert_eq!(fitted("  memory  a bc", 10, 80), "  memory  a bc\n");
        let line = "  memory  program and data and more";
        assert_eq!(
            fitted(line, 10, 26),
            "  memory  program and data\n          and more\n"
        );
    }
}
