//! Draws what runs say: a moving line for each run on a terminal, few plain lines elsewhere, events as JSON lines, or
//! nothing. Lines for people go to standard error, JSON to standard output; that either is closed is no reason to stop.

mod line;

use super::Fate;
use crate::train::Event;
use indicatif::MultiProgress;
use line::Line;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::Write as _;

/// How much is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// A moving line a run.
    Live,
    /// A line an epoch, but of each run not more than one in two seconds.
    Plain,
    /// Every event as a line of JSON.
    Json,
    /// Nothing.
    Quiet,
}

/// The drawing of one batch.
pub struct Progress {
    style: Style,
    screen: MultiProgress,
    /// For each slot the line of its run.
    lines: Vec<Option<Line>>,
    /// Notes that people have read: runs on the same images have the same ones.
    noted: BTreeSet<String>,
}

impl Progress {
    /// Starts drawing in `style`.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            style,
            screen: MultiProgress::new(),
            lines: Vec::new(),
            noted: BTreeSet::new(),
        }
    }

    /// A run begins in a slot, number `number` of `all`.
    pub(super) fn begin(&mut self, slot: usize, run: &str, (number, all): (usize, usize)) {
        if self.lines.len() <= slot {
            self.lines.resize_with(slot + 1, || None);
        }
        let screen = (self.style == Style::Live).then_some(&self.screen);
        self.lines[slot] = Some(Line::new(screen, run, number, all));
        let event = json!({ "event": "began", "number": number, "of": all });
        self.write_json(run, event);
    }

    /// Something happened in the run of a slot.
    pub(super) fn show(&mut self, slot: usize, event: &Event) {
        let Some(line) = self.lines.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        let text = line.show(event);
        // What a bar says is not said twice.
        let is_news = matches!(
            event,
            Event::Resumed { .. }
                | Event::Shared { .. }
                | Event::Note { .. }
                | Event::Warning { .. }
        );
        if let Event::Note { text } = event
            && self.style != Style::Json
            && !self.noted.insert(text.clone())
        {
            return;
        }
        let stays = self.style == Style::Plain || is_news;
        if self.style == Style::Json {
            let run = line.run().to_owned();
            self.write_json(&run, json!(event));
        } else if let Some(text) = text.filter(|_| stays) {
            self.write_line(&text);
        }
    }

    /// The run of a slot ended.
    pub(super) fn end(&mut self, slot: usize, fate: &Fate) {
        let Some(line) = self.lines.get_mut(slot).and_then(Option::take) else {
            return;
        };
        line.remove(&self.screen);
        self.tell(line.run(), fate, &format!("  {:.1} s", line.secs()));
    }

    /// The run of a slot is tried again.
    pub(super) fn give_up(&mut self, slot: usize) {
        if let Some(line) = self.lines.get_mut(slot).and_then(Option::take) {
            line.remove(&self.screen);
        }
    }

    /// A run ended that was not begun in any slot.
    pub(super) fn settle(&mut self, run: &str, fate: &Fate) {
        self.tell(run, fate, "");
    }

    fn tell(&self, run: &str, fate: &Fate, time: &str) {
        let mut event = json!({ "event": "ended" });
        merge(&mut event, json!(fate));
        self.write_json(run, event);
        self.write_line(&match fate {
            Fate::Skipped => return,
            Fate::Done { .. } => format!("done         {run}{time}"),
            Fate::Failed { code, cause, .. } => format!("failed       {run}  {code}: {cause}"),
            Fate::Leased { holder } => format!("leased       {run}  {holder}"),
            Fate::Interrupted | Fate::NotBegun => format!("interrupted  {run}"),
        });
    }

    /// Says something about the whole batch.
    pub(super) fn say(&self, text: &str) {
        if self.style != Style::Json {
            self.write_line(text);
        }
    }

    /// A line that stays.
    fn write_line(&self, text: &str) {
        match self.style {
            Style::Live => drop(self.screen.println(text)),
            Style::Plain => drop(writeln!(std::io::stderr(), "{text}")),
            Style::Json | Style::Quiet => {}
        }
    }

    /// An event of a run for programs.
    fn write_json(&self, run: &str, event: Value) {
        if self.style == Style::Json {
            let mut line = json!({ "run": run });
            merge(&mut line, event);
            drop(writeln!(std::io::stdout(), "{line}"));
        }
    }

    /// Removes what moves.
    pub fn finish(&self) {
        // A terminal that is gone needs no cleaning.
        drop(self.screen.clear());
    }
}

/// Adds the fields of one JSON object to another.
fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend::<Map<String, Value>>(from);
    }
}
