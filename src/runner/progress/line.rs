//! The line of one run: what its events say, and the bar that moves on a terminal.

use crate::record::MetricRow;
use crate::train::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Least time between two plain lines of one run.
const PLAIN: Duration = Duration::from_secs(2);

/// What a run shows.
pub(super) struct Line {
    run: String,
    /// `[2/6] name-s1-0123abcd`.
    label: String,
    bar: ProgressBar,
    phase: String,
    epochs: u32,
    steps_per_epoch: u64,
    /// A step of this phase was seen: from there on the bar's pace is that of the steps.
    moves: bool,
    told: Option<Instant>,
    begun: Instant,
}

impl Line {
    /// A line for run number `number` of `all`, on `screen` if there is one.
    pub(super) fn new(
        screen: Option<&MultiProgress>,
        run: &str,
        number: usize,
        all: usize,
    ) -> Self {
        let bar = match screen {
            Some(screen) => screen.add(ProgressBar::new(0)),
            None => ProgressBar::hidden(),
        };
        let label = format!("[{number}/{all}] {run}");
        dress(&bar, "{wide_msg}");
        bar.set_message(label.clone());
        Self {
            run: run.to_owned(),
            label,
            bar,
            phase: String::new(),
            epochs: 0,
            steps_per_epoch: 0,
            moves: false,
            told: None,
            begun: Instant::now(),
        }
    }

    /// Id of the run.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// Seconds since the run began.
    pub(super) fn secs(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// Takes the line from the screen.
    pub(super) fn remove(&self, screen: &MultiProgress) {
        self.bar.finish_and_clear();
        screen.remove(&self.bar);
    }

    /// Moves the bar; gives the text of a plain line when one is due.
    pub(super) fn show(&mut self, event: &Event) -> Option<String> {
        match event {
            Event::Preparing { what, done, total } => {
                self.prepare(what, *done, *total);
                None
            }
            Event::Resumed { phase, epoch, step } => Some(format!(
                "resumed      {}  {phase}, epoch {epoch}, after step {step}",
                self.run
            )),
            Event::Shared { phase } => Some(format!(
                "shared       {}  {phase} is taken from another run",
                self.run
            )),
            Event::PhaseStarted {
                phase,
                epochs,
                steps_per_epoch,
            } => {
                self.enter(phase, *epochs, *steps_per_epoch);
                None
            }
            Event::Step {
                epoch,
                step,
                loss,
                images_per_sec,
                ..
            } => {
                let done = u64::from(epoch.saturating_sub(1)) * self.steps_per_epoch + step;
                self.advance(done);
                let text = self.text(*epoch, &format!("loss {loss:.4}"), *images_per_sec);
                self.bar.set_message(text);
                None
            }
            Event::EpochEnded {
                rows,
                images_per_sec,
            } => {
                let epoch = rows.first()?.epoch;
                self.advance(u64::from(epoch) * self.steps_per_epoch);
                let text = self.text(epoch, &figures(rows), *images_per_sec);
                self.bar.set_message(text.clone());
                self.is_due(epoch).then_some(text)
            }
            Event::Note { text } => Some(match text.strip_prefix("warning: ") {
                Some(text) => format!("warning      {}  {text}", self.run),
                None => format!("note         {}  {text}", self.run),
            }),
            Event::Warning { text } => Some(format!("warning      {}  {text}", self.run)),
            Event::Ended { .. } | Event::Finished { .. } => None,
        }
    }

    fn prepare(&self, what: &str, done: u64, total: Option<u64>) {
        match total {
            Some(total) => {
                dress(&self.bar, "{wide_msg} {bar:20} {percent:>3}%");
                self.bar.set_length(total);
                self.bar.set_position(done);
                self.bar.set_message(format!("{}  {what}", self.label));
            }
            None => self
                .bar
                .set_message(format!("{}  {what} {done}", self.label)),
        }
    }

    fn enter(&mut self, phase: &str, epochs: u32, steps_per_epoch: u64) {
        (self.epochs, self.steps_per_epoch) = (epochs, steps_per_epoch);
        phase.clone_into(&mut self.phase);
        self.moves = false;
        dress(&self.bar, "{wide_msg} {bar:20} {percent:>3}% eta {eta}");
        self.bar.reset();
        self.bar.set_length(u64::from(epochs) * steps_per_epoch);
        self.bar.set_message(format!("{}  {phase}", self.label));
    }

    fn advance(&mut self, steps: u64) {
        self.bar.set_position(steps);
        if !self.moves {
            // A resumed phase begins far from zero, which is no pace.
            self.bar.reset_eta();
            self.moves = true;
        }
    }

    fn text(&self, epoch: u32, figures: &str, images_per_sec: f64) -> String {
        let (label, phase, epochs) = (&self.label, &self.phase, self.epochs);
        format!("{label}  {phase} {epoch}/{epochs}  {figures}  {images_per_sec:.0} images/s")
    }

    /// Few lines are enough, but the last epoch of a phase has its own.
    fn is_due(&mut self, epoch: u32) -> bool {
        let due = self.told.is_none_or(|told| told.elapsed() >= PLAIN) || epoch == self.epochs;
        if due {
            self.told = Some(Instant::now());
        }
        due
    }
}

/// The figures of an epoch; those of the training split without its name.
fn figures(rows: &[MetricRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let split = match row.split.as_str() {
            "train" => String::new(),
            split => format!("{split} "),
        };
        let _ = write!(text, " {split}{} {:.4}", row.metric, row.value);
    }
    text.trim_start().to_owned()
}

fn dress(bar: &ProgressBar, template: &str) {
    let style = ProgressStyle::with_template(template).expect("the templates above are right");
    bar.set_style(style.progress_chars("=> "));
}
