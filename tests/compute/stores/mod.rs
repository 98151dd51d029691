//! The verbs on recorded runs: what `ls` says of each state and how fast, what `fsck` finds in every kind of damage, what
//! `gc` and `rm` take away and what they leave, whoever kills them; a capsule that fails again; the program's own test.
//! Made-up results for them are here.

mod checkpoints;
mod damage;
mod listing;
mod proofs;
mod removal;
mod reports;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use supcon::plan::{self, RunPlan};
use supcon::record::lease::LEASE;
use supcon::record::{
    Checkpoint, MetricRow, NamedTensor, Position, PredictionRow, RunDir, State, Status,
};
use supcon::spec::Overrides;

/// Made-up results.
struct Store {
    folder: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { folder }
    }

    fn results(&self) -> &Path {
        self.folder.path()
    }

    fn runs(&self) -> PathBuf {
        self.results().join("runs")
    }

    /// A run between two steps, with one checkpoint.
    fn open(&self, name: &str, seed: u64, state: State) -> RunDir {
        let plan = plan(name, seed);
        let dir = RunDir::create(&self.runs(), &plan.run_id).expect("a folder");
        dir.write_plan(&plan).expect("a plan");
        dir.write_status(&status(state)).expect("a status");
        dir.write_metrics(&rows()).expect("metrics");
        dir.write_checkpoint(&checkpoint(7)).expect("a checkpoint");
        dir
    }

    fn finished(&self, name: &str, seed: u64) -> RunDir {
        let dir = self.open(name, seed, State::Done);
        dir.write_predictions(&predictions()).expect("predictions");
        dir.write_model(&checkpoint(7).model, &BTreeMap::new())
            .expect("a model");
        dir.finish().expect("a manifest");
        dir.drop_checkpoints().expect("no checkpoints");
        dir
    }

    /// The program on these results.
    fn supcon(&self, arguments: &[&str]) -> Output {
        self.faulty("", arguments)
    }

    fn faulty(&self, fault: &str, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_supcon"))
            .args(arguments)
            .arg("--results")
            .arg(self.results())
            .env("SUPCON_FAULT", fault)
            .output()
            .expect("supcon starts")
    }

    /// Every file below with its bytes, except leases, which hold nothing.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let files = walkdir::WalkDir::new(self.results()).into_iter();
        let files = files.map(|entry| entry.expect("an entry"));
        let files = files.filter(|entry| entry.file_type().is_file() && entry.file_name() != LEASE);
        files
            .map(|entry| {
                let bytes = fs::read(entry.path()).expect("a file");
                let inside = entry.path().strip_prefix(self.results()).expect("inside");
                (inside.to_owned(), bytes)
            })
            .collect()
    }
}

/// The plan of the program's own test under another name and seed.
fn plan(name: &str, seed: u64) -> RunPlan {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/selftest.yaml");
    let overrides = Overrides {
        set: vec![format!("name={name}"), format!("seeds=[{seed}]")],
        ..Overrides::default()
    };
    plan::load_runs(&[spec], &overrides)
        .expect("a plan")
        .remove(0)
}

fn status(state: State) -> Status {
    let ended = !matches!(state, State::Running | State::Done);
    Status {
        state,
        code: ended.then(|| format!("CODE-{state:?}").to_uppercase()),
        cause: ended.then(|| "a cause".into()),
        device: "cpu".into(),
        threads: 1,
        version: "supcon".into(),
        class_names: Vec::new(),
        data_hash: String::new(),
        encoder_parameters: 0,
        wall_secs: 1.0,
        images_per_sec: Vec::new(),
        data_place: None,
        data_files: None,
        shared_phases: Vec::new(),
        backends: Vec::new(),
        started_at: 0,
    }
}

fn rows() -> Vec<MetricRow> {
    let row = |split: &str, value| MetricRow {
        phase: "classify".into(),
        epoch: 2,
        step: 10,
        split: split.into(),
        metric: "accuracy".into(),
        value,
        wall_secs: 1.0,
    };
    vec![row("train", 0.5), row("test", 0.8125)]
}

fn predictions() -> Vec<PredictionRow> {
    let row = |index| PredictionRow {
        index,
        label: 0,
        predicted: 1,
        scores: vec![0.25, 0.75],
    };
    (0..20).map(row).collect()
}

fn checkpoint(step: u64) -> Checkpoint {
    let weight = NamedTensor {
        name: "encoder.conv1.weight".into(),
        shape: vec![300],
        values: (0..300).map(|i| i as f32).collect(),
    };
    Checkpoint {
        position: Position {
            format: 1,
            epochs: 1,
            run_steps: step,
            ..Position::default()
        },
        model: vec![weight],
        optimizer: Vec::new(),
        rows: rows(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn code(output: &Output) -> i32 {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    output
        .status
        .code()
        .unwrap_or_else(|| panic!("killed: {out}{err}"))
}
