//! `supcon ls`: where each recorded run stands, a line each.

use super::out;
use super::store::{self, Names, ResultsArgs, shown};
use crate::plan::counted;
use crate::record::{Glance, Standing};
use clap::Args;
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

const MORE: &str = "\
States: running (a process holds it), done, failed, diverged, collapsed, interrupted,
unfinished (its process is gone without a word), damaged (`supcon fsck` says more). Nothing
is written, and large files are not read.

Examples:
  supcon ls                       every run of results/runs
  supcon ls mine                  one experiment, id, folder, or beginning
  supcon ls --json                the same for programs";

/// Arguments of `ls`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct LsArgs {
    /// Experiments, run ids, folders, or how one of them begins [default: every run].
    #[arg(value_name = "PATH|NAME")]
    words: Vec<PathBuf>,
    #[command(flatten)]
    results: ResultsArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Lists runs.
pub(super) fn ls(args: &LsArgs) -> ExitCode {
    let runs = match store::select(&args.words, &args.results.runs(), Names::Beginnings) {
        Ok(runs) => runs,
        Err(problem) => return store::refuse(&problem),
    };
    let mut runs = store::look(&runs, |dir| Glance::at(dir.clone()));
    runs.sort_by(|a, b| a.order().cmp(&b.order()));
    if args.json {
        out::print(&format!("{}\n", as_json(&runs)));
    } else if runs.is_empty() {
        let folder = args.results.runs();
        out::print(&format!("no runs below {}\n", folder.display()));
    } else {
        out::print(&table(&runs, SystemTime::now()));
    }
    ExitCode::SUCCESS
}

/// A line a run, then a count of states.
fn table(runs: &[Glance], now: SystemTime) -> String {
    let head = ["state", "run", "progress", "changed", ""].map(str::to_owned);
    let lines = runs.iter().map(|run| {
        let cells = [
            run.standing.word().to_owned(),
            run.dir.run_id(),
            progress(run),
            changed(run, now),
            rest(run),
        ];
        cells.map(|cell| shown(&cell))
    });
    let lines: Vec<[String; 5]> = std::iter::once(head).chain(lines).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or(0)).collect();
    let mut out = String::new();
    for line in &lines {
        let mut text = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(text, "{cell:width$}  ");
        }
        text.push_str(&line[4]);
        out.push_str(text.trim_end());
        out.push('\n');
    }
    out.push_str(&totals(runs));
    out
}

/// How many runs are in each state.
fn totals(runs: &[Glance]) -> String {
    let states = [
        Standing::Running,
        Standing::Done,
        Standing::Failed,
        Standing::Diverged,
        Standing::Collapsed,
        Standing::Interrupted,
        Standing::Unfinished,
        Standing::Damaged,
    ];
    let count = |state| runs.iter().filter(|run| run.standing == state).count();
    let counts = states.map(|state| (state, count(state)));
    let counts = counts.iter().filter(|(_, n)| *n > 0);
    let counts: Vec<String> = counts
        .map(|(state, n)| format!("{} {n}", state.word()))
        .collect();
    format!("{}: {}\n", counted(runs.len(), "run"), counts.join(", "))
}

/// `classify 12/50`: the phase in hand and its finished epochs.
fn progress(run: &Glance) -> String {
    let reached = run.reached.as_ref();
    reached.map_or("-".to_owned(), |reached| {
        format!("{} {}/{}", reached.phase, reached.epochs, reached.of)
    })
}

/// How long ago something in the run's folder changed; one unit is enough.
fn changed(run: &Glance, now: SystemTime) -> String {
    let Some(changed) = run.changed else {
        return "-".to_owned();
    };
    // Clocks of other hosts may be ahead.
    let secs = now.duration_since(changed).map_or(0, |age| age.as_secs());
    match secs {
        0..120 => format!("{secs} s ago"),
        120..7_200 => format!("{} min ago", secs / 60),
        7_200..172_800 => format!("{} h ago", secs / 3_600),
        _ => format!("{} days ago", secs / 86_400),
    }
}

/// What else there is to say: the figure of a finished run, the cause of another, who holds it.
fn rest(run: &Glance) -> String {
    let mut parts = Vec::new();
    parts.extend(
        run.test_accuracy
            .map(|value| format!("test accuracy {value:.4}")),
    );
    match (&run.code, &run.cause) {
        (Some(code), Some(cause)) => parts.push(format!("{code}: {cause}")),
        (None, Some(cause)) => parts.push(cause.clone()),
        (Some(code), None) => parts.push(code.clone()),
        (None, None) => {}
    }
    parts.extend(
        run.holder
            .as_ref()
            .map(|holder| format!("held by {holder}")),
    );
    parts.join("; ")
}

fn as_json(runs: &[Glance]) -> String {
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).ok().map(|t| t.as_secs());
    let rows = runs.iter().map(|run| {
        json!({
            "run": run.dir.run_id(),
            "experiment": run.experiment,
            "seed": run.seed,
            "path": run.dir.path(),
            "state": run.standing.word(),
            "phase": run.reached.as_ref().map(|reached| &reached.phase),
            "epochs": run.reached.as_ref().map(|reached| reached.epochs),
            "epochs_of": run.reached.as_ref().map(|reached| reached.of),
            "changed_at": run.changed.and_then(seconds),
            "test_accuracy": run.test_accuracy,
            "code": run.code,
            "cause": run.cause,
            "held_by": run.holder,
        })
    });
    json!({ "runs": rows.collect::<Vec<_>>() }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Reached, RunDir};
    use std::time::Duration;

    fn run(id: &str, standing: Standing, now: SystemTime) -> Glance {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(folder.path(), id).unwrap();
        Glance {
            standing,
            changed: Some(now - Duration::from_secs(7_300)),
            ..Glance::at(dir)
        }
    }

    #[test]
    fn a_line_a_run_and_a_count_of_states() {
        let now = SystemTime::now();
        let mut done = run("mine-s0-0123abcd", Standing::Done, now);
        (done.code, done.cause) = (None, None);
        done.test_accuracy = Some(0.8125);
        done.reached = Some(Reached {
            phase: "classify".into(),
            epochs: 50,
            of: 50,
        });
        let mut failed = run("mine-s1-0123abce", Standing::Failed, now);
        (failed.code, failed.cause) = (Some("DISK-FULL".into()), Some("no\u{1b} space".into()));
        let text = table(&[done, failed], now);
        let expected = "\
state   run               progress        changed
done    mine-s0-0123abcd  classify 50/50  2 h ago  test accuracy 0.8125
failed  mine-s1-0123abce  -               2 h ago  DISK-FULL: no\\u{1b} space
2 runs: done 1, failed 1
";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_has_a_field_for_each_thing_even_where_it_is_not_known() {
        let run = run("odd", Standing::Damaged, SystemTime::now());
        let value: serde_json::Value = serde_json::from_str(&as_json(&[run])).unwrap();
        let row = &value["runs"][0];
        assert_eq!(row["state"], "damaged");
        assert!(row["seed"].is_null() && row["phase"].is_null());
        assert!(row["cause"].as_str().unwrap().contains("plan.yaml"));
    }
}
