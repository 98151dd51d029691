//! A run that was killed before, and is killed once more: at each file operation of the process that goes on.

use super::{
    Bench, Result, SHORT, complete, leftovers, only_run, repeats_the_walk, straight, supcon, walk,
};
use supcon::disk::DEATH;
use supcon::record::LOG;

/// Operations at which the first process is killed, and what it does there: its first checkpoint, the figures of a later one.
const FIRST: [(u64, &str); 2] = [(24, "checkpoints/.0."), (61, "metrics.parquet")];

#[test]
fn a_second_kill_at_every_file_operation_changes_no_byte_either() {
    if repeats_the_walk() {
        return println!("skipped: the suite without libtorch walks the same operations");
    }
    let bench = Bench::new();
    let expected = straight(&bench, &SHORT);
    for (first, doing) in FIRST {
        let points = walk(4, |number| {
            let results = bench.folder().join(format!("{first}-{number}"));
            let kill = |at: u64| {
                let fault = format!("worker:kill@{at}");
                supcon(&bench, &results, &SHORT, Some(&fault)).status.code()
            };
            assert_eq!(kill(first), Some(3));
            let log = only_run(&results).dir.file(LOG);
            let log = std::fs::read_to_string(log).expect("a log");
            let died = log.lines().rev().find_map(|line| line.strip_prefix(DEATH));
            assert!(
                died.is_some_and(|at| at.contains(doing)),
                "{first}: {died:?}"
            );
            let second = kill(number);
            assert!(
                matches!(second, Some(0 | 3)),
                "{first}, {number}: {second:?}"
            );
            let survived = second == Some(0);
            let last = complete(&bench, &results, &SHORT, number);
            assert!(last.status.success(), "{first}, {number}: {last:?}");
            let at = format!("killed at {first} and at {number}");
            assert!(Result::of(&only_run(&results)) == expected, "{at}");
            assert_eq!(leftovers(&results), Vec::<String>::new(), "{at}");
            std::fs::remove_dir_all(&results).expect("removed");
            !survived
        });
        println!("killed at {first}, and then at each of {points} operations");
        assert!(points > 30, "{points}");
    }
}
