//! The rows of a report's tables as text: results by experiment, verdicts, runs. Terminal and page show the same rows.

use super::expect::{Judged, Verdict, bound, judge};
use super::group::{Experiment, test_accuracy};
use super::stats::{Summary, median};
use crate::record::{RunRecord, State, Status};
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
    pub expected: String,
    /// Our mean with the number of seeds.
    pub ours: String,
    /// Allowed distance.
    pub tolerance: String,
    /// `holds`, `differs` or `not run yet`, with `so far` while seeds are missing.
    pub verdict: String,
    /// How the page colours it.
    pub class: &'static str,
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
    let (of, so_far) = if judged.is_open() {
        (format!(" of {}", judged.runs), " so far")
    } else {
        (String::new(), "")
    };
    let ours = |s: Summary| format!("{:.4} (n = {}{of})", s.mean, s.n);
    VerdictRow {
        experiment: judged.experiment.to_owned(),
        metric: expect.metric.clone(),
        expected: bound(expect),
        ours: judged.ours.map_or(dash(), ours),
        tolerance: expect
            .tolerance
            .map_or(dash(), |tolerance| format!("\u{b1} {tolerance}")),
        verdict: format!("{}{so_far}", judged.verdict),
        class: match judged.verdict {
            Verdict::Holds if !judged.is_open() => "holds",
            Verdict::Differs if !judged.is_open() => "differs",
            Verdict::Holds | Verdict::Differs | Verdict::NotRun => "open",
        },
        source: expect.source.clone().unwrap_or_default(),
    }
}

/// One row for each run, whatever its state.
#[must_use]
pub fn run_rows(experiments: &[Experiment<'_>]) -> Vec<RunRow> {
    let mut rows = Vec::new();
    for experiment in experiments {
        for run in &experiment.runs {
            let own = test_accuracy(run).filter(|_| run.status.state == State::Done);
            rows.push(RunRow {
                run_id: run.plan.run_id.clone(),
                experiment: experiment.name.to_owned(),
                seed: run.plan.seed,
                state: state(run.status.state).to_owned(),
                cause: cause(run),
                accuracy: own.map_or(dash(), |value| format!("{value:.4}")),
                device: device(&run.status),
                threads: run.status.threads,
                time: duration(run.status.wall_secs),
            });
        }
    }
    rows
}

/// The device of a run, or all places where one was trained that went on elsewhere.
fn device(status: &Status) -> String {
    match status.backends.as_slice() {
        [] | [_] => status.device.clone(),
        several => several.join(", then "),
    }
}

/// How many expectations hold over all runs of their experiment, of how many.
#[must_use]
pub fn held(experiments: &[Experiment<'_>]) -> (usize, usize) {
    let judged = judge(experiments);
    let holds = judged
        .iter()
        .filter(|judged| judged.verdict == Verdict::Holds && !judged.is_open())
        .count();
    (holds, judged.len())
}

/// The interval as far as a fraction can lie in it: few seeds give one that is wider than what there is.
fn interval(s: Summary) -> Option<String> {
    let half = s.half_interval?;
    let [low, high] = [s.mean - half, s.mean + half].map(|end| end.clamp(0.0, 1.0));
    Some(format!("{low:.4} to {high:.4}"))
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
        State::Collapsed,
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
        State::Collapsed => "collapsed",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_goes_no_further_than_a_fraction_can() {
        let of = |values: &[f64]| Summary::of(values).and_then(interval);
        assert_eq!(of(&[0.0, 1.0]).unwrap(), "0.0000 to 1.0000");
        assert_eq!(of(&[0.5]), None);
    }

    #[test]
    fn durations_are_read_easily() {
        assert_eq!(duration(4.25), "4.2 s");
        assert_eq!(duration(431.7), "7 min 12 s");
        assert_eq!(duration(3725.0), "1 h 02 min");
    }
}
