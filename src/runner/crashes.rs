//! How often a run crashed without progress in between. A run that dies five times at the same place is not begun a sixth
//! time by itself. The count lies in a hidden file of the run's folder that only parents write, so that a worker's death
//! cannot lose it.

use crate::diag::Code;
use crate::disk::Disk;
use crate::record::{RecordError, RunDir};
use serde::{Deserialize, Serialize};

/// The file of the count.
const FILE: &str = ".attempts.json";

/// Crashes after which a run is not begun again.
const LIMIT: u32 = 5;

/// What the file holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Attempts {
    /// Crashes since the last progress.
    count: u32,
    /// Newest checkpoint at the last of them.
    step: Option<u64>,
}

/// Whether an end with this code is a crash: not the run's own decision, and not a wish of anybody.
pub(super) fn is_crash(code: &str) -> bool {
    let crashes = [
        Code::RunPanic,
        Code::RunKilled,
        Code::RunNativeCrash,
        Code::RunOutOfMemory,
    ];
    crashes.iter().any(|crash| crash.as_str() == code)
}

/// Counts a crash of the run.
///
/// # Errors
/// The disk refused.
pub(super) fn count(dir: &RunDir, disk: &Disk) -> Result<(), RecordError> {
    let (before, step) = (read(dir), newest_checkpoint(dir));
    let count = if step > before.step {
        1
    } else {
        before.count + 1
    };
    let path = dir.file(FILE);
    let bytes = serde_json::to_vec(&Attempts { count, step }).expect("numbers are JSON");
    disk.replace(&path, &bytes)
        .map_err(RecordError::write(&path))
}

/// The number of crashes without progress, if that is too many to begin the run again.
pub(super) fn too_many(dir: &RunDir) -> Option<u32> {
    let Attempts { count, step } = read(dir);
    (count >= LIMIT && newest_checkpoint(dir) <= step).then_some(count)
}

/// Begins the count anew.
///
/// # Errors
/// The disk refused.
pub(super) fn forget(dir: &RunDir, disk: &Disk) -> Result<(), RecordError> {
    let path = dir.file(FILE);
    disk.remove_file(&path).map_err(RecordError::write(&path))
}

/// A file that is not there or not readable is one without crashes: the worst is five attempts more.
fn read(dir: &RunDir) -> Attempts {
    let bytes = std::fs::read(dir.file(FILE)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Steps of the newest checkpoint, sound or not.
fn newest_checkpoint(dir: &RunDir) -> Option<u64> {
    dir.checkpoint_steps().first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> (tempfile::TempDir, RunDir) {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(folder.path(), "x-s0-1").unwrap();
        (folder, dir)
    }

    fn checkpoint(dir: &RunDir, name: &str) {
        std::fs::create_dir_all(dir.file("checkpoints").join(name)).unwrap();
    }

    #[test]
    fn the_fifth_crash_without_progress_is_one_too_many() {
        let (_folder, dir) = run();
        for _ in 0..4 {
            count(&dir, &Disk::real()).unwrap();
            assert_eq!(too_many(&dir), None);
        }
        count(&dir, &Disk::real()).unwrap();
        assert_eq!(too_many(&dir), Some(5));
        forget(&dir, &Disk::real()).unwrap();
        forget(&dir, &Disk::real()).unwrap();
        assert_eq!(too_many(&dir), None);
    }

    #[test]
    fn a_newer_checkpoint_is_progress() {
        let (_folder, dir) = run();
        checkpoint(&dir, "90");
        for _ in 0..5 {
            count(&dir, &Disk::real()).unwrap();
        }
        assert_eq!(too_many(&dir), Some(5));
        // Numbers, not names: 100 is newer than 90. What is no number is no checkpoint.
        checkpoint(&dir, ".200.tmp");
        assert_eq!(too_many(&dir), Some(5));
        checkpoint(&dir, "100");
        assert_eq!(too_many(&dir), None);
        count(&dir, &Disk::real()).unwrap();
        assert_eq!(
            read(&dir),
            Attempts {
                count: 1,
                step: Some(100)
            }
        );
    }

    #[test]
    fn a_damaged_count_is_begun_anew() {
        let (_folder, dir) = run();
        std::fs::write(dir.file(FILE), b"{").unwrap();
        assert_eq!(too_many(&dir), None);
        count(&dir, &Disk::real()).unwrap();
        assert_eq!(read(&dir).count, 1);
    }

    #[test]
    fn decisions_and_wishes_are_no_crashes() {
        assert!(is_crash("RUN-PANIC") && is_crash("RUN-OUT-OF-MEMORY"));
        assert!(!is_crash("RUN-DIVERGED") && !is_crash("RUN-INTERRUPTED"));
    }
}
