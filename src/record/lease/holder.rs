//! Who holds a lease, as the holder wrote it: for people, and to tell a worker that is about to end from one that is not.

use crate::disk::{host, is_gone};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

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
        let outlives = if self.is_gone() {
            "a worker that outlives "
        } else {
            ""
        };
        write!(
            f,
            "{outlives}process {pid} on `{host}`, for {age} ({})",
            self.what
        )
    }
}

/// Who holds a lease, for people; not every process can say who it is.
#[must_use]
pub fn told(holder: Option<&Holder>) -> String {
    holder.map_or_else(|| "another process".to_owned(), Holder::to_string)
}

impl Holder {
    /// This process, from now on, for `what`.
    pub(super) fn this(what: &str) -> Self {
        Self {
            host: host(),
            pid: std::process::id(),
            parent: own_parent(),
            since: now(),
            what: what.to_owned(),
        }
    }

    /// Whether the process of this host that took the lease is gone: the lease is free, or one that it started holds it.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let pid = i32::try_from(self.pid);
        self.host == host() && pid.is_ok_and(is_gone)
    }

    /// Whether a lease of a run is about to be free: its holder is gone by now, or its parent is, and it ends as well.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.is_gone() || self.is_orphan()
    }

    /// Whether the holder is a process of this host whose parent is gone: a worker that is about to end as well.
    #[must_use]
    pub fn is_orphan(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid));
        let now = stat.ok().and_then(|stat| parent(&stat));
        self.host == host() && now.is_some() && now != self.parent
    }
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

    #[test]
    #[cfg(target_os = "linux")]
    fn an_orphan_is_a_holder_whose_parent_is_another_by_now() {
        let ours = Holder::this("ours");
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

    #[cfg(unix)]
    #[test]
    fn a_holder_that_is_gone_has_left_it_to_another() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id();
        child.wait().unwrap();
        let gone = Holder {
            pid,
            ..Holder::this("training")
        };
        let text = gone.to_string();
        assert!(
            text.starts_with("a worker that outlives process "),
            "{text}"
        );
        assert!(gone.ends() && !gone.is_orphan() && !Holder::this("training").ends());
    }
}
