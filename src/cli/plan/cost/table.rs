//! The layer table of a phase, as wide as the terminal allows: narrower by its margins, then by short figures, then by the
//! beginnings of long names.

use super::count;
use crate::plan::{Layer, PhaseCost, PhasePlan, grouped};

/// Begins each row, until the text is laid out: so that a row is known among lines that are no rows.
pub(in crate::cli::plan) const ROW: char = '\t';

/// Columns before a row where there is room, and where there is little.
const WIDE: usize = 13;
const NARROW: usize = 2;
/// Fewest columns of a name.
const NAME: usize = 12;
/// Stands for the beginning of a name that is cut.
const CUT: &str = "..";

/// One row of the table: a layer, or several of one block.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    name: String,
    kind: String,
    output: String,
    parameters: usize,
    statistics: usize,
    multiply_accumulates: u64,
}

impl Row {
    fn of(layer: &Layer) -> Self {
        let sides: Vec<String> = layer.output.iter().map(ToString::to_string).collect();
        Self {
            name: layer.name.clone(),
            kind: layer.kind.to_string(),
            output: sides.join("x"),
            parameters: layer.parameters,
            statistics: layer.statistics,
            multiply_accumulates: layer.multiply_accumulates,
        }
    }

    /// Takes a later layer in, whose output is then that of both.
    fn take(&mut self, layer: Self) {
        self.output = layer.output;
        self.parameters += layer.parameters;
        self.statistics += layer.statistics;
        self.multiply_accumulates += layer.multiply_accumulates;
    }
}

/// The rows of a phase's table: a frozen encoder is one, a block is one unless each layer is asked for.
pub(super) fn rows_of(phase: &PhasePlan, cost: &PhaseCost, each: bool) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for layer in &cost.layers {
        let row = Row::of(layer);
        let group = match block(&layer.name) {
            _ if phase.freeze_encoder && layer.name.starts_with("encoder.") => {
                Some(("encoder", "frozen"))
            }
            Some(block) if !each => Some((block, "block")),
            _ => None,
        };
        let Some((name, kind)) = group else {
            rows.push(row);
            continue;
        };
        if let Some(last) = rows.last_mut().filter(|last| last.name == name) {
            last.take(row);
            continue;
        }
        rows.push(Row {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ..row
        });
    }
    rows
}

/// `encoder.stages.0.blocks.1` of a layer inside it.
fn block(name: &str) -> Option<&str> {
    const BLOCKS: &str = ".blocks.";
    let number = name.find(BLOCKS)? + BLOCKS.len();
    let end = number + name[number..].find('.')?;
    Some(&name[..end])
}

/// The cells of a row.
type Cells = [String; 6];

/// Writes the rows, their heads and their sum.
pub(super) fn write(out: &mut String, rows: &[Row], columns: Option<usize>) {
    let sum = |value: fn(&Row) -> usize| rows.iter().map(value).sum::<usize>();
    let total = Row {
        name: "total".into(),
        kind: String::new(),
        output: rows
            .last()
            .map_or_else(String::new, |row| row.output.clone()),
        parameters: sum(|row| row.parameters),
        statistics: sum(|row| row.statistics),
        multiply_accumulates: rows.iter().map(|row| row.multiply_accumulates).sum(),
    };
    let full = |n: u64| {
        if n == 0 {
            String::new()
        } else {
            grouped(n as usize)
        }
    };
    let short = |n: u64| if n == 0 { String::new() } else { count(n) };
    let cells = |figures: [fn(u64) -> String; 2]| -> Vec<Cells> {
        let heads = [
            "layer",
            "kind",
            "output",
            "parameters",
            "statistics",
            "MACs",
        ];
        let all = rows.iter().chain([&total]).map(|row| {
            [
                row.name.clone(),
                row.kind.clone(),
                row.output.clone(),
                figures[0](row.parameters as u64),
                figures[0](row.statistics as u64),
                figures[1](row.multiply_accumulates),
            ]
        });
        [heads.map(str::to_owned)].into_iter().chain(all).collect()
    };
    let mut lines = cells([full, full]);
    let room = columns.unwrap_or(usize::MAX);
    let (mut margin, mut gap) = (WIDE, 2);
    if taken(&lines, margin, gap) > room {
        (margin, gap) = (NARROW, 1);
    }
    if taken(&lines, margin, gap) > room {
        lines = cells([full, short]);
    }
    let over = taken(&lines, margin, gap).saturating_sub(room);
    if over > 0 {
        cut_names(&mut lines, over);
    }
    let widths = widths(&lines);
    for line in &lines {
        let mut text = " ".repeat(margin);
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let space = if column == 0 { 0 } else { gap };
            // Names to the left, figures to the right.
            text += &if column < 2 {
                format!("{:space$}{cell:width$}", "")
            } else {
                format!("{:space$}{cell:>width$}", "")
            };
        }
        out.push(ROW);
        out.push_str(text.trim_end());
        out.push('\n');
    }
}

fn widths(lines: &[Cells]) -> [usize; 6] {
    std::array::from_fn(|column| {
        let lengths = lines.iter().map(|line| line[column].len());
        lengths.max().unwrap_or_default()
    })
}

/// Columns of the widest row.
fn taken(lines: &[Cells], margin: usize, gap: usize) -> usize {
    margin + widths(lines).iter().sum::<usize>() + 5 * gap
}

/// Takes so many columns from the names, at their beginnings: their ends tell them apart.
fn cut_names(lines: &mut [Cells], columns: usize) {
    let most = widths(lines)[0].saturating_sub(columns).max(NAME);
    for [name, ..] in lines {
        if name.len() > most {
            *name = format!("{CUT}{}", &name[name.len() - (most - CUT.len())..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_its_layers_share() {
        let inside = "encoder.stages.0.blocks.12.conv1";
        assert_eq!(block(inside), Some("encoder.stages.0.blocks.12"));
        assert_eq!(block("encoder.stem.conv"), None);
        assert_eq!(block("head.layers.0"), None);
    }

    #[test]
    fn a_table_fits_the_terminal_and_loses_no_row() {
        let row = |name: &str, n: usize| Row {
            name: name.into(),
            kind: "conv 7x7/2".into(),
            output: "16x16x2048".into(),
            parameters: n,
            statistics: n / 1000,
            multiply_accumulates: n as u64 * 1000,
        };
        let rows = [
            row("encoder.stages.3.blocks.2.shortcut.conv", 23_519_360),
            row("head.layers.0", 7),
        ];
        let text = |columns| {
            let mut out = String::new();
            write(&mut out, &rows, columns);
            out.replace(ROW, "")
        };
        let wide = text(None);
        assert!(
            wide.lines().all(|line| line.starts_with(&" ".repeat(WIDE))),
            "{wide}"
        );
        assert_eq!(text(Some(160)), wide);
        for columns in [80, 90, 100, 110] {
            let text = text(Some(columns));
            assert_eq!(text.lines().count(), 4);
            assert!(text.lines().all(|line| line.len() <= columns), "{text}");
            assert!(
                text.contains("shortcut.conv") && text.contains("23,519,360"),
                "{text}"
            );
        }
        assert!(text(Some(80)).contains("23.5 G") && text(Some(80)).contains(" .."));
    }
}
