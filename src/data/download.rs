//! One file from an HTTP server: resumed from a `.part` file, and given its final name only after its SHA-256 was
//! confirmed. A lock file makes a second process wait and then use the first one's result.

use super::error::{DataError, room, shown};
use super::{Progress, Unit, hex};
use crate::disk::{Disk, parent};
use sha2::{Digest, Sha256};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// Attempts without a new byte before giving up.
const ATTEMPTS: u32 = 3;
/// A connection, an answer and each further piece of the body must come within these.
const CONNECT: Duration = Duration::from_secs(15);
const ANSWER: Duration = Duration::from_secs(30);
const READ: Duration = Duration::from_secs(30);
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A gzip file on a server, with what it must be.
pub(super) struct Remote<'a> {
    pub(super) url: &'a str,
    pub(super) sha256: &'a str,
    pub(super) bytes: u64,
}

/// Why an attempt ended early.
enum Stop {
    /// Another attempt may go further.
    Again(String),
    /// It will not.
    Final(String),
    /// The disk refused this file.
    Disk(PathBuf, io::Error),
}

impl Stop {
    fn disk(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Disk(path.to_owned(), error)
    }
}

type Report<'a> = &'a (dyn Fn(Progress) + Sync);

/// Fetches `remote` to `target`, or leaves `target` alone.
pub(super) fn fetch(
    remote: &Remote<'_>,
    target: &Path,
    disk: &Disk,
    progress: Report<'_>,
) -> Result<(), DataError> {
    let download = Download {
        remote,
        target,
        part: &beside(target, ".part"),
        disk,
        progress,
    };
    download.fetch().map_err(|stop| download.error(stop))
}

/// A file that is wanted, where it goes, and what has come of it.
struct Download<'a> {
    remote: &'a Remote<'a>,
    target: &'a Path,
    part: &'a Path,
    disk: &'a Disk,
    progress: Report<'a>,
}

