//! One file from an HTTP server: resumed from a `.part` file, and given its final name only after its SHA-256 was
//! confirmed. A lock file makes a second process wait and then use the first one's result.

use super::cache::sync_folder;
use super::error::{DataError, shown};
use super::{Progress, Unit, hex};
use sha2::{Digest, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
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
}

type Report<'a> = &'a (dyn Fn(Progress) + Sync);

/// Fetches `remote` to `target`, or leaves `target` alone.
pub(super) fn fetch(
    remote: &Remote<'_>,
    target: &Path,
    progress: Report<'_>,
) -> Result<(), DataError> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(DataError::writing(folder))?;
    let lock_path = beside(target, ".lock");
    let lock = File::create(&lock_path).map_err(DataError::writing(&lock_path))?;
    lock.lock().map_err(DataError::writing(&lock_path))?;
    if target.is_file() {
        let found = digest(target).map_err(DataError::reading(target))?;
        if found == remote.sha256 {
            return Ok(());
        }
        // What is wrong is kept for whoever wants to look at it, and fetched once more.
        let aside = beside(target, ".damaged");
        fs::rename(target, &aside).map_err(DataError::writing(&aside))?;
    }
    let part = beside(target, ".part");
    // A part that an earlier process left may belong to another file: then it is fetched once more from its start.
    let left_over = size(&part) > 0;
    let agent = agent(remote.url);
    let mut result = attempts(&agent, remote, &part, progress).and_then(|()| verify(remote, &part));
    if left_over && matches!(&result, Err(Stop::Final(_))) && !part.exists() {
        result = attempts(&agent, remote, &part, progress).and_then(|()| verify(remote, &part));
    }
    match result {
        Ok(()) => finish(&part, target).map_err(DataError::writing(target)),
        Err(Stop::Again(cause) | Stop::Final(cause)) => Err(failed(remote, target, cause)),
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

/// Requests what is missing until all is there, or until several attempts in a row brought nothing.
fn attempts(
    agent: &Agent,
    remote: &Remote<'_>,
    part: &Path,
    progress: Report<'_>,
) -> Result<(), Stop> {
    let mut idle = 0;
    loop {
        let before = size(part);
        if before >= remote.bytes {
            return Ok(());
        }
        match attempt(agent, remote, part, before, progress) {
            Ok(()) => return Ok(()),
            Err(Stop::Final(cause)) => return Err(Stop::Final(cause)),
            Err(Stop::Again(cause)) => {
                idle = if size(part) > before { 0 } else { idle + 1 };
                if idle == ATTEMPTS {
                    return Err(Stop::Again(format!("{cause}, {ATTEMPTS} times in a row")));
                }
                std::thread::sleep(Duration::from_millis(250 << idle));
            }
        }
    }
}

/// One request from byte `from` on.
fn attempt(
    agent: &Agent,
    remote: &Remote<'_>,
    part: &Path,
    from: u64,
    progress: Report<'_>,
) -> Result<(), Stop> {
    let mut request = agent.get(remote.url);
    if from > 0 {
        request = request.header("Range", format!("bytes={from}-"));
    }
    let response = request
        .call()
        .map_err(|error| Stop::Again(error.to_string()))?;
    let status = response.status().as_u16();
    let from = match status {
        206 if range_start(&response) == Some(from) => from,
        200 => 0,
        // The part is not a beginning of that file.
        206 | 416 => return restart(part),
        408 | 429 | 500..=599 => return Err(Stop::Again(format!("the server answered {status}"))),
        _ => return Err(Stop::Final(format!("the server answered {status}"))),
    };
    append(response, remote, part, from, progress)
}

fn restart(part: &Path) -> Result<(), Stop> {
    fs::remove_file(part).map_err(|error| Stop::Final(error.to_string()))?;
    Err(Stop::Again(
        "the server cannot go on from the part that is here".into(),
    ))
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

/// Copies the body behind the first `from` bytes of `part`, and at most one byte too many.
fn append(
    response: Response<ureq::Body>,
    remote: &Remote<'_>,
    part: &Path,
    from: u64,
    progress: Report<'_>,
) -> Result<(), Stop> {
    let disk = |error: io::Error| Stop::Final(format!("cannot write `{}`: {error}", shown(part)));
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(part)
        .and_then(|file| file.set_len(from).map(|()| file))
        .map_err(disk)?;
    let mut body = response
        .into_body()
        .into_reader()
        .take(remote.bytes + 1 - from);
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
            drop(fs::remove_file(part));
            return Err(Stop::Final(
                "the server sent something else, such as a web page".into(),
            ));
        }
        file.write_all(&buffer[..n]).map_err(disk)?;
        done += n as u64;
        let total = Some(remote.bytes);
        progress(Progress {
            what: "downloading",
            done,
            total,
            unit: Unit::Bytes,
        });
    }
    if done < remote.bytes {
        return Err(Stop::Again(format!("the connection ended at byte {done}")));
    }
    Ok(())
}

/// Compares size and digest; a part that is wrong is removed.
fn verify(remote: &Remote<'_>, part: &Path) -> Result<(), Stop> {
    let error = |error: io::Error| Stop::Final(format!("cannot read `{}`: {error}", shown(part)));
    let found = digest(part).map_err(error)?;
    if found == remote.sha256 {
        return Ok(());
    }
    let bytes = size(part);
    drop(fs::remove_file(part));
    Err(Stop::Final(format!("{bytes} bytes with SHA-256 {found}")))
}

/// SHA-256 of a file's bytes, in hexadecimal.
fn digest(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn finish(part: &Path, target: &Path) -> io::Result<()> {
    File::open(part)?.sync_all()?;
    fs::rename(part, target)?;
    sync_folder(target)
}

fn failed(remote: &Remote<'_>, target: &Path, cause: String) -> DataError {
    let folder = target.parent().map(shown).unwrap_or_default();
    DataError::Download {
        url: remote.url.into(),
        path: shown(target),
        cause,
        expected: format!("{} bytes with SHA-256 {}", remote.bytes, remote.sha256),
        help: format!(
            "run the same command again to go on, or put the file into `{folder}` or name it with `--data`"
        ),
    }
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
