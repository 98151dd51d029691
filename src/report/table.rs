//! The tables of a report as text: results by experiment, verdicts, runs. The terminal shows them as they are, the page takes
//! the same rows.

use super::expect::{Judged, Verdict, judge, published};
use super::group::{Experiment, experiments};
use super::stats::{Summary, median};
use crate::record::{RunRecord, State};
use serde::Serialize;

/// One experiment in the table of results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResultRow {
    /// Name of the experiment.
    pub experiment: String,
    /// Number of finished runs with a test accuracy.
    pub n: usize,
    /// Mean and sample standard deviation.
    pub accuracy: String,
    /// 95 % interval of the mean.
    pub interval: String,
    /// Median over the finished runs.
    pub time: String,
    /// Median over the finished runs, for each phase.
    pub speed: String,
    /// How many runs are in which state.
    pub states: String,
}

/// One expectation in the table of verdicts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictRow {
    /// Name of the experiment.
    pub experiment: String,
    /// As written in the spec.
    pub metric: String,
    /// Figure or bound.
    pub published: String,
    /// Our mean with the number of seeds.
    pub ours: String,
    /// Allowed distance.
    pub tolerance: String,
    /// `holds`, `differs` or `not run yet`.
    pub verdict: String,
    /// Where the figure was published.
    pub source: String,
}

/// One run in the table of runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunRow {
    /// Name of its folder.
    pub run_id: String,
    /// Name of its experiment.
    pub experiment: String,
    /// Its seed.
    pub seed: u64,
    /// Where it stands.
    pub state: String,
    /// Code and cause of a failure.
    pub cause: String,
    /// Test accuracy of this run.
    pub accuracy: String,
    /// Device as asked for.
    pub device: String,
    /// Worker threads.
    pub threads: usize,
    /// Wall time of training and evaluation.
    pub time: String,
}

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
        let cause = if row.cause.is_empty() {
            String::new()
        } else {
            format!(": {}", row.cause)
        };
        text += &format!("  {} is {}{cause}\n", row.run_id, row.state);
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
        "published",
        "ours",
        "tolerance",
        "verdict",
    ];
    let row = |row: &VerdictRow| {
        let own = [
            &row.experiment,
            &row.metric,
            &row.published,
            &row.ours,
            &row.tolerance,
        ];
        own.into_iter().chain([&row.verdict]).cloned().collect()
    };
    aligned(&head, verdicts.iter().map(row).collect())
}

