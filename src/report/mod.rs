//! Statistics over seeds, charts, tables and the page, from records alone. Never sees `train`.

mod chart;
mod expect;
mod group;
mod page;
mod rows;
#[cfg(test)]
pub(crate) mod samples;
mod stats;
mod table;

pub use expect::Verdict;
pub use group::tell_apart;
pub use stats::{Summary, median, t_quantile};
pub use table::table;

use crate::disk::Disk;
use crate::record::RunRecord;
use std::io;
use std::path::{Path, PathBuf};

/// Where the parts of a report lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportPaths {
    /// The self-contained HTML page.
    pub page: PathBuf,
    /// The same as Markdown, with the charts beside it.
    pub markdown: PathBuf,
    /// SVG, PNG and CSV of each chart.
    pub charts: Vec<PathBuf>,
}

/// A report that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// There is nothing to report on.
    #[error("there are no runs to report on")]
    NoRuns,
    /// The disk refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// File or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A chart could not be drawn.
    #[error("chart `{chart}`: {source}")]
    Draw {
        /// Name of the chart.
        chart: String,
        /// Why.
        source: chart::DrawError,
    },
    /// A template does not fit.
    #[error("template: {0}")]
    Template(#[from] minijinja::Error),
}

/// Writes page, Markdown and charts into `out_dir`. Equal runs give equal bytes.
///
/// # Errors
/// No runs, or the disk refused.
pub fn build(runs: &[RunRecord], out_dir: &Path, title: &str) -> Result<ReportPaths, ReportError> {
    if runs.is_empty() {
        return Err(ReportError::NoRuns);
    }
    let experiments = group::experiments(runs);
    let charts = chart::charts(&experiments);
    let folder = out_dir.join("charts");
    let disk = Disk::of("report");
    disk.create_folders(&folder).map_err(refused(&folder))?;
    for folder in [out_dir, &folder] {
        disk.remove_abandoned(folder).map_err(refused(folder))?;
    }
    let (mut paths, mut svgs) = (Vec::new(), Vec::new());
    for drawn in &charts.drawn {
        let failed = |source| ReportError::Draw {
            chart: drawn.file.clone(),
            source,
        };
        let svg = chart::svg(&drawn.scene).map_err(failed)?;
        let png = chart::png(&drawn.scene).map_err(failed)?;
        let file = chart::with_font(&svg);
        let files = [
            ("svg", file.as_bytes()),
            ("png", &png),
            ("csv", drawn.csv.as_bytes()),
        ];
        for (ending, bytes) in files {
            let path = folder.join(format!("{}.{ending}", drawn.file));
            disk.replace(&path, bytes).map_err(refused(&path))?;
            paths.push(path);
        }
        svgs.push(svg);
    }
    let page = page::Page::new(title, &experiments, &charts, svgs, out_dir);
    let html = out_dir.join("report.html");
    disk.replace(&html, page.html()?.as_bytes())
        .map_err(refused(&html))?;
    let markdown = out_dir.join("report.md");
    disk.replace(&markdown, page.markdown()?.as_bytes())
        .map_err(refused(&markdown))?;
    Ok(ReportPaths {
        page: html,
        markdown,
        charts: paths,
    })
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> ReportError {
    move |source| ReportError::Write {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_runs_give_equal_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let runs = samples::study();
        let first = build(&runs, folder.path(), "Study").unwrap();
        let read = |paths: &ReportPaths| -> Vec<Vec<u8>> {
            let all = paths.charts.iter().chain([&paths.page, &paths.markdown]);
            all.map(|path| std::fs::read(path).unwrap()).collect()
        };
        let bytes = read(&first);
        let mut turned = runs.clone();
        turned.reverse();
        assert_eq!(
            bytes,
            read(&build(&turned, folder.path(), "Study").unwrap())
        );
        assert_eq!(first.charts.len(), 3 * 5);
    }

    #[test]
    fn the_page_is_self_contained_and_escapes_names() {
        let folder = tempfile::tempdir().unwrap();
        let runs = samples::runs("a<b>&c", &[(0, 0.5), (1, 0.6)]);
        let paths = build(&runs, folder.path(), "T<i>").unwrap();
        let html = std::fs::read_to_string(&paths.page).unwrap();
        assert!(html.contains("a&lt;b&gt;&amp;c") && !html.contains("a<b>"));
        for outside in ["<script", "src=\"http", "<link", "@import", "url(http"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }

    #[test]
    fn no_runs_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            build(&[], folder.path(), "x"),
            Err(ReportError::NoRuns)
        ));
    }

    /// Writes a report to look at into the folder that SUPCON_LOOK names.
    #[test]
    fn a_study_can_be_looked_at() {
        let Some(folder) = std::env::var_os("SUPCON_LOOK").map(PathBuf::from) else {
            return;
        };
        samples::commit(&samples::study(), &folder.join("runs"));
        let mut runs = Vec::new();
        for dir in crate::record::RunDir::list(&folder.join("runs")) {
            runs.push(crate::record::load(dir.path()).unwrap());
        }
        build(
            &runs,
            &folder.join("report"),
            "Baseline and SupCon on CIFAR-10",
        )
        .unwrap();
        std::fs::write(folder.join("table.txt"), table(&runs)).unwrap();
        let mut sweep = Vec::new();
        for (at, name) in ["supcon-t0.05", "supcon-t0.1", "supcon-t0.2", "supcon-t0.5"]
            .iter()
            .enumerate()
        {
            let middle = 0.5 - 0.02 * at as f64;
            sweep.extend(samples::runs(
                name,
                &[(at as u64, middle), (9, middle + 0.03)],
            ));
        }
        build(&sweep, &folder.join("sweep"), "Sweep of the temperature").unwrap();
    }
}
