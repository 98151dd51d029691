//! A lease: the right of one process to a run's folder or to a device, as an exclusive advisory lock on a file. The kernel
//! frees it when the holder dies, by SIGKILL too, so no lease of this host is ever stale and none needs a heartbeat. What
//! the file says is for people; only the lock counts, and the file is never removed.

mod holder;

pub use holder::{Holder, told};

use crate::disk::Disk;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The lease of a run, in its folder. Hidden, so that no manifest and no listing holds it.
pub const LEASE: &str = ".lease";

/// How often a lock that is taken is tried again, and how long after: a look by `holder` takes it for a moment, and a
/// holder writes its name just after it took it.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// A lease that could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The system refused the file or the lock.
    #[error("cannot lock {path}: {1}", path = .0.display())]
    Io(PathBuf, io::Error),
    /// Another process holds it, which may not say who it is.
    #[error("held by {}", told(.0.as_ref()))]
    Taken(Option<Holder>),
}

/// A lease that this process holds until the value is dropped.
#[derive(Debug)]
pub struct Lease {
    /// Its lock ends when it is closed.
    file: File,
}

impl Lease {
    /// Takes the lease at `path` for `what`; its folder must be there.
    ///
    /// # Errors
    /// Another process holds it, or the system refused.
    pub fn take(path: &Path, what: &str) -> Result<Self, LeaseError> {
        Self::take_on(&Disk::real(), path, what)
    }

    /// As `take`, on this disk.
    ///
    /// # Errors
    /// Another process holds it, or the system refused.
    pub fn take_on(disk: &Disk, path: &Path, what: &str) -> Result<Self, LeaseError> {
        Self::try_take(disk, path, what, |_| Ok(()))
    }

    /// As `take`, of something that several users share: each of them may take it next.
    ///
    /// # Errors
    /// Another process holds it, or the system refused.
    pub fn take_shared(path: &Path, what: &str) -> Result<Self, LeaseError> {
        Self::try_take(&Disk::real(), path, what, open_to_all)
    }

    /// Lets the process of `command` hold the lease too: it is free when both have let go of it, also where this one is
    /// killed first.
    pub fn share_with(&self, command: &mut Command) {
        #[cfg(unix)]
        {
            use std::os::fd::{AsRawFd, BorrowedFd};
            use std::os::unix::process::CommandExt;
            let file = self.file.as_raw_fd();
            let keep = move || {
                // SAFETY: the file is open in this process, which is a copy of one that holds it.
                #[expect(unsafe_code, reason = "a copy of this process has the number alone")]
                let file = unsafe { BorrowedFd::borrow_raw(file) };
                Ok(rustix::io::fcntl_setfd(file, rustix::io::FdFlags::empty())?)
            };
            // SAFETY: between fork and exec one system call is made; nothing is allocated and no lock is taken.
            #[expect(
                unsafe_code,
                reason = "only the child itself can keep a file, before it becomes another program"
            )]
            unsafe {
                command.pre_exec(keep);
            }
        }
        #[cfg(not(unix))]
        let _ = (&self.file, command);
    }

    /// Takes the lease; a file that is made for it goes through `made`.
    fn try_take(
        disk: &Disk,
        path: &Path,
        what: &str,
        made: fn(&File) -> io::Result<()>,
    ) -> Result<Self, LeaseError> {
        let refused = |error| LeaseError::Io(path.to_owned(), error);
        let mut holder = None;
        for _ in 0..TRIES {
            if let Some(file) = lock(disk, path, made).map_err(refused)? {
                if sign(disk, path, &file, what).is_err() {
                    // A full disk: the lock counts, and who makes room may need it. An earlier holder's name must go.
                    let _ = file.set_len(0);
                }
                return Ok(Self { file });
            }
            holder = read(path).or(holder);
            std::thread::sleep(PAUSE);
        }
        Err(LeaseError::Taken(holder))
    }
}

/// Says who holds the lease at `path`, without taking it.
///
/// # Errors
/// The system refused the file or the lock.
pub fn holder(path: &Path) -> io::Result<Option<Holder>> {
    for _ in 0..TRIES {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {}
        }
        if let Some(holder) = read(path) {
            return Ok(Some(holder));
        }
        std::thread::sleep(PAUSE);
    }
    Err(nameless())
}

