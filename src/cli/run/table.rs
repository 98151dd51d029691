//! The final table of a batch for people: a row for each run with how it ended. Of a large batch only what needs somebody's
//! attention has rows; `supcon ls` has the others, and `--json` all of them.

use crate::cli::store::shown;
use crate::runner::{Ended, Fate};
use std::fmt::Write;

/// Runs up to which each has a row.
const ROWS: usize = 40;

/// The rows within so many columns.
pub(super) fn table(ended: &[Ended], columns: usize) -> String {
    let is_small = ended.len() <= ROWS;
    let needs_somebody = |run: &&Ended| match run.fate {
        Fate::Failed { .. } | Fate::Leased { .. } => true,
        Fate::Done { .. } | Fate::Skipped | Fate::Interrupted | Fate::NotBegun => is_small,
    };
    let rows: Vec<&Ended> = ended.iter().filter(needs_somebody).take(ROWS).collect();
    let width = rows.iter().map(|run| run.run.len()).max().unwrap_or(0);
    let mut out = String::new();
    for Ended { run, fate, .. } in &rows {
        let (word, cause) = told(fate);
        let row = format!("{run:<width$}  {word:<WORD$}  {cause}");
        let _ = writeln!(out, "{}", cut(row.trim_end(), columns));
    }
    if rows.len() < ended.len() {
        let others = ended.len() - rows.len();
        let _ = writeln!(out, "and {others} more: `supcon ls` lists every run");
    }
    out
}

/// The widest word.
const WORD: usize = "already complete".len();

/// How a run ended, and why, if that is worth a word.
fn told(fate: &Fate) -> (&'static str, String) {
    match fate {
        Fate::Done { resumed: false } => ("done", String::new()),
        Fate::Done { resumed: true } => ("done, resumed", String::new()),
        Fate::Skipped => ("already complete", String::new()),
        Fate::Failed { code, cause, .. } => {
            let first = cause.lines().next().unwrap_or_default();
            ("failed", format!("{code}: {}", shown(first)))
        }
        Fate::Leased { holder } => ("leased", shown(holder)),
        Fate::Interrupted => ("interrupted", String::new()),
        Fate::NotBegun => ("not begun", String::new()),
    }
}

/// A row that does not break: the whole cause of a failure stands in its message.
fn cut(row: &str, columns: usize) -> String {
    if row.chars().count() <= columns {
        return row.to_owned();
    }
    let begin: String = row.chars().take(columns.saturating_sub(3)).collect();
    format!("{}...", begin.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(run: &str, fate: Fate) -> Ended {
        let path = format!("runs/{run}").into();
        let run = run.to_owned();
        Ended { run, path, fate }
    }

    fn failed(cause: &str) -> Fate {
        Fate::Failed {
            code: "RUN-DIVERGED".into(),
            cause: cause.into(),
            exit: 3,
        }
    }

    #[test]
    fn every_run_of_a_small_batch_has_a_row_with_its_end() {
        let holder = "process 7 on `node`, for 3 s (training)".to_owned();
        let runs = [
            ended("a-s0-1", Fate::Done { resumed: false }),
            ended("a-s1-22", Fate::Done { resumed: true }),
            ended("a-s2-3", Fate::Skipped),
            ended("b-s0-4", failed("the loss is not finite\nmore of it")),
            ended("b-s1-5", Fate::Leased { holder }),
            ended("b-s2-6", Fate::Interrupted),
            ended("b-s3-7", Fate::NotBegun),
        ];
        let expected = "\
a-s0-1   done
a-s1-22  done, resumed
a-s2-3   already complete
b-s0-4   failed            RUN-DIVERGED: the loss is not finite
b-s1-5   leased            process 7 on `node`, for 3 s (training)
b-s2-6   interrupted
b-s3-7   not begun
";
        assert_eq!(table(&runs, 160), expected);
        let narrow = table(&runs, 40);
        assert!(narrow.lines().all(|row| row.len() <= 40), "{narrow}");
        let row = "\nb-s0-4   failed            RUN-DIVERG...\n";
        assert!(narrow.contains(row), "{narrow}");
    }

    #[test]
    fn of_a_large_batch_only_what_needs_somebody_has_a_row() {
        let done = |n| ended(&format!("a-s{n}-1"), Fate::Done { resumed: false });
        let mut runs: Vec<Ended> = (0..1000).map(done).collect();
        runs[17].fate = failed("why");
        let expected = "\
a-s17-1  failed            RUN-DIVERGED: why
and 999 more: `supcon ls` lists every run
";
        assert_eq!(table(&runs, 80), expected);
        runs.iter_mut().for_each(|run| run.fate = failed("why"));
        let text = table(&runs, 80);
        assert_eq!(text.lines().count(), ROWS + 1);
        assert!(text.ends_with("and 960 more: `supcon ls` lists every run\n"));
        // With the last run that has a row of its own in any case.
        let runs: Vec<Ended> = (0..ROWS).map(done).collect();
        assert_eq!(table(&runs, 80).lines().count(), ROWS);
    }
}
