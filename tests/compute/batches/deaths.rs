//! What a worker dies of by itself, as its parent tells it: a panic, memory that it is refused, memory that its group has
//! not; and memory that grows until then.

use super::{Batch, Bench, contents, device, fates, only_run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use supcon::record::{LOG, State};

/// Starts the bench's run behind `sh -c`, with this fault.
fn start(bench: &Bench, results: &str, shell: &str, fault: &str) -> Batch {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("{shell} exec \"$0\" \"$@\""));
    command.arg(env!("CARGO_BIN_EXE_supcon"));
    command.env("SUPCON_FAULT", fault);
    // A worker that never ends by itself must not keep the test.
    let mut arguments = vec![
        "--threads=1",
        "--stall-secs=5",
        "--set=phases.pretrain.epochs=4",
    ];
    let device = device();
    arguments.push(&device);
    Batch::of(command, bench, &[&bench.spec()], results, &arguments)
}

/// A run that dies so: what its parent says of it. The same command gives the result of one that did not.
fn death(bench: &Bench, results: &str, shell: &str, fault: &str, code: &str) -> String {
    let mut batch = start(bench, results, shell, fault);
    let table = batch.wait_for("batch_ended");
    let ended = (batch.wait().code(), fates(&table));
    assert_eq!(ended, (Some(3), vec!["failed"]), "{table}");
    let run = &table["runs"][0];
    assert_eq!(run["code"], code, "{table}");
    let failed = only_run(&batch).status;
    assert_eq!(
        (failed.state, failed.code.as_deref()),
        (State::Failed, Some(code))
    );
    assert_eq!(start(bench, results, "", "").end().0, Some(0));
    assert_eq!(start(bench, "straight", "", "").end().0, Some(0));
    assert!(contents(bench, results) == contents(bench, "straight"));
    run["cause"].as_str().expect("a cause").to_owned()
}

#[test]
fn a_panic_in_a_worker_is_told_with_its_words_and_ends_it_at_once() {
    let bench = Bench::new();
    let cause = death(&bench, "a", "", "worker:panic@7", "RUN-PANIC");
    assert!(
        cause.starts_with("panicked on trial behind step 7; see "),
        "{cause}"
    );
}

#[test]
fn a_worker_that_is_refused_memory_has_run_out_of_it() {
    let bench = Bench::new();
    let limit = "ulimit -d 1500000;";
    let cause = death(&bench, "a", limit, "worker:hog@7", "RUN-OUT-OF-MEMORY");
    // Whichever of its threads asks first.
    let begins = cause.starts_with("the system refused it more memory: memory allocation of ");
    assert!(begins && cause.ends_with(" bytes failed"), "{cause}");
}

/// A control group of its own, taken away when it is empty.
struct Group(PathBuf);

impl Group {
    /// One whose processes may hold so many bytes together; `None` where this user may not have one.
    fn of_bytes(limit: u64) -> Option<Self> {
        let name = format!("supcon-test-{}", std::process::id());
        let kinds = [
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ];
        kinds.into_iter().find_map(|(root, file)| {
            let folder = Path::new(root).join(&name);
            fs::create_dir(&folder).ok()?;
            let group = Self(folder);
            // Without the file there is no such limit here, and none is made.
            let file = fs::OpenOptions::new().write(true).open(group.0.join(file));
            let limited = file.and_then(|mut file| {
                std::io::Write::write_all(&mut file, limit.to_string().as_bytes())
            });
            limited.ok().map(|()| group)
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_worker_that_the_kernel_kills_for_want_of_memory_is_told_from_one_that_somebody_kills() {
    let Some(group) = Group::of_bytes(800 << 20) else {
        return println!("skipped: a control group with a limit needs root");
    };
    let bench = Bench::new();
    let procs = group.0.join("cgroup.procs");
    let enter = format!("echo $$ > {} &&", procs.display());
    let cause = death(&bench, "a", &enter, "worker:hog@7", "RUN-OUT-OF-MEMORY");
    assert_eq!(cause, "the system killed it because memory ran out");
    // In the same group, where one has been killed before.
    let cause = death(&bench, "b", &enter, "worker:die@7", "RUN-KILLED");
    assert_eq!(
        cause,
        "killed from outside by SIGKILL; memory did not run out"
    );
}

#[test]
fn memory_that_grows_from_epoch_to_epoch_is_told_once_while_the_run_goes_on() {
    let bench = Bench::new();
    let warnings = |results: &str, fault: &str| {
        let mut batch = start(&bench, results, "", fault);
        let mut told = Vec::new();
        let exit = loop {
            let event = batch.next();
            match event["event"].as_str() {
                Some("warning") => told.push(event["text"].as_str().expect("a text").to_owned()),
                Some("batch_ended") => break batch.wait().code(),
                _ => {}
            }
        };
        let log = fs::read_to_string(only_run(&batch).dir.file(LOG)).expect("a log");
        assert_eq!(
            (exit, log.matches("memory grows").count()),
            (Some(0), told.len()),
            "{log}"
        );
        told
    };
    assert_eq!(warnings("straight", ""), Vec::<String>::new());
    let told = warnings("leaks", "worker:leak@1");
    let [told] = &told[..] else {
        panic!("{told:?}");
    };
    // 5 steps of 4 MiB each.
    let each = told
        .strip_prefix("memory grows by ")
        .and_then(|rest| rest.split(' ').next());
    let each: u64 = each.and_then(|each| each.parse().ok()).expect("a number");
    assert!((18..=26).contains(&each), "{told}");
    assert!(
        told.contains(" MB an epoch and is at ") && told.contains("more epochs"),
        "{told}"
    );
    assert!(contents(&bench, "leaks") == contents(&bench, "straight"));
}
