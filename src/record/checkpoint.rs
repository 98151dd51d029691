//! Checkpoints: `checkpoints/<step>/` in the run's folder, each a committed unit of model, optimizer, state and metrics so
//! far. The two newest are kept; a reader takes the newest one whose every byte is what its manifest says.

use super::commit::MANIFEST;
use super::confirm::{self, Committed};
use super::manifest::{self, Refused};
use super::metrics::{decode_metrics, encode_metrics};
use super::weights::{NamedTensor, decode_weights, encode_weights, first_broken};
use super::{MetricRow, RecordError, RunDir};
use crate::disk::{Parts, is_abandoned, is_temporary, moved_from, readable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};

/// Folder of a run's checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// Checkpoints that are kept.
const KEPT: usize = 2;

const MODEL: &str = "model.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const METRICS: &str = "metrics.parquet";
const STATE: &str = "state.json";

/// Where a run stands between two steps, and what it has summed up so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Version of this file format.
    pub format: u32,
    /// The run, or the key of a stored phase; set when it is written. Empty in files of builds that did not say it.
    #[serde(default)]
    pub owner: String,
    /// Index of the phase.
    pub phase: usize,
    /// Finished epochs of the phase.
    pub epochs: u32,
    /// Finished steps of the epoch behind them.
    pub steps: u64,
    /// Finished epochs of the run.
    pub run_epochs: u64,
    /// Finished steps of the run.
    pub run_steps: u64,
    /// Steps that the phase's optimizer has taken.
    pub optimizer_steps: u64,
    /// Images of the unfinished epoch so far.
    pub images: u64,
    /// Right answers among them.
    pub correct: u64,
    /// Sum of their losses, as the bits of an f64: text would not give all of them back.
    pub loss_bits: u64,
    /// Steps in a row that looked like a collapse.
    pub collapsed_steps: u64,
    /// Trainable parameters of the encoder.
    pub encoder_parameters: usize,
    /// Training images a second: the median of each finished phase.
    pub images_per_sec: Vec<f64>,
    /// The same for each finished epoch of the phase.
    pub speeds: Vec<f64>,
    /// Seconds of training and evaluation so far.
    pub wall_secs: f64,
    /// Where the run was trained so far, as in its status.
    #[serde(default)]
    pub backends: Vec<String>,
    /// Keys of finished phases that were taken from other runs, as in its status.
    #[serde(default)]
    pub shared_phases: Vec<String>,
    /// SHA-256 over images and labels as used.
    pub data_hash: String,
}

/// A run between two steps: everything from which it goes on exactly.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checkpoint {
    /// Where it stands.
    pub position: Position,
    /// Weights and moving statistics of encoder and head.
    pub model: Vec<NamedTensor>,
    /// The optimizer's moments.
    pub optimizer: Vec<NamedTensor>,
    /// Every figure so far.
    pub rows: Vec<MetricRow>,
}

/// What a look for a checkpoint gives.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The newest sound one.
    pub newest: Option<Checkpoint>,
    /// One line for each newer one that is damaged.
    pub skipped: Vec<String>,
}

impl Checkpoint {
    fn files(&self, owner: &str) -> Result<[(&'static str, Parts<'_>); 4], String> {
        let none = BTreeMap::new();
        let weights = |tensors| encode_weights(tensors, &none).map_err(text);
        let whole = |bytes: Vec<u8>| vec![bytes.into()];
        let position = Position {
            owner: owner.to_owned(),
            ..self.position.clone()
        };
        Ok([
            (MODEL, weights(&self.model)?),
            (OPTIMIZER, weights(&self.optimizer)?),
            (
                METRICS,
                whole(encode_metrics(owner, &self.rows).map_err(text)?),
            ),
            (
                STATE,
                whole(serde_json::to_vec_pretty(&position).map_err(text)?),
            ),
        ])
    }

    /// Reads the folder `path` if each of its files is what the manifest says and it is that of `owner`; otherwise says
    /// what is wrong.
    pub(super) fn decode(path: &Path, owner: &str) -> Result<Self, String> {
        let files = Files::open(path)?;
        let position = files.position(owner)?;
        let weights = |name| decode_weights(&files.bytes(name)?).map_err(text);
        Ok(Self {
            position,
            model: weights(MODEL)?.0,
            optimizer: weights(OPTIMIZER)?.0,
            rows: files.rows(owner)?,
        })
    }

    /// As `decode`, and every number from which a run goes on is finite.
    pub(super) fn read(path: &Path, owner: &str) -> Result<Self, String> {
        let found = Self::decode(path, owner)?;
        found.finite()?;
        Ok(found)
    }

    /// What `read` would say, and where the run stands there. One file is in memory at a time.
    pub(super) fn check(path: &Path, owner: &str) -> Result<Position, String> {
        let files = Files::open(path)?;
        let position = files.position(owner)?;
        files.rows(owner)?;
        let broken = |name| first_broken(&files.bytes(name)?).map_err(text);
        all_finite(&position, [broken(MODEL)?, broken(OPTIMIZER)?])?;
        Ok(position)
    }

