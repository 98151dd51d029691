//! Whole runs through the program: the same seed gives the same bytes, whatever the threads; backends agree.

mod images;

pub(super) use images::folder_arguments;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64};
use supcon::data::{self, LoadOptions};
use supcon::device::DeviceName;
use supcon::plan::{self, OptimizerPlan};
use supcon::record::{self, MetricRow, RunRecord, State};
use supcon::spec::Overrides;
use supcon::train::{self, Begin, Hooks, Kept, Pace, TrainError};

/// Two phases on a handful of procedural images.
const SPEC: &str = "\
name: tiny
seeds: [3]
data: {dataset: shapes, train_size: 120, test_size: 40, validation: 0.1}
augment: [{normalize: per_channel}, {flip: horizontal}, {rotate: 0.02}, {random_width: 0.2}]
encoder: {name: resnet_cifar, blocks: 1, width: 8}
phases:
  pretrain:
    epochs: 2
    batch_size: 25
    head: {name: projection, widths: [16]}
    loss: {name: npairs}
    optimizer: {name: adam}
  classify:
    epochs: 2
    batch_size: 25
    freeze: [encoder]
    head: {name: classifier, hidden: [16], dropout: 0.5}
    loss: {name: cross_entropy}
    optimizer: {name: adam}
";

pub(super) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("tiny.yaml"), SPEC).expect("a spec");
        Self { folder }
    }

    /// The folder that goes with the bench.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The spec above.
    pub(super) fn spec(&self) -> PathBuf {
        self.folder().join("tiny.yaml")
    }

    pub(super) fn run(&self, results: &str, arguments: &[&str]) -> (std::process::Output, PathBuf) {
        let results = self.folder.path().join(results);
        let output = Command::new(env!("CARGO_BIN_EXE_supcon"))
            .arg("run")
            .arg(self.folder.path().join("tiny.yaml"))
            .arg("--results")
            .arg(&results)
            .args(arguments)
            .output()
            .expect("supcon starts");
        (output, results)
    }

    pub(super) fn record(&self, results: &str, arguments: &[&str]) -> RunRecord {
        let (output, results) = self.run(results, arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{text}");
        load(&results)
    }
}

fn load(results: &Path) -> RunRecord {
    let dirs = record::RunDir::list(results);
    assert_eq!(dirs.len(), 1);
    record::load(dirs[0].path()).expect("a sound record")
}

/// What equal runs have in common of their figures, to the bit.
pub(super) fn figures(run: &RunRecord) -> Vec<String> {
    run.metrics.iter().map(MetricRow::to_the_bit).collect()
}

