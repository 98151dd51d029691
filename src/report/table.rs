//! The report of the terminal: results, verdicts, and each run that is not done.

use super::group::{Experiment, experiments};
use super::rows::{ResultRow, RunRow, VerdictRow, result_rows, run_rows, verdict_rows};
use crate::record::RunRecord;

/// The report of the terminal: results, verdicts if anything was expected, and each run that is not done.
#[must_use]
pub fn table(runs: &[RunRecord]) -> String {
    let experiments = experiments(runs);
    let mut text = results_text(&experiments);
    let verdicts = verdict_rows(&experiments);
    if !verdicts.is_empty() {
        text = text + "\n" + &verdicts_text(&verdicts);
    }
    let rows = run_rows(&experiments);
    let open: Vec<&RunRow> = rows.iter().filter(|row| row.state != "done").collect();
    if !open.is_empty() {
        text += "\nnot in the figures above:\n";
    }
    for row in open {
        text += &format!("  {}: {}", row.run_id, row.state);
        if !row.cause.is_empty() {
            text += &format!(" ({})", row.cause);
        }
        text += "\n";
    }
    text
}

fn results_text(experiments: &[Experiment<'_>]) -> String {
    let head = [
        "experiment",
        "n",
        "test accuracy",
        "95 % interval",
        "time a run",
        "images/s",
        "runs",
    ];
    let row = |row: ResultRow| {
        let n = row.n.to_string();
        vec![
            row.experiment,
            n,
            row.accuracy,
            row.interval,
            row.time,
            row.speed,
            row.states,
        ]
    };
    let rows = result_rows(experiments).into_iter().map(row).collect();
    aligned(&head, rows)
}

fn verdicts_text(verdicts: &[VerdictRow]) -> String {
    let head = [
        "experiment",
        "metric",
        "expected",
        "ours",
        "tolerance",
        "verdict",
    ];
    let row = |row: &VerdictRow| {
        let own = [
            &row.experiment,
            &row.metric,
            &row.expected,
            &row.ours,
            &row.tolerance,
        ];
        own.into_iter().chain([&row.verdict]).cloned().collect()
    };
    aligned(&head, verdicts.iter().map(row).collect())
}

/// Columns as wide as their widest cell, two spaces apart, with a rule below the head.
fn aligned(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut lines: Vec<Vec<String>> = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
    lines.extend(rows);
    let width = |column: usize| {
        lines
            .iter()
            .map(|line| line[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let cells = line
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:<width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text += "\n";
        if at == 0 {
            text += &"-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1));
            text += "\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::samples::study;
    use super::*;

    #[test]
    fn the_terminal_table_says_it_all() {
        let text = table(&study());
        let expected = "\
experiment  n  test accuracy    95 % interval     time a run    images/s   runs
----------------------------------------------------------------------------------------
baseline    3  0.4776 \u{b1} 0.0145  0.4416 to 0.5136  7 min 12 s  221        3 done, 1 failed
";
        let squeezed = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let ours: Vec<&str> = text.lines().collect();
        let theirs: Vec<&str> = expected.lines().collect();
        assert_eq!(squeezed(ours[0]), squeezed(theirs[0]), "{text}");
        assert_eq!(squeezed(ours[2]), squeezed(theirs[2]), "{text}");
        assert!(text.contains("baseline-s3-0123abcd: failed (out-of-memory: libtorch could"));
        let verdicts: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("test_accuracy"))
            .collect();
        assert!(
            verdicts[0].contains("(n = 3 of 4)") && verdicts[0].ends_with("so far"),
            "{text}"
        );
        assert!(
            verdicts[1].contains("(n = 3)") && verdicts[1].ends_with("holds"),
            "{text}"
        );
    }
}
