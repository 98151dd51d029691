//! `supcon selftest`: proves on the user's own file system and device that a killed run ends as one that was never killed.
//! Every run is this program again, as a user starts it.

use super::out;
use super::store::shown;
use crate::plan::counted;
use crate::record::{CHECKPOINTS, MODEL, MetricRow, PREDICTIONS, RunDir, RunRecord, load};
use crate::runner::{exit, program};
use clap::{Args, Subcommand};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// What is trained.
const SPEC: &str = include_str!("../../templates/selftest.yaml");
/// First operation that is tried; whoever survives a kill there has fewer.
const FIRST: u64 = 256;
/// Fractional part of the golden ratio: its multiples modulo 1 are spread evenly, however many there are.
const GOLDEN: f64 = 0.618_033_988_749_895;

const MORE: &str = "\
A small built-in run is trained once without a disturbance. Then it is begun again and
again, each time killed (SIGKILL) at another of its file operations and completed by the
same command, and compared with the first one: metrics without wall times, predictions and
model, byte for byte. Exit code: 0 all equal, 4 if one is not (then all folders are kept).

Example:
  supcon selftest kill --n 50 --dir /mnt/shared/selftest";

/// Arguments of `selftest`.
#[derive(Args)]
#[command(after_help = MORE)]
pub(super) struct SelftestArgs {
    #[command(subcommand)]
    test: Test,
}

#[derive(Subcommand)]
enum Test {
    /// Kill a run at its file operations, complete it, and compare.
    #[command(after_help = MORE)]
    Kill(KillArgs),
}

