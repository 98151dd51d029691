//! Reads the bytes of a spec: regular files only, of a size that a person writes, in UTF-8.

use super::limits::MAX_BYTES;
use crate::diag::{Code, Problem, suggest};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Entries of a folder that are looked at for the nearest name: more are no folder of specs.
const ENTRIES: usize = 1000;

/// The name in a path's folder that is nearest to a file that is not there: of a spec, or of a folder of them.
pub(super) fn nearest(path: &Path) -> Option<String> {
    let is_spec = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        ending.is_some_and(|ending| matches!(ending.to_lowercase().as_str(), "yaml" | "yml"))
    };
    let folder = match path.parent()? {
        empty if empty.as_os_str().is_empty() => Path::new("."),
        folder => folder,
    };
    let entries = std::fs::read_dir(folder).ok()?.take(ENTRIES).flatten();
    let fits = |entry: &std::fs::DirEntry| {
        is_spec(&entry.path()) || !is_spec(path) && entry.path().is_dir()
    };
    let names = entries
        .filter(fits)
        .filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    let wanted = path.file_name()?.to_str()?;
    suggest(wanted, names.iter().map(String::as_str)).map(str::to_owned)
}

/// Reads a spec file: regular files only, at most 1 MiB, UTF-8.
pub(super) fn read(path: &Path) -> Result<String, Box<Problem>> {
    let shown = path.display();
    let refuse =
        |code, message: String, help: &str| Box::new(Problem::new(code, message).help(help));
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            let help = nearest(path).map_or("correct the path".into(), |near| {
                format!("did you mean `{}`?", path.with_file_name(near).display())
            });
            refuse(Code::NotFound, format!("there is no file `{shown}`"), &help)
        }
        _ => refuse(
            Code::Unreadable,
            format!("cannot read `{shown}`: {error}"),
            "make it readable, or name another file",
        ),
    };
    // Asked before opening: opening a FIFO would wait for a writer.
    let about = std::fs::metadata(path).map_err(failed)?;
    if !about.is_file() {
        let what = if about.is_dir() {
            "a folder"
        } else {
            "not a regular file"
        };
        return Err(refuse(
            Code::NotAFile,
            format!("`{shown}` is {what}"),
            "name the spec itself",
        ));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(refuse(
            Code::TooLarge,
            format!("`{shown}` is larger than 1 MiB"),
            "name a spec: they are a few kilobytes",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = 1 + bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        let why = format!("the byte at offset {at} in line {line} is not part of a character");
        let message = format!("`{shown}` is not UTF-8: {why}");
        let help = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is UTF-16: save it as UTF-8",
            _ => "save it as UTF-8",
        };
        refuse(Code::NotUtf8, message, help)
    })
}
