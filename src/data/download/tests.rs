//! Downloads from a local HTTP server that cuts, refuses, repeats and lies.

mod faults;

use super::*;
use std::io::{BufRead, BufReader, Write};
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
    get_on(&Disk::real(), server, target, expected)
}

fn get_on(disk: &Disk, server: &Server, target: &Path, expected: &[u8]) -> Result<(), DataError> {
    let sha256 = hex(&Sha256::digest(expected));
    let remote = Remote {
        url: &server.url,
        sha256: &sha256,
        bytes: expected.len() as u64,
    };
    fetch(&remote, target, disk, &|_| {})
}

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
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
fn one_that_waits_for_another_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("set.tar.gz");
    let server = serve(content(), &[whole]);
    let first = File::create(beside(&target, ".lock")).unwrap();
    first.lock().unwrap();
    let sha256 = hex(&Sha256::digest(content()));
    let remote = Remote {
        url: &server.url,
        sha256: &sha256,
        bytes: content().len() as u64,
    };
    let told = Mutex::new(Vec::new());
    let hear = |progress: Progress| {
        let mut told = told.lock().unwrap();
        if told.last() != Some(&progress.what) {
            told.push(progress.what);
        }
        first.unlock().unwrap();
    };
    fetch(&remote, &target, &Disk::real(), &hear).unwrap();
    assert_eq!(
        *told.lock().unwrap(),
        ["waiting for another download", "downloading"]
    );
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
    let error = fetch(
        &remote,
        &folder.path().join("set.tar.gz"),
        &Disk::real(),
        &|_| {},
    )
    .unwrap_err();
    assert!(error.to_string().contains(&url), "{error}");
}
