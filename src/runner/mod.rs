//! Batches: a process for each run, so that a crash, a kill or a panic inside a backend touches one run alone.
//!
//! `batch` is the parent: it takes `slots` (devices and threads), a `queue` says which run is next, an `attempt` prepares
//! its folder, starts the `child` and judges its end (`death`, `crashes`, `fate`), and `halt` says when failures end the
//! batch. `worker` is the child; it says [`Event`](crate::train::Event)s as JSON lines on its standard output, `progress`
//! draws them. Commands that compute without a batch `hold` their device.

mod attempt;
mod batch;
mod child;
mod crashes;
mod death;
mod fate;
mod gpus;
mod halt;
mod hold;
mod loading;
mod progress;
mod queue;
mod resume;
mod room;
mod slots;
mod stop;
mod watch;
mod worker;

pub use batch::{Batch, BatchError, BatchOptions, run};
pub use child::program;
pub use death::{Evidence, death};
pub use fate::{Ended, Fate};
pub use halt::OnFailure;
pub use hold::{Held, HoldError, hold};
pub use progress::{Progress, Style};
pub use slots::{Layout, LayoutError, SlotError};
pub use watch::peak_bytes;
pub use worker::{WorkerOptions, work};

/// Exit codes that a worker and the whole program share (DESIGN: 0 done).
pub mod exit {
    /// Refused before any work.
    pub const REFUSED: u8 = 2;
    /// Some runs failed, others may be complete.
    pub const FAILED: u8 = 3;
    /// What was recorded is damaged.
    pub const DAMAGED: u8 = 4;
    /// Device, library or data set missing.
    pub const ENVIRONMENT: u8 = 5;
    /// Another process holds the run or the device.
    pub const LEASED: u8 = 6;
    /// Disk full, over quota or failing.
    pub const DISK: u8 = 7;
    /// Interrupted; the same command continues.
    pub const INTERRUPTED: u8 = 75;
    /// Interrupted twice: stopped at once.
    pub const STOPPED: u8 = 130;
}
