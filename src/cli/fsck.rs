//! `supcon fsck`: says whether what was recorded is still what was recorded, and changes nothing.

use super::out;
use super::store::{self, Names, ResultsArgs, shown};
use crate::diag;
use crate::plan::counted;
use crate::record::{Examined, Finding, examine, examine_phases};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code of damaged results.
const EXIT: u8 = 4;

const MORE: &str = "\
A line says `run: file: what`, the next one what to do about it. A damaged run hides no
other, and no file is parsed whose hash was not confirmed. Unknown files and leftovers are
listed and are no damage. Exit code: 0 sound, 4 damaged.

Examples:
  supcon fsck                     lengths of every file, in no time
  supcon fsck --deep              every byte against its hash
  supcon fsck --deep mine         the runs of one experiment";

/// Arguments of `fsck`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct FsckArgs {
    /// Experiments, run ids, folders, or how one of them begins [default: every run, and the stored phases].
    #[arg(value_name = "PATH|NAME")]
    words: Vec<PathBuf>,
    #[command(flatten)]
    results: ResultsArgs,
    /// Read every file and compare it with its hash.
    #[arg(long)]
    deep: bool,
}

/// Looks at runs, and without a word at stored phases too.
pub(super) fn fsck(args: &FsckArgs) -> ExitCode {
    if args.words.is_empty()
        && let Err(problem) = args.results.is_there()
    {
        return store::refuse(&problem);
    }
    let runs = match store::select(&args.words, &args.results.runs(), Names::Beginnings) {
        Ok(runs) => runs,
        Err(problem) => return store::refuse(&problem),
    };
    let looks = store::look(&runs, |dir| examine(dir, args.deep));
    let (phases, stored) = if args.words.is_empty() {
        examine_phases(&args.results.results.join("phases"), args.deep)
    } else {
        (0, Vec::new())
    };
    let mut out = String::new();
    for finding in looks.iter().flat_map(|look| &look.findings).chain(&stored) {
        line(&mut out, finding);
    }
    out.push_str(&summary(&looks, (phases, &stored), args.deep));
    out::print(&out);
    let found = looks.iter().flat_map(|look| &look.findings).chain(&stored);
    let codes: Vec<&str> = found.filter_map(|finding| finding.code).collect();
    if codes.is_empty() {
        return ExitCode::SUCCESS;
    }
    out::warn(&diag::pointer(codes));
    ExitCode::from(EXIT)
}

/// One finding, and what to do about it.
fn line(out: &mut String, finding: &Finding) {
    let Finding {
        code,
        owner,
        file,
        what,
        remedy,
    } = finding;
    let head = code.map_or("note".to_owned(), |code| format!("error[{code}]"));
    let text = shown(&format!("{owner}: {file}: {what}"));
    let _ = writeln!(out, "{head}: {text}\n  = help: {}", shown(remedy));
}

fn summary(looks: &[Examined], (phases, stored): (usize, &[Finding]), deep: bool) -> String {
    let damaged = looks.iter().filter(|look| look.is_damaged()).count();
    let finished = looks.iter().filter(|look| look.finished).count();
    let broken = stored
        .iter()
        .filter(|finding| finding.code.is_some())
        .count();
    let how = if deep {
        "every byte read"
    } else {
        "lengths only, `--deep` reads every byte"
    };
    let runs = counted(looks.len(), "run");
    let mut out = format!("{runs} ({finished} finished): {damaged} damaged");
    if phases > 0 {
        let phases = counted(phases, "stored phase");
        let _ = write!(out, "; {phases}: {broken} damaged");
    }
    let _ = writeln!(out, "; {how}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_one_line_and_its_help() {
        let finding = Finding {
            code: Some("STORE-DAMAGED"),
            owner: "a-s0-1".into(),
            file: "plan.yaml".into(),
            what: "two\nlines".into(),
            remedy: "look".into(),
        };
        let mut out = String::new();
        line(&mut out, &finding);
        let text = "error[STORE-DAMAGED]: a-s0-1: plan.yaml: two\\u{a}lines\n  = help: look\n";
        assert_eq!(out, text);
    }
}
