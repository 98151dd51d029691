//! The `expect` section judged: expected figure or bound, ours, tolerance, verdict.

use super::group::Experiment;
use super::stats::Summary;
use crate::spec::ExpectSpec;
use std::fmt;

/// Whether our figure is what was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Within the tolerance or the bound.
    Holds,
    /// Outside of it.
    Differs,
    /// No finished run has the figure.
    NotRun,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Holds => "holds",
            Self::Differs => "differs",
            Self::NotRun => "not run yet",
        })
    }
}

/// One expectation with what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged<'a> {
    /// Name of the experiment.
    pub experiment: &'a str,
    /// As written in the spec.
    pub expect: &'a ExpectSpec,
    /// Our figure over the finished seeds.
    pub ours: Option<Summary>,
    /// Runs of the experiment, finished or not.
    pub runs: usize,
    /// What follows.
    pub verdict: Verdict,
}

impl Judged<'_> {
    /// Whether runs are missing from our figure, which may change the verdict.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.ours.is_some_and(|ours| ours.n < self.runs)
    }
}

/// Judges every expectation of every experiment, in the order of the spec.
#[must_use]
pub fn judge<'a>(experiments: &[Experiment<'a>]) -> Vec<Judged<'a>> {
    let mut judged = Vec::new();
    for experiment in experiments {
        let plan = experiment.runs.first().map(|run| &run.plan);
        for expect in plan.into_iter().flat_map(|plan| &plan.expect) {
            let ours = measure(experiment, &expect.metric);
            let verdict = match ours {
                None => Verdict::NotRun,
                Some(ours) if fits(expect, ours.mean) => Verdict::Holds,
                Some(_) => Verdict::Differs,
            };
            judged.push(Judged {
                experiment: experiment.name,
                expect,
                ours,
                runs: experiment.runs.len(),
                verdict,
            });
        }
    }
    judged
}

/// Our figure for `<split>_<metric>` of the last phase or `<phase>.<split>_<metric>`, over the finished seeds.
#[must_use]
pub fn measure(experiment: &Experiment<'_>, metric: &str) -> Option<Summary> {
    let phases = experiment.phases();
    let (phase, name) = match metric.rsplit_once('.') {
        Some((phase, name)) => (phase, name),
        None => (*phases.last()?, metric),
    };
    let (split, metric) = name.split_once('_')?;
    let values: Vec<f64> = experiment
        .last(phase, split, metric)
        .iter()
        .map(|x| x.1)
        .collect();
    // A seed whose figure is not finite must not vanish from the mean.
    if values.iter().any(|x| !x.is_finite()) {
        return None;
    }
    Summary::of(&values)
}

/// The bound or the figure as text: `0.8162`, `>= 0.46`, `1.04 to 1.14`.
#[must_use]
pub fn bound(expect: &ExpectSpec) -> String {
    match (expect.value, expect.min, expect.max) {
        (Some(value), _, _) => format!("{value}"),
        (None, Some(min), Some(max)) => format!("{min} to {max}"),
        (None, Some(min), None) => format!(">= {min}"),
        (None, None, Some(max)) => format!("<= {max}"),
        (None, None, None) => "-".to_owned(),
    }
}

fn fits(expect: &ExpectSpec, mean: f64) -> bool {
    // The last digit of a decimal tolerance must not be lost to binary rounding.
    let slack = 1e-9 * mean.abs().max(1.0);
    let near = |value: f64| (mean - value).abs() <= expect.tolerance.unwrap_or(0.0) + slack;
    expect.value.is_none_or(near)
        && expect.min.is_none_or(|min| mean >= min - slack)
        && expect.max.is_none_or(|max| mean <= max + slack)
}

#[cfg(test)]
mod tests {
    use super::super::group::experiments;
    use super::super::samples::{runs, study};
    use super::*;

    #[test]
    fn verdicts_follow_the_mean_over_seeds() {
        let runs = study();
        let groups = experiments(&runs);
        let verdicts: Vec<_> = judge(&groups)
            .iter()
            .map(|j| (j.experiment, j.verdict))
            .collect();
        let expected = [
            ("baseline", Verdict::Holds),
            ("baseline", Verdict::Differs),
            ("baseline", Verdict::Holds),
            ("supcon", Verdict::Holds),
            ("supcon", Verdict::Differs),
            ("supcon", Verdict::Holds),
        ];
        assert_eq!(verdicts, expected);
        let open: Vec<bool> = judge(&groups).iter().map(Judged::is_open).collect();
        assert_eq!(
            open,
            [true, true, true, false, false, false],
            "a run of baseline failed"
        );
    }

    #[test]
    fn a_metric_may_name_its_phase() {
        let runs = study();
        let groups = experiments(&runs);
        let pretrain = measure(&groups[1], "pretrain.train_loss").unwrap();
        assert!(pretrain.mean > 4.0 && pretrain.n == 3);
        assert!(measure(&groups[1], "train_loss").unwrap().mean < 2.0);
        assert_eq!(measure(&groups[1], "nonsense"), None);
    }

    #[test]
    fn an_experiment_without_finished_runs_is_not_run_yet() {
        let mut runs = runs("baseline", &[(0, 0.4)]);
        runs[0].status.state = crate::record::State::Interrupted;
        assert!(
            judge(&experiments(&runs))
                .iter()
                .all(|j| j.verdict == Verdict::NotRun)
        );
    }

    #[test]
    fn the_edge_of_the_tolerance_holds() {
        let spec = ExpectSpec {
            metric: "test_accuracy".into(),
            value: Some(0.3),
            tolerance: Some(0.1),
            min: None,
            max: None,
            source: None,
        };
        assert!(fits(&spec, 0.4) && fits(&spec, 0.2) && !fits(&spec, 0.400_01));
    }
}