/// The locked file, `None` if somebody else has locked it.
fn lock(disk: &Disk, path: &Path, made: fn(&File) -> io::Result<()>) -> io::Result<Option<File>> {
    loop {
        let (file, is_new) = disk.open_lock(path)?;
        if is_new {
            made(&file)?;
        }
        match file.try_lock() {
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            // Its folder was removed or replaced in between: the lock is on a file that nobody finds any more.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Lets every user take the lease, whatever the mask of the one who makes its file.
fn open_to_all(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Whether `path` still leads to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let own = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (own.dev(), own.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Bytes of a name. All names are filled up to it, so that one is written over another without cutting the file, which
/// would leave it without a name for as long as the disk is busy.
const NAME: usize = 512;

/// Writes who holds the lease. In place: a rename would leave the lock on a file without a name.
fn sign(disk: &Disk, path: &Path, file: &File, what: &str) -> io::Result<()> {
    let mut name = serde_json::to_vec(&Holder::this(what))?;
    name.resize(name.len().max(NAME - 1), b' ');
    name.push(b'\n');
    disk.overwrite(file, path, &name)?;
    file.set_len(name.len() as u64)
}

/// What the holder wrote, if it has.
fn read(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn nameless() -> io::Error {
    let text = "another process holds it and does not say who it is";
    io::Error::new(io::ErrorKind::WouldBlock, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Stdio};

    /// Not a claim: what `another_process` starts. It holds the lease until it is killed.
    #[test]
    #[ignore = "a helper of the tests below"]
    fn hold_a_lease_until_killed() {
        let Some(path) = std::env::var_os("SUPCON_TEST_LEASE") else {
            return;
        };
        let _lease = Lease::take(Path::new(&path), "the test of another process").unwrap();
        std::thread::sleep(Duration::from_secs(60));
    }

    /// A process that holds the lease at `path`.
    fn another_process(path: &Path) -> Child {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "record::lease::tests::hold_a_lease_until_killed";
        let command = command.args(["--exact", name, "--ignored"]);
        let command = command.env("SUPCON_TEST_LEASE", path).stdout(Stdio::null());
        let child = command.spawn().unwrap();
        while holder(path).unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        child
    }

    #[test]
    fn a_lease_is_taken_once_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LEASE);
        assert_eq!(holder(&path).unwrap(), None, "no file, no holder");
        let first = Lease::take(&path, "training").unwrap();
        let Err(LeaseError::Taken(Some(found))) = Lease::take(&path, "training") else {
            panic!("taken twice");
        };
        assert_eq!(found.pid, std::process::id());
        assert_eq!(found.what, "training");
        assert_eq!(holder(&path).unwrap(), Some(found));
        drop(first);
        assert_eq!(holder(&path).unwrap(), None);
        Lease::take(&path, "training").unwrap();
    }

    #[test]
    fn a_killed_process_leaves_no_stale_lease() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LEASE);
        let mut child = another_process(&path);
        let Err(LeaseError::Taken(Some(found))) = Lease::take(&path, "ours") else {
            panic!("taken twice");
        };
        assert_eq!(found.pid, child.id());
        assert_eq!(found.parent, Some(std::process::id()));
        assert!(!found.is_orphan());
        assert!(found.since > 1_700_000_000 && !found.host.is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(holder(&path).unwrap(), None);
        Lease::take(&path, "ours").unwrap();
    }

    #[test]
    fn a_disk_that_takes_no_name_keeps_nobody_from_a_lease_and_no_other_name_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LEASE);
        drop(Lease::take(&path, "an earlier one").unwrap());
        let full = Disk::faulty(crate::disk::Fault::parse("full@1").unwrap());
        let held = Lease::take_on(&full, &path, "making room").unwrap();
        let error = Lease::take(&path, "training").unwrap_err();
        assert_eq!(error.to_string(), "held by another process");
        drop(held);
        Lease::take(&path, "training").unwrap();
    }

    #[test]
    fn looking_for_the_holder_keeps_nobody_from_taking_a_lease() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LEASE);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    holder(&path).unwrap();
                    std::thread::sleep(Duration::from_micros(100));
                }
            });
            for _ in 0..200 {
                drop(Lease::take(&path, "in spite of looks").unwrap());
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }

    #[test]
    fn a_lease_on_a_folder_that_was_replaced_is_taken_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LEASE);
        let _old = Lease::take(&path, "the old folder").unwrap();
        std::fs::remove_file(&path).unwrap();
        let _new = Lease::take(&path, "the new folder").unwrap();
        assert_eq!(holder(&path).unwrap().unwrap().what, "the new folder");
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent").join(LEASE);
        let error = Lease::take(&path, "x").unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
        assert!(matches!(error, LeaseError::Io(..)));
    }

    #[cfg(unix)]
    #[test]
    fn a_shared_lease_is_free_when_both_processes_have_let_go_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LEASE);
        let lease = Lease::take(&path, "ours").unwrap();
        let mut alone = Command::new("sleep").arg("60").spawn().unwrap();
        let mut command = Command::new("sleep");
        lease.share_with(command.arg("60"));
        let mut child = command.spawn().unwrap();
        // Dropped as the kernel does when this process is killed: nothing is unlocked.
        drop(lease);
        let error = Lease::take(&path, "too early").unwrap_err();
        assert!(matches!(error, LeaseError::Taken(Some(_))), "{error}");
        child.kill().unwrap();
        child.wait().unwrap();
        Lease::take(&path, "free").expect("a child that it was not shared with has none of it");
        alone.kill().unwrap();
        alone.wait().unwrap();
    }
}
