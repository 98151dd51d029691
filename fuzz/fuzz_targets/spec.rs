//! Any bytes as a spec file: they are a spec or are refused, the refusal can be drawn, and a spec can be resolved.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::OnceLock;
use supcon::plan::resolve;
use supcon::spec::{Overrides, load_with};
use tempfile::TempDir;

/// The folder of this process, with nothing in it but the spec, so that what a spec extends is not there.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let made = FOLDER.get_or_init(|| tempfile::tempdir().expect("a temporary folder"));
    made.path()
}

fuzz_target!(|bytes: &[u8]| {
    let path = folder().join("spec.yaml");
    std::fs::write(&path, bytes).expect("a temporary file");
    let loaded = load_with(&path, &Overrides::default(), &[]);
    let Err(problems) = loaded.and_then(|loaded| resolve(&loaded)) else {
        return;
    };
    for color in [false, true] {
        assert!(problems.render(color).contains("nothing was run"));
    }
    for problem in &problems {
        assert_ne!(problem.code, "internal", "{problems}");
        let place = problem.place.as_ref();
        assert!(place.is_none_or(|place| place.line > 0 && place.column > 0 && place.len > 0));
    }
});
