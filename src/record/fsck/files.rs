//! The files of one run: those of a finished one against its manifest and against each other, those of an unfinished one
//! by what they say of themselves.

use super::{Look, REMOVE, RETRAIN};
use crate::plan::{FORMAT, RunPlan};
use crate::record::commit::MANIFEST;
use crate::record::confirm::{Wrong, confirm, has_parquet_ends, small};
use crate::record::manifest::Manifest;
use crate::record::metrics::decode_metrics;
use crate::record::predictions::decode_predictions;
use crate::record::run_dir::{METRICS, MODEL, PLAN, PREDICTIONS, STATUS};
use crate::record::weights::decode_weights;
use crate::record::{State, decode_status, survey};
use std::collections::BTreeMap;
use std::fmt::Display;

const REWRITTEN: &str = "the `run` command writes it again";
const MEND: &str = "mend the disk or its permissions: what cannot be read need not be damaged";
const ANEW: &str = "remove the file; the `run` command writes it again";

impl Look<'_> {
    /// A run with a manifest: every file must be what it says.
    pub(super) fn finished(&mut self, manifest: &Manifest) {
        for name in [PLAN, STATUS, METRICS, MODEL] {
            if !manifest.files.contains_key(name) {
                let what = format!("not in {MANIFEST}, so nothing confirms it");
                self.damage(name, &what, RETRAIN);
            }
        }
        let mut confirmed = BTreeMap::new();
        for (name, entry) in &manifest.files {
            // Text is so short that hashing it costs nothing.
            let hash = self.deep || [PLAN, STATUS].contains(&name.as_str());
            match confirm(self.dir.path(), name, entry, hash) {
                Ok(Some(bytes)) => {
                    confirmed.insert(name.as_str(), bytes);
                }
                Ok(None) => {}
                Err(Wrong::Length(what)) => self.damage(name, &what, RETRAIN),
                Err(Wrong::Content(what)) => self.damage(name, &what, REMOVE),
                Err(Wrong::Unreadable(error)) => self.damage(name, &error.to_string(), MEND),
            }
        }
        for (name, bytes) in confirmed {
            if let Err(problem) = self.content(name, &bytes) {
                self.damage(name, &problem, REMOVE);
            }
        }
    }

    /// What a file of a finished run says of the run; its bytes are confirmed.
    fn content(&self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let id = self.dir.run_id();
        match name {
            PLAN => {
                let plan = survey::decode_plan(bytes).map_err(text)?;
                own(&plan, &id)
            }
            STATUS => {
                let status = decode_status(bytes).map_err(text)?;
                match status.state {
                    State::Done => Ok(()),
                    other => Err(format!("says `{other:?}` of a finished run").to_lowercase()),
                }
            }
            METRICS => decode_metrics(&id, bytes).map(drop).map_err(text),
            PREDICTIONS => decode_predictions(bytes).map(drop).map_err(text),
            MODEL => {
                let (_, metadata) = decode_weights(bytes).map_err(text)?;
                match metadata.get("run_id") {
                    Some(other) if *other != id => Err(format!("the model of `{other}`")),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// A run without a manifest: nothing confirms its files but what they say of themselves.
    pub(super) fn open(&mut self) {
        match small(&self.dir.file(PLAN)) {
            Err(refused) => self.damage(PLAN, &refused.to_string(), REWRITTEN),
            Ok(None) => self.damage(
                PLAN,
                "the file is missing",
                "`supcon rm` removes what is left; the `run` command writes it again",
            ),
            Ok(Some(bytes)) => {
                if let Err((what, remedy)) = self.open_plan(&bytes) {
                    self.damage(PLAN, &what, remedy);
                }
            }
        }
        match small(&self.dir.file(STATUS)) {
            Err(refused) => self.damage(STATUS, &refused.to_string(), ANEW),
            Ok(None) => {}
            Ok(Some(bytes)) => {
                if let Err(error) = decode_status(&bytes) {
                    self.damage(STATUS, &error.to_string(), ANEW);
                }
            }
        }
        for name in [METRICS, PREDICTIONS] {
            if let Err(problem) = has_parquet_ends(&self.dir.file(name)) {
                self.damage(name, &problem, ANEW);
            }
        }
    }

    fn open_plan(&self, bytes: &[u8]) -> Result<(), (String, &'static str)> {
        let plan = survey::decode_plan(bytes).map_err(|error| (error.to_string(), REWRITTEN))?;
        let rename = "give the folder its name back, or `supcon rm` it";
        own(&plan, &self.dir.run_id()).map_err(|problem| (problem, rename))?;
        if plan.format == FORMAT && plan.make_run_id() != plan.run_id {
            let what = "its values are not those from which the run has its name";
            return Err((what.to_owned(), REWRITTEN));
        }
        Ok(())
    }
}

fn own(plan: &RunPlan, id: &str) -> Result<(), String> {
    if plan.run_id == id {
        return Ok(());
    }
    Err(format!("the plan of `{}`", plan.run_id))
}

fn text(error: impl Display) -> String {
    error.to_string()
}
