//! The end of a batch: the report on its runs, the final table or its JSON, and the exit code.

use super::table::table;
use crate::cli::out;
use crate::cli::store;
use crate::diag;
use crate::plan::{RunPlan, counted};
use crate::record;
use crate::report;
use crate::runner::{Batch, Ended, Fate, exit};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Prints a line on standard error.
pub(super) fn warn(text: &str) {
    out::warn(&format!("{text}\n"));
}

/// Columns of the final table where nobody says how many there are.
const WIDEST: usize = 160;

/// How many runs of a batch came to which end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    done: usize,
    resumed: usize,
    complete: usize,
    failed: usize,
    leased: usize,
    interrupted: usize,
    not_begun: usize,
}

impl Tally {
    fn of(ended: &[Ended]) -> Self {
        let mut tally = Self::default();
        for run in ended {
            match run.fate {
                Fate::Done { resumed } => {
                    tally.done += 1;
                    tally.resumed += usize::from(resumed);
                }
                Fate::Skipped => tally.complete += 1,
                Fate::Failed { .. } => tally.failed += 1,
                Fate::Leased { .. } => tally.leased += 1,
                Fate::Interrupted => tally.interrupted += 1,
                Fate::NotBegun => tally.not_begun += 1,
            }
        }
        tally
    }

    /// One line; what hardly ever happens is named only where it did.
    fn line(&self) -> String {
        if self.complete > 0
            && *self
                == (Self {
                    complete: self.complete,
                    ..Self::default()
                })
        {
            let runs = counted(self.complete, "run");
            return format!("nothing to do: {runs} already complete");
        }
        let mut line = format!("done {}", self.done);
        if self.resumed > 0 {
            line += &format!(" ({} resumed)", self.resumed);
        }
        line += &format!(
            ", already complete {}, failed {}",
            self.complete, self.failed
        );
        let rare = [
            ("leased", self.leased),
            ("interrupted", self.interrupted),
            ("not begun", self.not_begun),
        ];
        for (what, count) in rare {
            if count > 0 {
                line += &format!(", {what} {count}");
            }
        }
        line
    }

    fn json(&self) -> Value {
        json!({
            "done": self.done,
            "resumed": self.resumed,
            "already_complete": self.complete,
            "failed": self.failed,
            "leased": self.leased,
            "interrupted": self.interrupted,
            "not_begun": self.not_begun,
        })
    }

    /// Runs with a record that a report can be about.
    fn has_records(&self) -> bool {
        self.done + self.complete + self.failed > 0
    }
}

/// What became of the report.
#[derive(Default)]
struct Reported {
    /// The table of results.
    table: String,
    /// The page.
    page: Option<PathBuf>,
    /// Exit code of what went wrong, 0 for nothing.
    code: u8,
}

/// Reports on the runs, prints how they ended and picks the exit code.
pub(super) fn conclude(
    batch: &Batch,
    plans: &[RunPlan],
    results: &Path,
    as_json: bool,
) -> ExitCode {
    let tally = Tally::of(&batch.ended);
    let reported = if tally.has_records() {
        report(plans, &batch.ended, results)
    } else {
        Reported::default()
    };
    let code = exit_code(batch, &tally, reported.code);
    if as_json {
        out::line(
            &json!({
                "event": "batch_ended",
                "exit": code,
                "counts": tally.json(),
                "stopped": batch.stopped,
                "report": reported.page,
                "runs": batch.ended,
            })
            .to_string(),
        );
    } else {
        print(batch, &tally, &reported);
    }
    ExitCode::from(code)
}

