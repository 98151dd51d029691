//! What a worker watches beside its training: signals that ask it to stop, a step that never ends, memory that grows.

use super::stop::Requests;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Time between two looks.
pub(super) const TICK: Duration = Duration::from_millis(20);
/// A stretch without a sign of life is a stall if it is so many times as long as any before.
const LONGER: u64 = 20;

/// Looks until `done`: passes signals on to `stop`, and calls `stalled` once if no beat came for `limit` and for much longer
/// than ever before. Time in which the whole process was stopped does not count.
pub(super) fn watch(
    requests: Option<&Requests>,
    (stop, done): (&AtomicBool, &AtomicBool),
    beats: &AtomicU64,
    limit: Option<Duration>,
    stalled: impl Fn(Duration),
) {
    let mut silence = Silence::default();
    while !done.load(Ordering::Relaxed) {
        if requests.is_some_and(|requests| requests.count() > 0) {
            stop.store(true, Ordering::Relaxed);
        }
        silence.look(beats.load(Ordering::Relaxed));
        if let Some(limit) = limit.filter(|&limit| silence.is_stall(limit)) {
            stalled(limit);
            return;
        }
        std::thread::park_timeout(TICK);
    }
}

/// Says at its end that the work is done, also where that ends in a panic: whoever watches it would wait for ever.
pub(super) struct Done<'a>(pub(super) &'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Ticks without a beat: counted, not timed, so that a suspended process has not been silent.
#[derive(Default)]
struct Silence {
    beats: u64,
    ticks: u64,
    longest: u64,
}

impl Silence {
    fn look(&mut self, beats: u64) {
        if beats == self.beats {
            self.ticks += 1;
            return;
        }
        self.longest = self.longest.max(self.ticks);
        (self.beats, self.ticks) = (beats, 0);
    }

    fn is_stall(&self, limit: Duration) -> bool {
        TICK * u32::try_from(self.ticks).unwrap_or(u32::MAX) > limit
            && self.ticks > LONGER * self.longest
    }
}

/// Bytes of memory by epoch, and a warning when they keep growing.
#[derive(Default)]
pub(super) struct Growth {
    seen: Vec<u64>,
    told: bool,
}

/// Growth between two epochs that counts.
const STEP: u64 = 1 << 20;
/// Growth since the second epoch that is worth a word.
const ENOUGH: u64 = 16 << 20;

impl Growth {
    /// An epoch ended with so many bytes; a line if memory grows from epoch to epoch, fast or slowly. The first epoch fills
    /// caches and does not count.
    pub(super) fn epoch(&mut self, bytes: u64, free: Option<u64>) -> Option<String> {
        self.seen.push(bytes);
        let recent = &self.seen[self.seen.len().saturating_sub(3)..];
        let grows = recent.len() == 3 && recent.windows(2).all(|pair| pair[1] > pair[0] + STEP);
        let (second, epochs) = (*self.seen.get(1)?, self.seen.len() as u64 - 2);
        let grown = bytes.saturating_sub(second);
        if self.told || !grows || grown < ENOUGH {
            return None;
        }
        self.told = true;
        let each = grown / epochs;
        let ends = free.map_or(String::new(), |free| {
            format!(
                "; the machine's memory would last for {} more epochs",
                free / each.max(1)
            )
        });
        Some(format!(
            "memory grows by {} MB an epoch and is at {} MB{ends}",
            each / 1_000_000,
            bytes / 1_000_000
        ))
    }
}

/// Resident bytes of this process, where the system tells.
pub(super) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&status, "VmRSS:")
}

/// Most resident bytes of this process so far.
#[must_use]
pub fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kilobytes(&status, "VmHWM:")
}

/// Bytes that the machine can still give.
pub(super) fn available_bytes() -> Option<u64> {
    kilobytes(
        &std::fs::read_to_string("/proc/meminfo").ok()?,
        "MemAvailable:",
    )
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_a_stall_only_if_it_is_long_and_longer_than_ever() {
        let mut silence = Silence::default();
        let limit = TICK * 50;
        for _ in 0..30 {
            silence.look(0);
        }
        silence.look(1);
        for tick in 0..600 {
            silence.look(1);
            assert!(!silence.is_stall(limit), "{tick}");
        }
        silence.look(1);
        assert!(silence.is_stall(limit));
    }

    #[test]
    fn growth_is_told_once_and_caches_of_the_first_epoch_are_none() {
        let mut flat = Growth::default();
        let (mut leak, mb) = (Growth::default(), 1_u64 << 20);
        let mut slow = Growth::default();
        let told = (0..20).filter_map(|epoch| slow.epoch((500 + 2 * epoch) * mb, None));
        let told: Vec<String> = told.collect();
        assert_eq!(told, ["memory grows by 2 MB an epoch and is at 543 MB"]);
        for epoch in 0..20 {
            assert_eq!(
                flat.epoch((100 + 900 * u64::from(epoch > 0)) * mb, None),
                None
            );
            let told = leak.epoch((500 + 40 * epoch) * mb, Some(4000 * mb));
            assert_eq!(told.is_some(), epoch == 2, "{epoch}: {told:?}");
            if let Some(text) = told {
                assert!(
                    text.contains("41 MB an epoch") && text.contains("100 more"),
                    "{text}"
                );
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes().unwrap() > 1 << 20);
        assert!(available_bytes().unwrap() > 1 << 20);
    }
}
