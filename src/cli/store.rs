//! What the verbs on recorded runs share: how runs are named on the command line, and how text, sizes and output are
//! written.

use super::check::REFUSED;
use super::out;
pub(super) use crate::diag::escape as shown;
use crate::diag::{nearest, pointer};
use crate::record::lease::{self, Lease, LeaseError};
use crate::record::{RecordError, RunDir, name_and_seed, run_folders};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code of a command that another process keeps from its work.
pub(super) const LEASED: u8 = 6;
/// Nearest names that an unknown one is answered with.
const NEAREST: usize = 3;

/// Folder of records.
#[derive(Args)]
pub(super) struct ResultsArgs {
    /// Folder of records, as that of `supcon run`.
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(super) results: PathBuf,
}

impl ResultsArgs {
    /// Folder of run folders.
    pub(super) fn runs(&self) -> PathBuf {
        self.results.join("runs")
    }

    /// Refuses a folder that is not there: nothing would be found wrong in it.
    pub(super) fn is_there(&self) -> Result<(), String> {
        let folder = self.results.display();
        self.results.is_dir().then_some(()).ok_or_else(|| {
            format!("`{folder}` is no folder of records; `--results DIR` names another")
        })
    }
}

/// How a word may name runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// The id of a run, an experiment, a folder.
    Whole,
    /// Also the beginning of an id or of a path.
    Beginnings,
}

/// The runs that `words` name, sorted by path, each once; all of `runs` without a word. A run or an experiment in `runs`
/// goes before a folder of the same name.
pub(super) fn select(words: &[PathBuf], runs: &Path, names: Names) -> Result<Vec<RunDir>, String> {
    let own = run_folders(runs);
    if words.is_empty() {
        return Ok(own);
    }
    let mut found = Vec::new();
    for word in words {
        let mut named = of_name(&own, word);
        if named.is_empty() {
            named = run_folders(word);
        }
        if named.is_empty() && names == Names::Beginnings {
            named = of_beginning(&own, word);
        }
        if named.is_empty() {
            return Err(stranger(word, &own));
        }
        found.extend(named);
    }
    found.sort_by(|a, b| a.path().cmp(b.path()));
    found.dedup();
    Ok(found)
}

/// Runs of this id or of this experiment.
fn of_name(runs: &[RunDir], word: &Path) -> Vec<RunDir> {
    let is_named = |run: &&RunDir| {
        let id = run.run_id();
        word == Path::new(&id) || word == Path::new(&name_and_seed(&id).0)
    };
    runs.iter().filter(is_named).cloned().collect()
}

/// Runs whose id or path begins so.
fn of_beginning(runs: &[RunDir], word: &Path) -> Vec<RunDir> {
    let text = word.to_string_lossy().into_owned();
    let begins = |run: &&RunDir| {
        run.run_id().starts_with(&text) || run.path().to_string_lossy().starts_with(&text)
    };
    let own: Vec<RunDir> = runs.iter().filter(begins).cloned().collect();
    if !own.is_empty() {
        return own;
    }
    let elsewhere = word.parent().map(run_folders).unwrap_or_default();
    elsewhere.iter().filter(begins).cloned().collect()
}

/// The answer to a word that names nothing.
fn stranger(word: &Path, runs: &[RunDir]) -> String {
    let mut names: Vec<String> = runs.iter().map(RunDir::run_id).collect();
    names.extend(runs.iter().map(|run| name_and_seed(&run.run_id()).0));
    names.sort_unstable();
    names.dedup();
    let word = word.to_string_lossy();
    let near = nearest(&word, names.iter().map(String::as_str), NEAREST);
    let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
    let word = shown(&word);
    if near.is_empty() {
        format!(
            "no run and no experiment is called `{word}`, and no run lies there; `supcon ls` lists them"
        )
    } else {
        format!(
            "no run and no experiment is called `{word}`; nearest: {}",
            near.join(", ")
        )
    }
}

