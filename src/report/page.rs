//! The page as self-contained HTML and as Markdown, from the templates that are embedded in the program.

use super::chart::{Charts, FONT_CSS};
use super::group::Experiment;
use super::rows::{ResultRow, RunRow, VerdictRow, held, result_rows, run_rows, verdict_rows};
use crate::plan::{PhasePlan, ReferencePlan, counted};
use crate::record::RunRecord;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

const HTML: &str = include_str!("../../templates/report.html");
const MARKDOWN: &str = include_str!("../../templates/report.md");

/// Everything that the templates show.
#[derive(Debug, Serialize)]
pub struct Page {
    title: String,
    lead: String,
    font_css: &'static str,
    experiments: Vec<About>,
    results: Vec<ResultRow>,
    verdicts: Vec<VerdictRow>,
    charts: Vec<Figure>,
    missing: Vec<String>,
    runs: Vec<Linked>,
    commands: Vec<String>,
    versions: Vec<String>,
}

/// What an experiment is, in words.
#[derive(Debug, Serialize)]
struct About {
    name: String,
    data: String,
    encoder: String,
    phases: Vec<String>,
    references: Vec<String>,
}

/// A chart with its rendered drawing.
#[derive(Debug, Serialize)]
struct Figure {
    title: String,
    caption: String,
    file: String,
    svg: String,
    number: usize,
}

/// A run with the way from the page to its folder.
#[derive(Debug, Serialize)]
struct Linked {
    #[serde(flatten)]
    row: RunRow,
    link: String,
}

