//! Named members of a `.tar.gz`, read into memory. Nothing is ever unpacked to disk, so no member can write anywhere;
//! links, devices and odd names are refused all the same, and reading stops at the size that the set may have.

use super::error::{DataError, shown};
use crate::diag::escape;
use flate2::read::MultiGzDecoder;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Component, Path};
use tar::{Archive, Entry, EntryType};

/// Bytes beside the wanted members: headers, a readme, padding.
const SLACK: u64 = 1 << 20;

/// A file that must be in the archive.
pub(super) struct Member {
    /// Name within the folder.
    pub(super) name: &'static str,
    /// Largest size.
    pub(super) limit: u64,
}

/// True if the file starts as gzip does.
pub(super) fn looks_like_gzip(path: &Path) -> bool {
    let mut magic = [0; 2];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut magic))
        .is_ok()
        && magic == [0x1f, 0x8b]
}

/// Reads all `wanted` members of `folder/`; each comes with a name for messages. `report` hears the bytes so far.
pub(super) fn read_members(
    path: &Path,
    folder: &str,
    wanted: &[Member],
    report: &dyn Fn(u64),
) -> Result<HashMap<&'static str, (String, Vec<u8>)>, DataError> {
    let file = File::open(path).map_err(DataError::reading(path))?;
    let limit = wanted.iter().map(|member| member.limit).sum::<u64>() + SLACK;
    let reader = Bounded {
        inner: MultiGzDecoder::new(BufReader::new(file)),
        left: limit,
    };
    let mut archive = Archive::new(reader);
    let damaged = |error: io::Error| refused(path, format!("damaged: {error}"));
    let mut members = HashMap::new();
    let mut done = 0;
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let Some(name) = inner_name(path, folder, &entry)? else {
            continue;
        };
        let Some(member) = wanted.iter().find(|member| name == member.name) else {
            continue;
        };
        let mut bytes = Vec::new();
        (&mut entry)
            .take(member.limit + 1)
            .read_to_end(&mut bytes)
            .map_err(damaged)?;
        done += bytes.len() as u64;
        report(done);
        let label = format!("{}:{folder}/{name}", shown(path));
        if members.insert(member.name, (label, bytes)).is_some() {
            return Err(refused(path, format!("`{name}` is there twice")));
        }
    }
    // The checksum of the last gzip member is behind the end of the tar.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(damaged)?;
    match wanted
        .iter()
        .find(|member| !members.contains_key(member.name))
    {
        Some(member) => Err(refused(
            path,
            format!("`{folder}/{}` is not in it", member.name),
        )),
        None => Ok(members),
    }
}

/// The name of a regular file below `folder`, `None` for a folder or a plain file elsewhere.
fn inner_name<R: Read>(
    path: &Path,
    folder: &str,
    entry: &Entry<'_, R>,
) -> Result<Option<String>, DataError> {
    let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    let name = Path::new(&raw);
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !name.components().all(plain) {
        return Err(refused(
            path,
            format!("a member with the name `{}`", escape(&raw)),
        ));
    }
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => {}
        EntryType::Directory | EntryType::XGlobalHeader => return Ok(None),
        other => {
            return Err(refused(
                path,
                format!("`{}` of type {other:?}", escape(&raw)),
            ));
        }
    }
    let inner = name.strip_prefix(".").unwrap_or(name).strip_prefix(folder);
    Ok(inner.ok().and_then(Path::to_str).map(String::from))
}

fn refused(path: &Path, found: String) -> DataError {
    DataError::Archive {
        path: shown(path),
        found,
        expected: "the official archive: plain files in one folder",
        help: "fetch it again",
    }
}

/// A reader that fails, rather than ends, when there is more than expected.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "more data than the set has")
        })?;
        Ok(n)
    }
}

