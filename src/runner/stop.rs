//! Signals only set a flag; whoever works looks at it between two steps.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// By which a process is asked to stop: INT, TERM, HUP, and USR1 and USR2, by which clusters announce the end.
pub(super) const SIGNALS: [i32; 5] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2];

/// How often this process was asked to stop, as long as it listens.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    count: Arc<AtomicUsize>,
    /// Nobody looks at the count any more: a signal does what it does to other programs.
    over: Arc<AtomicBool>,
}

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
            let count = requests.count.clone();
            signal_hook::flag::register_conditional_default(signal, requests.over.clone())?;
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
        self.count.load(Ordering::Relaxed)
    }

    /// Stops listening: from here on, or where signals have come behind `burst`, a signal ends this process.
    pub(super) fn release(self, burst: Duration) {
        let over = self.over.clone();
        if self.count() == 0 {
            over.store(true, Ordering::Relaxed);
        } else {
            std::thread::spawn(move || {
                std::thread::sleep(burst);
                over.store(true, Ordering::Relaxed);
            });
        }
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
