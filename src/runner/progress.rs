//! Draws what runs say: one moving line on a terminal, few plain lines elsewhere, nothing when quiet.

use super::Fate;
use crate::train::Event;
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// How much is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A moving line.
    Live,
    /// A line an epoch, but not more than one in two seconds.
    Plain,
    /// Nothing.
    Quiet,
}

/// Least time between two plain lines of one run.
const PLAIN: Duration = Duration::from_secs(2);

/// The drawing of one batch, on standard error.
pub struct Progress {
    style: Style,
    bar: ProgressBar,
    run: String,
    phase: (String, u32, u64),
    last_line: Option<Instant>,
    begun: Instant,
}

impl Progress {
    /// Starts drawing in `style`.
    #[must_use]
    pub fn new(style: Style) -> Self {
        let bar = if style == Style::Live {
            ProgressBar::new(0)
        } else {
            ProgressBar::hidden()
        };
        Self {
            style,
            bar,
            run: String::new(),
            phase: (String::new(), 0, 0),
            last_line: None,
            begun: Instant::now(),
        }
    }

    /// A run begins, number `number` of `all`.
    pub(super) fn begin(&mut self, run: &str, number: usize, all: usize) {
        self.run = format!("[{number}/{all}] {run}");
        self.begun = Instant::now();
        self.last_line = None;
        self.bar.reset();
        self.bar.set_length(0);
    }

    /// A run ended.
    pub(super) fn end(&mut self, run: &str, fate: &Fate) {
        let seconds = self.begun.elapsed().as_secs_f64();
        self.bar.set_length(0);
        let text = match fate {
            Fate::Skipped => return,
            Fate::Done => format!("done         {run}  {seconds:.1} s"),
            Fate::Failed { code, cause, .. } => format!("failed       {run}  {code}: {cause}"),
            Fate::Interrupted => format!("interrupted  {run}"),
        };
        self.line(&text);
    }

    /// Something happened in the run that began last.
    pub(super) fn show(&mut self, event: &Event) {
        match event {
            Event::Preparing { what, done, total } => self.prepare(what, *done, *total),
            Event::PhaseStarted {
                phase,
                epochs,
                steps_per_epoch,
            } => {
                self.phase = (phase.clone(), *epochs, *steps_per_epoch);
                self.bar.reset();
                self.bar.set_length(u64::from(*epochs) * steps_per_epoch);
                let template = "{msg}  {wide_bar} {pos}/{len}  eta {eta}";
                if let Ok(style) = ProgressStyle::with_template(template) {
                    self.bar.set_style(style.progress_chars("=> "));
                }
            }
            Event::Step {
                epoch,
                step,
                loss,
                images_per_sec,
                ..
            } => {
                self.bar
                    .set_position(u64::from(epoch - 1) * self.phase.2 + step);
                self.message(*epoch, &format!("loss {loss:.4}"), *images_per_sec);
            }
            Event::EpochEnded {
                rows,
                images_per_sec,
            } => {
                let Some(epoch) = rows.first().map(|row| row.epoch) else {
                    return;
                };
                self.bar.set_position(u64::from(epoch) * self.phase.2);
                let mut figures = String::new();
                for row in rows {
                    let split = if row.split == "train" {
                        ""
                    } else {
                        &format!("{} ", row.split)
                    };
                    let _ = write!(figures, " {split}{} {:.4}", row.metric, row.value);
                }
                self.message(epoch, figures.trim_start(), *images_per_sec);
                self.plain_epoch(epoch, figures.trim_start(), *images_per_sec);
            }
            Event::Resumed { phase, epoch, step } => {
                self.line(&format!(
                    "{}  goes on behind step {step}, in epoch {epoch} of {phase}",
                    self.run
                ));
            }
            Event::Warning { text } => self.line(&format!("{}  warning: {text}", self.run)),
            Event::Ended { .. } | Event::Finished { .. } => {}
        }
    }

    fn prepare(&mut self, what: &str, done: u64, total: Option<u64>) {
        self.bar.set_length(total.unwrap_or(0));
        self.bar.set_position(done);
        self.bar.set_message(format!("{}  {what}", self.run));
    }

    fn message(&self, epoch: u32, figures: &str, images_per_sec: f64) {
        let (phase, epochs, _) = &self.phase;
        self.bar.set_message(format!(
            "{}  {phase} {epoch}/{epochs}  {figures}  {images_per_sec:.0} images/s",
            self.run
        ));
    }

    fn plain_epoch(&mut self, epoch: u32, figures: &str, images_per_sec: f64) {
        let (phase, epochs, _) = &self.phase;
        let due = self.last_line.is_none_or(|last| last.elapsed() >= PLAIN) || epoch == *epochs;
        if self.style == Style::Plain && due {
            self.last_line = Some(Instant::now());
            self.line(&format!(
                "{}  {phase} {epoch}/{epochs}  {figures}  {images_per_sec:.0} images/s",
                self.run
            ));
        }
    }

    /// A line that stays. A closed standard error is no reason to stop training.
    fn line(&self, text: &str) {
        match self.style {
            Style::Live => self.bar.println(text),
            Style::Plain => drop(writeln!(std::io::stderr(), "{text}")),
            Style::Quiet => {}
        }
    }

    /// Removes what moves.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