impl Download<'_> {
    fn fetch(&self) -> Result<(), Stop> {
        let Self { target, part, .. } = *self;
        let folder = parent(target);
        let made = self.disk.create_folders(folder);
        made.map_err(Stop::disk(folder))?;
        let lock_path = beside(target, ".lock");
        let lock = self.disk.open_lock(&lock_path);
        let locked = lock.and_then(|(lock, _)| self.lock(lock));
        let _lock = locked.map_err(Stop::disk(&lock_path))?;
        if target.is_file() {
            if digest(target)? == self.remote.sha256 {
                return Ok(());
            }
            // What is wrong is kept for whoever wants to look at it, and fetched once more.
            let aside = beside(target, ".damaged");
            let moved = self.disk.rename(target, &aside);
            moved.map_err(Stop::disk(&aside))?;
        }
        // A part that an earlier process left may belong to another file: then it is fetched once more from its start.
        let left_over = size(part) > 0;
        let agent = agent(self.remote.url);
        let mut result = self.attempts(&agent);
        if left_over && matches!(&result, Err(Stop::Final(_))) && !part.exists() {
            result = self.attempts(&agent);
        }
        result?;
        let synced = self.disk.sync_file(part);
        let named = synced.and_then(|()| self.disk.rename(part, target));
        let finished = named.and_then(|()| self.disk.sync_folder(folder));
        finished.map_err(Stop::disk(target))
    }

    /// Waits for the lock, and says so if another process has it.
    fn lock(&self, lock: File) -> io::Result<File> {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(error)) => return Err(error),
        }
        (self.progress)(Progress {
            what: "waiting for another download",
            done: 0,
            total: None,
            unit: Unit::Bytes,
        });
        lock.lock().map(|()| lock)
    }

    /// Requests what is missing until all is there and right, or until several attempts in a row brought nothing.
    fn attempts(&self, agent: &Agent) -> Result<(), Stop> {
        let mut idle = 0;
        loop {
            let before = size(self.part);
            if before >= self.remote.bytes {
                return self.verify();
            }
            match self.attempt(agent, before) {
                Ok(()) => return self.verify(),
                Err(Stop::Again(cause)) => {
                    idle = if size(self.part) > before {
                        0
                    } else {
                        idle + 1
                    };
                    if idle == ATTEMPTS {
                        return Err(Stop::Again(format!("{cause}, {ATTEMPTS} times in a row")));
                    }
                    std::thread::sleep(Duration::from_millis(250 << idle));
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    /// One request from byte `from` on.
    fn attempt(&self, agent: &Agent, from: u64) -> Result<(), Stop> {
        let mut request = agent.get(self.remote.url);
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        let response = request
            .call()
            .map_err(|error| Stop::Again(error.to_string()))?;
        let again = |cause: &str| Err(Stop::Again(cause.to_owned()));
        match response.status().as_u16() {
            206 if range_start(&response) == Some(from) => self.append(response, from),
            200 => {
                self.drop_part()?;
                self.append(response, 0)
            }
            206 | 416 => {
                self.drop_part()?;
                again("the server cannot go on from the part that is here")
            }
            status @ (408 | 429 | 500..=599) => again(&format!("the server answered {status}")),
            status => Err(Stop::Final(format!("the server answered {status}"))),
        }
    }

    /// Adds the body to the first `from` bytes, which are there, and at most one byte too many.
    fn append(&self, response: Response<ureq::Body>, from: u64) -> Result<(), Stop> {
        let total = self.remote.bytes;
        let mut body = response.into_body().into_reader().take(total + 1 - from);
        let mut buffer = vec![0; 1 << 16];
        let mut done = from;
        loop {
            let n = body
                .read(&mut buffer)
                .map_err(|error| Stop::Again(error.to_string()))?;
            if n == 0 {
                break;
            }
            if done == 0 && !buffer[..n].starts_with(&MAGIC[..n.min(2)]) {
                let cause = "the server sent something else, such as a web page";
                return Err(Stop::Final(cause.into()));
            }
            let added = self.disk.append(self.part, &buffer[..n]);
            added.map_err(Stop::disk(self.part))?;
            done += n as u64;
            (self.progress)(Progress {
                what: "downloading",
                done,
                total: Some(total),
                unit: Unit::Bytes,
            });
        }
        if done < total {
            return Err(Stop::Again(format!("the connection ended at byte {done}")));
        }
        Ok(())
    }

    /// Compares the digest; a part that is wrong is removed.
    fn verify(&self) -> Result<(), Stop> {
        let (found, bytes) = (digest(self.part)?, size(self.part));
        if found == self.remote.sha256 {
            return Ok(());
        }
        self.drop_part()?;
        Err(Stop::Final(format!("{bytes} bytes with SHA-256 {found}")))
    }

    /// Removes a part that is no beginning of the file.
    fn drop_part(&self) -> Result<(), Stop> {
        if !self.part.exists() {
            return Ok(());
        }
        let removed = self.disk.remove_file(self.part);
        removed.map_err(Stop::disk(self.part))
    }

    /// What a person is told.
    fn error(&self, stop: Stop) -> DataError {
        let Remote { url, sha256, bytes } = *self.remote;
        let (cause, path) = match stop {
            Stop::Again(cause) | Stop::Final(cause) => (cause, shown(self.target)),
            Stop::Disk(path, error) => {
                // Behind its last sync all of it is there, under its final name.
                let has = size(self.part).max(size(self.target)).min(bytes);
                let needed = format!(
                    "the download takes {} more there, and the {} MB of it that came are kept: mend that and give the same \
                     command again",
                    room(bytes - has),
                    has / 1_000_000
                );
                return DataError::writing(&path, needed)(error);
            }
        };
        let folder = shown(parent(self.target));
        DataError::Download {
            url: url.into(),
            path,
            cause,
            expected: format!("{bytes} bytes with SHA-256 {sha256}"),
            help: format!(
                "run the same command again to go on, or put the file into `{folder}` or name it with `--data`"
            ),
        }
    }
}

/// A loopback address is never behind a proxy; for all others the environment's proxy counts.
fn agent(url: &str) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .accept_encoding("identity")
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(ANSWER))
        .timeout_per_read(Some(READ));
    let config = if url.starts_with("http://127.0.0.1") {
        config.proxy(None)
    } else {
        config
    };
    config.build().into()
}

fn range_start<B>(response: &Response<B>) -> Option<u64> {
    let range = response.headers().get("content-range")?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .parse()
        .ok()
}

/// SHA-256 of a file's bytes, in hexadecimal.
fn digest(path: &Path) -> Result<String, Stop> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 18];
    let read = File::open(path).and_then(|mut file| {
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(&hash.finalize())),
                n => hash.update(&buffer[..n]),
            }
        }
    });
    read.map_err(|error| Stop::Final(format!("cannot read `{}`: {error}", shown(path))))
}

fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |meta| meta.len())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
