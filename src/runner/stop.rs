//! Signals only set a flag; whoever works looks at it between two steps.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

/// By which a process is asked to stop: INT, TERM, HUP, and USR1 and USR2, by which clusters announce the end.
pub(super) const SIGNALS: [i32; 5] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2];

/// How often this process was asked to stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests(Arc<AtomicUsize>);

impl Requests {
    /// Starts counting.
    ///
    /// # Errors
    /// The system refused a handler.
    pub(super) fn listen() -> io::Result<Self> {
        let requests = Self::default();
        for signal in SIGNALS {
            let count = requests.0.clone();
            let handler = move || {
                count.fetch_add(1, Ordering::Relaxed);
            };
            // SAFETY: an atomic addition is safe in a signal handler.
            #[expect(
                unsafe_code,
                reason = "signal handlers have no safe registration of closures"
            )]
            unsafe {
                signal_hook::low_level::register(signal, handler)?;
            }
        }
        Ok(requests)
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}