impl Page {
    /// Collects what the templates show; `svgs` are the charts' drawings in order.
    #[must_use]
    pub fn new(
        title: &str,
        experiments: &[Experiment<'_>],
        charts: &Charts,
        svgs: Vec<String>,
        out_dir: &Path,
    ) -> Self {
        let drawn = charts.drawn.iter().zip(svgs).enumerate();
        let figures = drawn.map(|(at, (chart, svg))| Figure {
            title: chart.title.clone(),
            caption: chart.caption.clone(),
            file: chart.file.clone(),
            svg,
            number: at + 1,
        });
        let dirs = experiments
            .iter()
            .flat_map(|e| &e.runs)
            .map(|run| run.dir.path());
        let rows = run_rows(experiments).into_iter().zip(dirs);
        let link = |(row, dir): (RunRow, &Path)| Linked {
            row,
            link: relative(out_dir, dir),
        };
        Self {
            title: title.to_owned(),
            lead: lead(experiments),
            font_css: FONT_CSS,
            experiments: experiments.iter().filter_map(about).collect(),
            results: result_rows(experiments),
            verdicts: verdict_rows(experiments),
            charts: figures.collect(),
            missing: charts.missing.clone(),
            runs: rows.map(link).collect(),
            commands: commands(experiments),
            versions: versions(experiments),
        }
    }

    /// The page for browsers.
    ///
    /// # Errors
    /// The template does not fit.
    pub fn html(&self) -> Result<String, minijinja::Error> {
        self.render("report.html", HTML)
    }

    /// The page for repositories and terminals.
    ///
    /// # Errors
    /// The template does not fit.
    pub fn markdown(&self) -> Result<String, minijinja::Error> {
        self.render("report.md", MARKDOWN)
    }

    fn render(&self, name: &'static str, source: &'static str) -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        let mut syntax = SyntaxConfig::builder();
        environment.set_syntax(syntax.trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
        let html = name.ends_with(".html");
        let escape = if html {
            AutoEscape::Html
        } else {
            AutoEscape::None
        };
        environment.set_auto_escape_callback(move |_| escape.clone());
        environment.add_filter("cell", |text: String| {
            text.replace('|', "\\|").replace('\n', " ")
        });
        environment.add_filter("link", |path: String| encoded(&path));
        environment.add_template(name, source)?;
        environment.get_template(name)?.render(Serde(self))
    }
}

/// One sentence that says what was compared and what came out.
fn lead(experiments: &[Experiment<'_>]) -> String {
    let runs: usize = experiments.iter().map(|e| e.runs.len()).sum();
    let done: usize = experiments.iter().map(|e| e.done().count()).sum();
    let mut text = format!(
        "{} with {}, {done} of them done.",
        counted(experiments.len(), "experiment"),
        counted(runs, "run")
    );
    let best = experiments.iter().filter_map(|experiment| {
        let values: Vec<f64> = experiment
            .test_accuracy()
            .iter()
            .map(|seed| seed.1)
            .collect();
        Some((experiment.name, super::stats::Summary::of(&values)?))
    });
    if let Some((name, s)) = best.max_by(|a, b| a.1.mean.total_cmp(&b.1.mean)) {
        text += &format!(
            " Highest mean test accuracy: {name} with {:.4} (n = {}).",
            s.mean, s.n
        );
    }
    let (holds, all) = held(experiments);
    if all > 0 {
        text += &format!(" {holds} of {} hold.", counted(all, "expectation"));
    }
    text
}

fn about(experiment: &Experiment<'_>) -> Option<About> {
    let plan = &experiment.runs.first()?.plan;
    Some(About {
        name: plan.name.clone(),
        data: plan.data.to_string(),
        encoder: plan.encoder.to_string(),
        phases: plan.phases.iter().map(phase).collect(),
        references: experiment.references().iter().map(reference).collect(),
    })
}

/// Whose curves are drawn in, and where they come from.
fn reference(plan: &ReferencePlan) -> String {
    match &plan.source {
        Some(source) => format!("{}: {source}", plan.label),
        None => plan.label.clone(),
    }
}

fn phase(plan: &PhasePlan) -> String {
    let frozen = if plan.freeze_encoder {
        ", encoder frozen"
    } else {
        ""
    };
    let steps: Vec<String> = plan.augment.iter().map(ToString::to_string).collect();
    let augment = if steps.is_empty() {
        "no augmentation".to_owned()
    } else {
        format!("augmentation {}", steps.join(", "))
    };
    let (name, batch, products) = (&plan.name, plan.batch_size, plan.products());
    let epochs = counted(plan.epochs, "epoch");
    let (loss, head, optimizer) = (&plan.loss, &plan.head, &plan.optimizer);
    format!(
        "{name}: {loss}, {head}, {epochs}, batch {batch}{frozen}{products}; {optimizer}; {augment}"
    )
}

/// What to type to get these runs again.
fn commands(experiments: &[Experiment<'_>]) -> Vec<String> {
    let runs = experiments.iter().flat_map(|experiment| &experiment.runs);
    let commands: BTreeSet<String> = runs.map(|run| command(run)).collect();
    commands.into_iter().collect()
}

/// The command that makes one run, quoted for a shell.
fn command(run: &RunRecord) -> String {
    let given = run.plan.arguments.iter().cloned();
    let spec = format!("<spec of {}>", run.plan.name);
    let spec = run.plan.arguments.is_empty().then_some(spec);
    let mut words: Vec<String> = spec.into_iter().chain(given).collect();
    if let Some(place) = &run.status.data_place {
        words.push(format!("--data={}", place.display()));
    }
    if !run.status.device.is_empty() {
        words.push(format!("--device={}", run.status.device));
    }
    let runs = run.dir.path().parent();
    let results = runs.filter(|runs| runs.ends_with("runs"));
    let results = results.and_then(Path::parent);
    if let Some(results) = results.filter(|results| *results != Path::new("results")) {
        words.push(format!("--results={}", results.display()));
    }
    let quoted = words.iter().map(|word| quoted(word));
    format!("supcon run {}", quoted.collect::<Vec<_>>().join(" "))
}

/// A word as a POSIX shell reads it: in single quotes, unless every letter of it stands for itself.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn versions(experiments: &[Experiment<'_>]) -> Vec<String> {
    let runs = experiments.iter().flat_map(|experiment| &experiment.runs);
    let mut versions: BTreeSet<String> = runs
        .filter(|run| !run.status.version.is_empty())
        .map(|run| format!("run with {}", run.status.version))
        .collect();
    versions.insert(format!(
        "reported with supcon {}",
        env!("CARGO_PKG_VERSION")
    ));
    versions.into_iter().collect()
}

/// The way from folder `from` to `to`, with forward slashes; absolute where there is no common start.
fn relative(from: &Path, to: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (from, to) = (absolute(from), absolute(to));
    let common = from
        .components()
        .zip(to.components())
        .take_while(|(a, b)| a == b)
        .count();
    let up = from.components().skip(common).map(|_| Component::ParentDir);
    let way: PathBuf = up.chain(to.components().skip(common)).collect();
    way.to_string_lossy().replace('\\', "/")
}

/// A path as it stands in a link: everything but plain letters, digits, `-_.~` and `/` is percent-encoded (RFC 3986).
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
    let one = |byte| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    path.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_from_the_page_to_the_run() {
        let link = relative(Path::new("results/report"), Path::new("results/runs/a-s0"));
        assert_eq!(link, "../runs/a-s0");
    }

    #[test]
    fn links_are_percent_encoded() {
        assert_eq!(encoded("../runs/a b#1-s0"), "../runs/a%20b%231-s0");
    }

    #[test]
    fn the_command_holds_everything_that_was_given() {
        let mut run = crate::report::samples::runs("baseline", &[(0, 0.5)]).remove(0);
        run.status.device = "cpu".into();
        let set = "--set=augment=[{flip: horizontal}]";
        let given = ["a b.yaml", "--profile=short", set];
        run.plan.arguments = given.map(String::from).to_vec();
        run.status.data_place = Some("/data/cifar".into());
        assert_eq!(
            command(&run),
            format!(
                "supcon run 'a b.yaml' --profile=short '{set}' --data=/data/cifar --device=cpu"
            )
        );
        assert_eq!(quoted("it's"), r"'it'\''s'");
        run.dir = crate::record::RunDir::at("other/runs/baseline-s0".into());
        assert!(command(&run).ends_with(" --results=other"));
    }
}
