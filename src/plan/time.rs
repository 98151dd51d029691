//! How long a run may take on `cpu`, from its multiply-accumulates alone. A range, since a plan knows no machine: what
//! networks reach differs by a factor of three on one machine already.

use super::Precision;
use serde::Serialize;

/// Multiply-accumulates a second and thread in measured runs on two cores with AVX-512 (results/LOG.md, 2026-11-24):
/// ResNet50V2 at batch 265 reached 23 G, ResNet-14 of width 16 in `experiments/quickstart` 8.5 to 9 G. The range is wider
/// on both sides by what a busy machine and another network may change.
const FAST: f64 = 25e9;
const SLOW: f64 = 6e9;
/// Factors that a processor with bf16 multiplies where it multiplies one of f32.
const PAIRS: f64 = 2.0;
/// Seconds that a process takes to start, to load the built-in set and to write its records.
const START: f64 = 1.0;

/// Seconds of a run on `cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Seconds {
    /// On a machine and with a network that are fast.
    pub least: f64,
    /// On slow ones.
    pub most: f64,
}

impl Seconds {
    /// The time for so many multiply-accumulates of each phase, in its precision, on so many threads.
    pub(super) fn of(phases: &[(u64, Precision)], threads: usize) -> Self {
        let threads = threads.max(1) as f64;
        let time = |rate: fn(Precision) -> f64| {
            let each = phases.iter();
            let each = each.map(|&(work, precision)| work as f64 / rate(precision));
            START + each.sum::<f64>() / threads
        };
        Self {
            least: time(fast),
            most: time(|_| SLOW),
        }
    }
}

/// Multiply-accumulates a second and thread, at most. Processors without bf16 take as long for it as for f32 or longer, which
/// `SLOW` covers.
fn fast(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => FAST,
        Precision::Bf16 => PAIRS * FAST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_measured_runs_lie_inside() {
        // `experiments/quickstart`: 448 G and 546 G multiply-accumulates, 25 s and 32 s on two threads.
        for (work, measured) in [(448_000_000_000, 25.0), (546_000_000_000, 32.0)] {
            let Seconds { least, most } = Seconds::of(&[(work, Precision::F32)], 2);
            assert!(least < measured && measured < most, "{least} to {most}");
        }
        // An epoch of ResNet50V2 on 10,000 images at 214 images/s.
        let Seconds { least, most } = Seconds::of(&[(10_000 * 213_000_000, Precision::F32)], 2);
        assert!(least < 46.7 && 46.7 < most, "{least} to {most}");
    }
}
