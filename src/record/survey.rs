//! What lies in a folder of runs: which folders are runs, what they are called, what was planned in them, and who holds them.
//! Nothing is written and no lock is kept.

use super::checkpoint::CHECKPOINTS;
use super::commit::MANIFEST;
use super::files::Files;
use super::lease::{self, LEASE};
use super::phase_store::CAPSULE;
use super::run_dir::{LOG, METRICS, MODEL, PLAN, PREDICTIONS, STATUS};
use super::{RecordError, RunDir, Status};
use crate::plan::RunPlan;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Files that a run writes into its folder.
pub(super) const FILES: [&str; 7] = [PLAN, STATUS, LOG, METRICS, PREDICTIONS, MODEL, MANIFEST];
/// Folders that it makes there.
pub(super) const FOLDERS: [&str; 2] = [CHECKPOINTS, CAPSULE];

/// Folders of runs at or below `path`, sorted. One without a plan counts if it holds anything else of a run: it is damaged,
/// or was half removed. Hidden folders are skipped, runs are not searched for runs.
#[must_use]
pub fn run_folders(path: &Path) -> Vec<RunDir> {
    let mut found = Vec::new();
    search(path, &mut found);
    found.sort_unstable();
    found.into_iter().map(RunDir::at).collect()
}

fn search(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut below = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let known = if is_folder { &FOLDERS[..] } else { &FILES[..] };
        if known.contains(&&*name) {
            found.push(folder.to_owned());
            return;
        }
        if is_folder && !name.starts_with('.') {
            below.push(entry.path());
        }
    }
    for folder in below {
        search(&folder, found);
    }
}

/// Plan and status of a run, whatever else lies in its folder; no status before its first one.
///
/// # Errors
/// One of them is missing, is not what the manifest says, or is that of another run.
pub fn plan_and_status(dir: &RunDir) -> Result<(RunPlan, Option<Status>), RecordError> {
    let files = Files::of(dir)?;
    let plan = files.plan()?;
    if plan.run_id != dir.run_id() {
        let problem = format!("the plan of `{}`", plan.run_id);
        return Err(dir.damaged(PLAN, &problem));
    }
    Ok((plan, files.status()?))
}

/// The plan in bytes of `plan.yaml`.
pub(super) fn decode_plan(bytes: &[u8]) -> Result<RunPlan, serde_yaml::Error> {
    let yaml = serde_yaml::Deserializer::from_slice(bytes);
    serde_yaml::with::singleton_map_recursive::deserialize(yaml)
}

/// Experiment and seed of a folder's name, `<experiment>-s<seed>-<hash>`.
#[must_use]
pub fn name_and_seed(id: &str) -> (String, Option<u64>) {
    let parts = id.rsplit_once('-').and_then(|(front, hash)| {
        let (experiment, seed) = front.rsplit_once("-s")?;
        let is_hash = !hash.is_empty() && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let seed = seed.parse().ok().filter(|_| is_hash)?;
        Some((experiment.to_owned(), Some(seed)))
    });
    parts.unwrap_or_else(|| (id.to_owned(), None))
}

impl RunDir {
    /// Who holds its lease, for people. One that cannot be looked at says nothing: whoever wants to change the run takes it.
    #[must_use]
    pub fn holder(&self) -> Option<String> {
        match lease::holder(&self.file(LEASE)) {
            Ok(holder) => holder.map(|holder| holder.to_string()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Some(lease::told(None)),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn experiment_and_seed_are_read_from_the_end_of_a_name() {
        let named = |id: &str| {
            let (experiment, seed) = name_and_seed(id);
            (experiment, seed)
        };
        assert_eq!(named("a-s1-b-s12-0123abcd"), ("a-s1-b".into(), Some(12)));
        for odd in ["a", "a-s1", "a-sx-0123abcd", "a-s1-copy", "a-s1-"] {
            assert_eq!(named(odd), (odd.into(), None));
        }
    }

    #[test]
    fn a_folder_with_any_part_of_a_run_is_one_and_hidden_folders_are_not_searched() {
        let folder = tempfile::tempdir().unwrap();
        for (run, part) in [("x/a", PLAN), ("b", METRICS), ("c", LOG), (".d", PLAN)] {
            let run = folder.path().join(run);
            fs::create_dir_all(&run).unwrap();
            fs::write(run.join(part), "").unwrap();
        }
        fs::create_dir_all(folder.path().join("e/checkpoints")).unwrap();
        fs::create_dir_all(folder.path().join("empty")).unwrap();
        let found = run_folders(folder.path());
        let ids: Vec<String> = found.iter().map(RunDir::run_id).collect();
        assert_eq!(ids, ["b", "c", "e", "a"]);
        assert_eq!(run_folders(&folder.path().join("absent")), []);
    }
}
