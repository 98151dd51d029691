//! Runs grouped by experiment, and the curves over their seeds. Finished runs count; the others are kept to be listed.

use super::stats::Summary;
use crate::plan::{ReferencePlan, RunPlan};
use crate::record::{MetricRow, RunRecord, State};
use std::collections::{BTreeMap, BTreeSet};

/// All runs of one experiment, sorted by seed.
#[derive(Clone, Debug)]
pub struct Experiment<'a> {
    /// Name in the plans.
    pub name: &'a str,
    /// Every run, whatever its state.
    pub runs: Vec<&'a RunRecord>,
}

/// One figure over the epochs of a phase.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Name of the phase.
    pub phase: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// One summary over the seeds for each epoch that has one.
    pub points: Vec<(u32, Summary)>,
}

/// Leaves one of each run: the same run read from several folders, trained on the same images, counts once, a finished one
/// before others. Then gives experiments of one name that differ in more than the seed names of their own, with the
/// beginning of the hash that tells them apart: `--set` changes an experiment and keeps its name, the same spec may have
/// been given other images, and their figures must not be averaged.
pub fn tell_apart(runs: &mut Vec<RunRecord>) {
    runs.sort_by_key(|run| run.status.state != State::Done);
    let mut known = BTreeSet::new();
    runs.retain(|run| known.insert((run.plan.run_id.clone(), run.status.data_hash.clone())));
    let mut variants: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for run in runs.iter() {
        let of_name = variants.entry(run.plan.name.clone()).or_default();
        let images = of_name.entry(variant(&run.plan)).or_default();
        // A run that ended before it had read any images belongs to the others of its plan.
        images.extend(Some(run.status.data_hash.clone()).filter(|hash| !hash.is_empty()));
    }
    for run in runs {
        let (of_name, plan) = (&variants[&run.plan.name], variant(&run.plan));
        let images = &run.status.data_hash;
        let mut name = run.plan.name.clone();
        if of_name.len() > 1 {
            name += &format!(" {}", &plan[..6]);
        }
        if of_name[&plan].len() > 1 && !images.is_empty() {
            name += &format!(" images {}", images.get(..6).unwrap_or(images));
        }
        run.plan.name = name;
    }
}

/// The identity that all seeds of an experiment share.
fn variant(plan: &RunPlan) -> String {
    let plan = RunPlan {
        seed: 0,
        ..plan.clone()
    };
    plan.identity()
}

/// Groups runs by experiment, sorted by name, then seed, then run id.
#[must_use]
pub fn experiments(runs: &[RunRecord]) -> Vec<Experiment<'_>> {
    let mut groups: BTreeMap<&str, Vec<&RunRecord>> = BTreeMap::new();
    for run in runs {
        groups.entry(&run.plan.name).or_default().push(run);
    }
    groups
        .into_iter()
        .map(|(name, mut runs)| {
            runs.sort_by_key(|run| (run.plan.seed, &run.plan.run_id));
            Experiment { name, runs }
        })
        .collect()
}

impl<'a> Experiment<'a> {
    /// The runs whose figures count.
    pub fn done(&self) -> impl Iterator<Item = &'a RunRecord> {
        self.runs
            .iter()
            .copied()
            .filter(|run| run.status.state == State::Done)
    }

    /// Names of the phases in the order in which they run.
    #[must_use]
    pub fn phases(&self) -> Vec<&'a str> {
        let plan = self.runs.first().map(|run| &run.plan);
        plan.into_iter()
            .flat_map(|plan| &plan.phases)
            .map(|phase| phase.name.as_str())
            .collect()
    }

    /// The last epoch's figure of each finished run, with its seed; runs without one are left out.
    #[must_use]
    pub fn last(&self, phase: &str, split: &str, metric: &str) -> Vec<(u64, f64)> {
        let value = |run: &RunRecord| Some((run.plan.seed, last(run, phase, split, metric)?));
        self.done().filter_map(value).collect()
    }

    /// Test accuracy at the end of the last phase, by seed.
    #[must_use]
    pub fn test_accuracy(&self) -> Vec<(u64, f64)> {
        let of_run = |run| Some((run, test_accuracy(run)?));
        let found = self.done().filter_map(of_run);
        found.map(|(run, value)| (run.plan.seed, value)).collect()
    }

    /// The curves of a metric: for each phase the splits that have more than a single point, training first.
    #[must_use]
    pub fn curves(&self, metric: &str) -> Vec<Curve> {
        let mut curves = Vec::new();
        for phase in self.phases() {
            for split in ["train", "validation", "test"] {
                let points = self.points(phase, split, metric);
                if points.len() > 1 || (split == "train" && !points.is_empty()) {
                    let (phase, split) = (phase.to_owned(), split.to_owned());
                    curves.push(Curve {
                        phase,
                        split,
                        points,
                    });
                }
            }
        }
        curves
    }

    /// Curves and figures of other programs. Seeds share them, so the first run that has any speaks for all.
    #[must_use]
    pub fn references(&self) -> &'a [ReferencePlan] {
        let own = |run: &&'a RunRecord| run.plan.reference.as_slice();
        self.runs
            .iter()
            .map(own)
            .find(|plans| !plans.is_empty())
            .unwrap_or_default()
    }

    fn points(&self, phase: &str, split: &str, metric: &str) -> Vec<(u32, Summary)> {
        let mut epochs: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for run in self.done() {
            // A later row of the same epoch replaces the earlier one.
            let latest: BTreeMap<u32, f64> = rows(run, phase, split, metric)
                .map(|row| (row.epoch, row.value))
                .collect();
            for (epoch, value) in latest {
                epochs.entry(epoch).or_default().push(value);
            }
        }
        let summary = |(epoch, values): (u32, Vec<f64>)| Some((epoch, Summary::of(&values)?));
        epochs.into_iter().filter_map(summary).collect()
    }
}

