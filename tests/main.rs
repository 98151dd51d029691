//! One linked test binary for everything that needs more than one module. Unit tests sit at the end of their file.

#[path = "cli/codes.rs"]
mod codes;
#[path = "cli/editor.rs"]
mod editor;
#[path = "cli/language.rs"]
mod language;

#[path = "cli/preview.rs"]
mod preview;

#[cfg(feature = "train")]
mod compute;

mod repo;