/// Packs `files` of `source` as `folder/<file>`, for tests.
#[cfg(test)]
pub(super) fn pack(target: &Path, folder: &str, source: &Path, files: &[&str]) {
    let gzip =
        flate2::write::GzEncoder::new(File::create(target).unwrap(), flate2::Compression::fast());
    let mut builder = tar::Builder::new(gzip);
    builder.append_dir(folder, source).unwrap();
    for file in files {
        builder
            .append_path_with_name(source.join(file), format!("{folder}/{file}"))
            .unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use tar::{Builder, Header};

    const WANTED: [Member; 1] = [Member {
        name: "a.bin",
        limit: 1000,
    }];

    fn gzipped(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn tarred(edit: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        edit(&mut builder);
        builder.into_inner().unwrap()
    }

    fn add(builder: &mut Builder<Vec<u8>>, name: &str, kind: EntryType, bytes: &[u8]) {
        let mut header = Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            header.set_link_name("/etc/passwd").unwrap();
        }
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>, DataError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("set.tar.gz");
        std::fs::write(&path, bytes).unwrap();
        read_members(&path, "set", &WANTED, &|_| {}).map(|mut all| all.remove("a.bin").unwrap().1)
    }

    fn good() -> Vec<u8> {
        tarred(|builder| {
            add(builder, "set/readme.html", EntryType::Regular, b"hello");
            add(builder, "set/a.bin", EntryType::Regular, b"bytes");
        })
    }

    #[test]
    fn wanted_members_are_read_and_others_passed_over() {
        assert_eq!(read(&gzipped(&good())).unwrap(), b"bytes");
        let whole = good();
        let parts = [gzipped(&whole[..700]), gzipped(&whole[700..])].concat();
        assert_eq!(read(&parts).unwrap(), b"bytes");
    }

    #[test]
    fn links_devices_and_escaping_names_are_refused() {
        for (name, kind) in [
            ("../x", EntryType::Regular),
            ("set/../../x", EntryType::Regular),
            ("/etc/x", EntryType::Regular),
            ("set/a.bin", EntryType::Symlink),
            ("set/b", EntryType::Link),
            ("set/b", EntryType::Char),
            ("set/b", EntryType::Fifo),
        ] {
            let bytes = tarred(|builder| {
                add(builder, name, kind, b"");
                add(builder, "set/a.bin", EntryType::Regular, b"bytes");
            });
            let error = read(&gzipped(&bytes)).expect_err(name);
            assert_eq!(error.code(), "DATA-ARCHIVE", "{name}");
        }
    }

    #[test]
    fn duplicates_missing_members_and_damage_are_refused() {
        let twice = tarred(|builder| {
            add(builder, "set/a.bin", EntryType::Regular, b"one");
            add(builder, "set/a.bin", EntryType::Regular, b"two");
        });
        let none = tarred(|builder| add(builder, "set/b.bin", EntryType::Regular, b"one"));
        let whole = gzipped(&good());
        let mut flipped = whole.clone();
        let crc = flipped.len() - 6;
        flipped[crc] ^= 1;
        let trailing = [whole.clone(), b"trailing garbage".to_vec()].concat();
        for (what, bytes) in [
            ("twice", gzipped(&twice)),
            ("none", gzipped(&none)),
            ("cut", whole[..whole.len() / 2].to_vec()),
            ("crc", flipped),
            ("trailing", trailing),
            ("text", b"<html>not an archive</html>".to_vec()),
            ("empty", Vec::new()),
        ] {
            assert_eq!(
                read(&bytes).expect_err(what).code(),
                "DATA-ARCHIVE",
                "{what}"
            );
        }
    }

    #[test]
    fn claimed_sizes_and_bombs_stop_at_the_expected_size() {
        let mut header = Header::new_gnu();
        header.set_path("set/b.bin").unwrap();
        header.set_size(10_000_000_000_000);
        header.set_entry_type(EntryType::Regular);
        header.set_cksum();
        let claimed = [header.as_bytes().to_vec(), vec![0; 4096]].concat();
        let bomb = tarred(|builder| {
            add(builder, "set/b.bin", EntryType::Regular, &vec![0; 64 << 20]);
        });
        for bytes in [claimed, bomb] {
            let packed = gzipped(&bytes);
            assert_eq!(read(&packed).unwrap_err().code(), "DATA-ARCHIVE");
        }
    }
}
