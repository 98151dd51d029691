//! The phases as the layers write them: their order, and which layer begins each.

use super::Merged;
use crate::spec::source::Source;
use crate::spec::yaml::Tree;
use figment::value::Value;
use std::collections::BTreeMap;

impl Merged {
    /// Names of the phases in the order in which the layers wrote them.
    pub(crate) fn phase_order(&self) -> Vec<String> {
        let mut order: Vec<String> = Vec::new();
        for (name, _) in self.sources.iter().flat_map(phases) {
            if !order.contains(name) {
                order.push(name.clone());
            }
        }
        let Some(Value::Dict(_, phases)) = self.root.get("phases") else {
            return Vec::new();
        };
        order.retain(|name| !matches!(phases.get(name), None | Some(Value::Empty(..))));
        order
    }

    /// For each phase the weakest layer that writes something into it.
    pub(crate) fn phase_layers(&self) -> BTreeMap<&str, usize> {
        let mut first = BTreeMap::new();
        for (number, source) in self.sources.iter().enumerate() {
            let written = phases(source)
                .iter()
                .filter(|(_, tree)| *tree != Tree::Null);
            for (name, _) in written {
                first.entry(name.as_str()).or_insert(number);
            }
        }
        first
    }
}

/// The phases that a layer writes or deletes.
fn phases(source: &Source) -> &[(String, Tree)] {
    match source.tree.iter().find(|(key, _)| key == "phases") {
        Some((_, Tree::Map(entries))) => entries,
        _ => &[],
    }
}
