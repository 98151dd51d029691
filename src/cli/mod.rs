//! The verbs of the command line, one file each. Only this folder prints and picks exit codes.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the one place that prints"
)]

#[cfg(feature = "train")]
mod bench;
mod check;
#[cfg(feature = "train")]
mod doctor;
mod fsck;
mod gc;
mod help;
mod list;
mod ls;
mod new;
mod out;
mod plan;
mod preview;
mod remove;
#[cfg(feature = "train")]
mod replay;
mod report;
#[cfg(feature = "train")]
mod run;
mod schema;
#[cfg(feature = "train")]
mod selftest;
mod store;

use crate::spec::{MAX_RUNS, Overrides};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;

/// Declarative experiments in supervised contrastive learning.
#[derive(Parser)]
#[command(version, about, max_term_width = 100, after_help = EXAMPLES, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  supcon new mine                          an annotated spec to begin with
  supcon check experiments                 find every mistake before any work
  supcon plan exp.yaml                     what it would cost
  supcon preview exp.yaml                  what augmentation makes of images
  supcon run experiments/quickstart        train, record and compare
  supcon run exp.yaml --set 'seeds=[0]'    with a value changed for this call
  supcon run experiments --device libtorch:cuda --jobs 4
  supcon bench exp.yaml                    where the time of a step goes
  supcon report --out report               charts and page of recorded runs
  supcon ls                                where every recorded run stands
  supcon fsck --deep                       compare each byte with its hash
  supcon gc                                what can go from the results
  supcon rm mine-s0-1f2e3d4c               remove a recorded run
  supcon replay mine-s0-1f2e3d4c           the step at which a run diverged
  supcon selftest kill --n 50              killed runs end as others do
  supcon list losses                       what a spec can name
  supcon schema > spec.schema.json         completion and hover in editors
  supcon help unknown-key                  what a code means, with an example

Exit codes: 0 done, 2 refused before any work, 3 some runs failed,
4 damaged results, 5 device, library or data missing,
6 another process trains the run or holds the GPU, 7 disk,
75 interrupted (run the same command again), 130 stopped at once.
Where runs ended differently, 7 goes before 130 and 75, these before
3, 4 and 5, and 6 comes last; 4 and 5 say that every failure was of
that kind.";

#[derive(Subcommand)]
enum Verb {
    /// Train every run of the given specs that is not complete, then report on them.
    #[cfg(feature = "train")]
    Run(run::RunArgs),
    /// Measure how long each phase takes here, and where the time goes.
    #[cfg(feature = "train")]
    Bench(bench::BenchArgs),
    /// Check specs and name everything that is wrong with them.
    #[command(after_help = check::MORE)]
    Check {
        #[command(flatten)]
        specs: SpecArgs,
    },
    /// Write an annotated spec to begin with; it runs as it stands.
    New(new::NewArgs),
    /// List what a spec can name, with one line each, keys and defaults.
    #[command(after_help = list::MORE)]
    List {
        /// Only this list.
        what: Option<list::What>,
    },
    /// Print the language as a JSON Schema, for completion and hover in editors.
    #[command(after_help = schema::MORE)]
    Schema {
        /// Print the key reference as a Markdown page instead.
        #[arg(long)]
        markdown: bool,
    },
    /// Show the runs that specs describe: phases, layers, steps, memory and disk.
    #[command(after_help = plan::MORE)]
    Plan {
        #[command(flatten)]
        specs: SpecArgs,
        /// Folder of an `image_folder`, whose images are counted, instead of `SUPCON_DATA` and the spec's `data.root`.
        #[arg(long, value_name = "PATH")]
        data: Option<PathBuf>,
        #[command(flatten)]
        view: plan::View,
    },
    /// Draw training images with what each augmentation step makes of them, and some complete draws, as PNG.
    Preview(preview::PreviewArgs),
    /// Draw charts and a page from recorded runs.
    Report(report::ReportArgs),
    /// List recorded runs with state, progress, age and test accuracy.
    Ls(ls::LsArgs),
    /// Say whether recorded runs are what was recorded; changes nothing.
    Fsck(fsck::FsckArgs),
    /// Show what can go from the results, and remove it with `--apply`.
    Gc(gc::GcArgs),
    /// Remove recorded runs, unless another process holds them.
    Rm(remove::RmArgs),
    /// Take the step again at which a run diverged, from the capsule that it left.
    #[cfg(feature = "train")]
    Replay(replay::ReplayArgs),
    /// Test this program on your own disk and device.
    #[cfg(feature = "train")]
    Selftest(selftest::SelftestArgs),
    /// Say which devices this program can use here, and why not the others.
    #[cfg(feature = "train")]
    #[command(after_help = doctor::MORE)]
    Doctor,
    /// Explain a code of a problem, a verb, or a key of specs; without a word, list them.
    #[command(after_help = help::MORE)]
    Help {
        /// Codes, verbs, keys or names of specs.
        #[arg(value_name = "WORD")]
        words: Vec<String>,
    },
    /// Train one prepared run (what `run` starts for each run).
    #[cfg(feature = "train")]
    #[command(hide = true)]
    Worker(run::WorkerArgs),
}