    fn finite(&self) -> Result<(), String> {
        let is_broken = |tensor: &&NamedTensor| tensor.values.iter().any(|v| !v.is_finite());
        let broken = |tensors: &[NamedTensor]| Some(tensors.iter().find(is_broken)?.name.clone());
        let broken = [&self.model, &self.optimizer].map(|tensors| broken(tensors));
        all_finite(&self.position, broken)
    }

    /// Commits this as the folder `path` on the disk of `dir`; `owner` is the id that its rows carry. The folder above must
    /// be there: one that somebody took away in mid run is not made anew.
    pub(super) fn commit(&self, dir: &RunDir, path: &Path, owner: &str) -> Result<(), RecordError> {
        let files = self.files(owner).map_err(RecordError::encode(path))?;
        let replaced = dir.disk().replace_folder(path, &files);
        replaced.map_err(RecordError::write(path))
    }
}

/// Says which number is not finite: of arrays in model and optimizer that are not, or of the sums. Moving statistics can
/// overflow while every step is.
fn all_finite(position: &Position, broken: [Option<String>; 2]) -> Result<(), String> {
    for (file, name) in [MODEL, OPTIMIZER].iter().zip(broken) {
        if let Some(name) = name {
            return Err(format!("{file}: `{name}` is not finite"));
        }
    }
    if !f64::from_bits(position.loss_bits).is_finite() {
        return Err(format!("{STATE}: the sum of losses is not finite"));
    }
    Ok(())
}

impl Position {
    fn is_of(&self, step: u64) -> Result<(), String> {
        match self.run_steps {
            says if says == step => Ok(()),
            says => Err(format!("the state of step {says}")),
        }
    }
}

/// The files of a checkpoint, each read when it is asked for.
struct Files<'a>(Committed<'a>);

