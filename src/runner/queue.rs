//! Which run begins next: the first in the order of the plan that does not train what a neighbour trains at this moment.
//! A phase that two runs share is stored when the first has finished it, and the second then has it for nothing.

use crate::plan::RunPlan;
use std::collections::VecDeque;

/// The runs that wait.
pub(super) struct Queue {
    waiting: VecDeque<usize>,
    /// For each run of the batch the identities of its phases.
    phases: Vec<Vec<String>>,
}

impl Queue {
    /// The runs `waiting`, by their numbers in `plans`.
    pub(super) fn new(plans: &[RunPlan], waiting: impl IntoIterator<Item = usize>) -> Self {
        let identities = |plan: &RunPlan| {
            let phases = 0..plan.phases.len();
            phases.map(|index| plan.phase_identity(index)).collect()
        };
        Self {
            waiting: waiting.into_iter().collect(),
            phases: plans.iter().map(identities).collect(),
        }
    }

    /// Takes the next run, beside those that train now, each with the number of phases that it has finished. One that
    /// could reuse an unfinished phase of theirs is left for later, unless only such runs wait.
    pub(super) fn next(&mut self, training: &[(usize, usize)]) -> Option<usize> {
        let is_free = |&run: &usize| {
            let mut others = training.iter();
            others.all(|&(other, finished)| self.shared(run, other) <= finished)
        };
        let place = self.waiting.iter().position(is_free);
        self.waiting.remove(place.unwrap_or(0))
    }

    /// Whether no run waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Puts runs behind all others.
    pub(super) fn put_back(&mut self, runs: impl IntoIterator<Item = usize>) {
        self.waiting.extend(runs);
    }

    /// How many phases two runs have in common, from the first on.
    fn shared(&self, a: usize, b: usize) -> usize {
        let pairs = self.phases[a].iter().zip(&self.phases[b]);
        pairs.take_while(|(a, b)| a == b).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs by the names of their phases.
    fn queue(runs: &[&[&str]]) -> Queue {
        let names = |phases: &&[&str]| phases.iter().map(|&name| name.to_owned()).collect();
        Queue {
            waiting: (0..runs.len()).collect(),
            phases: runs.iter().map(names).collect(),
        }
    }

    #[test]
    fn a_run_waits_while_another_trains_a_phase_that_it_shares() {
        let mut queue = queue(&[&["a", "ab"], &["a", "ac"], &["x", "xb"], &["a", "ad"]]);
        assert_eq!(queue.next(&[]), Some(0));
        assert_eq!(
            queue.next(&[(0, 0)]),
            Some(2),
            "1 shares `a`, which 0 trains"
        );
        assert_eq!(queue.next(&[(0, 1)]), Some(1), "0 has finished `a`");
        assert_eq!(queue.next(&[(0, 1), (1, 0)]), Some(3), "nothing else waits");
        assert_eq!(queue.next(&[]), None);
    }

    #[test]
    fn runs_that_share_nothing_keep_the_order_of_the_plan() {
        let mut queue = queue(&[&["a"], &["b"], &["c"]]);
        let order = [
            queue.next(&[]),
            queue.next(&[(0, 0)]),
            queue.next(&[(1, 0)]),
        ];
        assert_eq!(order, [Some(0), Some(1), Some(2)]);
    }
}
