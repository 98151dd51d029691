//! What a disk can be asked to do wrong, so that a kill, a full disk and a failing medium can be tried at every operation.

use super::gate::Operation;
use std::io::{self, Write};

/// What stands before the place of a death that was asked for.
pub const DEATH: &str = "killed on trial: ";

/// What `SUPCON_FAULT` asks of a process of this kind (`worker:kill@12`; of several, with commas between them), without the
/// kind. This is how `supcon selftest` and the suite try what goes wrong.
#[must_use]
pub fn asked_of(process: &str) -> Vec<String> {
    let faults = std::env::var("SUPCON_FAULT").unwrap_or_default();
    let faults = faults.split(',').filter_map(|text| text.split_once(':'));
    let own = faults.filter(|(who, _)| *who == process);
    own.map(|(_, fault)| fault.to_owned()).collect()
}

/// What goes wrong, and at which operation of this process, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub(super) kind: FaultKind,
    pub(super) at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// The process dies; a write is half done.
    Kill,
    /// This one operation fails as if the medium had; a write is half done, and what follows works again.
    Once,
    /// From there on nothing can be written, with this error number; a write is half done. Removing still works.
    Error(i32),
}

/// Names of faults, with the error number that they stand for.
const ERRORS: [(&str, i32); 4] = [
    ("full", libc::ENOSPC),
    ("quota", libc::EDQUOT),
    ("io", libc::EIO),
    ("readonly", libc::EROFS),
];

impl Fault {
    /// Reads `kill@12`, `once@3`, `full@3`, `quota@3`, `io@3` or `readonly@3`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, at) = text.split_once('@')?;
        let named = ERRORS.iter().find(|(known, _)| *known == name);
        let kind = match named {
            Some((_, number)) => FaultKind::Error(*number),
            None if name == "kill" => FaultKind::Kill,
            None if name == "once" => FaultKind::Once,
            None => return None,
        };
        let at = at.parse().ok()?;
        Some(Self { kind, at })
    }
}

impl FaultKind {
    /// Makes it happen.
    pub(super) fn happen(self, operation: &Operation) -> io::Error {
        match self {
            Self::Error(number) => io::Error::from_raw_os_error(number),
            Self::Once => io::Error::from_raw_os_error(libc::EIO),
            Self::Kill => {
                die(&operation.to_string());
                io::ErrorKind::Other.into()
            }
        }
    }
}

/// Kills this process; its standard error, which is a run's log, says at what.
pub fn die(at: &str) {
    let _ = writeln!(io::stderr(), "{DEATH}{at}");
    let this = rustix::process::getpid();
    // SIGKILL cannot be handled: nothing behind this line runs.
    let _ = rustix::process::kill_process(this, rustix::process::Signal::KILL);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_and_nonsense_is_none() {
        assert_eq!(
            Fault::parse("quota@3"),
            Some(Fault {
                kind: FaultKind::Error(libc::EDQUOT),
                at: 3
            })
        );
        assert!(Fault::parse("kill@1").is_some());
        for text in ["", "kill", "kill@", "kill@x", "fire@1"] {
            assert_eq!(Fault::parse(text), None, "{text}");
        }
    }
}
