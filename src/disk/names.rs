//! Names of what lies beside a file or folder until it is finished, or until it is known to be replaced.

use std::io;
use std::path::{Path, PathBuf};

/// How the names of folders end that were moved aside.
const ASIDE: &str = ".old";
/// Letters of a host's name: file systems take names of 255 bytes.
const MAX_HOST: usize = 32;

/// Whether `path` is what a commit has not finished: if nobody is at it, a killed process left it behind.
pub(crate) fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Whether `path` is what a process that is gone has not finished.
pub(crate) fn is_abandoned(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.strip_suffix(".tmp").unwrap_or_default();
    // Of processes of other hosts nobody here knows which are gone.
    let here = format!("@{}", plain_host());
    let process = stem.strip_suffix(&here).and_then(|stem| {
        let (_, id) = stem.rsplit_once('.')?;
        id.parse().ok()
    });
    is_temporary(path) && process.is_some_and(is_gone)
}

/// Whether there is no process with this number on this host.
pub(crate) fn is_gone(process: i32) -> bool {
    let process = rustix::process::Pid::from_raw(process);
    let gone = |id| rustix::process::test_kill_process(id) == Err(rustix::io::Errno::SRCH);
    process.is_some_and(gone)
}

/// Where a folder waits that is about to be replaced, on file systems that cannot exchange names. Readers look here for what
/// they do not find under its name.
pub(crate) fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}{ASIDE}"))
}

/// The name that something had before it was moved aside.
pub(crate) fn moved_from(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_prefix('.')?.strip_suffix(ASIDE)?;
    Some(path.with_file_name(name))
}

/// Where the folder `path` is to be read: aside, if a process was killed between the two names.
pub(crate) fn readable(path: &Path) -> PathBuf {
    let aside = aside(path);
    if !path.exists() && aside.exists() {
        return aside;
    }
    path.to_owned()
}

/// Hidden, beside the target, so that the rename stays inside one file system; each process of each host has its own.
pub(crate) fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let (name, process) = (name.to_string_lossy(), std::process::id());
    Ok(path.with_file_name(format!(".{name}.{process}@{}.tmp", plain_host())))
}

/// Name of this host, as far as a file or the environment tells it.
pub(crate) fn host() -> String {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter();
    let mut names = files.filter_map(|file| std::fs::read_to_string(file).ok());
    let name = names.next().or_else(|| std::env::var("HOSTNAME").ok());
    name.map_or_else(|| "this host".to_owned(), |name| name.trim().to_owned())
}

/// The same as a part of file names.
fn plain_host() -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    host().chars().take(MAX_HOST).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_leftovers_of_processes_that_are_gone_are_abandoned() {
        let own = temporary_name(Path::new("phases/key")).unwrap();
        assert!(is_temporary(&own) && !is_abandoned(&own));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let path = format!("phases/.key.{}@{}.tmp", child.id(), plain_host());
        let elsewhere = format!("phases/.key.{}@another-host.tmp", child.id());
        child.wait().unwrap();
        assert!(is_abandoned(Path::new(&path)));
        assert!(is_temporary(Path::new(&elsewhere)) && !is_abandoned(Path::new(&elsewhere)));
        assert!(!is_abandoned(Path::new("phases/.key.tmp")) && !is_abandoned(Path::new("key")));
    }
}
