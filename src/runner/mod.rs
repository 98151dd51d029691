//! Batches: a process for each run, so that a crash, a kill or a panic inside a backend touches one run alone.
//!
//! `batch` is the parent, `worker` the child; the child says [`Event`](crate::train::Event)s as JSON lines on its standard
//! output, `progress` draws them.

mod batch;
mod child;
mod progress;
mod resume;
mod stop;
mod watch;
mod worker;

pub use batch::{BatchOptions, Ended, Fate, death, run};
pub use progress::{Progress, Style};
pub use worker::{WorkerOptions, work};

/// Exit codes that a worker and the whole program share (DESIGN: 0 done).
pub mod exit {
    /// Refused before any work.
    pub const REFUSED: u8 = 2;
    /// Some runs failed, others may be complete.
    pub const FAILED: u8 = 3;
    /// Results or checkpoints are damaged.
    pub const DAMAGED: u8 = 4;
    /// Device or library missing.
    pub const ENVIRONMENT: u8 = 5;
    /// Disk full, over quota or failing.
    pub const DISK: u8 = 7;
    /// Interrupted; the same command continues.
    pub const INTERRUPTED: u8 = 75;
    /// Interrupted twice: stopped at once.
    pub const STOPPED: u8 = 130;
}