/// Looks at every run, on as many threads as there are processors. Not on rayon's: one that waits for a table to be read
/// takes up another run meanwhile, and so on, until its stack is full.
pub(super) fn look<R: Send>(runs: &[RunDir], look: impl Fn(&RunDir) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = runs.len().div_ceil(threads).max(1);
    let look = &look;
    std::thread::scope(|scope| {
        let begin = |part| scope.spawn(move || run_each(part, look));
        let parts: Vec<_> = runs.chunks(share).map(begin).collect();
        let ended = parts.into_iter().map(|part| part.join());
        ended
            .flat_map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn run_each<R>(runs: &[RunDir], look: impl Fn(&RunDir) -> R) -> Vec<R> {
    runs.iter().map(look).collect()
}

/// Refuses a command before any work.
pub(super) fn refuse(problem: &str) -> ExitCode {
    out::warn(&format!("error: {problem}\n"));
    ExitCode::from(REFUSED)
}

/// Says what the disk or a record refused; its exit code.
pub(super) fn fail(error: &RecordError) -> u8 {
    let code = error.code();
    let text = shown(&error.to_string());
    out::warn(&format!("error[{code}]: {text}\n{}", pointer([code])));
    error.exit_code()
}

/// Bytes for people, in powers of 1000.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 99.95);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Seconds as a person says them.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 99.5 => format!("{s:.0} s"),
        s if s < 99.5 * 60.0 => format!("{:.0} min", s / 60.0),
        s if s < 72.0 * 3600.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} days", s / 86_400.0),
    }
}

/// The lease of a run, or who holds it.
pub(super) fn take(run: &RunDir, what: &str) -> Result<Result<Lease, String>, RecordError> {
    match run.lease(what) {
        Ok(lease) => Ok(Ok(lease)),
        Err(LeaseError::Taken(holder)) => Ok(Err(lease::told(holder.as_ref()))),
        Err(LeaseError::Io(path, source)) => Err(RecordError::Write { path, source }),
    }
}

/// One line about a run that another process holds.
pub(super) fn leased(run: &str, holder: &str) -> String {
    format!("run `{}` is held by {}", shown(run), shown(holder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for id in ["a-s0-00000001", "a-s1-00000002", "ab-s0-00000003"] {
            let run = folder.path().join("runs").join(id);
            std::fs::create_dir_all(&run).unwrap();
            std::fs::write(run.join("plan.yaml"), "").unwrap();
        }
        folder
    }

    fn found(folder: &Path, word: &str, names: Names) -> Result<Vec<String>, String> {
        let runs = select(&[PathBuf::from(word)], &folder.join("runs"), names)?;
        Ok(runs.iter().map(RunDir::run_id).collect())
    }

    #[test]
    fn runs_are_named_by_id_by_experiment_and_by_folder() {
        let store = store();
        let named = |word: &str| found(store.path(), word, Names::Whole);
        let both = ["a-s0-00000001".to_owned(), "a-s1-00000002".to_owned()];
        assert_eq!(named("a"), Ok(both.to_vec()));
        assert_eq!(named("a-s1-00000002"), Ok(both[1..].to_vec()));
        let folder = store.path().join("runs");
        assert_eq!(named(&folder.to_string_lossy()).unwrap().len(), 3);
        let one = folder.join("ab-s0-00000003");
        assert_eq!(named(&one.to_string_lossy()).unwrap().len(), 1);
    }

    #[test]
    fn beginnings_name_runs_only_where_nothing_is_removed() {
        let store = store();
        let named = |word: &str, names| found(store.path(), word, names);
        assert_eq!(named("a-s", Names::Beginnings).unwrap().len(), 2);
        let path = store.path().join("runs/ab-");
        let path = path.to_string_lossy();
        assert_eq!(named(&path, Names::Beginnings).unwrap().len(), 1);
        let error = named("a-s1-0000000", Names::Whole).unwrap_err();
        assert!(error.contains("nearest: `a-s1-00000002`"), "{error}");
        assert!(named(&path, Names::Whole).is_err());
    }

    #[test]
    fn bytes_have_three_digits_at_most() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (94_340_000, "94.3 MB"),
        ];
        for (n, text) in cases {
            assert_eq!(bytes(n), text);
        }
        assert_eq!(bytes(999_600_000), "1.0 GB");
    }
}
