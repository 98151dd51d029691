//! Whether the disk has room for all runs of a batch. Each run looks for its own before its first step; whoever begins a
//! hundred of them wants to know before the first one, not in the middle of the night.

use crate::cli::plan::host;
use crate::cli::store::bytes;
use crate::disk::free_bytes;
use crate::plan::{RunPlan, counted};
use crate::record::RunDir;
use std::path::Path;

/// Bytes of a run.
#[derive(Clone, Copy)]
struct Size {
    /// Finished; 0 while only a folder of images knows.
    finished: u64,
    /// At most, while it trains.
    working: u64,
}

/// One line, if the runs that are not complete need more room than there is.
pub(super) fn warning(plans: &[RunPlan], runs: &Path, jobs: usize) -> Option<String> {
    let is_open = |plan: &&RunPlan| {
        let dir = RunDir::open(&runs.join(&plan.run_id));
        !dir.is_ok_and(|dir| dir.is_done())
    };
    let host = host();
    let sizes = plans.iter().filter(is_open).map(|plan| {
        let cost = plan.cost(&host);
        let held = RunDir::open(&runs.join(&plan.run_id)).map_or(0, |dir| dir.checkpoint_bytes());
        Size {
            finished: cost.disk.map_or(0, |disk| disk.total),
            working: cost.working_disk.saturating_sub(held),
        }
    });
    let sizes: Vec<Size> = sizes.collect();
    let place = runs.ancestors().find(|path| path.is_dir());
    let free = free_bytes(place.unwrap_or(Path::new("."))).ok()?;
    let needed = needed(&sizes, jobs);
    (free < needed).then(|| {
        format!(
            "warning: {} need up to {} on the disk of {}, {} are free; `supcon gc` shows what can go",
            counted(sizes.len(), "run"),
            bytes(needed),
            runs.display(),
            bytes(free)
        )
    })
}

/// Bytes of the last runs while they train, beside all others, which are finished; 0 of a single run, which looks for
/// itself.
fn needed(sizes: &[Size], jobs: usize) -> u64 {
    if sizes.len() < 2 {
        return 0;
    }
    let jobs = jobs.min(sizes.len());
    let mut finished: Vec<u64> = sizes.iter().map(|size| size.finished).collect();
    finished.sort_unstable();
    let before = finished[..sizes.len() - jobs].iter().sum::<u64>();
    let mut working: Vec<u64> = sizes.iter().map(|size| size.working).collect();
    working.sort_unstable();
    before + working.iter().rev().take(jobs).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_runs_train_beside_all_that_are_finished() {
        let size = |finished, working| Size { finished, working };
        let sizes = [size(10, 100), size(20, 90), size(30, 120), size(0, 50)];
        assert_eq!(needed(&sizes, 1), 30 + 120);
        assert_eq!(needed(&sizes, 2), 10 + 120 + 100);
        assert_eq!(needed(&sizes, 4), 50 + 100 + 90 + 120);
        assert_eq!(needed(&sizes, 9), needed(&sizes, 4));
        assert_eq!(needed(&sizes[..1], 1), 0);
        assert_eq!(needed(&[], 1), 0);
    }
}
