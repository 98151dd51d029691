//! Is what was recorded still there? Each run is looked at alone, so that a damaged one hides no other. A parser sees bytes
//! only after the hash has confirmed them; the plan and the status of a run that is not finished have no hash yet and are
//! text. Nothing is ever changed.

mod files;

use super::RunDir;
use super::checkpoint::{CHECKPOINTS, Checkpoint};
use super::commit::MANIFEST;
use super::confirm::{entries, has_lengths, manifest, sound};
use super::finished::is_remains;
use super::manifest::{Manifest, Refused};
use super::phase_store::CAPSULE;
use super::survey::{FILES, FOLDERS};
use crate::disk::{is_temporary, moved_from, readable};
use std::path::Path;

/// Something that `fsck` found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Stable code of damage, `None` for what a person may want to know.
    pub code: Option<&'static str>,
    /// Run, or stored phase.
    pub owner: String,
    /// File in it.
    pub file: String,
    /// What is wrong with it.
    pub what: String,
    /// The one thing to do.
    pub remedy: String,
}

/// What a look at one run gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// The run is complete, as far as its manifest says.
    pub finished: bool,
    /// Everything that was found.
    pub findings: Vec<Finding>,
}

impl Examined {
    /// Whether something is not what was recorded.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.findings.iter().any(|finding| finding.code.is_some())
    }
}

const DAMAGED: &str = "STORE-DAMAGED";
const SKIPPED: &str = "CKPT-SKIPPED";
const NONE_VALID: &str = "CKPT-NONE-VALID";

const RETRAIN: &str =
    "bring the file back from a copy, or give the `run` command again: it trains the run anew";
const REMOVE: &str = "bring the file back from a copy, or `supcon rm` the run and train it again";
const KEPT: &str = "nothing here: it is kept as it is";
const COLLECT: &str = "`supcon gc --apply` removes it";
const IGNORED: &str = "it is ignored";
const LEFT: &str = "left half written by a process that was killed";
const ASIDE: &str = "moved aside by a process that was killed";
const STRANGE: &str = "no file that a run writes";

/// Files of a run's folder that are known although they are hidden: the lease, and the runner's count of crashes.
const HIDDEN: [&str; 2] = [super::lease::LEASE, ".attempts.json"];

/// Looks at one run: lengths, and with `deep` every byte.
#[must_use]
pub fn examine(dir: &RunDir, deep: bool) -> Examined {
    let findings = Vec::new();
    let mut look = Look {
        dir,
        deep,
        findings,
    };
    let finished = look.run();
    let findings = look.findings;
    Examined { finished, findings }
}

/// Looks at each finished phase in the folder that runs share; also says how many there are.
#[must_use]
pub fn examine_phases(folder: &Path, deep: bool) -> (usize, Vec<Finding>) {
    let (mut count, mut findings) = (0, Vec::new());
    for (name, is_folder) in entries(folder) {
        let told = |code, what: &str, remedy: &str| Finding {
            code,
            owner: "phases".into(),
            file: name.clone(),
            what: what.into(),
            remedy: remedy.into(),
        };
        if is_temporary(Path::new(&name)) || moved_from(Path::new(&name)).is_some() {
            findings.push(told(None, LEFT, COLLECT));
        } else if !is_folder {
            findings.push(told(None, STRANGE, IGNORED));
        } else {
            count += 1;
            let remedy = "nothing: the next run that needs it trains it again";
            let problem = stored_phase(&folder.join(&name), &name, deep).err();
            findings.extend(problem.map(|problem| told(Some(DAMAGED), &problem, remedy)));
        }
    }
    (count, findings)
}

/// Looks at a finished phase under its key.
fn stored_phase(folder: &Path, key: &str, deep: bool) -> Result<(), String> {
    has_lengths(folder).map_err(|refused| refused.to_string())?;
    if deep {
        Checkpoint::check(folder, key)?;
    }
    Ok(())
}

struct Look<'a> {
    dir: &'a RunDir,
    deep: bool,
    findings: Vec<Finding>,
}

