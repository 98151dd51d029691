//! The charts of a report, each with the CSV table of exactly its numbers. Drawings are scenes of `draw`.

mod accuracy;
mod axis;
mod confusion;
mod curve_lines;
mod curve_panels;
mod curves;
mod legend;

pub use canvas::{DrawError, FONT_CSS, png, svg, with_font};
pub use scene::Scene;

use super::group::Experiment;
use crate::draw::canvas::{fitted, wrapped};
use crate::draw::{canvas, scene, text};

/// One chart, not yet rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    /// Name of its files, without an ending.
    pub file: String,
    /// Heading on the page.
    pub title: String,
    /// What it shows, over how many runs, and what bands and bars mean.
    pub caption: String,
    /// The drawing.
    pub scene: Scene,
    /// Its numbers.
    pub csv: String,
}

/// What a report has to show: charts, and a sentence for each that has no data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Charts {
    /// The charts in the order of the page.
    pub drawn: Vec<Chart>,
    /// Why others are not there.
    pub missing: Vec<String>,
}

/// All charts of these experiments.
#[must_use]
pub fn charts(experiments: &[Experiment<'_>]) -> Charts {
    let mut charts = Charts::default();
    let mut take = |chart: Result<Chart, String>| match chart {
        Ok(chart) => charts.drawn.push(chart),
        Err(sentence) => charts.missing.push(sentence),
    };
    take(accuracy::chart(experiments));
    take(curves::chart(experiments, curve_panels::Figure::Loss));
    take(curves::chart(experiments, curve_panels::Figure::Accuracy));
    for experiment in experiments {
        take(confusion::chart(experiment));
    }
    let names: Vec<String> = charts
        .drawn
        .iter()
        .map(|chart| chart.file.clone())
        .collect();
    for (at, chart) in charts.drawn.iter_mut().enumerate() {
        if names[..at].contains(&names[at]) {
            chart.file = format!("{}-{at}", chart.file);
        }
    }
    charts
}

/// One line of CSV, quoted where needed.
fn csv_line<S: AsRef<str>>(fields: &[S]) -> String {
    let quoted = |field: &S| {
        let field = field.as_ref();
        if field.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", field.replace('"', "\"\""))
        } else {
            field.to_owned()
        }
    };
    let fields: Vec<String> = fields.iter().map(quoted).collect();
    fields.join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::group::experiments;
    use super::super::samples::{runs, study};
    use super::scene::{Align, Shape, Text};
    use super::*;

    /// Left, top, right and bottom edge of a text.
    fn edges(text: &Text) -> [f64; 4] {
        let width = canvas::text_width(&text.text, text.size, text.bold);
        let start = match text.align {
            Align::Left => 0.0,
            Align::Middle => -width / 2.0,
            Align::Right => -width,
        };
        let (x, y) = text.at;
        let (up, down) = (0.72 * text.size, 0.1 * text.size);
        if text.turned {
            [x - up, y - start - width, x + down, y - start]
        } else {
            [x + start, y - up, x + start + width, y + down]
        }
    }

    fn assert_readable(chart: &Chart) {
        let texts = chart.scene.shapes.iter().filter_map(|shape| match shape {
            Shape::Text(text) => Some(text),
            _ => None,
        });
        let texts: Vec<(&Text, [f64; 4])> = texts.map(|text| (text, edges(text))).collect();
        for (at, (text, a)) in texts.iter().enumerate() {
            let inside = a[0] >= 0.0 && a[1] >= 0.0 && a[2] <= chart.scene.width;
            assert!(
                inside && a[3] <= chart.scene.height,
                "{}: {text:?} leaves",
                chart.file
            );
            for (other, b) in &texts[..at] {
                let apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
                assert!(
                    apart,
                    "{}: `{}` meets `{}`",
                    chart.file, text.text, other.text
                );
            }
        }
    }

    fn assert_all_readable(runs: &[crate::record::RunRecord]) {
        let groups = experiments(runs);
        let charts = charts(&groups);
        assert!(!charts.drawn.is_empty());
        charts.drawn.iter().for_each(assert_readable);
    }

    #[test]
    fn no_text_meets_another_or_leaves_the_paper() {
        assert_all_readable(&study());
    }

    #[test]
    fn many_experiments_with_long_names_stay_readable() {
        let mut all = Vec::new();
        for i in 0..12 {
            let name =
                format!("supcon-with-temperature-0.{i:02}-and-a-name-that-does-not-end-soon");
            all.extend(runs(&name, &[(0, 0.5), (1, 0.52)]));
        }
        assert_all_readable(&all);
    }

    #[test]
    fn a_single_run_and_equal_values_are_drawn() {
        let mut all = runs("baseline", &[(0, 0.5)]);
        for row in &mut all[0].metrics {
            row.value = 0.5;
        }
        assert_all_readable(&all);
        all[0].metrics.retain(|row| row.epoch == 10);
        assert_all_readable(&all);
    }

    #[test]
    fn figures_that_are_not_finite_are_left_out() {
        let mut all = study();
        for row in all[0].metrics.iter_mut().step_by(3) {
            row.value = f64::NAN;
        }
        all[1].metrics[2].value = f64::INFINITY;
        assert_all_readable(&all);
    }

    #[test]
    fn without_finished_runs_there_is_a_sentence_instead_of_a_chart() {
        let mut all = runs("baseline", &[(0, 0.5)]);
        all[0].status.state = crate::record::State::Failed;
        let groups = experiments(&all);
        let charts = charts(&groups);
        assert!(charts.drawn.is_empty());
        assert_eq!(charts.missing.len(), 4, "{:?}", charts.missing);
        assert!(
            charts
                .missing
                .iter()
                .all(|sentence| sentence.ends_with('.'))
        );
    }

    #[test]
    fn csv_fields_are_quoted_where_needed() {
        assert_eq!(csv_line(&["a", "b,c", "d\"e"]), "a,\"b,c\",\"d\"\"e\"\n");
    }
}
