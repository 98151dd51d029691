//! Signals only set a flag; whoever works looks at it between two steps.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

/// By which a process is asked to stop: INT, TERM, HUP, and USR1 and USR2, by which clusters announce the end.
pub(super) const SIGNALS: [i32; 5] = [SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2];

/// How often this process was asked to stop, as long as it listens.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    count: Arc<AtomicUsize>,
    /// Where nobody looks at the count any more: the exit code with which a signal ends this process, else 0.
    over: Arc<AtomicU8>,
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
            let Self { count, over } = requests.clone();
            let handler = move || match over.load(Ordering::Relaxed) {
                0 => {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                code => signal_hook::low_level::exit(code.into()),
            };
            // SAFETY: an atomic addition and this way to exit are safe in a signal handler.
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

    /// As if a signal had come.
    #[cfg(test)]
    pub(super) fn asked() -> Self {
        let requests = Self::default();
        requests.count.fetch_add(1, Ordering::Relaxed);
        requests
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Stops listening: from here on, or where signals have come behind `burst`, a signal ends this process with this exit
    /// code.
    pub(super) fn release(self, burst: Duration, code: u8) {
        let over = self.over.clone();
        if self.count() == 0 {
            over.store(code, Ordering::Relaxed);
        } else {
            std::thread::spawn(move || {
                std::thread::sleep(burst);
                over.store(code, Ordering::Relaxed);
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
