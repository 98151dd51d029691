//! Expectations that no run can be judged by: of figures that nothing measures, or that no figure can meet.

use super::Find;
use crate::diag::{Code, Problem};
use crate::plan::{DataPlan, PhasePlan};
use crate::spec::ExpectSpec;

impl Find<'_> {
    /// Judges every line of `expect`.
    pub(super) fn expectations(&mut self, data: &DataPlan, phases: &[PhasePlan]) {
        // What a phase measures follows from its head.
        let heads = phases
            .iter()
            .map(|phase| format!("phases.{}.head", phase.name));
        let known = !phases.is_empty() && heads.into_iter().all(|head| self.loaded.is_sure(&head));
        // Of a wrong value nobody knows whether it holds images out.
        let validation = data.validation > 0.0 || !self.loaded.is_sure("data.validation");
        let metrics = if known {
            metrics(validation, phases)
        } else {
            Vec::new()
        };
        for (i, expect) in self.loaded.spec.expect.clone().iter().enumerate() {
            let path = format!("expect.{i}");
            if known && self.loaded.is_sure(&format!("{path}.metric")) {
                self.metric(&path, expect, &metrics);
            }
            if self.loaded.is_sure(&path) {
                self.figures(&path, expect);
            }
        }
    }

    fn metric(&mut self, path: &str, expect: &ExpectSpec, metrics: &[String]) {
        if metrics.contains(&expect.metric) {
            return;
        }
        let message = format!("no phase measures `{}`", expect.metric);
        let problem = Problem::new(Code::BadExpect, message)
            .at(self.loaded.place(&format!("{path}.metric")))
            .did_you_mean(&expect.metric, metrics.iter().map(String::as_str))
            .note(format!("measured: {}", metrics.join(", ")));
        self.problems
            .push(problem.or_help("write one of the measured figures"));
    }

    fn figures(&mut self, path: &str, expect: &ExpectSpec) {
        let message = match (expect.value, expect.tolerance, expect.min, expect.max) {
            (None, None, None, None) => "an expectation without a figure",
            (Some(_), None, ..) => "`value` needs a `tolerance`",
            (None, Some(_), ..) => "`tolerance` needs a `value`",
            (_, _, Some(min), Some(max)) if min > max => {
                let message = format!("`min` is larger than `max`: {min} and {max}");
                return self.add(Code::BadExpect, path, message, "always missed", "swap them");
            }
            _ => return self.reachable(path, expect),
        };
        let help = "write `value` with `tolerance`, or `min`, `max` or both";
        let label = "no mean can be judged by this";
        self.add(Code::BadExpect, path, message.into(), label, help);
    }

    /// Whether any figure could meet the expectation.
    fn reachable(&mut self, path: &str, expect: &ExpectSpec) {
        let fraction = expect.metric.ends_with("accuracy");
        let (mut low, mut high) = (0.0, if fraction { 1.0 } else { f64::INFINITY });
        let value = expect.value.zip(expect.tolerance);
        let bounds = [
            (expect.min, expect.max),
            (value.map(|(x, d)| x - d), value.map(|(x, d)| x + d)),
        ];
        for (min, max) in bounds {
            low = min.map_or(low, |min| min.max(low));
            high = max.map_or(high, |max| max.min(high));
        }
        if low <= high {
            return;
        }
        let what = if fraction {
            "accuracies are fractions from 0 to 1"
        } else {
            "losses are at least 0"
        };
        let message = "no figure can meet this expectation".to_owned();
        let help = format!("correct the figures: {what}, and every bound must hold at once");
        self.add(Code::BadExpect, path, message, "always missed", &help);
    }
}

/// Every metric that the phases record, as `expect` may name it: those of the last phase also without its name.
fn metrics(validation: bool, phases: &[PhasePlan]) -> Vec<String> {
    let mut names = Vec::new();
    for (i, phase) in phases.iter().enumerate() {
        let last = i + 1 == phases.len();
        let mut figures = phase.epoch_figures(validation);
        if last {
            figures.extend(phase.test_figures());
        }
        for (split, metric) in figures {
            names.push(format!("{}.{split}_{metric}", phase.name));
            if last {
                names.push(format!("{split}_{metric}"));
            }
        }
    }
    names
}
