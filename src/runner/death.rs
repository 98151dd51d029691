//! What a worker died of that left no code of its own: its parent tells it from how the process ended, from what it wrote
//! to its log, and from the kernel's count of processes that were killed for want of memory.

use crate::diag::Code;
use crate::record::{self, LOG, RecordError, RunDir, STATUS};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::SystemTime;

/// Bytes of the log's end that are read.
const TAIL: u64 = 64 << 10;

/// What was there before a worker began: what an earlier one wrote says nothing of this one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    status: Option<SystemTime>,
    log_bytes: u64,
    oom_kills: Option<u64>,
}

/// What is known of a worker's end beside how its process ended.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What it wrote to its log, at least the end of that.
    pub log: String,
    /// Processes of our control group that the kernel killed for want of memory since it began, if that is counted.
    pub oom_kills: Option<u64>,
}

impl Before {
    /// Looks at the status, the log and the counter.
    pub(super) fn now(dir: &RunDir) -> Self {
        Self {
            status: written(dir),
            log_bytes: std::fs::metadata(dir.file(LOG)).map_or(0, |log| log.len()),
            oom_kills: oom_kills(),
        }
    }

    /// Code and cause of a status that was written since.
    pub(super) fn new_status(self, dir: &RunDir) -> Result<Option<(String, String)>, RecordError> {
        if written(dir) == self.status {
            return Ok(None);
        }
        let status = record::recorded_status(dir)?;
        Ok(status.code.zip(status.cause))
    }

    /// What has been left since.
    pub(super) fn evidence(self, dir: &RunDir) -> Evidence {
        let since = |before: u64| oom_kills().map(|now| now.saturating_sub(before));
        Evidence {
            // A log that cannot be read is no reason to lose the rest.
            log: log(dir, self.log_bytes).unwrap_or_default(),
            oom_kills: self.oom_kills.and_then(since),
        }
    }
}

/// When the status was written.
fn written(dir: &RunDir) -> Option<SystemTime> {
    let status = std::fs::metadata(dir.file(STATUS)).ok()?;
    status.modified().ok()
}

/// Code and cause of a worker that left no code of its own.
#[must_use]
pub fn death(dir: &RunDir, ended: ExitStatus, evidence: &Evidence) -> (Code, String) {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&ended) {
        return killed(dir, signal, evidence);
    }
    let (code, words) = match panic(&evidence.log) {
        Some(words) => (Code::RunPanic, words),
        None => (Code::RunFailed, last_line(&evidence.log)),
    };
    let words = words.unwrap_or("no message");
    (code, format!("{words}; see {}", dir.file(LOG).display()))
}

/// How a line begins of a process that ended itself because an allocation failed: the words of Rust's library.
#[cfg(unix)]
const REFUSED: &str = "memory allocation of ";

/// Code and cause of a process that a signal ended.
#[cfg(unix)]
fn killed(dir: &RunDir, signal: i32, evidence: &Evidence) -> (Code, String) {
    let name = name(signal);
    if signal == libc::SIGKILL {
        return match evidence.oom_kills {
            Some(1..) => (
                Code::RunOutOfMemory,
                "the system killed it because memory ran out".to_owned(),
            ),
            Some(0) => (
                Code::RunKilled,
                format!("killed from outside by {name}; memory did not run out"),
            ),
            None => (
                Code::RunKilled,
                format!("killed from outside by {name}; often the system was out of memory"),
            ),
        };
    }
    let mut lines = evidence.log.lines().rev();
    if signal == libc::SIGABRT
        && let Some(refused) = lines.find(|line| line.starts_with(REFUSED))
    {
        return (
            Code::RunOutOfMemory,
            format!("the system refused it more memory: {refused}"),
        );
    }
    let native = [
        libc::SIGABRT,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGILL,
        libc::SIGFPE,
    ];
    if native.contains(&signal) {
        let last = last_line(&evidence.log).map_or_else(String::new, |line| format!(": {line}"));
        let log = dir.file(LOG);
        let cause = format!(
            "native code ended it with {name}{last}; see {}",
            log.display()
        );
        return (Code::RunNativeCrash, cause);
    }
    (Code::RunKilled, format!("killed from outside by {name}"))
}

/// The name of a signal.
#[cfg(unix)]
fn name(signal: i32) -> String {
    let name = match signal {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        _ => return format!("signal {signal}"),
    };
    name.to_owned()
}

/// Whether there is a panic in a log, and the words of the first one, which behind it may have a trace and further panics.
fn panic(log: &str) -> Option<Option<&str>> {
    let mut lines = log.lines().skip_while(|line| !line.contains("panicked at"));
    lines.next()?;
    Some(
        lines
            .next()
            .map(str::trim)
            .filter(|words| !words.is_empty()),
    )
}

/// The last line that says something.
fn last_line(log: &str) -> Option<&str> {
    let mut lines = log.lines().rev().map(str::trim);
    lines.find(|line| !line.is_empty() && !line.starts_with("note:"))
}

/// What was appended to the log behind its first `from` bytes.
fn log(dir: &RunDir, from: u64) -> std::io::Result<String> {
    let mut file = File::open(dir.file(LOG))?;
    let tail = file.metadata()?.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from.max(tail)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The kernel's count for the control group of this process, which its workers are in too; `None` where none is kept.
fn oom_kills() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let mut counters = groups.lines().filter_map(counter);
    counters.find_map(|path| counted(&std::fs::read_to_string(path).ok()?))
}

