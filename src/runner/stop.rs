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
    /// Starts counting. A hang-up that whoever started this process wants to be ignored, as `nohup` does, stays so.
    ///
    /// # Errors
    /// The system refused a handler.
    pub(super) fn listen() -> io::Result<Self> {
        let requests = Self::default();
        for signal in SIGNALS {
            if signal == SIGHUP && is_ignored(signal) {
                continue;
            }
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

/// Whether this process ignores a signal.
#[expect(unsafe_code, reason = "the standard library does not tell")]
fn is_ignored(signal: i32) -> bool {
    // SAFETY: without a new action the call only fills in the old one, for which zeros are a value.
    let (told, action) = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        let told = libc::sigaction(signal, std::ptr::null(), &raw mut action);
        (told, action)
    };
    told == 0 && action.sa_sigaction == libc::SIG_IGN
}