#[derive(Args)]
struct KillArgs {
    /// Kills.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    n: u64,
    /// Where the runs are written: a folder of the file system in question.
    #[arg(long, value_name = "DIR", default_value = "results/selftest")]
    dir: PathBuf,
    /// Device: `cpu`, `libtorch`, `libtorch:cuda:N`, or `auto` for the fastest that is there.
    #[arg(long, default_value = "auto")]
    device: String,
    /// Another seed kills at other operations.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Runs a test of the program itself.
pub(super) fn selftest(args: &SelftestArgs) -> ExitCode {
    let Test::Kill(args) = &args.test;
    let code = match kill(args) {
        Ok(code) => code,
        Err(Stop::Io(error)) => {
            out::warn(&format!("error: {}: {error}\n", args.dir.display()));
            exit::DISK
        }
        Err(Stop::Ended { code, text }) => {
            out::warn(&text);
            code
        }
    };
    ExitCode::from(code)
}

/// Why a test ends before its end.
enum Stop {
    /// The file system refused.
    Io(io::Error),
    /// A run ended as no run of this test should, with this exit code.
    Ended { code: u8, text: String },
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn kill(args: &KillArgs) -> Result<u8, Stop> {
    let folder = args.dir.join(format!("kill-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let spec = folder.join("selftest.yaml");
    fs::write(&spec, SPEC)?;
    let bench = Bench {
        folder,
        device: args.device.clone(),
    };
    let at = bench.folder.display();
    out::warn(&format!("in {at}, seed {}\n", args.seed));
    let begun = Instant::now();
    let reference = bench.complete("reference")?;
    let secs = begun.elapsed().as_secs_f64();
    let device = &reference.status.device;
    out::warn(&format!("reference: {secs:.1} s, on {device}\n"));
    let (mut points, mut equal) = (Points::new(args.seed), 0);
    for number in 1..=args.n {
        let name = format!("kill-{number}");
        let at = bench.killed(&name, &mut points)?;
        let run = bench.complete(&name)?;
        let verdict = match difference(&reference, &run)? {
            None => {
                equal += 1;
                fs::remove_dir_all(bench.results(&name))?;
                "equal".to_owned()
            }
            Some(what) => format!("{what} (kept: {})", bench.results(&name).display()),
        };
        let n = args.n;
        out::warn(&format!(
            "kill {number}/{n} at file operation {at}: {verdict}\n"
        ));
    }
    let kills = counted(usize::try_from(args.n).unwrap_or(usize::MAX), "kill");
    out::print(&format!("{kills}, {equal} equal\n"));
    if equal < args.n {
        return Ok(exit::DAMAGED);
    }
    fs::remove_dir_all(&bench.folder)?;
    // Only if nothing else lies there.
    let _ = fs::remove_dir(&args.dir);
    Ok(0)
}

/// Which operations are tried. How many a run has shows when it survives a kill behind its last one.
struct Points {
    /// The next one while nobody knows how many there are.
    next: u64,
    /// No run has more operations than this.
    most: Option<u64>,
    drawn: f64,
}

impl Points {
    fn new(seed: u64) -> Self {
        Self {
            next: FIRST,
            most: None,
            // Away from multiples of the ratio itself, so that seeds do not repeat each other.
            drawn: (seed as f64 * std::f64::consts::SQRT_2).fract(),
        }
    }

    fn draw(&mut self) -> u64 {
        let Some(most) = self.most else {
            self.next *= 2;
            return self.next / 2;
        };
        self.drawn = (self.drawn + GOLDEN).fract();
        1 + (self.drawn * most as f64) as u64
    }

    /// A run had fewer operations than this.
    fn survived(&mut self, at: u64) {
        self.most = Some((at - 1).max(1));
    }
}

/// Where the runs lie, and on what they train.
struct Bench {
    folder: PathBuf,
    device: String,
}

impl Bench {
    fn results(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Begins a run that is killed, and says at which operation.
    fn killed(&self, name: &str, points: &mut Points) -> Result<u64, Stop> {
        loop {
            let at = points.draw();
            let (code, text) = self.command(name, Some(at))?;
            let dir = self.dir(name)?;
            match code {
                Some(0) if !dir.file(CHECKPOINTS).exists() => {
                    points.survived(at);
                    fs::remove_dir_all(self.results(name))?;
                }
                // Killed behind its last result, while it cleaned up.
                Some(0) => return Ok(at),
                Some(exit::FAILED) if was_killed(&dir) => return Ok(at),
                _ => return Err(ended(code, text)),
            }
        }
    }

    /// Brings a run to its end.
    fn complete(&self, name: &str) -> Result<RunRecord, Stop> {
        let (code, text) = self.command(name, None)?;
        if code != Some(0) {
            return Err(ended(code, text));
        }
        load(self.dir(name)?.path()).map_err(|error| Stop::Ended {
            code: error.exit_code(),
            text: format!("error: {}\n", shown(&error.to_string())),
        })
    }

    /// The one run of these results.
    fn dir(&self, name: &str) -> Result<RunDir, Stop> {
        let found = RunDir::list(&self.results(name).join("runs"));
        found.into_iter().next().ok_or_else(|| Stop::Ended {
            code: exit::DAMAGED,
            text: format!("error: no run in {}\n", self.results(name).display()),
        })
    }

    /// `supcon run`, killed at an operation of its worker; exit code and what it said.
    fn command(&self, name: &str, fault: Option<u64>) -> io::Result<(Option<u8>, String)> {
        let mut command = Command::new(program()?);
        command.arg("run").arg(self.folder.join("selftest.yaml"));
        command.arg("--results").arg(self.results(name));
        command.args(["--device", &self.device, "--threads=1", "--quiet"]);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.env_remove("SUPCON_FAULT");
        command.envs(fault.map(|at| ("SUPCON_FAULT", format!("worker:kill@{at}"))));
        let output = command.stderr(Stdio::piped()).output()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output
            .status
            .code()
            .and_then(|code| u8::try_from(code).ok());
        Ok((code, text))
    }
}

/// The run's status, as its parent wrote it.
fn was_killed(dir: &RunDir) -> bool {
    let status = load(dir.path()).map(|run| run.status);
    status.is_ok_and(|status| status.code.as_deref() == Some("RUN-KILLED"))
}

fn ended(code: Option<u8>, text: String) -> Stop {
    let code = code.filter(|code| *code != 0).unwrap_or(exit::FAILED);
    Stop::Ended { code, text }
}

/// What differs between two runs of one plan, `None` if nothing does.
fn difference(a: &RunRecord, b: &RunRecord) -> io::Result<Option<String>> {
    let figures = |run: &RunRecord| -> Vec<String> {
        run.metrics.iter().map(MetricRow::to_the_bit).collect()
    };
    if figures(a) != figures(b) {
        return Ok(Some("the metrics differ".to_owned()));
    }
    for name in [PREDICTIONS, MODEL] {
        let bytes = |run: &RunRecord| fs::read(run.dir.file(name));
        if bytes(a)? != bytes(b)? {
            return Ok(Some(format!("{name} differs")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_grow_until_a_run_survives_and_are_then_spread_below() {
        let mut points = Points::new(0);
        assert_eq!([points.draw(), points.draw()], [256, 512]);
        points.survived(301);
        let mut drawn: Vec<u64> = (0..100).map(|_| points.draw()).collect();
        drawn.sort_unstable();
        assert!(drawn[0] <= 5 && drawn[99] >= 295 && drawn[99] <= 300);
        let widest = drawn.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(widest.unwrap() < 10, "{drawn:?}");
        let mut other = Points::new(1);
        other.survived(301);
        assert_ne!(
            other.draw(),
            Points::draw(&mut Points {
                most: Some(300),
                ..Points::new(0)
            })
        );
    }

    #[test]
    fn the_built_in_spec_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("selftest.yaml");
        fs::write(&path, SPEC).unwrap();
        let runs = crate::plan::load_runs(&[path], &crate::spec::Overrides::default());
        assert_eq!(runs.unwrap()[0].phases.len(), 2);
    }
}