/// Where the count of a group in `/proc/self/cgroup` is kept, in the second version of groups or in the first.
fn counter(group: &str) -> Option<PathBuf> {
    let (controllers, path) = group.split_once(':')?.1.split_once(':')?;
    let (root, file) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.events"),
        "memory" => ("/sys/fs/cgroup/memory", "memory.oom_control"),
        _ => return None,
    };
    let folder = PathBuf::from(root).join(path.trim_start_matches('/'));
    Some(folder.join(file))
}

/// The counter in such a file.
fn counted(events: &str) -> Option<u64> {
    let mut lines = events.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    /// The code and cause of an end by a raw wait status.
    fn told(raw: i32, log: &str, oom_kills: Option<u64>) -> (Code, String) {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(folder.path(), "x-s0-1").unwrap();
        let log = log.to_owned();
        death(
            &dir,
            ExitStatus::from_raw(raw),
            &Evidence { log, oom_kills },
        )
    }

    #[test]
    fn sigkill_is_told_apart_by_the_kernels_count() {
        for (count, code, part) in [
            (Some(1), Code::RunOutOfMemory, "memory ran out"),
            (
                Some(0),
                Code::RunKilled,
                "from outside by SIGKILL; memory did not",
            ),
            (None, Code::RunKilled, "often the system was out of memory"),
        ] {
            let (found, cause) = told(libc::SIGKILL, "", count);
            assert_eq!(found, code);
            assert!(cause.contains(part), "{cause}");
        }
    }

    #[test]
    fn crashes_of_native_code_are_named_with_the_last_line_of_the_log() {
        for (signal, name) in [
            (libc::SIGABRT, "SIGABRT"),
            (libc::SIGSEGV, "SIGSEGV"),
            (libc::SIGBUS, "SIGBUS"),
            (libc::SIGILL, "SIGILL"),
            (libc::SIGFPE, "SIGFPE"),
        ] {
            let (code, cause) = told(signal, "terminate called\n\n", Some(3));
            assert_eq!(code, Code::RunNativeCrash);
            let text = format!("native code ended it with {name}: terminate called; see ");
            assert!(cause.starts_with(&text), "{cause}");
        }
        let (code, cause) = told(libc::SIGTERM, "", None);
        assert_eq!(
            (code, cause.as_str()),
            (Code::RunKilled, "killed from outside by SIGTERM")
        );
        assert!(told(64, "", None).1.ends_with("by signal 64"));
    }

    #[test]
    fn a_refused_allocation_is_told_from_other_aborts() {
        let (code, cause) = told(
            libc::SIGABRT,
            "memory allocation of 64 bytes failed\nskipping backtrace printing\n",
            Some(0),
        );
        assert_eq!(code, Code::RunOutOfMemory);
        let text = "the system refused it more memory: memory allocation of 64 bytes failed";
        assert_eq!(cause, text);
    }

    #[test]
    fn only_what_this_worker_wrote_counts() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(folder.path(), "x-s0-1").unwrap();
        dir.log("thread 'main' panicked at x.rs:1:1:\nan old panic")
            .unwrap();
        let before = Before::now(&dir);
        let exit_1 = ExitStatus::from_raw(1 << 8);
        let (code, cause) = death(&dir, exit_1, &before.evidence(&dir));
        assert_eq!(code, Code::RunFailed);
        assert!(cause.starts_with("no message; see "), "{cause}");
        dir.log("cannot open libtorch.so\nnote: a hint").unwrap();
        let (code, cause) = death(&dir, exit_1, &before.evidence(&dir));
        assert_eq!(code, Code::RunFailed);
        assert!(
            cause.starts_with("cannot open libtorch.so; see "),
            "{cause}"
        );
        dir.log("thread 'main' panicked at x.rs:1:1:\na panic\nstack backtrace:\n  0: main\n")
            .unwrap();
        let (code, cause) = death(&dir, exit_1, &before.evidence(&dir));
        assert_eq!(code, Code::RunPanic);
        assert!(cause.starts_with("a panic; see "), "{cause}");
    }

    #[test]
    fn a_long_log_is_read_from_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let dir = RunDir::create(folder.path(), "x-s0-1").unwrap();
        let before = Before::now(&dir);
        dir.log(&"x".repeat(1 << 20)).unwrap();
        dir.log("the end").unwrap();
        let log = before.evidence(&dir).log;
        assert!(log.len() as u64 <= TAIL && log.ends_with("the end\n"));
    }

    #[test]
    fn the_counter_is_found_in_the_files_of_the_kernel() {
        let at = |group: &str| counter(group).map(|path| path.display().to_string());
        let second = "/sys/fs/cgroup/user.slice/app.scope/memory.events";
        assert_eq!(at("0::/user.slice/app.scope").as_deref(), Some(second));
        let first = "/sys/fs/cgroup/memory/old/memory.oom_control";
        assert_eq!(at("4:memory:/old").as_deref(), Some(first));
        assert_eq!(at("8:pids:/"), None);
        let events = "low 0\nhigh 2\nmax 31\noom 1\noom_kill 7\noom_group_kill 0\n";
        assert_eq!(counted(events), Some(7));
        let first = "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n";
        assert_eq!(counted(first), Some(2));
        assert_eq!(counted("low 0\n"), None);
    }
}