/// Test accuracy at the end of a run's last phase.
#[must_use]
pub fn test_accuracy(run: &RunRecord) -> Option<f64> {
    last(run, &run.plan.phases.last()?.name, "test", "accuracy")
}

fn last(run: &RunRecord, phase: &str, split: &str, metric: &str) -> Option<f64> {
    let rows = rows(run, phase, split, metric);
    let last = rows.max_by_key(|row| (row.epoch, row.step));
    last.map(|row| row.value)
}

/// Rows of one figure in one phase.
fn rows<'r>(
    run: &'r RunRecord,
    phase: &str,
    split: &str,
    metric: &str,
) -> impl Iterator<Item = &'r MetricRow> {
    run.metrics
        .iter()
        .filter(move |row| row.phase == phase && row.split == split && row.metric == metric)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{runs, study};
    use super::*;

    #[test]
    fn a_changed_experiment_of_the_same_name_is_another_one() {
        let mut runs = study();
        tell_apart(&mut runs);
        assert_eq!(experiments(&runs).len(), 2, "seeds belong together");
        runs[0].plan.phases[0].epochs += 1;
        let name = runs[0].plan.name.clone();
        tell_apart(&mut runs);
        let groups = experiments(&runs);
        let changed = groups.iter().filter(|group| group.name.starts_with(&name));
        assert_eq!(changed.clone().count(), 2);
        assert_eq!(changed.map(|group| group.runs.len()).min(), Some(1));
    }

    #[test]
    fn a_run_counts_once_and_other_images_are_another_experiment() {
        let mut runs = runs("baseline", &[(0, 0.4), (1, 0.5)]);
        runs[0].status.data_hash = "a1".into();
        runs[1].status.data_hash = String::new();
        runs.push(runs[0].clone());
        tell_apart(&mut runs);
        assert_eq!(experiments(&runs).len(), 1);
        assert_eq!(experiments(&runs)[0].test_accuracy(), [(0, 0.4), (1, 0.5)]);
        let mut other = runs[0].clone();
        other.status.data_hash = "b2".into();
        other.metrics.last_mut().unwrap().value = 0.9;
        runs.push(other);
        tell_apart(&mut runs);
        let groups = experiments(&runs);
        let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
        assert_eq!(
            names,
            ["baseline", "baseline images a1", "baseline images b2"]
        );
        assert_eq!(groups[1].test_accuracy(), [(0, 0.4)]);
        assert_eq!(groups[2].test_accuracy(), [(0, 0.9)]);
    }

    #[test]
    fn runs_are_grouped_by_name_and_sorted_by_seed() {
        let mut runs = study();
        runs.reverse();
        let groups = experiments(&runs);
        let names: Vec<&str> = groups.iter().map(|group| group.name).collect();
        assert_eq!(names, ["baseline", "supcon"]);
        let seeds: Vec<u64> = groups[0].runs.iter().map(|run| run.plan.seed).collect();
        assert_eq!(seeds, [0, 1, 2, 3]);
        assert_eq!(
            groups[0].done().count(),
            3,
            "the failed run is listed but does not count"
        );
    }

    #[test]
    fn curves_average_over_the_finished_seeds() {
        let runs = study();
        let groups = experiments(&runs);
        let curves = groups[1].curves("loss");
        let names: Vec<_> = curves
            .iter()
            .map(|c| (c.phase.as_str(), c.split.as_str()))
            .collect();
        let expected = [
            ("pretrain", "train"),
            ("classify", "train"),
            ("classify", "validation"),
        ];
        assert_eq!(names, expected);
        assert!(
            curves
                .iter()
                .all(|c| c.points.len() == 10 && c.points[0].1.n == 3)
        );
    }

    #[test]
    fn the_last_epoch_counts() {
        let mut runs = runs("baseline", &[(0, 0.4)]);
        let mut late = runs[0].metrics.last().unwrap().clone();
        (late.epoch, late.value) = (11, 0.6);
        runs[0].metrics.insert(0, late);
        assert_eq!(experiments(&runs)[0].test_accuracy(), [(0, 0.6)]);
    }
}