/// Specs and what changes them.
#[derive(Args)]
struct SpecArgs {
    /// Spec files, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Change a value: a dotted key and a YAML value; `~` deletes it, as in `--set 'sweep=~'`.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Lay this section of each spec's `profiles` over it.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Refuse to begin more runs than this.
    #[arg(long, value_name = "N", default_value_t = MAX_RUNS)]
    max_runs: usize,
    /// How problems are written: drawn on standard error, or one line of JSON on standard output.
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    format: Format,
}

/// How problems are written: for people, or for editors and scripts as docs/diagnostics.md says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl SpecArgs {
    fn overrides(&self) -> Overrides {
        Overrides {
            set: self.set.clone(),
            profile: self.profile.clone(),
            max_runs: self.max_runs,
        }
    }
}

/// Where data is read, and where the program keeps what it makes.
#[derive(Args)]
struct FolderArgs {
    /// Folder or archive of the data set, instead of `SUPCON_DATA` and the spec's `data.root`.
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Folder of records, report and caches.
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

impl FolderArgs {
    /// Folder of downloads and decoded images.
    fn cache(&self) -> PathBuf {
        self.results.join("cache")
    }
}

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => out::finish(verb(cli.verb)),
        Err(error) => match unknown_verb(&error) {
            Some(word) => {
                out::warn(&format!("error: {}\n", help::no_verb(&word)));
                ExitCode::from(check::REFUSED)
            }
            None => error.exit(),
        },
    }
}

/// The first word, if it is no verb.
fn unknown_verb(error: &clap::Error) -> Option<String> {
    let first = std::env::args().nth(1)?;
    let unknown = error.kind() == ErrorKind::InvalidSubcommand;
    match error.get(ContextKind::InvalidSubcommand)? {
        ContextValue::String(word) if unknown && *word == first => Some(first),
        _ => None,
    }
}

fn verb(verb: Verb) -> ExitCode {
    match verb {
        #[cfg(feature = "train")]
        Verb::Run(args) => run::run(&args),
        #[cfg(feature = "train")]
        Verb::Bench(args) => bench::bench(&args),
        Verb::Check { specs } => check::check(&specs),
        Verb::New(args) => new::new(&args),
        Verb::List { what } => list::list(what),
        Verb::Schema { markdown } => schema::schema(markdown),
        Verb::Plan { specs, data, view } => plan::plan(&specs, data.as_ref(), view),
        Verb::Preview(args) => preview::preview(&args),
        Verb::Report(args) => report::report(&args),
        Verb::Ls(args) => ls::ls(&args),
        Verb::Fsck(args) => fsck::fsck(&args),
        Verb::Gc(args) => gc::gc(&args),
        Verb::Rm(args) => remove::remove(&args),
        #[cfg(feature = "train")]
        Verb::Replay(args) => replay::replay(&args),
        #[cfg(feature = "train")]
        Verb::Selftest(args) => selftest::selftest(&args),
        #[cfg(feature = "train")]
        Verb::Doctor => doctor::doctor(),
        Verb::Help { words } => help::help(&words),
        #[cfg(feature = "train")]
        Verb::Worker(args) => run::worker(args),
    }
}

#[cfg(all(test, feature = "train"))]
mod tests {
    use super::*;
    use clap::CommandFactory;

    /// Commands of the text: what follows `supcon ` at the start of a line, or after `command:` in a spec's header.
    fn commands(text: &str) -> impl Iterator<Item = &str> {
        let lines = text.lines().map(|line| line.trim_start());
        let lines = lines.map(|line| {
            line.strip_prefix("# command:")
                .map_or(line, str::trim_start)
        });
        lines
            .filter(|line| line.starts_with("supcon "))
            .map(|line| {
                // A comment or a column of explanation follows after spaces, a file after `>`.
                let line = line.split("  ").next().unwrap_or(line);
                line.split(" > ").next().unwrap_or(line)
            })
    }

    #[test]
    fn every_command_that_is_documented_is_one_that_the_program_takes() {
        Cli::command().debug_assert();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut texts = vec![EXAMPLES.to_owned()];
        for verb in Cli::command().get_subcommands() {
            let more = verb.get_after_help().map(ToString::to_string);
            let example = format!("\n  supcon {}", verb.get_name());
            let shown = more.as_ref().is_some_and(|more| more.contains(&example));
            let lines = more.iter().flat_map(|more| more.lines());
            let wide = |line: &&str| line.starts_with("  supcon ") && line.len() > 80;
            let wide: Vec<&str> = lines.filter(wide).collect();
            assert!(wide.is_empty(), "wider than a terminal: {wide:?}");
            assert!(
                shown || verb.is_hide_set(),
                "no example of {}",
                verb.get_name()
            );
            texts.extend(more);
        }
        let specs = walkdir::WalkDir::new(root.join("experiments"));
        let specs = specs.into_iter().map(|entry| entry.unwrap().into_path());
        let specs = specs.filter(|path| path.extension().is_some_and(|end| end == "yaml"));
        for path in specs.chain([root.join("README.md"), root.join("CONTRIBUTING.md")]) {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
        let mut found = 0;
        for command in texts.iter().flat_map(|text| commands(text)) {
            let parsed = Cli::try_parse_from(command.split_whitespace());
            assert!(parsed.is_ok(), "{command}: {}", parsed.err().unwrap());
            found += 1;
        }
        assert!(found > 15, "{found}");
    }
}
