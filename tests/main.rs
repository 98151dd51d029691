//! One linked test binary for everything that needs more than one module. Unit tests sit at the end of their file.

#[path = "cli/editor.rs"]
mod editor;
#[path = "cli/language.rs"]
mod language;

#[cfg(feature = "train")]
mod compute;

mod repo;
