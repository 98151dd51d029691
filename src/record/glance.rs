//! One run at a glance: state, progress, age, figure, holder. Lengths are compared and small files hashed, large ones are
//! not opened. Nothing is written and no lock is kept.

use super::checkpoint::Position;
use super::commit::{MANIFEST, file_length};
use super::confirm;
use super::files::Files;
use super::manifest::Manifest;
use super::metrics::decode_metrics;
use super::run_dir::METRICS;
use super::survey::{name_and_seed, plan_and_status};
use super::{MetricRow, RecordError, RunDir, State};
use std::fs;
use std::path::Path;
use std::time::SystemTime;

/// The file of a checkpoint that says where it stands.
const STATE: &str = "state.json";

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A process holds its lease.
    Running,
    /// Complete: the manifest is there and every file has its length.
    Done,
    /// An error ended it.
    Failed,
    /// The loss or a gradient was not finite.
    Diverged,
    /// The embeddings became equal.
    Collapsed,
    /// A signal ended it.
    Interrupted,
    /// Its process is gone without a word.
    Unfinished,
    /// Something that was recorded is missing or is not what it was.
    Damaged,
}

impl Standing {
    /// One word for people and programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Diverged => "diverged",
            Self::Collapsed => "collapsed",
            Self::Interrupted => "interrupted",
            Self::Unfinished => "unfinished",
            Self::Damaged => "damaged",
        }
    }
}

/// How far a run got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Name of the phase.
    pub phase: String,
    /// Finished epochs of it.
    pub epochs: u32,
    /// Epochs that it has.
    pub of: u32,
}

/// One run at a glance.
#[derive(Clone, Debug)]
pub struct Glance {
    /// Its folder.
    pub dir: RunDir,
    /// Name of its experiment, read from the folder's name.
    pub experiment: String,
    /// Its seed, `None` if the folder's name is not that of a run.
    pub seed: Option<u64>,
    /// Where it stands.
    pub standing: Standing,
    /// How far it got, if a sound checkpoint or the record of a finished run says so.
    pub reached: Option<Reached>,
    /// When something in its folder changed last.
    pub changed: Option<SystemTime>,
    /// The finished model's accuracy on the test split.
    pub test_accuracy: Option<f64>,
    /// Stable code of what ended it.
    pub code: Option<String>,
    /// Why it is not done.
    pub cause: Option<String>,
    /// Who holds its lease.
    pub holder: Option<String>,
}

impl Glance {
    /// Looks at one run.
    #[must_use]
    pub fn at(dir: RunDir) -> Self {
        let (experiment, seed) = name_and_seed(&dir.run_id());
        let mut glance = Self {
            experiment,
            seed,
            standing: Standing::Damaged,
            reached: None,
            changed: changed(&dir),
            test_accuracy: None,
            code: None,
            cause: None,
            holder: dir.holder(),
            dir,
        };
        match glance.look() {
            Ok(standing) => glance.standing = standing,
            // What is being written may be half there.
            Err(_) if glance.holder.is_some() => glance.standing = Standing::Running,
            Err(problem) => {
                glance.code = Some("STORE-DAMAGED".into());
                glance.cause = Some(problem);
            }
        }
        glance
    }

    /// What runs are sorted by.
    #[must_use]
    pub fn order(&self) -> (&str, Option<u64>, &Path) {
        (&self.experiment, self.seed, self.dir.path())
    }

    fn look(&mut self) -> Result<Standing, String> {
        match self.dir.manifest().map_err(short)? {
            Some(manifest) => self.look_at_finished(&manifest),
            None => self.look_at_open(),
        }
    }

    fn look_at_finished(&mut self, manifest: &Manifest) -> Result<Standing, String> {
        for (name, entry) in &manifest.files {
            let path = self.dir.file(name);
            let found = file_length(&path).map_err(|error| format!("{name}: {error}"))?;
            if found != Some(entry.bytes) {
                return Err(wrong_length(name, found, entry.bytes));
            }
        }
        if !manifest.files.contains_key(METRICS) {
            return Err(format!("{METRICS}: not in {MANIFEST}"));
        }
        let rows = self.rows()?;
        self.reached = rows.last().map(|row| Reached {
            phase: row.phase.clone(),
            epochs: row.epoch,
            of: row.epoch,
        });
        let mut figures = rows.iter().rev();
        let test = figures.find(|row| row.split == "test" && row.metric == "accuracy");
        self.test_accuracy = test.map(|row| row.value);
        Ok(Standing::Done)
    }