impl<'a> Files<'a> {
    fn open(path: &'a Path) -> Result<Self, String> {
        let open = Committed::open(path).map_err(|refused| match refused {
            Refused::Format(_) => format!("{MANIFEST}: {refused}"),
            other => other.to_string(),
        });
        let files = Self(open?);
        // The others are confirmed when they are read.
        let others = files.0.others(&[MODEL, OPTIMIZER, METRICS, STATE]);
        others.map_err(text)?;
        Ok(files)
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, String> {
        self.0.file(name).map_err(text)
    }

    fn position(&self, owner: &str) -> Result<Position, String> {
        let position: Position = serde_json::from_slice(&self.bytes(STATE)?).map_err(text)?;
        manifest::known(position.format).map_err(|problem| format!("{STATE}: {problem}"))?;
        // Before the first epoch ends there are no rows that could tell.
        if ![owner, ""].contains(&position.owner.as_str()) {
            return Err(format!("{STATE}: the state of `{}`", position.owner));
        }
        Ok(position)
    }

    fn rows(&self, owner: &str) -> Result<Vec<MetricRow>, String> {
        decode_metrics(owner, &self.bytes(METRICS)?).map_err(text)
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

impl RunDir {
    /// Steps of the checkpoints, newest first; sound or not.
    #[must_use]
    pub fn checkpoint_steps(&self) -> Vec<u64> {
        let entries = fs::read_dir(self.file(CHECKPOINTS)).into_iter().flatten();
        let number = |entry: fs::DirEntry| {
            let path = entry.path();
            let path = moved_from(&path).unwrap_or(path);
            path.file_name()?.to_str()?.parse().ok()
        };
        let mut steps: Vec<u64> = entries.flatten().filter_map(number).collect();
        steps.sort_unstable_by(|a, b| b.cmp(a));
        steps.dedup();
        steps
    }

    /// Where the checkpoint of a step is to be read.
    pub(super) fn checkpoint_place(&self, step: u64) -> PathBuf {
        readable(&self.checkpoint_folder(step))
    }

    /// Folder of the checkpoint of a step.
    #[must_use]
    pub fn checkpoint_folder(&self, step: u64) -> PathBuf {
        self.file(CHECKPOINTS).join(step.to_string())
    }

    /// Commits a checkpoint, reads it back, and lets go of those before the one before it. One from which the run could not
    /// go on does not count, so that two are left from which it can.
    ///
    /// # Errors
    /// The disk refused, or gave back other bytes.
    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), RecordError> {
        let folder = self.file(CHECKPOINTS);
        let made = self.disk().create_inside(&folder);
        made.map_err(RecordError::write(&folder))?;
        let newest = checkpoint.position.run_steps;
        checkpoint.commit(self, &self.checkpoint_folder(newest), &self.run_id())?;
        let mut sound = usize::from(checkpoint.finite().is_ok());
        for step in self.checkpoint_steps() {
            if step == newest {
                continue;
            }
            // What is behind the two goes unseen.
            let counts = sound < KEPT;
            if counts && self.check_checkpoint(step).is_ok() {
                sound += 1;
            } else if !(counts && self.is_unknown(step)) {
                self.drop_checkpoint(step)?;
            }
        }
        Ok(())
    }

    /// Whether nobody here knows what the checkpoint of a step holds.
    fn is_unknown(&self, step: u64) -> bool {
        let place = self.checkpoint_place(step);
        let state = Committed::open(&place).and_then(|files| {
            files.others(&[STATE])?;
            files.file(STATE)
        });
        match state {
            Ok(state) => {
                let position = serde_json::from_slice::<Position>(&state);
                position.is_ok_and(|position| manifest::known(position.format).is_err())
            }
            Err(Refused::Format(_) | Refused::Unreadable(_)) => true,
            Err(Refused::Damaged(_)) => false,
        }
    }

    fn drop_checkpoint(&self, step: u64) -> Result<(), RecordError> {
        let path = self.checkpoint_folder(step);
        let gone = self.disk().retract_folder(&path);
        gone.map_err(RecordError::write(&path))
    }

    /// The checkpoint of a step, or what is wrong with it.
    pub(super) fn checkpoint(&self, step: u64) -> Result<Checkpoint, String> {
        let found = Checkpoint::read(&self.checkpoint_place(step), &self.run_id())?;
        found.position.is_of(step)?;
        Ok(found)
    }

    /// What is wrong with the checkpoint of a step.
    pub(super) fn check_checkpoint(&self, step: u64) -> Result<(), String> {
        let position = Checkpoint::check(&self.checkpoint_place(step), &self.run_id())?;
        position.is_of(step)
    }

    /// The newest sound checkpoint.
    ///
    /// # Errors
    /// There are checkpoints, and every one is damaged.
    pub fn newest_checkpoint(&self) -> Result<Found, RecordError> {
        let mut skipped = Vec::new();
        for step in self.checkpoint_steps() {
            match self.checkpoint(step) {
                Ok(checkpoint) => {
                    let newest = Some(checkpoint);
                    return Ok(Found { newest, skipped });
                }
                Err(problem) => skipped.push(format!("checkpoint {step} is damaged: {problem}")),
            }
        }
        if skipped.is_empty() {
            return Ok(Found::default());
        }
        Err(RecordError::NoCheckpoint {
            run: self.run_id(),
            path: self.file(CHECKPOINTS),
            problems: skipped,
        })
    }

    /// The figures of the newest checkpoint that has them as they were written.
    pub(super) fn checkpoint_rows(&self) -> Option<Vec<MetricRow>> {
        self.checkpoint_steps().into_iter().find_map(|step| {
            let bytes = confirm::one(&self.checkpoint_place(step), METRICS)?;
            decode_metrics(&self.run_id(), &bytes).ok()
        })
    }

    /// Takes all checkpoints away: the run is finished, or is to begin again.
    ///
    /// # Errors
    /// The disk refused.
    pub fn drop_checkpoints(&self) -> Result<(), RecordError> {
        for step in self.checkpoint_steps() {
            self.drop_checkpoint(step)?;
        }
        let folder = self.file(CHECKPOINTS);
        let gone = self.disk().remove_all(&folder);
        gone.map_err(RecordError::write(&folder))
    }

    /// Takes the folder over from a process that was killed in it: makes safe what that had named and not synced, brings
    /// back what it had moved aside, and removes what it left half written.
    ///
    /// # Errors
    /// The disk refused.
    pub fn take_over(&self) -> Result<(), RecordError> {
        let disk = self.disk();
        for folder in [self.path().to_owned(), self.file(CHECKPOINTS)] {
            if folder.is_dir() {
                // Names first: what lies beside may be the older half of an exchange.
                let settled = disk.sync_folder(&folder);
                let settled = settled.and_then(|()| disk.settle_aside(&folder));
                settled.map_err(RecordError::write(&folder))?;
                self.sweep(&folder, is_temporary)?;
            }
        }
        // Other runs may be at work in the folder of phases.
        self.sweep(&self.phases_folder(), is_abandoned)
    }

    /// Takes the folder over and says whether the run is complete; what a process that was killed behind its last commit has
    /// left over goes then. For whoever holds the lease.
    ///
    /// # Errors
    /// The disk refused.
    pub fn settle(&self) -> Result<bool, RecordError> {
        self.take_over()?;
        let is_complete = self.completed()?;
        if is_complete {
            self.tidy()?;
        }
        Ok(is_complete)
    }

    fn sweep(&self, folder: &Path, is_left: fn(&Path) -> bool) -> Result<(), RecordError> {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if is_left(&path) {
                let removed = self.disk().remove_all(&path);
                removed.map_err(RecordError::write(&path))?;
            }
        }
        Ok(())
    }
}
