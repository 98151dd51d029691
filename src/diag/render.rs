//! Draws problems as text: code and message, place, the line with a caret, note and help, and one closing line.
//! Everything that came from a file is escaped, so that no control character reaches a terminal.

mod line;

use super::text::{shown, wrap};
use super::{Place, Problem, Problems, codes};
use line::draw_line;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Terminal styles; empty strings without colour.
#[derive(Clone, Copy)]
struct Style {
    /// Columns of the terminal, if it is known.
    columns: Option<usize>,
    error: &'static str,
    frame: &'static str,
    bold: &'static str,
    end: &'static str,
}

const PLAIN: Style = Style {
    columns: None,
    error: "",
    frame: "",
    bold: "",
    end: "",
};
const COLOUR: Style = Style {
    columns: None,
    error: "\x1b[1;31m",
    frame: "\x1b[1;34m",
    bold: "\x1b[1m",
    end: "\x1b[0m",
};

impl Problems {
    /// Draws all problems and the closing line, with terminal colours if asked for.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        self.render_within(color, None)
    }

    /// As `render`, within so many columns, if they are known.
    #[must_use]
    pub fn render_within(&self, color: bool, columns: Option<usize>) -> String {
        let style = if color { COLOUR } else { PLAIN };
        let style = Style { columns, ..style };
        let mut out = String::new();
        for (i, problem) in self.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            draw(&mut out, problem, &style);
        }
        let Style { error, end, .. } = style;
        let (n, s) = (self.len(), if self.len() == 1 { "" } else { "s" });
        let files: BTreeSet<&str> = self
            .iter()
            .filter_map(|p| p.place.as_ref().map(|place| place.file.as_str()))
            .collect();
        let place = match files.iter().collect::<Vec<_>>()[..] {
            [] => String::new(),
            [file] => format!(" in {}", shown(file)),
            ref more => format!(" in {} files", more.len()),
        };
        let _ = writeln!(
            out,
            "{error}error{end}: {n} problem{s}{place}, nothing was run"
        );
        out
    }

    /// Draws the problems without the closing line, which speaks of specs.
    #[must_use]
    pub fn render_alone(&self) -> String {
        let mut out = String::new();
        for problem in self {
            draw(&mut out, problem, &PLAIN);
        }
        out
    }

    /// The one line that says where more is told about the codes of all problems.
    #[must_use]
    pub fn pointer(&self) -> String {
        codes::pointer(self.iter().map(|problem| problem.code.as_str()))
    }
}

/// Draws one problem.
fn draw(out: &mut String, problem: &Problem, style: &Style) {
    let Style {
        error, bold, end, ..
    } = style;
    let (code, message) = (problem.code, shown(&problem.message));
    let _ = writeln!(out, "{error}error[{code}]{end}{bold}: {message}{end}");
    let width = problem
        .place
        .as_ref()
        .map_or(1, |place| draw_place(out, place, problem, style));
    for (kind, text) in [("note", &problem.note), ("help", &problem.help)] {
        if let Some(text) = text {
            draw_extra(out, width, kind, text, style);
        }
    }
}

/// Draws ` = note: ...`; further lines are indented below the first.
fn draw_extra(out: &mut String, width: usize, kind: &str, text: &str, style: &Style) {
    let Style {
        frame, bold, end, ..
    } = style;
    let indent = " ".repeat(width + 5 + kind.len());
    let room = |columns: usize| columns.saturating_sub(indent.len());
    let lines = text.lines().flat_map(|line| match style.columns {
        Some(columns) => wrap(&shown(line), room(columns)),
        None => vec![shown(line)],
    });
    for (i, line) in lines.enumerate() {
        let _ = match i {
            0 => writeln!(out, "{:width$} {frame}={end} {bold}{kind}{end}: {line}", ""),
            _ => writeln!(out, "{indent}{line}"),
        };
    }
}

