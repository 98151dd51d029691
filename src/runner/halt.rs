//! When a batch begins nothing more although runs wait: a signal asked for it, or a failure is the last one, because the
//! user said so, the disk refused a write, or every run fails with the same error before it has trained an epoch.

use super::exit;
use crate::diag::Code;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Equal early failures that stop a batch.
const EQUAL: usize = 3;

/// What `--on-failure` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// The other runs go on, whatever fails.
    Continue,
    /// The first failure stops the batch.
    Stop,
}

/// Why a batch was stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Halt {
    /// For people.
    pub(super) reason: String,
    /// The runs that train are asked to stop as well.
    pub(super) asks: bool,
}

/// A run that failed.
pub(super) struct Failure<'a> {
    pub(super) run: &'a str,
    pub(super) code: &'a str,
    pub(super) cause: &'a str,
    pub(super) exit: u8,
    /// Before its first finished epoch.
    pub(super) early: bool,
}

/// The failures of a batch so far.
pub(super) struct Failures {
    policy: Option<OnFailure>,
    /// A run has finished an epoch: what fails afterwards is not wrong with every run.
    epoch_finished: bool,
    /// Early failures by code.
    early: BTreeMap<String, usize>,
}

impl Failures {
    pub(super) fn new(policy: Option<OnFailure>) -> Self {
        Self {
            policy,
            epoch_finished: false,
            early: BTreeMap::new(),
        }
    }

    /// A run has finished an epoch, or went on from a checkpoint.
    pub(super) fn epoch_finished(&mut self) {
        self.epoch_finished = true;
    }

    /// Takes note of a failure; says whether and why the batch stops.
    pub(super) fn add(&mut self, failure: &Failure) -> Option<Halt> {
        let Failure {
            run, code, cause, ..
        } = failure;
        if self.policy == Some(OnFailure::Stop) {
            let reason = format!("`{run}` failed and `--on-failure stop` was given");
            return Some(Halt { reason, asks: true });
        }
        let halt = |reason| {
            Some(Halt {
                reason,
                asks: false,
            })
        };
        if failure.exit == exit::DISK {
            return halt(format!(
                "nothing more can be written after {code} in `{run}`"
            ));
        }
        // A run that was not begun again says nothing of the others.
        if !failure.early || Code::RunCrashLoop == *code {
            return None;
        }
        let count = self.early.entry((*code).to_owned()).or_default();
        *count += 1;
        let all_the_same = *count >= EQUAL && !self.epoch_finished && self.policy.is_none();
        if !all_the_same {
            return None;
        }
        halt(format!(
            "same error in {count} runs: {code}: {cause}; `--on-failure continue` tries the others all the same"
        ))
    }
}

/// Signals within this time are one wish: shells and launchers pass Ctrl-C on a second time.
pub(super) const BURST: Duration = Duration::from_millis(100);

/// How often somebody wished the batch to stop.
#[derive(Default)]
pub(super) struct StopWish {
    /// When the first signal was seen.
    first: Option<Instant>,
    /// Signals that belong to it.
    burst: usize,
    times: usize,
}

impl StopWish {
    /// 0, 1, or 2 for every wish after the first.
    pub(super) fn times(&self) -> usize {
        self.times
    }

    /// Takes note that `signals` have come by now.
    pub(super) fn see(&mut self, signals: usize) -> usize {
        if signals > 0 {
            let first = *self.first.get_or_insert_with(Instant::now);
            if first.elapsed() <= BURST {
                self.burst = signals;
            }
            self.times = 1 + usize::from(signals > self.burst);
        }
        self.times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_signals_is_one_wish_and_a_later_one_is_the_second() {
        let mut wish = StopWish::default();
        assert_eq!(wish.see(0), 0);
        assert_eq!(wish.see(1), 1);
        assert_eq!(wish.see(100), 1);
        std::thread::sleep(BURST + Duration::from_millis(5));
        assert_eq!(wish.see(100), 1);
        assert_eq!(wish.see(101), 2);
        assert_eq!(wish.see(300), 2);
    }

    fn failure(code: &'static str, early: bool) -> Failure<'static> {
        Failure {
            run: "x-s0",
            code,
            cause: "why",
            exit: 3,
            early,
        }
    }

    /// Adds failures and says which one stopped the batch.
    fn stopped_by(failures: &mut Failures, codes: &[(&'static str, bool)]) -> Option<usize> {
        let mut codes = codes.iter();
        codes.position(|&(code, early)| failures.add(&failure(code, early)).is_some())
    }

    #[test]
    fn three_equal_early_failures_stop_a_batch() {
        let mut failures = Failures::new(None);
        let codes = ["a", "b", "a", "b", "a"].map(|code| (code, true));
        assert_eq!(stopped_by(&mut failures, &codes), Some(4));
        let halt = failures.add(&failure("a", true)).unwrap();
        assert!(halt.reason.starts_with("same error in 4 runs: a: why"));
        assert!(!halt.asks);
    }

    #[test]
    fn late_failures_do_not_nor_those_of_a_batch_that_trains() {
        let same = [("a", false); 5];
        assert_eq!(stopped_by(&mut Failures::new(None), &same), None);
        let mut failures = Failures::new(None);
        failures.epoch_finished();
        assert_eq!(stopped_by(&mut failures, &[("a", true); 5]), None);
    }

    #[test]
    fn the_policy_of_the_user_comes_first() {
        let continued = &mut Failures::new(Some(OnFailure::Continue));
        assert_eq!(stopped_by(continued, &[("a", true); 5]), None);
        let mut failures = Failures::new(Some(OnFailure::Stop));
        let halt = failures.add(&failure("a", false)).unwrap();
        assert!(halt.asks && halt.reason.contains("`x-s0` failed"));
    }

    #[test]
    fn a_disk_that_refuses_a_write_stops_a_batch_whatever_the_policy() {
        let full = Failure {
            exit: exit::DISK,
            ..failure("DISK-FULL", false)
        };
        for policy in [None, Some(OnFailure::Continue)] {
            let halt = Failures::new(policy).add(&full).unwrap();
            let reason = "nothing more can be written after DISK-FULL in `x-s0`";
            assert_eq!(halt.reason, reason);
        }
    }
}
