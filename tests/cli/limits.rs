//! What a hostile file can cost: each is refused, and the program's memory stays below 100 MB. Time is that of the
//! processor, which a busy machine changes little; `benches/check.sh` measures the time that a person waits.

use super::{Case, GOOD};
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a process may hold at most, in KiB.
const LIMIT: i64 = 100_000_000 / 1024;

static STARTING: Mutex<()> = Mutex::new(());

/// How `supcon check` ended.
struct Cost {
    exit: Option<i32>,
    /// Most memory that was held at once, in KiB.
    peak: i64,
    /// Time of the processor, in the program and for it.
    time: Duration,
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
fn try_cost(case: &Case) -> Option<Cost> {
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
    if waited != pid {
        // A shell that is slow to end has taken note of its child's end itself.
        assert_eq!(
            std::io::Error::last_os_error().raw_os_error(),
            Some(libc::ECHILD)
        );
        return None;
    }
    Some(Cost {
        exit: ExitStatus::from_raw(status).code(),
        peak: usage.ru_maxrss,
        time: span(usage.ru_utime) + span(usage.ru_stime),
        text: std::fs::read_to_string(case.dir.path().join("said.txt")).expect("its words"),
    })
}

fn cost(case: &Case) -> Cost {
    (0..20)
        .find_map(|_| try_cost(case))
        .expect("a child that waits for us")
}

fn span(time: libc::timeval) -> Duration {
    let (secs, micros) = (time.tv_sec.unsigned_abs(), time.tv_usec.unsigned_abs());
    Duration::from_secs(secs) + Duration::from_micros(micros)
}

/// Asserts that a file is refused with this code, within the limit on memory and so many milliseconds of the processor,
/// the least of three tries.
fn cheap(case: &Case, code: &str, most: u64) {
    let Cost {
        exit,
        peak,
        mut time,
        text,
    } = cost(case);
    for _ in 0..2 {
        if time > Duration::from_millis(most) {
            time = time.min(cost(case).time);
        }
    }
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
    // The libraries of libtorch take their time too.
    let slow = cfg!(feature = "libtorch") || time <= Duration::from_millis(most);
    assert!(slow, "{time:?}: {start}");
    assert!(text.len() < 2_000_000, "{} bytes were said", text.len());
}

#[test]
fn a_good_spec_is_far_below_the_limit() {
    let Cost {
        exit, peak, text, ..
    } = cost(&Case::new(GOOD));
    assert_eq!(
        (exit, text.as_str()),
        (Some(0), "ok: 1 experiment, 2 runs\n")
    );
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
    cheap(&Case::new(&laughs), "alias-limit", 50);
    // One long text many times: few values, many bytes.
    let long = format!(
        "a: &a\n{}b:\n{}",
        "  words\n".repeat(100_000),
        "- *a\n".repeat(9000)
    );
    cheap(&Case::new(&long), "alias-limit", 100);
}

#[test]
fn nesting_and_size_cannot_fill_the_memory() {
    cheap(&Case::new(&"[".repeat(10_000)), "too-deep", 50);
    let case = Case::new("");
    let file = std::fs::File::options()
        .write(true)
        .open(case.dir.path().join("spec.yaml"));
    file.and_then(|file| file.set_len(100_000_000))
        .expect("a sparse file");
    cheap(&case, "too-large", 50);
}

#[test]
fn long_keys_and_many_problems_cannot_fill_the_memory() {
    // A key stands in the path of each value below it.
    let key = format!("? {}\n", "words\n  ".repeat(100_000));
    let long = format!("{key}: [\n{}  ]\n", "  1,\n".repeat(9000));
    cheap(&Case::new(&long), "too-large", 100);
    // A problem repeats its line.
    let line = format!("[{}1]", "a, ".repeat(3000));
    let lists = format!("seeds: {line}\naugment: {line}\nexpect: {line}\n");
    cheap(&Case::new(&lists), "too-many", 500);
    let equal = format!("{{{}}}\n", "a, ".repeat(3000));
    cheap(&Case::new(&equal), "duplicate-key", 200);
}

/// `GOOD` with a sweep of these axes.
fn swept(kind: &str, axes: impl Iterator<Item = String>) -> String {
    let axes: Vec<String> = axes.collect();
    format!("{GOOD}sweep:\n  {kind}:\n    {}\n", axes.join("\n    "))
}

#[test]
fn sweeps_cannot_keep_the_program_busy() {
    let wide = |n: usize| (0..n).map(|i| format!("encoder.a{i}: {{from: 0, to: 1, steps: 10000}}"));
    cheap(&Case::new(&swept("range", wide(100))), "unknown-key", 100);
    cheap(&Case::new(&swept("range", wide(400))), "unknown-key", 200);
    let short = (0..2000).map(|i| format!("encoder.a{i}: [1]"));
    cheap(&Case::new(&swept("grid", short)), "too-many", 500);
    let keys = ["beta_1", "beta_2", "learning_rate", "epsilon"];
    let phases = ["pretrain", "classify"].iter();
    let real = phases.flat_map(|phase| {
        keys.map(|key| {
            format!("phases.{phase}.optimizer.{key}: {{from: 0.1, to: 0.2, steps: 10000}}")
        })
    });
    cheap(&Case::new(&swept("range", real)), "too-many-runs", 100);
    let values: Vec<String> = (0..9000).map(|i| i.to_string()).collect();
    let lines = values
        .chunks(100)
        .map(|some| some.join(", "))
        .collect::<Vec<_>>();
    let axis = format!("phases.pretrain.epochs: [{}]", lines.join(",\n      "));
    cheap(
        &Case::new(&swept("grid", [axis].into_iter())),
        "too-many-runs",
        200,
    );
}

#[test]
fn points_times_mistakes_and_profiles_cannot_keep_the_program_busy() {
    let points: Vec<String> = (1..=500).map(|i| i.to_string()).collect();
    let axis = format!("phases.pretrain.epochs: [{}]", points.join(", "));
    let many = swept("grid", [axis.clone()].into_iter());
    let bad = format!("expect: [{}1]", "1, ".repeat(2000));
    let text = many.replace(
        "expect:\n  - {metric: test_accuracy, min: 0.2}\n",
        &format!("{bad}\n"),
    );
    cheap(&Case::new(&text), "too-many", 1000);
    let profiles = |n: usize| -> String {
        let each = (0..n).map(|i| format!("  p{i}: {{seeds: [{i}]}}\n"));
        format!("{many}profiles:\n{}", each.collect::<String>())
    };
    cheap(&Case::new(&profiles(1500)), "too-large", 1500);
    // As many as there may be, and nothing wrong.
    let case = Case::new(&profiles(100));
    let Cost {
        exit,
        peak,
        time,
        text,
    } = cost(&case);
    assert_eq!(
        (exit, text.as_str()),
        (Some(0), "ok: 500 experiments, 1000 runs\n")
    );
    if !cfg!(feature = "libtorch") {
        assert!(
            peak < LIMIT && time < Duration::from_millis(1500),
            "{peak} KiB, {time:?}"
        );
    }
}

#[test]
fn references_and_empty_lines_cannot_fill_the_memory() {
    let header = "run,phase,epoch,split,metric,value\n";
    let lines = format!("{header}{}", "x\n".repeat(2_000_000));
    let case = Case::new(&format!("{GOOD}reference: [{{label: A, file: a.csv}}]\n"));
    cheap(&case.file("a.csv", lines.as_bytes()), "reference", 1000);
    let mut long = header.to_owned();
    for i in 0..100_000 {
        long += &format!("{i},pretrain,1,train,loss,1.5\n");
    }
    let entries: Vec<String> = (0..500)
        .map(|i| format!("\n  - {{label: l{i}, file: a.csv}}"))
        .collect();
    let case = Case::new(&format!("{GOOD}reference:{}\n", entries.concat()));
    let Cost {
        exit,
        peak,
        time,
        text,
    } = cost(&case.file("a.csv", long.as_bytes()));
    assert_eq!(
        (exit, text.as_str()),
        (Some(0), "ok: 1 experiment, 2 runs\n")
    );
    if !cfg!(feature = "libtorch") {
        assert!(
            peak < LIMIT && time < Duration::from_millis(1000),
            "{peak} KiB, {time:?}"
        );
    }
    let blank = format!("name: |\n{}", "\n".repeat(1_000_000));
    cheap(&Case::new(&blank), "missing-key", 200);
}

#[test]
fn names_of_many_phases_cannot_keep_the_program_busy() {
    let phases = |prefix: &str| -> String {
        let each = (0..2000).map(|i| format!("  {prefix}{i}: {{epochs: 1}}\n"));
        format!("phases:\n{}", each.collect::<String>())
    };
    let case = Case::new(&format!("extends: base.yaml\n{}", phases("phase")));
    let case = case.file("base.yaml", phases("phasf").as_bytes());
    cheap(&case, "too-many", 1500);
}
