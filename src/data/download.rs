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
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    /// What the server does with one request: status line, bytes of `content` from `start`, how many of them it sends.
    type Answer = fn(range: Option<usize>, content: &[u8]) -> (String, Vec<u8>);

    struct Server {
        url: String,
        ranges: Arc<Mutex<Vec<Option<usize>>>>,
    }

    /// Serves `content`, one answer a connection; the last answer repeats.
    fn serve(content: Vec<u8>, answers: &'static [Answer]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/set.tar.gz", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&ranges);
        std::thread::spawn(move || {
            for (index, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut range = None;
                for line in BufReader::new(&stream).lines() {
                    let line = line.unwrap().to_lowercase();
                    if let Some(from) = line.strip_prefix("range: bytes=") {
                        range = Some(from.trim_end_matches('-').parse().unwrap());
                    }
                    if line.is_empty() {
                        break;
                    }
                }
                seen.lock().unwrap().push(range);
                let (head, body) = answers[index.min(answers.len() - 1)](range, &content);
                let _ = stream.write_all(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes());
                let _ = stream.write_all(&body);
            }
        });
        Server { url, ranges }
    }

    fn whole(range: Option<usize>, content: &[u8]) -> (String, Vec<u8>) {
        let rest = content[range.unwrap_or(0)..].to_vec();
        let length = rest.len();
        let last = content.len() - 1;
        let head = match range {
            None => format!("200 OK\r\nContent-Length: {length}"),
            Some(from) => format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{last}/{}\r\n\
                 Content-Length: {length}",
                content.len()
            ),
        };
        (format!("{head}\r\nConnection: close"), rest)
    }

    fn half(range: Option<usize>, content: &[u8]) -> (String, Vec<u8>) {
        let (head, mut body) = whole(range, content);
        body.truncate(body.len() / 2);
        (head, body)
    }

    fn ignores_range(_: Option<usize>, content: &[u8]) -> (String, Vec<u8>) {
        whole(None, content)
    }

    fn page(_: Option<usize>, _: &[u8]) -> (String, Vec<u8>) {
        let body = b"<html>please log in</html>".to_vec();
        (
            format!(
                "200 OK\r\nContent-Type: text/html\r\nContent-Length: {}",
                body.len()
            ),
            body,
        )
    }

    fn missing(_: Option<usize>, _: &[u8]) -> (String, Vec<u8>) {
        ("404 Not Found\r\nContent-Length: 0".into(), Vec::new())
    }

    fn busy(_: Option<usize>, _: &[u8]) -> (String, Vec<u8>) {
        (
            "503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close".into(),
            Vec::new(),
        )
    }

    fn content() -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..300_000u32)
            .map(|i| (i.wrapping_mul(i) >> 7) as u8)
            .collect();
        bytes[..2].copy_from_slice(&MAGIC);
        bytes
    }

    fn get(server: &Server, target: &Path, expected: &[u8]) -> Result<(), DataError> {
        let sha256 = hex(&Sha256::digest(expected));
        let remote = Remote {
            url: &server.url,
            sha256: &sha256,
            bytes: expected.len() as u64,
        };
        fetch(&remote, target, &|_| {})
    }

    fn names(folder: &Path) -> Vec<String> {
        let name =
            |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn a_cut_download_goes_on_where_it_was_cut() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("deep/set.tar.gz");
        let server = serve(content(), &[half, whole]);
        get(&server, &target, &content()).unwrap();
        assert_eq!(fs::read(&target).unwrap(), content());
        assert_eq!(*server.ranges.lock().unwrap(), [None, Some(150_000)]);
        assert_eq!(
            names(target.parent().unwrap()),
            ["set.tar.gz", "set.tar.gz.lock"]
        );
    }

    #[test]
    fn a_part_of_an_earlier_process_is_continued_or_replaced() {
        for (part, requests) in [(content()[..1000].to_vec(), 1), (vec![7; 1000], 2)] {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("set.tar.gz");
            fs::write(beside(&target, ".part"), part).unwrap();
            let server = serve(content(), &[whole]);
            get(&server, &target, &content()).unwrap();
            assert_eq!(fs::read(&target).unwrap(), content());
            assert_eq!(server.ranges.lock().unwrap().len(), requests);
        }
    }

    #[test]
    fn a_file_that_was_damaged_later_is_put_aside_and_fetched_again() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("set.tar.gz");
        let mut damaged = content();
        damaged[7000] ^= 1;
        fs::write(&target, &damaged).unwrap();
        let server = serve(content(), &[whole]);
        for _ in 0..2 {
            get(&server, &target, &content()).unwrap();
            assert_eq!(fs::read(&target).unwrap(), content());
            assert_eq!(server.ranges.lock().unwrap().len(), 1, "once only");
        }
        assert_eq!(fs::read(beside(&target, ".damaged")).unwrap(), damaged);
    }

    #[test]
    fn a_server_without_ranges_sends_all_again() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("set.tar.gz");
        let server = serve(content(), &[half, ignores_range]);
        get(&server, &target, &content()).unwrap();
        assert_eq!(fs::read(&target).unwrap(), content());
    }

    #[test]
    fn wrong_bytes_pages_and_refusals_never_get_the_final_name() {
        let other = [content(), vec![0]].concat();
        let mut changed = content();
        changed[5000] ^= 1;
        let cases: [(&'static [Answer], &[u8], &str); 5] = [
            (&[whole], &changed, "SHA-256"),
            (&[whole], &content()[..299_999], "SHA-256"),
            (&[page], &other, "web page"),
            (&[missing], &other, "404"),
            (&[busy], &other, "503, 3 times in a row"),
        ];
        for (answers, expected, cause) in cases {
            let folder = tempfile::tempdir().unwrap();
            let target = folder.path().join("set.tar.gz");
            let error = get(&serve(content(), answers), &target, expected).unwrap_err();
            assert_eq!(error.code(), "DATA-DOWNLOAD");
            assert!(error.to_string().contains(cause), "{error}");
            assert!(error.to_string().contains("--data"), "{error}");
            assert_eq!(names(folder.path()), ["set.tar.gz.lock"], "{cause}");
        }
    }

    #[test]
    fn two_at_once_fetch_the_file_once() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("set.tar.gz");
        let server = serve(content(), &[whole]);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| get(&server, &target, &content()).unwrap());
            }
        });
        assert_eq!(fs::read(&target).unwrap(), content());
        assert_eq!(server.ranges.lock().unwrap().len(), 1);
    }

    #[test]
    fn no_server_is_an_error_that_names_the_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/set.tar.gz", listener.local_addr().unwrap());
        drop(listener);
        let folder = tempfile::tempdir().unwrap();
        let remote = Remote {
            url: &url,
            sha256: "00",
            bytes: 10,
        };
        let error = fetch(&remote, &folder.path().join("set.tar.gz"), &|_| {}).unwrap_err();
        assert!(error.to_string().contains(&url), "{error}");
    }
}
