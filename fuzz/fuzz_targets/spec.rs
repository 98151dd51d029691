//! Any bytes as a spec file: they are a spec or are refused, the refusal can be drawn, and a spec can be resolved. What
//! that means is a function of the suite, so that this target cannot fall behind the library.

#![no_main]

#[path = "../../tests/cli/survives.rs"]
mod survives;

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

/// The folder of this process, with nothing in it but the spec, so that what a spec extends is not there.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let made = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
    made.path()
}

fuzz_target!(|bytes: &[u8]| {
    survives::survives(&folder().join("spec.yaml"), bytes);
});
