//! `supcon plan`: the runs that specs ask for, with their layers and costs, and where each value came from.

mod changed;
mod cost;
mod describe;
mod explain;

use super::{SpecArgs, check, out};
use crate::data;
use crate::diag::escape_json;
use crate::plan::{FolderCount, Host, RunCost, RunPlan, SourcePlan, load_runs};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) const MORE: &str = "\
Of each run: what it trains on, and for each phase its layers with shapes and parameters,
steps, what a batch holds, and how much memory, time and disk it takes. Nothing is trained.

Examples:
  supcon plan exp.yaml
  supcon plan exp.yaml --explain               where each value came from
  supcon plan exp.yaml --layers                each layer, not each block
  supcon plan exp.yaml --set encoder.width=32  what a change would cost
  supcon plan exp.yaml --data ~/images         count an `image_folder`
  supcon plan exp.yaml --json > plan.json";

/// What `plan` shows beside the phases.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(super) struct View {
    /// Say for each value which layer, file and line it came from.
    #[arg(long)]
    explain: bool,
    /// Show each layer instead of each block.
    #[arg(long)]
    layers: bool,
    /// Print plans and costs as JSON: everything, each layer included.
    #[arg(long, conflicts_with_all = ["explain", "layers"])]
    json: bool,
    /// Columns that the text may take, if they are known.
    #[arg(skip)]
    columns: Option<usize>,
}

/// A run in the JSON output.
#[derive(Serialize)]
struct Entry<'a> {
    plan: &'a RunPlan,
    cost: RunCost,
}

/// Prints the runs of every spec.
pub(super) fn plan(specs: &SpecArgs, data: Option<&PathBuf>, view: View) -> ExitCode {
    let mut runs = match load_runs(&specs.paths, &specs.overrides()) {
        Ok(runs) => runs,
        Err(problems) => return check::refuse(&problems, specs.format),
    };
    count(&mut runs, data);
    let host = host();
    if view.json {
        out::line(&json(&runs, &host));
    } else {
        let columns = out::columns();
        out::print(&describe::describe(&runs, &host, View { columns, ..view }));
    }
    ExitCode::SUCCESS
}

/// Counts the folders of images that the runs name, each once.
fn count(runs: &mut [RunPlan], data: Option<&PathBuf>) {
    let mut counted: BTreeMap<Option<PathBuf>, Option<FolderCount>> = BTreeMap::new();
    for run in runs {
        let plan = &mut run.data;
        if !matches!(plan.source, SourcePlan::ImageFolder { .. }) {
            continue;
        }
        let known = counted.entry(plan.root.clone());
        let known = known.or_insert_with(|| match data::count(plan, data.cloned()) {
            Ok(found) => found,
            Err(error) => {
                out::warn(&format!("note: the images are not counted: {error}\n"));
                None
            }
        });
        plan.folder.clone_from(known);
    }
}

/// All runs with their costs.
fn json(runs: &[RunPlan], host: &Host) -> String {
    let entry = |run| Entry {
        plan: run,
        cost: RunPlan::cost(run, host),
    };
    let entries: Vec<Entry> = runs.iter().map(entry).collect();
    let text = serde_json::to_string_pretty(&entries);
    let text = text.expect("plans hold text and finite numbers only");
    text.lines().map(escape_json).collect::<Vec<_>>().join("\n")
}

/// This machine with the device `cpu`, which the estimates of memory are for.
pub(super) fn host() -> Host {
    #[cfg(feature = "train")]
    let backend = format!(", {}", crate::device::DeviceName::Cpu.backend());
    #[cfg(not(feature = "train"))]
    let backend = "";
    Host {
        producer: format!("supcon {}{backend}", env!("CARGO_PKG_VERSION")),
        threads: std::thread::available_parallelism().map_or(1, usize::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples;

    #[test]
    fn json_holds_plan_cost_and_every_layer() {
        let runs = [samples::plan("supcon", 0)];
        let value: serde_json::Value = serde_json::from_str(&json(&runs, &host())).unwrap();
        assert_eq!(value[0]["plan"]["name"], "supcon");
        let phase = &value[0]["cost"]["phases"][0];
        assert_eq!(phase["trained"], 23_519_360 + 262_272);
        let layer = &phase["layers"][0];
        assert_eq!(layer["name"], "encoder.stem.conv");
        assert_eq!(layer["kind"], "conv 7x7/2");
        assert_eq!(layer["output"], serde_json::json!([16, 16, 64]));
        assert!(value[0]["cost"]["disk"]["total"].as_u64() > Some(90_000_000));
    }

    #[test]
    fn the_short_table_has_a_row_a_block_and_the_long_one_a_row_a_layer() {
        let runs = [samples::plan("baseline", 0)];
        let text = |layers| {
            let view = View {
                layers,
                ..View::default()
            };
            describe::describe(&runs, &host(), view)
        };
        let (short, long) = (text(false), text(true));
        for row in [
            "encoder.stages.3.blocks.2 ",
            "encoder.stem.conv ",
            "head.layers.1 ",
        ] {
            assert!(short.contains(row), "{row} in {short}");
        }
        assert!(!short.contains("conv3"));
        assert!(long.contains("encoder.stages.3.blocks.2.conv3 "));
        for text in [&short, &long] {
            assert!(text.contains("24,573,578"), "{text}");
        }
    }
}
