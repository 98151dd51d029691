//! A disk that refuses any one write of a download, and a process that is killed at it: what came is kept, and the same
//! request goes on behind it, to the same bytes.

use super::*;
use crate::disk::{Fault, Operation};
use std::process::{Command, Stdio};

/// Some dozens of reads.
fn large() -> Vec<u8> {
    content().repeat(8)
}

/// Fetches again on a sound disk: every byte is right, none that was kept is sent again, nothing else is left.
fn goes_on(server: &Server, target: &Path, at: &str) {
    let kept = size(&beside(target, ".part"));
    let all = large();
    let missing = match kept as usize {
        _ if target.is_file() => vec![],
        0 => vec![None],
        kept if kept == all.len() => vec![],
        kept => vec![Some(kept)],
    };
    server.ranges.lock().unwrap().clear();
    get(server, target, &all).unwrap();
    assert!(fs::read(target).unwrap() == all, "{at}");
    assert_eq!(*server.ranges.lock().unwrap(), missing, "{at}");
    let left = names(target.parent().unwrap());
    assert_eq!(left, ["set.tar.gz", "set.tar.gz.lock"], "{at}");
}

/// Where a file goes, behind a folder that is made for it.
fn target(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("deep/set.tar.gz")
}

#[test]
fn a_disk_that_refuses_any_write_of_a_download_keeps_what_came_and_says_the_room() {
    let server = serve(large(), &[whole]);
    for (kind, code) in [
        ("full", "DISK-FULL"),
        ("quota", "DISK-FULL"),
        ("io", "DISK-IO"),
        ("readonly", "DISK-IO"),
        ("once", "DISK-IO"),
    ] {
        let (mut number, mut parts) = (1, 0);
        loop {
            let (folder, at) = (tempfile::tempdir().unwrap(), format!("{kind}@{number}"));
            let target = target(&folder);
            let disk = Disk::faulty(Fault::parse(&at).unwrap());
            let Err(error) = get_on(&disk, &server, &target, &large()) else {
                break;
            };
            assert_eq!(
                (error.code().as_str(), error.exit_code(3)),
                (code, 7),
                "{at}"
            );
            let kept = size(&beside(&target, ".part")).max(size(&target));
            parts += u64::from(kept > 0);
            let room = format!(
                "the download takes {} MB more there, and the {} MB of it that came are kept: mend that and give the same \
                 command again",
                (2_400_000 - kept).div_ceil(1_000_000),
                kept / 1_000_000
            );
            assert!(error.to_string().ends_with(&room), "{at}: {error}");
            goes_on(&server, &target, &at);
            number += 1;
        }
        println!(
            "{kind}: at each of {} operations, {parts} times behind a part",
            number - 1
        );
        assert!(number > 20 && parts > 15, "{kind}: {number} {parts}");
    }
}

/// Not a claim: the process that is killed below.
#[test]
#[ignore = "a helper of the next test"]
fn download_with_a_fault() {
    let Ok(told) = std::env::var("SUPCON_TEST_DOWNLOAD") else {
        return;
    };
    let told: Vec<&str> = told.split('|').collect();
    let ranges = Arc::default();
    let (url, target) = (told[0].to_owned(), Path::new(told[1]));
    let disk = Disk::faulty(Fault::parse(told[2]).unwrap());
    get_on(&disk, &Server { url, ranges }, target, &large()).unwrap();
}

#[cfg(unix)]
#[test]
fn a_download_that_is_killed_at_any_operation_goes_on_where_it_was() {
    use std::os::unix::process::ExitStatusExt;
    let server = serve(large(), &[whole]);
    let (mut number, mut parts) = (1, 0);
    loop {
        let (folder, at) = (tempfile::tempdir().unwrap(), format!("kill@{number}"));
        let target = target(&folder);
        let told = format!("{}|{}|{at}", server.url, target.display());
        let mut process = Command::new(std::env::current_exe().unwrap());
        let helper = "data::download::tests::faults::download_with_a_fault";
        process.args(["--exact", helper, "--ignored"]);
        process.env("SUPCON_TEST_DOWNLOAD", told);
        let ended = process.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let ended = ended.unwrap();
        if ended.success() {
            assert!(target.is_file(), "the helper did nothing");
            break;
        }
        assert_eq!(ended.signal(), Some(libc::SIGKILL), "{at}");
        parts += u64::from(size(&beside(&target, ".part")) > 0);
        goes_on(&server, &target, &at);
        number += 1;
    }
    println!(
        "killed at each of {} operations, {parts} times behind a part",
        number - 1
    );
    assert!(number > 20 && parts > 15, "{number} {parts}");
}

#[test]
fn all_bytes_are_on_the_medium_before_the_name_and_the_name_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (server, target) = (serve(large(), &[whole]), target(&folder));
    let disk = Disk::recording();
    get_on(&disk, &server, &target, &large()).unwrap();
    let part = beside(&target, ".part");
    let recorded = disk.recorded();
    let last_byte = recorded
        .iter()
        .rposition(|operation| matches!(operation, Operation::Append(path, _) if *path == part));
    let expected = [
        Operation::SyncFile(part.clone()),
        Operation::Rename(part, target.clone()),
        Operation::SyncFolder(parent(&target).to_owned()),
    ];
    assert_eq!(recorded[last_byte.expect("bytes") + 1..], expected);
}