/// The final table, and what needs somebody's attention.
fn print(batch: &Batch, tally: &Tally, reported: &Reported) {
    if !reported.table.is_empty() {
        out::line(reported.table.trim_end());
    }
    if let Some(page) = &reported.page {
        out::line(&format!("\nreport: {}", page.display()));
    }
    let columns = out::columns().unwrap_or(WIDEST);
    if reported.page.is_some() {
        out::line("");
    }
    out::print(&table(&batch.ended, columns));
    out::line(&tally.line());
    let mut codes = Vec::new();
    for Ended { run, fate, .. } in &batch.ended {
        match fate {
            Fate::Failed { code, cause, .. } => {
                warn(&format!("error[{code}]: {run}: {cause}"));
                codes.push(code.as_str());
            }
            Fate::Leased { holder } => warn(&format!("leased: {run}: {holder}")),
            _ => {}
        }
    }
    let pointer = diag::pointer(codes);
    if !pointer.is_empty() {
        warn(pointer.trim_end());
    }
    if let Some(reason) = &batch.stopped {
        warn(&format!("stopped: {reason}"));
    }
    if tally.interrupted + tally.not_begun > 0 {
        out::line("the same command trains what is missing");
    }
}

fn exit_code(batch: &Batch, tally: &Tally, report: u8) -> u8 {
    let failure = failure(&batch.ended);
    // Whoever gives the command again after an interrupt must hear that the disk needs somebody first.
    if failure == Some(exit::DISK) {
        return exit::DISK;
    }
    if batch.requests > 0 && tally.interrupted + tally.not_begun > 0 {
        return if batch.requests > 1 {
            exit::STOPPED
        } else {
            exit::INTERRUPTED
        };
    }
    if let Some(code) = failure {
        code
    } else if tally.leased > 0 {
        exit::LEASED
    } else if tally.interrupted > 0 {
        exit::INTERRUPTED
    } else {
        report
    }
}

/// A full disk and a cause that all failures share have their own codes; otherwise some runs failed.
fn failure(ended: &[Ended]) -> Option<u8> {
    let codes = ended.iter().filter_map(|run| match run.fate {
        Fate::Failed { exit, .. } => Some(exit),
        _ => None,
    });
    let codes: Vec<u8> = codes.collect();
    let first = *codes.first()?;
    if codes.contains(&exit::DISK) {
        return Some(exit::DISK);
    }
    let named = [exit::DAMAGED, exit::ENVIRONMENT].contains(&first);
    let shared = named && codes.iter().all(|&code| code == first);
    Some(if shared { first } else { exit::FAILED })
}

/// Longest name of a report's folder, in bytes: file systems take 255.
const MAX_FOLDER: usize = 120;

/// The folder's name: all experiments, or the first one and how many more.
fn folder(names: &[&str]) -> String {
    let all = names.join("+");
    match names {
        [first, rest @ ..] if all.len() > MAX_FOLDER && !rest.is_empty() => {
            format!("{first}-and-{}-more", rest.len())
        }
        _ => all,
    }
}

/// Tells experiments that a profile or `--set` changed from those of the same name as they stand in their files, whose
/// report must stay: the beginning of a hash over all that was given.
fn changed(plans: &[RunPlan]) -> Option<String> {
    let mut given: Vec<&[String]> = plans.iter().map(|plan| &plan.arguments[..]).collect();
    given.dedup();
    given.iter().any(|arguments| arguments.len() > 1).then(|| {
        let text = format!("{given:?}");
        let hash = Sha256::digest(text.as_bytes());
        hash.iter()
            .take(3)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    })
}

