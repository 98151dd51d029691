//! What a run is: a hash over everything that reaches its figures. Names, device, paths, expectations and references do
//! not, so that moving the data or renaming an experiment changes no identity.

use super::{PhasePlan, RunPlan};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Version of the plan's format; part of every identity.
pub const FORMAT: u32 = 1;

/// Letters of the hash that go into a run's name.
const SHORT: usize = 8;

impl RunPlan {
    /// SHA-256, in hexadecimal, over the canonical JSON of data, encoder, phases, seed and format.
    #[must_use]
    pub fn identity(&self) -> String {
        self.hash(&self.phases)
    }

    fn hash(&self, phases: &[PhasePlan]) -> String {
        let mut data = json!({
            "source": self.data.source,
            "train_limit": self.data.train_limit,
            "validation": self.data.validation,
        });
        // Where it is not used, runs keep the identity that they had before there was such a key.
        if let Some(seed) = self.data.train_permutation {
            data["train_permutation"] = json!(seed);
        }
        let text = canonical(&json!({
            "format": self.format,
            "seed": self.seed,
            "data": data,
            "encoder": self.encoder,
            "phases": phases,
        }));
        Sha256::digest(text.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// As `identity`, over everything that reaches the end of phase number `index`: phases with equal ones train the
    /// same network.
    #[must_use]
    pub fn phase_identity(&self, index: usize) -> String {
        self.hash(&self.phases[..=index])
    }

    /// `<name>-s<seed>-<hash>`.
    #[must_use]
    pub fn make_run_id(&self) -> String {
        format!("{}-s{}-{}", self.name, self.seed, &self.identity()[..SHORT])
    }
}

/// JSON with sorted keys and no spaces, so that equal values have equal bytes.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let parts: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{}:{}", json!(key), canonical(value)))
                .collect();
            format!("{{{}}}", parts.join(","))
        }
        Value::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(canonical).collect::<Vec<_>>().join(",")
            )
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_json_does_not_depend_on_the_order_of_keys() {
        let (a, b) = (
            json!({"b": 1, "a": [{"d": 0.5, "c": "x"}]}),
            json!({"a": [{"c": "x", "d": 0.5}], "b": 1}),
        );
        assert_eq!(canonical(&a), canonical(&b));
        assert_eq!(canonical(&a), r#"{"a":[{"c":"x","d":0.5}],"b":1}"#);
    }
}