/// Draws the place with its line, and the related place if it is in the same file; returns the gutter's width.
fn draw_place(out: &mut String, place: &Place, problem: &Problem, style: &Style) -> usize {
    let Style { frame, end, .. } = style;
    let related = problem.related.as_ref();
    let near = related.filter(|(other, _)| other.file == place.file && other.line != place.line);
    let largest = near.map_or(place.line, |(other, _)| place.line.max(other.line));
    let width = largest.to_string().len();
    let _ = writeln!(
        out,
        "{:width$}{frame}-->{end} {}",
        "",
        shown(&place.to_string())
    );
    let _ = writeln!(out, "{:width$} {frame}|{end}", "");
    let label = problem.label.as_deref().unwrap_or("");
    let mut marks = vec![(place, '^', label)];
    if let Some((other, text)) = near {
        marks.push((other, '-', text));
        marks.sort_by_key(|(place, ..)| place.line);
    }
    for (i, (place, mark, label)) in marks.iter().enumerate() {
        if i > 0 && marks[i - 1].0.line + 1 < place.line {
            let _ = writeln!(out, "{frame}...{end}");
        }
        draw_line(out, width, place, *mark, label, style);
    }
    if let (Some((other, text)), None) = (related, near) {
        draw_extra(out, width, "note", &format!("{text} at {other}"), style);
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Code;
    use crate::diag::text::width;

    fn place(line: usize, column: usize, len: usize, text: &str) -> Place {
        Place {
            file: "experiments/keras/supcon.yaml".into(),
            line,
            column,
            len,
            line_text: text.into(),
        }
    }

    fn drawn(problem: Problem) -> String {
        Problems::from(problem).to_string()
    }

    #[test]
    fn a_problem_is_drawn_as_the_design_shows() {
        let line = "    loss: {name: npairs, temprature: 0.05}";
        let problem = Problem::new(
            Code::UnknownKey,
            "unknown key `temprature` in `phases.pretrain.loss`",
        )
        .at(place(17, 26, 10, line))
        .label("did you mean `temperature`?")
        .note("`loss` with `name: npairs` takes `temperature`");
        assert_eq!(
            drawn(problem),
            "\
error[unknown-key]: unknown key `temprature` in `phases.pretrain.loss`
  --> experiments/keras/supcon.yaml:17:26
   |
17 |     loss: {name: npairs, temprature: 0.05}
   |                          ^^^^^^^^^^ did you mean `temperature`?
   = note: `loss` with `name: npairs` takes `temperature`
error: 1 problem in experiments/keras/supcon.yaml, nothing was run
"
        );
    }

    #[test]
    fn two_places_of_a_file_are_drawn_in_order() {
        let problem = Problem::new(Code::DuplicateKey, "duplicate key `epochs`")
            .at(place(12, 3, 6, "  epochs: 2"))
            .label("written again")
            .related(Some(place(9, 3, 6, "  epochs: 1")), "first written here");
        assert_eq!(
            drawn(problem),
            "\
error[duplicate-key]: duplicate key `epochs`
  --> experiments/keras/supcon.yaml:12:3
   |
 9 |   epochs: 1
   |   ------ first written here
...
12 |   epochs: 2
   |   ^^^^^^ written again
error: 1 problem in experiments/keras/supcon.yaml, nothing was run
"
        );
    }

    #[test]
    fn control_characters_are_escaped_and_the_caret_still_fits() {
        let text = drawn(Problem::new(Code::Syntax, "bad \u{1b}[31m").at(place(
            1,
            3,
            2,
            "\u{1b}\u{202e}ab",
        )));
        assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
        assert!(
            text.contains("1 | \\u{1b}\\u{202e}ab\n  |               ^^\n"),
            "{text}"
        );
    }

    #[test]
    fn the_caret_fits_below_tabs_wide_characters_and_marks() {
        let under = |text: &str, column| {
            let drawn = drawn(Problem::new(Code::Syntax, "m").at(place(1, column, 1, text)));
            let line = drawn.lines().nth(4).unwrap_or("").to_owned();
            line.split_once("| ").expect("a frame").1.to_owned()
        };
        assert_eq!(under("\ta: x", 5), "    ^");
        assert_eq!(under("\u{4e16}\u{754c}: x", 5), "      ^");
        assert_eq!(under("e\u{301}: x", 5), "   ^");
        assert_eq!(under("\u{4e16}", 1), "^^");
    }

    #[test]
    fn long_texts_of_a_file_are_cut_everywhere() {
        let long = "z".repeat(100_000);
        let mut at = place(1, 1, 100_000, &long);
        at.file.clone_from(&long);
        let problem = Problem::new(Code::UnknownKey, format!("unknown key `{long}`"))
            .at(at)
            .label(long.as_str())
            .note(long.as_str())
            .help(long.as_str());
        let text = drawn(problem);
        assert!(text.lines().all(|line| line.len() < 1000), "{}", text.len());
    }

    #[test]
    fn one_line_leads_to_all_codes() {
        let found = [Code::WrongType, Code::UnknownKey, Code::WrongType];
        let found = found.map(|code| Problem::new(code, "m"));
        let problems = Problems::collect(found.into()).expect("some");
        assert_eq!(
            problems.pointer(),
            "for more: `supcon help unknown-key wrong-type`\n"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let text =
            drawn(Problem::new(Code::Syntax, "m").at(place(1, 5001, 3, &"y".repeat(100_000))));
        assert!(text.len() < 800 && text.contains("1 | ... yyy"));
    }

    #[test]
    fn drawings_stay_within_the_columns_of_the_terminal() {
        let line = format!(
            "    loss: {{{}name: npairs, temprature: 0.05}}  # {}",
            "a: 1, ".repeat(40),
            "x ".repeat(90)
        );
        let column = line.find("temprature").unwrap_or(0) + 1;
        let words =
            "a fact that explains the message and is longer than any terminal is wide, ".repeat(3);
        let problem = Problem::new(Code::UnknownKey, "m")
            .at(place(17, column, 10, &line))
            .label(words.trim())
            .note(words.trim())
            .help("\u{4e16}\u{754c} ".repeat(60).trim());
        let problems = Problems::from(problem);
        for columns in [80, 100, 131, 160] {
            let text = problems.render_within(false, Some(columns));
            let widest = text.lines().map(width).max();
            assert!(
                widest.is_some_and(|widest| widest <= columns && widest > columns - 20),
                "{text}"
            );
            let marks = text
                .lines()
                .find(|line| line.ends_with("^^^^^^^^^^"))
                .expect("marks");
            let at = marks.find('^').unwrap_or(0);
            let drawn = text.lines().nth(3).unwrap_or("");
            assert_eq!(&drawn[at..at + 10], "temprature", "{text}");
            assert!(
                text.contains("17 | ... ") && drawn.ends_with(" ..."),
                "{text}"
            );
            for word in words.split_whitespace() {
                assert!(text.matches(word).count() >= 6, "{word}\n{text}");
            }
        }
        let short = Problems::from(
            Problem::new(Code::Syntax, "m")
                .at(place(1, 1, 1, "a"))
                .label("b"),
        );
        assert_eq!(short.render_within(false, Some(80)), short.render(false));
    }

    #[test]
    fn places_outside_the_line_do_not_panic() {
        for (column, len) in [(1, 0), (1, 99), (50, 4)] {
            drawn(Problem::new(Code::Syntax, "m").at(place(1, column, len, "ab")));
        }
    }

    #[test]
    fn problems_are_sorted_counted_and_kept_once() {
        let at = |line| Problem::new(Code::Syntax, "m").at(place(line, 1, 1, "a"));
        let problems = Problems::collect(vec![at(7), at(2), at(7)]).expect("some");
        let lines: Vec<usize> = problems
            .iter()
            .filter_map(|p| Some(p.place.as_ref()?.line))
            .collect();
        assert_eq!(lines, [2, 7]);
        assert!(
            problems
                .to_string()
                .ends_with("error: 2 problems in experiments/keras/supcon.yaml, nothing was run\n")
        );
        assert!(Problems::collect(Vec::new()).is_none());
    }

    #[test]
    fn colour_is_added_only_when_asked_for() {
        let problems = Problems::from(Problem::new(Code::Syntax, "m").at(place(1, 1, 1, "a")));
        assert!(problems.render(true).contains("\x1b[1;31merror[syntax]"));
        assert!(!problems.render(false).contains('\x1b'));
    }
}