pub(super) fn bytes(run: &RunRecord, name: &str) -> Vec<u8> {
    std::fs::read(run.dir.file(name)).expect("a file of the run")
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_one_and_two_threads() {
    let bench = Bench::new();
    for (name, _) in super::devices() {
        let device = format!("--device={name}");
        let record = |number: usize, threads: &str| {
            bench.record(&format!("{name}-{number}"), &[&device, threads])
        };
        let first = record(0, "--threads=2");
        assert_eq!(first.status.state, State::Done);
        assert_eq!(first.predictions.len(), 40);
        assert!(first.metrics.iter().any(|row| row.split == "validation"));
        for (number, threads) in [(1, "--threads=2"), (2, "--threads=1")] {
            let again = record(number, threads);
            let rows = figures(&again);
            assert_eq!(figures(&first), rows, "{name} {threads}");
            for file in [record::PREDICTIONS, record::MODEL] {
                let same = bytes(&first, file) == bytes(&again, file);
                assert!(same, "{name}: {file} differs with {threads}");
            }
        }
    }
}

#[test]
fn a_damaged_run_is_trained_again_by_the_same_command() {
    let bench = Bench::new();
    let first = bench.record("a", &[]);
    let model = bytes(&first, record::MODEL);
    for name in [record::METRICS, record::MODEL] {
        let whole = bytes(&first, name);
        std::fs::write(first.dir.file(name), &whole[..whole.len() / 2]).expect("written");
        assert!(!first.dir.is_done(), "{name} is damaged");
        let again = bench.record("a", &[]);
        assert!(again.dir.is_done());
        assert!(bytes(&again, record::MODEL) == model, "{name}");
    }
}

#[test]
fn backends_agree_on_the_first_step() {
    let open = [DeviceName::Cpu, DeviceName::Libtorch].into_iter();
    let open: Vec<_> = open.filter(|name| name.open().is_ok()).collect();
    let bench = Bench::new();
    let mut losses = Vec::new();
    for name in &open {
        let device = format!("--device={name}");
        // One step an epoch: the first row is the loss before any update.
        let one = [
            "--set=phases.pretrain.batch_size=108",
            "--set=phases.pretrain.epochs=1",
        ];
        let run = bench.record(&name.to_string(), &[&device, one[0], one[1]]);
        losses.push(run.metrics[0].value);
        let dropout = run
            .metrics
            .iter()
            .find(|row| row.phase == "classify")
            .expect("a row");
        assert!(dropout.value.is_finite());
    }
    if let [cpu, libtorch] = losses[..] {
        assert!((cpu - libtorch).abs() < 1e-4, "{cpu} and {libtorch}");
    } else {
        println!("only one backend in this build: nothing to compare");
    }
}

#[test]
fn a_complete_run_is_not_trained_again() {
    let bench = Bench::new();
    let first = bench.record("a", &[]);
    let before = bytes(&first, record::METRICS);
    let (output, results) = bench.run("a", &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("nothing to do"),
        "{text}"
    );
    assert!(before == bytes(&load(&results), record::METRICS));
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_before_the_update_and_names_the_images() {
    let bench = Bench::new();
    let mut plan = plan::load_runs(&[bench.spec()], &Overrides::default())
        .expect("a plan")
        .remove(0);
    // No spec can ask for this step size; it makes every weight overflow in the first update.
    let OptimizerPlan::Adam { learning_rate, .. } = &mut plan.phases[0].optimizer;
    *learning_rate = 1e38;
    let cache_dir = bench.folder.path().to_owned();
    let options = LoadOptions {
        data_dir: None,
        cache_dir,
        disk: supcon::disk::Disk::real(),
        progress: &|_| {},
    };
    let data = data::load(&plan.data, &options).expect("shapes");
    for (name, device) in super::devices() {
        let mut capsule = None;
        let hooks = Hooks {
            stop: &AtomicBool::new(false),
            beats: &AtomicU64::new(0),
            sink: &mut |_| {},
            keep: &mut |kept| {
                if let Kept::Capsule(checkpoint) = kept {
                    capsule = Some(checkpoint);
                }
                Ok(())
            },
        };
        let start = (Begin::First, Pace::default());
        let (outcome, result) = train::run(&plan, &data, &device, start, hooks);
        let Err(TrainError::Diverged {
            phase, step, ids, ..
        }) = result
        else {
            panic!("{name}: {result:?}");
        };
        assert!(phase == "pretrain" && step >= 1, "{name}: {step}");
        assert!(ids.len() == 25 && outcome.weights.is_empty(), "{name}");
        let capsule = capsule.expect("a capsule");
        let again = train::replay(&plan, &data, &device, capsule).expect("a step");
        assert!(
            again.fails() && again.step == step && again.ids == ids,
            "{name}: {again:?}"
        );
    }
}

#[test]
fn missing_data_fails_the_run_with_its_code() {
    let bench = Bench::new();
    let nowhere = bench.folder.path().join("nowhere");
    let root = format!(
        "--set=data={{dataset: image_folder, root: {}}}",
        nowhere.display()
    );
    let (output, results) = bench.run(
        "a",
        &[&root, "--set=data.train_size=~", "--set=data.test_size=~"],
    );
    assert_eq!(
        output.status.code(),
        Some(5),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(load(&results).status.code.as_deref(), Some("DATA-PATH"));
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_a_record_that_the_same_command_completes() {
    let bench = Bench::new();
    let results = bench.folder.path().join("a");
    let mut parent = Command::new(env!("CARGO_BIN_EXE_supcon"))
        .arg("run")
        .arg(bench.folder.path().join("tiny.yaml"))
        .args(["--set=phases.pretrain.epochs=20", "--results"])
        .arg(&results)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("supcon starts");
    let stderr = parent.stderr.take().expect("piped");
    // The second line is the end of the first epoch.
    let lines = std::io::BufRead::lines(std::io::BufReader::new(stderr));
    assert_eq!(lines.take(2).count(), 2);
    let pid = rustix::process::Pid::from_child(&parent);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    assert_eq!(parent.wait().expect("an end").code(), Some(75));
    let run = load(&results);
    assert_eq!(run.status.state, State::Interrupted);
    assert!(!run.metrics.is_empty() && !run.dir.is_done());
    let same = bench.record("a", &["--set=phases.pretrain.epochs=20"]);
    let log = String::from_utf8(bytes(&same, record::LOG)).expect("text");
    assert!(log.contains("goes on behind step"), "{log}");
    let straight = bench.record("b", &["--set=phases.pretrain.epochs=20"]);
    assert_eq!(figures(&same), figures(&straight));
}

#[test]
fn batches_of_one_image_have_finite_figures() {
    let bench = Bench::new();
    for (results, batch) in [("a", 1), ("b", 107)] {
        let batch = format!("--set=phases.classify.batch_size={batch}");
        let run = bench.record(results, &["--set=phases.pretrain.epochs=1", &batch]);
        assert!(
            run.metrics.iter().all(|row| row.value.is_finite()),
            "{batch}"
        );
    }
}

#[test]
fn other_programs_read_every_file_of_a_run() {
    let python = std::env::var("SUPCON_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let bench = Bench::new();
    let run = bench.record("a", &[]);
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/read_run.py");
    // Whoever names a Python means one that has all readers.
    let all = std::env::var_os("SUPCON_PYTHON").map(|_| "--all");
    match Command::new(&python)
        .arg(script)
        .arg(run.dir.path())
        .args(all)
        .output()
    {
        Err(error) => println!("skipped: no `{python}`: {error}"),
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("no reader") => {
            println!("skipped: {}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(
                output.status.success(),
                "{text}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            println!("{text}");
        }
    }
}

/// The last file operation at which a fault is felt, among at most a thousand.
pub(super) fn last_to_fail(survives: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, 1024);
    assert!(survives(high), "more than {high}");
    while low + 1 < high {
        let middle = low.midpoint(high);
        *(if survives(middle) {
            &mut high
        } else {
            &mut low
        }) = middle;
    }
    low
}
