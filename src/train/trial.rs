//! What `SUPCON_FAULT` can ask a worker to do wrong while it trains, so that the suite can try how it ends. Faults of its
//! disk are in `disk`.

use crate::disk;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes that a trial holds at a time.
const LEAK: usize = 4 << 20;
const HOG: usize = 64 << 20;

/// A trial with its moment: the steps of the run that are taken, or the signs of life of this process, each a step or a
/// batch of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Never comes back from this step.
    Hang(u64),
    /// Panics behind this step.
    Panic(u64),
    /// Holds some MiB more behind each step from this one on.
    Leak(u64),
    /// Takes all memory that there is behind this step.
    Hog(u64),
    /// Stops as if by a signal at this sign of life.
    Rest(u64),
    /// Dies at this sign of life.
    Die(u64),
}

impl Trial {
    /// Reads `hang@17` and its like.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (name, at) = text.split_once('@')?;
        let trial = match name {
            "hang" => Self::Hang,
            "panic" => Self::Panic,
            "leak" => Self::Leak,
            "hog" => Self::Hog,
            "rest" => Self::Rest,
            "die" => Self::Die,
            _ => return None,
        };
        at.parse().ok().map(trial)
    }

    /// So many steps of the run are taken.
    pub(super) fn at_step(self, taken: u64) {
        match self {
            Self::Hang(at) if at == taken => loop {
                std::thread::park();
            },
            Self::Panic(at) => assert!(at != taken, "panicked on trial behind step {taken}"),
            Self::Leak(from) if taken >= from => hold(LEAK),
            Self::Hog(at) if at == taken => loop {
                hold(HOG);
            },
            _ => {}
        }
    }

    /// The process gave so many signs of life, the last one in `doing`.
    pub(super) fn at_beat(self, beats: u64, doing: &str, stop: &AtomicBool) {
        match self {
            Self::Rest(at) if at == beats => stop.store(true, Ordering::Relaxed),
            Self::Die(at) if at == beats => disk::die(doing),
            _ => {}
        }
    }
}

/// Takes memory and never gives it back.
fn hold(bytes: usize) {
    std::hint::black_box(vec![1_u8; bytes].leak());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_are_read_and_nonsense_is_none() {
        assert_eq!(Trial::parse("hog@3"), Some(Trial::Hog(3)));
        for text in ["", "hog", "hog@x", "kill@3"] {
            assert_eq!(Trial::parse(text), None, "{text}");
        }
    }
}
