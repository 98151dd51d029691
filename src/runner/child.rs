//! One worker process as its parent sees it: events in, signals out, and how it ended.

use super::gpus::{BY_BUS, ORDER, VISIBLE};
use super::slots::Slot;
use crate::train::Event;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::Sender;

/// A running worker.
pub(super) struct Worker {
    process: Child,
}

/// What a parent hears of its workers.
pub(super) enum Heard {
    Event(Event),
    /// Its output ended: it is about to be gone.
    End,
}

/// Where the worker of a slot is heard.
pub(super) struct Voice {
    /// Number of the slot.
    pub(super) slot: usize,
    /// The one ear of the parent.
    pub(super) ear: Sender<(usize, Heard)>,
}

impl Voice {
    /// Says something of the run in the slot; false if nobody listens.
    pub(super) fn say(&self, event: Event) -> bool {
        self.ear.send((self.slot, Heard::Event(event))).is_ok()
    }
}

/// Waiting threads of libgomp sleep instead of spinning: beside another busy process, spinning makes a step of libtorch
/// six times slower. Whoever has set one of these knows better.
const PATIENT: [(&str, &str); 2] = [("OMP_WAIT_POLICY", "passive"), ("GOMP_SPINCOUNT", "0")];

impl Worker {
    /// Starts this program again as a worker of the run folder `run`. On Linux the worker is asked to stop when the thread
    /// that calls this ends, which must be the one that waits for it.
    pub(super) fn start(
        run: &Path,
        arguments: &[String],
        slot: &Slot,
        log: File,
        voice: Voice,
    ) -> io::Result<Self> {
        let mut command = Command::new(program()?);
        command.arg("worker").arg(run).args(arguments);
        command.arg(format!("--device={}", slot.device));
        command.arg(format!("--threads={}", slot.threads));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        for (name, value) in PATIENT {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        if std::env::var_os(ORDER).is_none() {
            command.env(ORDER, BY_BUS);
        }
        if let Some(gpu) = &slot.visible {
            command.env(VISIBLE, gpu);
        }
        if let Some(lease) = &slot.lease {
            lease.share_with(&mut command);
        }
        #[cfg(unix)]
        apart(&mut command);
        let mut process = command.spawn()?;
        let stdout = process.stdout.take().expect("standard output was piped");
        std::thread::spawn(move || listen(stdout, &voice));
        Ok(Self { process })
    }

    /// Asks it to end after the step in hand.
    pub(super) fn ask_to_stop(&self) {
        #[cfg(unix)]
        if let Some(pid) = i32::try_from(self.process.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // It may be gone already, which is as good.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }

    /// Ends it at once.
    pub(super) fn kill(&mut self) {
        let _ = self.process.kill();
    }

    /// Waits until it is gone.
    pub(super) fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.wait()
    }
}

/// This program, as it is, also when its file was replaced since: a build does that in the middle of a batch.
///
/// # Errors
/// The system does not tell.
pub fn program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    // Linux keeps what a process runs, and the child that looks here still runs it.
    let own = Path::new("/proc/self/exe");
    let is_gone = !path.exists() && own.exists();
    Ok(if is_gone { own.to_owned() } else { path })
}

/// Passes on what a worker says, line by line, until its output ends.
fn listen(stdout: ChildStdout, voice: &Voice) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        // A library may print on standard output too: what is no event is not for us.
        if let Ok(event) = serde_json::from_str(&line)
            && !voice.say(event)
        {
            return;
        }
    }
    // Nobody may listen any more.
    let _ = voice.ear.send((voice.slot, Heard::End));
}

/// Signals of the terminal reach the parent alone, which passes them on once; and no worker outlives its parent.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getpid();
        let follow = move || {
            use rustix::process::{Signal, getppid, set_parent_process_death_signal};
            set_parent_process_death_signal(Some(Signal::TERM))?;
            // The parent may have died before the line above.
            match getppid() {
                Some(found) if found == parent => Ok(()),
                _ => Err(io::ErrorKind::BrokenPipe.into()),
            }
        };
        // SAFETY: between fork and exec only two system calls are made; nothing is allocated and no lock is taken.
        #[expect(
            unsafe_code,
            reason = "only the child itself can ask for the signal, before it becomes another program"
        )]
        unsafe {
            command.pre_exec(follow);
        }
    }
}
