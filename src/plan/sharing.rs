//! What runs have in common: phases whose whole history is equal train the same network.

use super::RunPlan;
use std::collections::BTreeMap;

/// A phase that several runs begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// Name of the phase.
    pub phase: String,
    /// Ids of the runs, in the order of the plan.
    pub runs: Vec<String>,
}

/// Phases that at least two of the runs share, in the order in which they appear; whole runs are never equal.
#[must_use]
pub fn shared(runs: &[RunPlan]) -> Vec<Shared> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<Shared> = Vec::new();
    for run in runs {
        for (index, phase) in run.phases.iter().enumerate() {
            let place = *places
                .entry(run.phase_identity(index))
                .or_insert(found.len());
            if place == found.len() {
                let (phase, runs) = (phase.name.clone(), Vec::new());
                found.push(Shared { phase, runs });
            }
            found[place].runs.push(run.run_id.clone());
        }
    }
    found.retain(|shared| shared.runs.len() > 1);
    found
}
