//! Which key a word was meant to be: the nearest in spelling, or the one that other programs call so.

use super::{SPEC, visit};
use crate::diag::{distance, suggest};

/// Words of other programs and papers, and our key.
const SYNONYMS: [(&str, &str); 55] = [
    ("alpha", "learning_rate"),
    ("arch", "encoder"),
    ("architecture", "encoder"),
    ("augmentation", "augment"),
    ("augmentations", "augment"),
    ("backbone", "encoder"),
    ("batch", "batch_size"),
    ("batchsize", "batch_size"),
    ("beta1", "beta_1"),
    ("beta2", "beta_2"),
    ("bs", "batch_size"),
    ("channels", "width"),
    ("count", "steps"),
    ("criterion", "loss"),
    ("dataset", "data"),
    ("depth", "blocks"),
    ("dim", "widths"),
    ("dims", "widths"),
    ("drop", "dropout"),
    ("drop_rate", "dropout"),
    ("end", "to"),
    ("eps", "epsilon"),
    ("eta", "learning_rate"),
    ("frozen", "freeze"),
    ("iterations", "epochs"),
    ("lr", "learning_rate"),
    ("max", "to"),
    ("max_epochs", "epochs"),
    ("min", "from"),
    ("model", "encoder"),
    ("n", "steps"),
    ("n_epochs", "epochs"),
    ("network", "encoder"),
    ("num", "steps"),
    ("num_epochs", "epochs"),
    ("objective", "loss"),
    ("opt", "optimizer"),
    ("optim", "optimizer"),
    ("points", "steps"),
    ("stages", "phases"),
    ("start", "from"),
    ("step_size", "learning_rate"),
    ("steps", "epochs"),
    ("stop", "to"),
    ("t", "temperature"),
    ("tau", "temperature"),
    ("temp", "temperature"),
    ("tol", "tolerance"),
    ("transform", "augment"),
    ("transforms", "augment"),
    ("type", "name"),
    ("units", "hidden"),
    ("val", "validation"),
    ("val_split", "validation"),
    ("width", "widths"),
];

/// The valid key that a word was meant to be.
#[must_use]
pub fn meant<'a>(word: &str, valid: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let valid: Vec<&str> = valid.into_iter().collect();
    let lower = word.to_lowercase();
    let synonym = SYNONYMS.iter().filter(|(known, _)| *known == lower);
    let mut known = synonym.filter_map(|(_, key)| valid.iter().find(|valid| *valid == key));
    known.next().copied().or_else(|| suggest(word, valid))
}

/// The key of any section that a word was meant to be: called so by other programs, or a letter or two apart.
#[must_use]
pub fn meant_anywhere(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let synonym = SYNONYMS.iter().find(|(known, _)| *known == lower);
    if let Some((_, key)) = synonym {
        return Some(key);
    }
    // Of a short word, almost any other is two letters apart.
    let most = match word.chars().count() {
        0..=3 => return None,
        4..=6 => 1,
        7..=LONGEST => 2,
        _ => return None,
    };
    let mut keys: Vec<&'static str> = Vec::new();
    visit(&SPEC, String::new(), &mut |_, section| {
        keys.extend(section.keys.iter().map(|key| key.name));
    });
    let near = keys.into_iter().map(|key| (distance(word, key), key));
    let near = near.filter(|(edits, _)| *edits <= most);
    near.min_by_key(|(edits, _)| *edits).map(|(_, key)| key)
}

/// Characters above which a word is no misspelt key.
const LONGEST: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_other_programs_lead_to_our_keys() {
        assert_eq!(
            meant("lr", ["name", "learning_rate"]),
            Some("learning_rate")
        );
        assert_eq!(meant("steps", ["epochs"]), Some("epochs"));
        assert_eq!(meant("batch", ["batch_size", "epochs"]), Some("batch_size"));
        assert_eq!(meant("width", ["widths", "name"]), Some("widths"));
        assert_eq!(meant("temprature", ["temperature"]), Some("temperature"));
        assert_eq!(meant("lr", ["name"]), None);
        assert_eq!(meant_anywhere("lr"), Some("learning_rate"));
        assert_eq!(meant_anywhere("temprature"), Some("temperature"));
        assert_eq!(meant_anywhere("momentum"), None);
        assert_eq!(meant_anywhere(&"x".repeat(1 << 20)), None);
    }

    #[test]
    fn every_synonym_leads_to_a_key_and_is_none() {
        let mut keys = vec!["name"];
        visit(&SPEC, String::new(), &mut |_, section| {
            keys.extend(section.keys.iter().map(|key| key.name));
        });
        assert!(SYNONYMS.is_sorted());
        for (_, key) in SYNONYMS {
            assert!(keys.contains(&key), "{key}");
        }
    }
}
