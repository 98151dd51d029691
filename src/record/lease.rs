//! A lease: the right of one process to a run's folder or to a device, as an exclusive advisory lock on a file. The kernel
//! frees it when the holder dies, by SIGKILL too, so no lease of this host is ever stale and none needs a heartbeat. What
//! the file says is for people; only the lock counts, and the file is never removed.

use crate::disk::{Disk, host};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The lease of a run, in its folder. Hidden, so that no manifest and no listing holds it.
pub const LEASE: &str = ".lease";

/// How often a lock that is taken is tried again, and how long after: a look by `holder` takes it for a moment, and a
/// holder writes its name just after it took it.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Who holds a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of its host.
    pub host: String,
    /// Its process on that host.
    pub pid: u32,
    /// The parent of that process when it took the lease.
    pub parent: Option<u32>,
    /// Seconds since 1970 when it took the lease.
    pub since: u64,
    /// What it holds it for, in a few words.
    pub what: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, pid, .. } = self;
        let age = age(now().saturating_sub(self.since));
        write!(f, "process {pid} on `{host}`, for {age} ({})", self.what)
    }
}

/// Who holds a lease, for people; not every process can say who it is.
#[must_use]
pub fn told(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), Holder::to_string)
}

impl Holder {
    /// Whether the holder is a process of this host whose parent is gone: a worker that is about to end as well.
    #[must_use]
    pub fn is_orphan(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        let now = stat.ok().and_then(|stat| parent(&stat));
        self.host == host() && now.is_some() && now != self.parent
    }
}

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
    _file: File,
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
                return Ok(Self { _file: file });
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
    let holder = Holder {
        host: host(),
        pid: std::process::id(),
        parent: own_parent(),
        since: now(),
        what: what.to_owned(),
    };
    let mut name = serde_json::to_vec(&holder)?;
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

fn own_parent() -> Option<u32> {
    #[cfg(unix)]
    let parent = Some(std::os::unix::process::parent_id());
    #[cfg(not(unix))]
    let parent = None;
    parent
}

/// The parent in a process's `/proc/PID/stat`: the second field behind the name, which stands in parentheses.
fn parent(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}

/// A duration for people: one unit is enough.
fn age(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} s"),
        120..7_200 => format!("{} min", secs / 60),
        7_200..172_800 => format!("{} h", secs / 3_600),
        _ => format!("{} days", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

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
        assert!(found.since <= now() && !found.host.is_empty());
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

    #[test]
    #[cfg(target_os = "linux")]
    fn an_orphan_is_a_holder_whose_parent_is_another_by_now() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LEASE);
        let _lease = Lease::take(&path, "ours").unwrap();
        let ours = holder(&path).unwrap().unwrap();
        assert!(!ours.is_orphan());
        let (parent, host) = (ours.parent.map(|parent| parent + 1), "elsewhere".to_owned());
        let orphan = Holder { parent, ..ours };
        assert!(orphan.is_orphan());
        assert!(!Holder { host, ..orphan }.is_orphan());
        assert_eq!(super::parent("7 (a) b) S 12 7 7 0"), Some(12));
    }

    #[test]
    fn a_holder_is_told_with_process_host_and_age() {
        let holder = Holder {
            host: "node7".into(),
            pid: 42,
            parent: Some(41),
            since: now() - 600,
            what: "training x-s0".into(),
        };
        let text = "process 42 on `node7`, for 10 min (training x-s0)";
        assert_eq!(holder.to_string(), text);
        assert_eq!(age(119), "119 s");
        assert_eq!(age(7_200), "2 h");
        assert_eq!(age(200_000), "2 days");
    }
}