/// One row for each experiment.
#[must_use]
pub fn result_rows(experiments: &[Experiment<'_>]) -> Vec<ResultRow> {
    experiments.iter().map(result_row).collect()
}

fn result_row(experiment: &Experiment<'_>) -> ResultRow {
    let values: Vec<f64> = experiment
        .test_accuracy()
        .iter()
        .map(|seed| seed.1)
        .collect();
    let summary = Summary::of(&values);
    let times: Vec<f64> = experiment.done().map(|run| run.status.wall_secs).collect();
    ResultRow {
        experiment: experiment.name.to_owned(),
        n: summary.map_or(0, |s| s.n),
        accuracy: summary.map_or(dash(), |s| match s.deviation {
            Some(deviation) => format!("{:.4} \u{b1} {deviation:.4}", s.mean),
            None => format!("{:.4}", s.mean),
        }),
        interval: summary.and_then(interval).unwrap_or_else(dash),
        time: median(&times).map_or(dash(), duration),
        speed: speed(experiment),
        states: states(experiment),
    }
}

/// One row for each expectation.
#[must_use]
pub fn verdict_rows(experiments: &[Experiment<'_>]) -> Vec<VerdictRow> {
    judge(experiments).iter().map(verdict_row).collect()
}

fn verdict_row(judged: &Judged<'_>) -> VerdictRow {
    let expect = judged.expect;
    let ours = |s: Summary| format!("{:.4} (n = {})", s.mean, s.n);
    VerdictRow {
        experiment: judged.experiment.to_owned(),
        metric: expect.metric.clone(),
        published: published(expect),
        ours: judged.ours.map_or(dash(), ours),
        tolerance: expect
            .tolerance
            .map_or(dash(), |tolerance| format!("\u{b1} {tolerance}")),
        verdict: judged.verdict.to_string(),
        source: expect.source.clone().unwrap_or_default(),
    }
}

/// One row for each run, whatever its state.
#[must_use]
pub fn run_rows(experiments: &[Experiment<'_>]) -> Vec<RunRow> {
    let mut rows = Vec::new();
    for experiment in experiments {
        let accuracies = experiment.test_accuracy();
        for run in &experiment.runs {
            let own = accuracies.iter().find(|seed| seed.0 == run.plan.seed);
            let own = own.filter(|_| run.status.state == State::Done);
            rows.push(RunRow {
                run_id: run.plan.run_id.clone(),
                experiment: experiment.name.to_owned(),
                seed: run.plan.seed,
                state: state(run.status.state).to_owned(),
                cause: cause(run),
                accuracy: own.map_or(dash(), |seed| format!("{:.4}", seed.1)),
                device: run.status.device.clone(),
                threads: run.status.threads,
                time: duration(run.status.wall_secs),
            });
        }
    }
    rows
}

/// How many expectations hold, of how many.
#[must_use]
pub fn held(experiments: &[Experiment<'_>]) -> (usize, usize) {
    let judged = judge(experiments);
    let holds = judged
        .iter()
        .filter(|judged| judged.verdict == Verdict::Holds)
        .count();
    (holds, judged.len())
}

fn interval(s: Summary) -> Option<String> {
    let half = s.half_interval?;
    Some(format!("{:.4} to {:.4}", s.mean - half, s.mean + half))
}

fn speed(experiment: &Experiment<'_>) -> String {
    let phases = experiment.phases().len();
    let of_phase = |phase: usize| {
        let own = experiment
            .done()
            .filter_map(|run| run.status.images_per_sec.get(phase));
        median(&own.copied().collect::<Vec<_>>()).map(|speed| format!("{speed:.0}"))
    };
    let speeds: Vec<String> = (0..phases).filter_map(of_phase).collect();
    if speeds.is_empty() {
        dash()
    } else {
        speeds.join(" / ")
    }
}

fn states(experiment: &Experiment<'_>) -> String {
    let all = [
        State::Done,
        State::Failed,
        State::Diverged,
        State::Interrupted,
        State::Running,
    ];
    let count = |of: State| {
        experiment
            .runs
            .iter()
            .filter(|run| run.status.state == of)
            .count()
    };
    let counts = all.map(|of| (count(of), state(of)));
    let present = counts
        .iter()
        .filter(|x| x.0 > 0)
        .map(|(n, word)| format!("{n} {word}"));
    present.collect::<Vec<_>>().join(", ")
}

fn cause(run: &RunRecord) -> String {
    match (&run.status.code, &run.status.cause) {
        (Some(code), Some(cause)) => format!("{code}: {cause}"),
        (Some(one), None) | (None, Some(one)) => one.clone(),
        (None, None) => String::new(),
    }
}

fn state(state: State) -> &'static str {
    match state {
        State::Running => "running",
        State::Done => "done",
        State::Failed => "failed",
        State::Diverged => "diverged",
        State::Interrupted => "interrupted",
    }
}

fn duration(secs: f64) -> String {
    let whole = secs.round() as u64;
    match whole {
        0..60 => format!("{secs:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

fn dash() -> String {
    "-".to_owned()
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
        assert!(text.contains("baseline-s3-0123abcd is failed: out-of-memory: libtorch could"));
        assert!(text.contains("test_accuracy"));
    }

    #[test]
    fn durations_are_read_easily() {
        assert_eq!(duration(4.25), "4.2 s");
        assert_eq!(duration(431.7), "7 min 12 s");
        assert_eq!(duration(3725.0), "1 h 02 min");
    }
}
