//! One worker process as its parent sees it: events in, signals out, and how it ended.

use crate::record::{LOG, RunDir};
use crate::train::Event;
use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// A running worker.
pub(super) struct Worker {
    process: Child,
    events: Receiver<Event>,
}

/// What a look at the worker gives.
pub(super) enum Heard {
    Event(Event),
    /// Nothing new for the moment.
    Silence,
    /// Its output ended: it is about to be gone.
    End,
}

impl Worker {
    /// Starts this program again as a worker of `dir`.
    pub(super) fn start(dir: &RunDir, arguments: &[String]) -> io::Result<Self> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(dir.file(LOG))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("worker").arg(dir.path()).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        // A group of its own: Ctrl-C reaches the parent alone, which passes it on once.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn()?;
        let stdout = process.stdout.take().expect("standard output was piped");
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Ok(event) = serde_json::from_str(&line)
                    && sender.send(event).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { process, events })
    }

    /// Waits a moment for the next event.
    pub(super) fn hear(&self) -> Heard {
        match self.events.recv_timeout(Duration::from_millis(50)) {
            Ok(event) => Heard::Event(event),
            Err(RecvTimeoutError::Timeout) => Heard::Silence,
            Err(RecvTimeoutError::Disconnected) => Heard::End,
        }
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
    pub(super) fn wait(mut self) -> io::Result<ExitStatus> {
        self.process.wait()
    }
}