impl Look<'_> {
    fn find(&mut self, code: Option<&'static str>, file: &str, what: &str, remedy: &str) {
        self.findings.push(Finding {
            code,
            owner: self.dir.run_id(),
            file: file.to_owned(),
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        });
    }

    fn damage(&mut self, file: &str, what: &str, remedy: &str) {
        self.find(Some(DAMAGED), file, what, remedy);
    }

    fn note(&mut self, file: &str, what: &str, remedy: &str) {
        self.find(None, file, what, remedy);
    }

    /// Whether the run is finished.
    fn run(&mut self) -> bool {
        if let Some(holder) = self.dir.holder() {
            let what = format!("held by {holder}: not looked at while it is written");
            self.note(".", &what, "look again when that process has ended");
            return false;
        }
        let manifest = manifest(self.dir.path());
        match &manifest {
            Err(Refused::Damaged(problem)) => self.damage(MANIFEST, problem, RETRAIN),
            Err(other) => self.damage(MANIFEST, &other.to_string(), KEPT),
            Ok(Some(manifest)) => self.finished(manifest),
            Ok(None) => self.open(),
        }
        let manifest = manifest.ok().flatten();
        self.checkpoints(manifest.is_some());
        self.capsule();
        self.strangers(manifest.as_ref());
        manifest.is_some()
    }

    fn checkpoints(&mut self, finished: bool) {
        let steps = self.dir.checkpoint_steps();
        if finished {
            for step in steps {
                let what = "of a finished run, which needs it no more";
                self.note(&format!("{CHECKPOINTS}/{step}"), what, COLLECT);
            }
            return;
        }
        let mut broken = Vec::new();
        for step in &steps {
            let lengths = has_lengths(&self.dir.checkpoint_place(*step));
            let mut found = lengths.map_err(|refused| refused.to_string());
            if self.deep {
                found = found.and_then(|()| self.dir.check_checkpoint(*step));
            }
            broken.extend(found.err().map(|problem| (*step, problem)));
        }
        let (code, remedy) = if broken.len() == steps.len() {
            let remedy =
                "bring its files back from a copy, or begin again from nothing: `run --restart`";
            (NONE_VALID, remedy)
        } else {
            let remedy = "nothing: the `run` command goes on at a sound one, with the same result";
            (SKIPPED, remedy)
        };
        for (step, problem) in broken {
            self.find(
                Some(code),
                &format!("{CHECKPOINTS}/{step}"),
                &problem,
                remedy,
            );
        }
    }

    fn capsule(&mut self) {
        let path = readable(&self.dir.file(CAPSULE));
        if !path.exists() {
            return;
        }
        // Not as a checkpoint: the weights before a step that failed need not be finite.
        let found = if self.deep {
            sound(&path)
        } else {
            has_lengths(&path)
        };
        if let Err(problem) = found.map_err(|refused| refused.to_string()) {
            let remedy = "it cannot be replayed; the run itself does not need it";
            self.damage(CAPSULE, &problem, remedy);
        }
    }

    /// What is in the folder without being of the run.
    fn strangers(&mut self, manifest: Option<&Manifest>) {
        let listed = |name: &str| manifest.is_some_and(|found| found.files.contains_key(name));
        for (name, is_folder) in entries(self.dir.path()) {
            let known = if is_folder { &FOLDERS[..] } else { &FILES[..] };
            let hidden = HIDDEN.contains(&&*name) || is_remains(&name);
            let known = known.contains(&&*name) || hidden || listed(&name);
            if !known {
                self.stranger(&name);
            }
        }
        for (name, is_folder) in entries(&self.dir.file(CHECKPOINTS)) {
            if !is_folder || name.parse::<u64>().is_err() {
                self.stranger(&format!("{CHECKPOINTS}/{name}"));
            }
        }
    }

    fn stranger(&mut self, name: &str) {
        if is_temporary(Path::new(name)) {
            self.note(name, LEFT, COLLECT);
        } else if moved_from(Path::new(name)).is_some() {
            self.note(
                name,
                ASIDE,
                "nothing: the `run` command brings it back, or removes it",
            );
        } else {
            self.note(name, STRANGE, IGNORED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{metric_rows, plan, prediction_rows, status};
    use super::super::{METRICS, MODEL, NamedTensor, PLAN, Position, State};
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;

    fn open(folder: &Path) -> RunDir {
        let mut plan = plan("supcon", 1);
        plan.run_id = plan.make_run_id();
        let dir = RunDir::create(folder, &plan.run_id).unwrap();
        dir.write_plan(&plan).unwrap();
        dir.write_status(&status(State::Running)).unwrap();
        dir.write_metrics(&metric_rows(&plan, 0.7)).unwrap();
        dir
    }

    fn finished(folder: &Path) -> RunDir {
        let dir = open(folder);
        dir.write_status(&status(State::Done)).unwrap();
        dir.write_predictions(&prediction_rows(1, 30)).unwrap();
        dir.write_model(&[], &BTreeMap::new()).unwrap();
        dir.finish().unwrap();
        dir
    }

    fn checkpoint(step: u64) -> Checkpoint {
        let weight = NamedTensor {
            name: "encoder.conv1.weight".into(),
            shape: vec![2],
            values: vec![0.5, -0.5],
        };
        Checkpoint {
            position: Position {
                format: 1,
                run_steps: step,
                ..Position::default()
            },
            model: vec![weight],
            optimizer: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Code and file of each finding.
    fn told(dir: &RunDir, deep: bool) -> Vec<(Option<&'static str>, String)> {
        let found = examine(dir, deep).findings.into_iter();
        found.map(|finding| (finding.code, finding.file)).collect()
    }

    #[test]
    fn sound_runs_have_no_findings() {
        let folder = tempfile::tempdir().unwrap();
        let dir = open(folder.path());
        dir.write_checkpoint(&checkpoint(7)).unwrap();
        dir.log("a line").unwrap();
        for deep in [false, true] {
            assert_eq!(told(&dir, deep), []);
            assert!(!examine(&dir, deep).finished);
        }
        dir.drop_checkpoints().unwrap();
        let dir = finished(folder.path());
        for deep in [false, true] {
            assert_eq!(told(&dir, deep), []);
            assert!(examine(&dir, deep).finished);
        }
    }

    #[test]
    fn a_copied_or_renamed_run_is_told_by_its_plan_and_its_rows() {
        let folder = tempfile::tempdir().unwrap();
        let dir = finished(folder.path());
        let other = folder.path().join("supcon-s9-0123abcd");
        fs::rename(dir.path(), &other).unwrap();
        let found = examine(&RunDir::at(other), true);
        let told: Vec<&str> = found.findings.iter().map(|f| f.file.as_str()).collect();
        assert_eq!(told, [METRICS, PLAN]);
        let what = format!("the plan of `{}`", dir.run_id());
        assert_eq!(found.findings[1].what, what);
    }

    #[test]
    fn an_edited_plan_of_an_unfinished_run_is_told_by_its_own_identity() {
        let folder = tempfile::tempdir().unwrap();
        let dir = open(folder.path());
        let text = fs::read_to_string(dir.file(PLAN)).unwrap();
        let edited = text.replacen("batch_size: 265", "batch_size: 266", 1);
        fs::write(dir.file(PLAN), edited).unwrap();
        assert_eq!(told(&dir, false), [(Some(DAMAGED), PLAN.to_owned())]);
    }

    #[test]
    fn checkpoints_are_damaged_one_by_one_until_none_is_valid() {
        let folder = tempfile::tempdir().unwrap();
        let dir = open(folder.path());
        for step in [9, 10] {
            dir.write_checkpoint(&checkpoint(step)).unwrap();
        }
        let state = |step| dir.checkpoint_folder(step).join("state.json");
        let flip = |path: &Path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[3] ^= 1;
            fs::write(path, bytes).unwrap();
        };
        flip(&state(10));
        assert_eq!(told(&dir, false), [], "only a hash tells");
        let newest = (Some(SKIPPED), "checkpoints/10".to_owned());
        assert_eq!(told(&dir, true), [newest]);
        fs::write(state(9), "").unwrap();
        let both = ["checkpoints/10", "checkpoints/9"];
        let both = both.map(|file| (Some(NONE_VALID), file.to_owned()));
        assert_eq!(told(&dir, true), both);
    }

    #[test]
    fn a_checkpoint_under_the_number_of_another_step_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let dir = open(folder.path());
        dir.write_checkpoint(&checkpoint(7)).unwrap();
        fs::rename(dir.checkpoint_folder(7), dir.checkpoint_folder(8)).unwrap();
        let found = examine(&dir, true).findings;
        assert_eq!(found[0].what, "the state of step 7");
    }

    #[test]
    fn strangers_links_and_leftovers_are_listed_and_only_the_link_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let dir = finished(folder.path());
        for name in ["plan.yaml~", ".nfs0001", ".plan.yaml.7.tmp", ".lease"] {
            fs::write(dir.file(name), "x").unwrap();
        }
        let notes = [".nfs0001", ".plan.yaml.7.tmp", "plan.yaml~"];
        let notes = notes.map(|file| (None, file.to_owned()));
        assert_eq!(told(&dir, true), notes);
        assert!(!examine(&dir, true).is_damaged());
        #[cfg(unix)]
        {
            let away = folder.path().join("away");
            fs::rename(dir.file(MODEL), &away).unwrap();
            std::os::unix::fs::symlink(&away, dir.file(MODEL)).unwrap();
            let found = examine(&dir, false).findings;
            assert_eq!(found[0].what, "not a plain file");
        }
    }

    #[test]
    fn stored_phases_are_looked_at_each_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let dir = open(&folder.path().join("runs"));
        for key in ["a1", "b2"] {
            dir.store_phase(key, &checkpoint(3)).unwrap();
        }
        let phases = dir.phases_folder();
        assert_eq!(examine_phases(&phases, true), (2, Vec::new()));
        fs::remove_file(phases.join("b2/state.json")).unwrap();
        fs::create_dir(phases.join(".c3.17.tmp")).unwrap();
        let (count, found) = examine_phases(&phases, false);
        let told: Vec<_> = found.iter().map(|f| (f.code, f.file.as_str())).collect();
        assert_eq!(told, [(None, ".c3.17.tmp"), (Some(DAMAGED), "b2")]);
        assert_eq!(count, 2);
    }
}
