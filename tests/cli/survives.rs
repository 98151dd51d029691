//! What must hold for any bytes. The fuzz target (`fuzz/fuzz_targets/spec.rs`) is this function too.

use std::path::Path;
use supcon::plan::resolve_reading;
use supcon::spec::{Overrides, read_with};

/// Writes bytes as a spec and asserts that they are one or are refused, and that what is said about it can be drawn, with
/// places that there are.
///
/// # Panics
/// If that does not hold.
pub fn survives(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("a file");
    let reading = read_with(path, &Overrides::default(), &[]);
    let Err(problems) = resolve_reading(reading) else {
        return;
    };
    for color in [false, true] {
        assert!(problems.render(color).contains("nothing was run"));
        let narrow = problems.render_within(color, Some(80));
        assert!(narrow.contains("nothing was run"));
    }
    for problem in &problems {
        assert_ne!(problem.code, "internal", "{problems}");
        let place = problem.place.as_ref();
        assert!(place.is_none_or(|place| place.line > 0 && place.column > 0 && place.len > 0));
    }
}
