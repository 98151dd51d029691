//! Standard output and standard error. A reader that went away, as `head` does, is no mistake; a disk that is full is one,
//! which is said and sets the exit code.

use crate::diag::{Code, Problem, Problems};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::sync::OnceLock;

/// Exit code where the disk is full or failing.
const DISK: u8 = 7;

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
