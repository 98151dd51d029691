//! The nearest valid name to a misspelt one.

/// Edits between two names: insertions, deletions, replacements and swaps of neighbours.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    strsim::osa_distance(&a.to_lowercase(), &b.to_lowercase())
}

/// Fewest letters of a piece by which a longer name is known.
const PIECE: usize = 4;

/// The candidate nearest to `name`, at most 2 edits or a third of its length away; where there is none, the shortest that
/// holds `name` as a piece, as `resnet50_v2` holds `resnet50`, or is such a piece of it.
///
/// Ties go to the candidate with the more similar beginning (Jaro & Winkler 1990), then to the first.
pub fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    nearest_spelling(name, &candidates).or_else(|| longer_or_shorter(name, &candidates))
}

/// The candidate that has `name` in it, or else the longest that is in `name`; letters and digits are compared alone.
fn longer_or_shorter<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let plain = |text: &str| -> String {
        let letters = text.chars().filter(|c| c.is_alphanumeric());
        letters.flat_map(char::to_lowercase).collect()
    };
    // A name of a megabyte is none that somebody meant.
    if name.len() > 100 {
        return None;
    }
    let wanted = plain(name);
    let pieces = candidates
        .iter()
        .map(|candidate| (plain(candidate), *candidate));
    let pieces: Vec<(String, &str)> = pieces.filter(|(piece, _)| piece.len() >= PIECE).collect();
    let longer = pieces
        .iter()
        .filter(|(piece, _)| wanted.len() >= PIECE && piece.contains(&wanted));
    let shorter = pieces
        .iter()
        .filter(|(piece, _)| wanted.contains(piece.as_str()));
    longer
        .min_by_key(|(piece, _)| piece.len())
        .or_else(|| shorter.max_by_key(|(piece, _)| piece.len()))
        .map(|(_, candidate)| *candidate)
}

fn nearest_spelling<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let length = name.chars().count();
    let limit = 2.max(length / 3);
    let mut best: Option<(usize, f64, &str)> = None;
    for &candidate in candidates {
        let other = candidate.chars().count();
        // A name of a megabyte must not fill a table of edits.
        if other.abs_diff(length) > limit {
            continue;
        }
        let edits = distance(name, candidate);
        // Changing every letter of a short name is no misspelling.
        if edits > limit || edits >= other.max(length) {
            continue;
        }
        let likeness = strsim::jaro_winkler(name, candidate);
        let better = best.is_none_or(|(e, l, _)| edits < e || (edits == e && likeness > l));
        if better {
            best = Some((edits, likeness, candidate));
        }
    }
    best.map(|(_, _, candidate)| candidate)
}

/// At most `count` candidates that are near `name` or hold it, the nearest first.
#[must_use]
pub fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    count: usize,
) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let mut found: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter(|candidate| {
            let holds = lower.len() > 2 && candidate.to_lowercase().contains(&lower);
            holds || suggest(name, [*candidate]).is_some()
        })
        .map(|candidate| (distance(name, candidate), candidate))
        .collect();
    found.sort_unstable();
    found.truncate(count);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_names_may_be_near() {
        let names = ["unknown-key", "unknown-name", "missing-key", "syntax"];
        assert_eq!(
            nearest("unknown-kye", names, 3),
            ["unknown-key", "unknown-name"]
        );
        assert_eq!(nearest("key", names, 3), ["missing-key", "unknown-key"]);
        assert_eq!(nearest("key", names, 1), ["missing-key"]);
        assert!(nearest("banana", names, 3).is_empty());
    }

    #[test]
    fn a_swap_and_a_missing_letter_are_found() {
        let keys = ["epochs", "batch_size", "temperature", "head"];
        assert_eq!(suggest("temprature", keys), Some("temperature"));
        assert_eq!(suggest("ehad", keys), Some("head"));
        assert_eq!(suggest("batchsize", keys), Some("batch_size"));
        assert_eq!(suggest("Epochs", keys), Some("epochs"));
    }

    #[test]
    fn a_distant_or_empty_name_gives_nothing() {
        assert_eq!(suggest("banana", ["epochs", "head"]), None);
        assert_eq!(suggest("", ["lr"]), None);
        assert_eq!(suggest("xy", ["lr"]), None);
        assert_eq!(suggest("epochs", []), None);
        assert_eq!(suggest(&"x".repeat(1 << 20), ["epochs"]), None);
    }

    #[test]
    fn long_names_may_differ_by_a_third() {
        assert_eq!(
            suggest("learning_ratio", ["learning_rate"]),
            Some("learning_rate")
        );
    }

    #[test]
    fn a_piece_of_a_name_leads_to_the_name() {
        let encoders = ["resnet50_v2", "resnet_cifar"];
        assert_eq!(suggest("resnet50", encoders), Some("resnet50_v2"));
        assert_eq!(suggest("ResNet-50", encoders), Some("resnet50_v2"));
        assert_eq!(suggest("cifar_resnet_20", ["cifar", "adam"]), Some("cifar"));
        assert_eq!(
            suggest("resnet50v2", ["cifar10-resnet50v2"]),
            Some("cifar10-resnet50v2")
        );
        assert_eq!(suggest("net", ["resnet50_v2"]), None);
    }

    #[test]
    fn ties_go_to_the_same_beginning() {
        assert_eq!(suggest("beta_3", ["beta_1", "zeta_3"]), Some("beta_1"));
    }
}
