//! What a hostile file can cost: each is refused, and the program's memory stays below 100 MB. Time is measured by
//! `benches/check.sh`, since a busy machine says nothing about it.

use super::{Case, GOOD};
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};

/// What a process may hold at most, in KiB.
const LIMIT: i64 = 100_000_000 / 1024;

static STARTING: Mutex<()> = Mutex::new(());

/// How `supcon check` ended.
struct Cost {
    exit: Option<i32>,
    /// Most memory that was held at once, in KiB.
    peak: i64,
    text: String,
}

/// Runs `supcon check` on the case's spec.
///
/// A process counts as its own what the process that started it held, and this one holds much. So a shell starts the
/// program and is gone at once, and the program becomes our child.
#[expect(
    unsafe_code,
    reason = "the standard library does not tell what a child held"
)]
fn cost(case: &Case) -> Cost {
    let shell = "\"$0\" check spec.yaml >said.txt 2>&1 & echo $!";
    // Whose the orphans are is a property of this whole process: one at a time, and for a moment.
    let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    rustix::process::set_child_subreaper(Some(rustix::process::getpid())).expect("Linux");
    let output = Command::new("sh")
        .args(["-c", shell, env!("CARGO_BIN_EXE_supcon")])
        .current_dir(case.dir.path())
        .stdin(Stdio::null())
        .output();
    rustix::process::set_child_subreaper(None).expect("Linux");
    drop(starting);
    let output = output.expect("a shell");
    let number = String::from_utf8_lossy(&output.stdout);
    let pid: libc::pid_t = number.trim().parse().expect("the program's number");
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are to locals, and zeros are a valid `rusage` if the call fails.
    let (waited, usage) = unsafe {
        let waited = libc::wait4(pid, &raw mut status, 0, usage.as_mut_ptr());
        (waited, usage.assume_init())
    };
    assert_eq!(waited, pid, "{}", std::io::Error::last_os_error());
    Cost {
        exit: ExitStatus::from_raw(status).code(),
        peak: usage.ru_maxrss,
        text: std::fs::read_to_string(case.dir.path().join("said.txt")).expect("its words"),
    }
}

/// Asserts that a file is refused with this code, within the limit.
fn cheap(case: &Case, code: &str) {
    let Cost { exit, peak, text } = cost(case);
    assert_eq!(exit, Some(2), "{text}");
    let start: String = text.chars().take(500).collect();
    assert!(start.starts_with(&format!("error[{code}]")), "{start}");
    // With libtorch, its libraries alone take more.
    let own = if cfg!(feature = "libtorch") {
        cost(&Case::new(GOOD)).peak
    } else {
        0
    };
    assert!(
        peak - own < LIMIT,
        "{peak} KiB, {own} of them without the file: {start}"
    );
}

#[test]
fn a_good_spec_is_far_below_the_limit() {
    let Cost { exit, peak, text } = cost(&Case::new(GOOD));
    assert_eq!((exit, text.as_str()), (Some(0), "ok: 1 spec, 2 runs\n"));
    assert!(
        peak > 0 && (cfg!(feature = "libtorch") || peak < LIMIT),
        "{peak}"
    );
}

#[test]
fn aliases_cannot_fill_the_memory() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let item = format!("*a{}", level - 1);
        laughs += &format!("a{level}: &a{level} [{}]\n", [item.as_str(); 9].join(", "));
    }
    cheap(&Case::new(&laughs), "alias-limit");
    // One long text many times: few values, many bytes.
    let long = format!(
        "a: &a\n{}b:\n{}",
        "  words\n".repeat(100_000),
        "- *a\n".repeat(9000)
    );
    cheap(&Case::new(&long), "alias-limit");
}

#[test]
fn nesting_and_size_cannot_fill_the_memory() {
    cheap(&Case::new(&"[".repeat(10_000)), "too-deep");
    let case = Case::new("");
    let file = std::fs::File::options()
        .write(true)
        .open(case.dir.path().join("spec.yaml"));
    file.and_then(|file| file.set_len(100_000_000))
        .expect("a sparse file");
    cheap(&case, "too-large");
}

#[test]
fn long_keys_and_many_problems_cannot_fill_the_memory() {
    // A key stands in the path of each value below it.
    let key = format!("? {}\n", "words\n  ".repeat(100_000));
    let long = format!("{key}: [\n{}  ]\n", "  1,\n".repeat(9000));
    cheap(&Case::new(&long), "too-large");
    // A problem repeats its line.
    let line = format!("[{}1]", "a, ".repeat(3000));
    let lists = format!("seeds: {line}\naugment: {line}\nexpect: {line}\n");
    cheap(&Case::new(&lists), "too-many");
    let equal = format!("{{{}}}\n", "a, ".repeat(3000));
    cheap(&Case::new(&equal), "duplicate-key");
}