/// Reports on the runs of this batch.
fn report(plans: &[RunPlan], ended: &[Ended], results: &Path) -> Reported {
    let mut reported = Reported::default();
    let mut runs = Vec::new();
    for run in ended {
        match record::load(&run.path) {
            Ok(run) => runs.push(run),
            // A run that was never begun has no record to miss; of a failed one the cause is told.
            Err(_) if !matches!(run.fate, Fate::Done { .. } | Fate::Skipped) => {}
            Err(error) => reported.code = store::fail(&error),
        }
    }
    if runs.is_empty() && reported.code != 0 {
        return reported;
    }
    report::tell_apart(&mut runs);
    let mut names: Vec<&str> = plans.iter().map(|plan| plan.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let mut folder = folder(&names);
    if let Some(changed) = changed(plans) {
        folder += &format!("-{changed}");
    }
    let out = results.join("report").join(folder);
    reported.table = report::table(&runs);
    match report::build(&runs, &out, &names.join(", ")) {
        Ok(paths) => reported.page = Some(paths.page),
        Err(error) => {
            warn(&format!(
                "error: {error}; the runs are recorded, and the same command draws their report again"
            ));
            reported.code = exit::DISK;
        }
    }
    reported
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(fates: &[Fate], requests: usize) -> Batch {
        let ended = |fate: &Fate| Ended {
            run: "x-s0-1".into(),
            path: "runs/x-s0-1".into(),
            fate: fate.clone(),
        };
        Batch {
            ended: fates.iter().map(ended).collect(),
            requests,
            stopped: None,
        }
    }

    fn failed(exit: u8) -> Fate {
        Fate::Failed {
            code: "RUN-FAILED".into(),
            cause: "why".into(),
            exit,
        }
    }

    fn leased() -> Fate {
        let holder = "process 7".into();
        Fate::Leased { holder }
    }

    const DONE: Fate = Fate::Done { resumed: false };

    #[test]
    fn the_exit_code_tells_what_to_do_next() {
        let code = |fates: &[Fate], requests| {
            let batch = batch(fates, requests);
            exit_code(&batch, &Tally::of(&batch.ended), 0)
        };
        assert_eq!(code(&[DONE, Fate::Skipped], 0), 0);
        assert_eq!(code(&[DONE, failed(3), leased()], 0), exit::FAILED);
        assert_eq!(code(&[failed(5), failed(3)], 0), exit::FAILED);
        assert_eq!(code(&[DONE, failed(5), failed(5)], 0), exit::ENVIRONMENT);
        assert_eq!(code(&[failed(3), failed(7), Fate::NotBegun], 0), exit::DISK);
        assert_eq!(code(&[DONE, leased()], 0), exit::LEASED);
        assert_eq!(code(&[leased(), Fate::Interrupted], 0), exit::LEASED);
        assert_eq!(code(&[DONE, Fate::Interrupted], 0), exit::INTERRUPTED);
        assert_eq!(
            code(&[DONE, failed(3), Fate::NotBegun], 1),
            exit::INTERRUPTED
        );
        assert_eq!(code(&[DONE, Fate::Interrupted], 2), exit::STOPPED);
        for requests in [1, 2] {
            let ends = [failed(7), Fate::Interrupted, Fate::NotBegun];
            assert_eq!(code(&ends, requests), exit::DISK);
        }
        assert_eq!(code(&[DONE], 1), 0, "the signal came too late to matter");
    }

    #[test]
    fn the_line_names_every_end_that_happened() {
        let line = |fates: &[Fate]| Tally::of(&batch(fates, 0).ended).line();
        let skipped = Fate::Skipped;
        assert_eq!(
            line(&[skipped.clone(), skipped.clone()]),
            "nothing to do: 2 runs already complete"
        );
        assert_eq!(
            line(&[DONE, skipped]),
            "done 1, already complete 1, failed 0"
        );
        let resumed = Fate::Done { resumed: true };
        assert_eq!(
            line(&[
                DONE,
                resumed,
                failed(3),
                leased(),
                Fate::Interrupted,
                Fate::NotBegun
            ]),
            "done 2 (1 resumed), already complete 0, failed 1, leased 1, interrupted 1, not begun 1"
        );
    }

    #[test]
    fn what_was_set_from_outside_has_a_report_of_its_own() {
        let plan = |arguments: &[&str]| RunPlan {
            arguments: arguments.iter().map(|&text| text.to_owned()).collect(),
            ..record::samples::plan("baseline", 0)
        };
        let (plain, short) = (plan(&["a.yaml"]), plan(&["a.yaml", "--profile=short"]));
        let other = plan(&["a.yaml", "--set=seeds=[7]"]);
        assert_eq!(changed(&[plain.clone(), plain]), None);
        let names = [&short, &other].map(|plan| changed(std::slice::from_ref(plan)).unwrap());
        assert_ne!(names[0], names[1]);
        assert_eq!(changed(&[short.clone(), short]).as_ref(), Some(&names[0]));
    }

    #[test]
    fn the_folder_of_a_large_sweep_has_a_name_that_file_systems_take() {
        assert_eq!(folder(&["a", "b"]), "a+b");
        let names: Vec<String> = (0..1000).map(|n| format!("sweep-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(folder(&names), "sweep-0-and-999-more");
    }
}
