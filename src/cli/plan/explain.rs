//! `supcon plan --explain`: every key with its resolved value and the layer, file and line that it came from.

use crate::diag::escape;
use crate::plan::{PhasePlan, RunPlan};
use serde_json::Value;
use std::fmt::Write;

/// Each key path with its value and where that came from.
pub(super) fn origins(out: &mut String, group: &[RunPlan], run: &RunPlan) {
    let values = serde_json::to_value(run).unwrap_or_default();
    let rows = run.origins.iter().map(|(path, origin)| {
        let value = value_of(group, run, &values, path);
        [path, &value, origin].map(|text| escape(text))
    });
    let rows: Vec<[String; 3]> = rows.collect();
    let width = |column: usize| {
        let lengths = rows.iter().map(|row| row[column].chars().count());
        lengths.max().unwrap_or(0)
    };
    let (paths, texts) = (width(0), width(1).min(40));
    let _ = writeln!(out, "  values");
    for [path, value, origin] in &rows {
        let _ = writeln!(out, "    {path:paths$}  {value:texts$}  {origin}");
    }
}

/// The resolved value of a key path of the spec, in one short line.
fn value_of(group: &[RunPlan], run: &RunPlan, values: &Value, path: &str) -> String {
    let inherits = |phase: &&PhasePlan| {
        !run.origins
            .contains_key(&format!("phases.{}.augment", phase.name))
    };
    let steps = |phase: &PhasePlan| {
        phase
            .augment
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    };
    match path.split('.').collect::<Vec<_>>()[..] {
        ["seeds"] => format!("{:?}", group.iter().map(|run| run.seed).collect::<Vec<_>>()),
        ["augment"] => run
            .phases
            .iter()
            .find(inherits)
            .map(steps)
            .unwrap_or_default(),
        ["phases", name, "augment"] => run
            .phases
            .iter()
            .find(|phase| phase.name == name)
            .map(steps)
            .unwrap_or_default(),
        ["phases", name, "freeze"] => {
            let phase = run.phases.iter().find(|phase| phase.name == name);
            let frozen = phase.is_some_and(|phase| phase.freeze_encoder);
            if frozen { "[encoder]" } else { "[]" }.to_owned()
        }
        ["phases", name, "precision"] => {
            let phase = run.phases.iter().find(|phase| phase.name == name);
            let precision = phase.map(|phase| phase.precision);
            let word = serde_json::to_value(precision).unwrap_or_default();
            word.as_str().unwrap_or_default().to_owned()
        }
        _ => lookup(values, path),
    }
}

/// The value of a key path as the plan holds it.
fn lookup(values: &Value, path: &str) -> String {
    let mut keys = path.split('.');
    let mut found = keys.next().and_then(|key| values.get(key));
    for key in keys {
        found = found.and_then(|value| match value {
            Value::Array(items) => items.iter().find(|item| item["name"] == key),
            _ => value.get(key),
        });
    }
    match found {
        None => String::new(),
        Some(Value::Array(items))
            if items
                .iter()
                .any(|item| item.get("metric").is_some() || item.get("points").is_some()) =>
        {
            match items.len() {
                1 => "1 entry".to_owned(),
                n => format!("{n} entries"),
            }
        }
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}
