//! Which key a word was meant to be: the nearest in spelling, or the one that other programs call so.

use crate::diag::suggest;

/// Words of other programs and papers, and our key.
const SYNONYMS: [(&str, &str); 46] = [
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
    ("criterion", "loss"),
    ("dataset", "data"),
    ("depth", "blocks"),
    ("dim", "widths"),
    ("dims", "widths"),
    ("drop", "dropout"),
    ("drop_rate", "dropout"),
    ("eps", "epsilon"),
    ("eta", "learning_rate"),
    ("frozen", "freeze"),
    ("iterations", "epochs"),
    ("lr", "learning_rate"),
    ("max_epochs", "epochs"),
    ("model", "encoder"),
    ("n_epochs", "epochs"),
    ("network", "encoder"),
    ("num_epochs", "epochs"),
    ("objective", "loss"),
    ("opt", "optimizer"),
    ("optim", "optimizer"),
    ("stages", "phases"),
    ("step_size", "learning_rate"),
    ("steps", "epochs"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::schema::{SPEC, visit};

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
