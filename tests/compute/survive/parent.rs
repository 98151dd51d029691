//! The parent's own file operations: a batch that is killed at one of them, or refused it, is completed by the same command.

use super::{Bench, Result, SHORT, leftovers, only_run, repeats_the_walk, supcon, walk};

#[test]
fn a_parent_that_is_killed_or_starved_at_any_operation_is_completed_by_the_same_command() {
    if repeats_the_walk() {
        return println!("skipped: the suite without libtorch walks the same operations");
    }
    let bench = Bench::new();
    let straight = bench.folder().join("straight");
    assert!(supcon(&bench, &straight, &SHORT, None).status.success());
    let expected = Result::of(&only_run(&straight));
    // A process that a signal ended has no exit code.
    let kinds = ["full", "quota", "io", "readonly"].map(|kind| (kind, Some(7)));
    for (kind, exit) in [("kill", None)].into_iter().chain(kinds) {
        let points = walk(2, |number| {
            let results = bench.folder().join(format!("{kind}-{number}"));
            let fault = format!("batch:{kind}@{number}");
            let output = supcon(&bench, &results, &SHORT, Some(&fault));
            if output.status.success() {
                return false;
            }
            assert_eq!(output.status.code(), exit, "{fault}: {output:?}");
            let output = supcon(&bench, &results, &SHORT, None);
            assert!(output.status.success(), "{fault}: {output:?}");
            assert!(Result::of(&only_run(&results)) == expected, "{fault}");
            assert_eq!(leftovers(&results), Vec::<String>::new(), "{fault}");
            true
        });
        println!("{kind}: each of {points} operations of the parent");
        assert!(points > 5, "{points}");
    }
}