    /// The figures of a finished run.
    fn rows(&self) -> Result<Vec<MetricRow>, String> {
        let rows = Files::of(&self.dir).and_then(|files| {
            let id = self.dir.run_id();
            files.parsed(METRICS, |bytes| decode_metrics(&id, bytes))
        });
        let rows = rows.map_err(short)?;
        rows.ok_or_else(|| format!("{METRICS}: the file is missing"))
    }

    fn look_at_open(&mut self) -> Result<Standing, String> {
        let (plan, status) = plan_and_status(&self.dir).map_err(short)?;
        if let Some(position) = newest_position(&self.dir)
            && let Some(phase) = plan.phases.get(position.phase)
        {
            self.reached = Some(Reached {
                phase: phase.name.clone(),
                epochs: position.epochs,
                of: phase.epochs as u32,
            });
        }
        if self.holder.is_some() {
            return Ok(Standing::Running);
        }
        let Some(status) = status else {
            return Ok(Standing::Unfinished);
        };
        let standing = match status.state {
            State::Running | State::Done => return Ok(Standing::Unfinished),
            State::Failed => Standing::Failed,
            State::Diverged => Standing::Diverged,
            State::Collapsed => Standing::Collapsed,
            State::Interrupted => Standing::Interrupted,
        };
        (self.code, self.cause) = (status.code, status.cause);
        Ok(standing)
    }
}

/// An error without what the line of the run says already: the file and the problem.
fn short(error: RecordError) -> String {
    match error {
        RecordError::Damaged { path, problem, .. } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("{name}: {problem}")
        }
        other => other.to_string(),
    }
}

/// How a length differs from that of the manifest.
fn wrong_length(name: &str, found: Option<u64>, expected: u64) -> String {
    match found {
        Some(found) => format!("{name}: {found} bytes long, its manifest says {expected}"),
        None => format!("{name}: the file is missing"),
    }
}

/// Newest change among the files of a run, its checkpoints and itself.
fn changed(dir: &RunDir) -> Option<SystemTime> {
    let entries = fs::read_dir(dir.path()).into_iter().flatten().flatten();
    let shown = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let times = shown.filter_map(|entry| entry.metadata().ok()?.modified().ok());
    let own = fs::metadata(dir.path()).and_then(|about| about.modified());
    times.max().or_else(|| own.ok())
}

/// Where the newest checkpoint stands whose state is what its manifest says.
fn newest_position(dir: &RunDir) -> Option<Position> {
    let mut steps = dir.checkpoint_steps().into_iter();
    steps.find_map(|step| {
        let state = confirm::one(&dir.checkpoint_place(step), STATE)?;
        serde_json::from_slice(&state).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::super::STATUS;
    use super::super::samples::{metric_rows, plan, status};
    use super::*;

    #[test]
    fn a_run_is_done_by_its_manifest_and_damaged_by_a_length_or_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let plan = plan("supcon", 1);
        let dir = RunDir::create(folder.path(), &plan.run_id).unwrap();
        dir.write_plan(&plan).unwrap();
        dir.write_metrics(&metric_rows(&plan, 0.7)).unwrap();
        dir.write_status(&status(State::Done)).unwrap();
        let look = |dir: &RunDir| Glance::at(dir.clone());
        assert_eq!(look(&dir).standing, Standing::Unfinished);
        dir.finish().unwrap();
        let done = look(&dir);
        assert_eq!(
            (done.standing, done.test_accuracy),
            (Standing::Done, Some(0.7))
        );
        let reached = done.reached.unwrap();
        assert_eq!((reached.phase.as_str(), reached.of), ("classify", 10));
        assert_eq!((done.experiment.as_str(), done.seed), ("supcon", Some(1)));
        let renamed = folder.path().join("supcon-s2-0123abcd");
        fs::rename(dir.path(), &renamed).unwrap();
        let cause = look(&RunDir::at(renamed.clone())).cause.unwrap();
        assert_eq!(
            cause,
            "metrics.parquet: rows of another run, `supcon-s1-0123abcd`"
        );
        fs::rename(&renamed, dir.path()).unwrap();
        fs::write(dir.file(STATUS), "{}").unwrap();
        let damaged = look(&dir);
        assert_eq!(damaged.standing, Standing::Damaged);
        assert!(
            damaged
                .cause
                .unwrap()
                .starts_with("status.json: 2 bytes long")
        );
    }
}
