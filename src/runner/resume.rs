//! Where a run begins: at its newest sound checkpoint, behind phases that another run has finished, or at its first step.

use crate::data::Dataset;
use crate::device::DeviceName;
use crate::diag::Code;
use crate::plan::{self, Images, RunPlan};
use crate::record::{RecordError, RunDir, Status, sha256_hex};
use crate::train::Begin;

/// Letters of a phase's key.
const KEY: usize = 24;

/// What a finished phase depends on beside its plan: another backend or release gives other bytes, more threads do not. Builds
/// of one release count as equal, as they do for finished runs, which are never trained twice.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    backend: String,
    version: String,
    data_hash: String,
}

impl Origin {
    pub(super) fn new(device: DeviceName, version: &str, data: &Dataset) -> Self {
        let backend = match device {
            DeviceName::Cpu | DeviceName::Libtorch => device.to_string(),
            DeviceName::LibtorchCuda(_) => "libtorch:cuda".to_owned(),
        };
        Self {
            backend,
            version: version.to_owned(),
            data_hash: data.hash.clone(),
        }
    }

    /// A line about a run that was begun elsewhere: no run from its first step gives the same bytes.
    fn elsewhere(&self, before: &[String]) -> Option<String> {
        let (before, now) = (before.last()?, &self.backend);
        Some(format!(
            "warning: was trained on `{before}` so far and goes on with `{now}`: its bytes are those of neither"
        ))
    }

    /// Name of a finished phase in the store.
    pub(super) fn key(&self, plan: &RunPlan, phase: usize) -> String {
        let identity = plan.phase_identity(phase);
        let Self {
            backend,
            version,
            data_hash,
        } = self;
        let all = [&identity, backend, version, data_hash].map(String::as_str);
        sha256_hex(&[all.join("\n")])[..KEY].to_owned()
    }
}

/// A place to begin.
pub(super) struct Start {
    pub(super) begin: Begin,
    /// Keys of phases that other runs have finished.
    pub(super) shared: Vec<String>,
    /// Where the run was trained so far, and is now.
    pub(super) backends: Vec<String>,
    /// Lines for the log.
    pub(super) notes: Vec<String>,
}

/// Why a run cannot begin.
pub(super) enum Refused {
    /// The disk, or what lies on it.
    Record(RecordError),
    /// The images are not those of the checkpoint.
    Data(String),
}

/// Finds where the run begins; `anew` at its first step, whatever is stored.
pub(super) fn start(
    dir: &RunDir,
    plan: &RunPlan,
    data: &Dataset,
    origin: &Origin,
    anew: bool,
) -> Result<Start, Refused> {
    let found = dir.newest_checkpoint().map_err(Refused::Record)?;
    let mut notes: Vec<String> = found
        .skipped
        .into_iter()
        .map(|line| {
            format!(
                "warning[{}]: {line}; the one before it is used",
                Code::CkptSkipped
            )
        })
        .collect();
    if let Some(checkpoint) = found.newest {
        let then = &checkpoint.position.data_hash;
        if *then != data.hash {
            return Err(Refused::Data(format!(
                "the images differ from those of the checkpoint: their hash was {}..., it is {}...",
                &then[..then.len().min(12)],
                &data.hash[..12]
            )));
        }
        notes.push(format!(
            "goes on behind step {} of the run",
            checkpoint.position.run_steps
        ));
        let shared = checkpoint.position.shared_phases.clone();
        let mut backends = checkpoint.position.backends.clone();
        if backends.last() != Some(&origin.backend) {
            notes.extend(origin.elsewhere(&backends));
            backends.push(origin.backend.clone());
        }
        return Ok(Start {
            begin: Begin::Resumed(checkpoint),
            shared,
            backends,
            notes,
        });
    }
    let backends = vec![origin.backend.clone()];
    // The last phase has nobody to share with: runs that are equal up to its end are one run.
    let shareable = if anew {
        0
    } else {
        plan.phases.len().saturating_sub(1)
    };
    for phase in (0..shareable).rev() {
        let key = origin.key(plan, phase);
        if let Some(checkpoint) = dir.stored_phase(&key) {
            let name = &plan.phases[phase].name;
            notes.push(format!(
                "phase `{name}` is taken from {key}, which another run finished"
            ));
            return Ok(Start {
                begin: Begin::Shared(checkpoint),
                shared: vec![key],
                backends,
                notes,
            });
        }
    }
    Ok(Start {
        begin: Begin::First,
        shared: Vec::new(),
        backends,
        notes,
    })
}

/// How images differ from those of an earlier status, as far as both tell: place and classes.
pub(super) fn difference(then: &Status, now: &Status) -> String {
    if then.data_hash.is_empty() {
        return String::new();
    }
    let mut parts = Vec::new();
    if then.data_place != now.data_place {
        let place = |status: &Status| {
            let place = status.data_place.as_ref();
            place.map_or_else(|| "the cache".into(), |path| path.display().to_string())
        };
        let (then, now) = (place(then), place(now));
        parts.push(format!("they were read from {then}, and now from {now}"));
    }
    let mut only = |a: &Status, b: &Status, what: &str| {
        let names = a.class_names.iter();
        let names: Vec<String> = names
            .filter(|name| !b.class_names.contains(name))
            .map(|name| format!("`{name}`"))
            .collect();
        if let (count, Some(first)) = (names.len(), names.first()) {
            parts.push(format!("{count} {what}, first {first}"));
        }
    };
    only(then, now, "of the classes are gone");
    only(now, then, "of the classes are new");
    let parts = parts.iter().map(|part| format!("; {part}"));
    parts.collect()
}

/// Says which phase cannot work with the images that were loaded; a spec alone does not tell for folders of images.
pub(super) fn misfit(plan: &RunPlan, data: &Dataset) -> Option<String> {
    let labels = &data.train.labels;
    let classes = data.class_names.len();
    let mut sizes = vec![0_usize; classes];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    let images = Images {
        count: labels.len(),
        classes,
        has_pairs: sizes.iter().any(|&size| size > 1),
        held_out: data.validation.is_some(),
    };
    plan.phases.iter().find_map(|phase| {
        let misfit = plan::misfits(phase, Some(images)).into_iter().next()?;
        let (name, key) = (&phase.name, misfit.key);
        Some(format!(
            "`phases.{name}.{key}`: {}; {}",
            misfit.message, misfit.help
        ))
    })
}
