//! What the points of a sweep are called: the experiment's name and what differs between them.

use super::Point;

/// Longest name of a point in characters: the experiment's own, and as much again for what differs.
const MAX_POINT_NAME: usize = 100;
/// Digits of a number in a name, where they are enough to tell the points apart.
const DIGITS: usize = 4;

/// Names of points: what differs, as in `<name>-temperature-0.1`; their numbers where that is too long or not unique.
pub(crate) fn names(name: &str, points: &[&Point]) -> Vec<String> {
    let Some(first) = points.first().filter(|first| !first.values.is_empty()) else {
        return vec![name.to_owned(); points.len()];
    };
    let differs = |at: usize| {
        points
            .iter()
            .any(|point| point.values[at].1 != first.values[at].1)
    };
    let varied: Vec<usize> = (0..first.values.len()).filter(|&at| differs(at)).collect();
    let keys: Vec<&str> = varied
        .iter()
        .map(|&at| first.values[at].0.as_str())
        .collect();
    let with = |show: fn(&str) -> String| -> Vec<String> {
        let named = points.iter().map(|point| {
            let parts = varied.iter().map(|&at| {
                let (key, value) = &point.values[at];
                format!("-{}-{}", brief(key, &keys), show(value))
            });
            format!("{name}{}", parts.collect::<String>())
        });
        named.collect()
    };
    let fits = |names: &Vec<String>| {
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        unique.len() == names.len() && names.iter().all(|name| name.len() <= MAX_POINT_NAME)
    };
    let numbered = || {
        let numbers = 1..=points.len();
        numbers
            .map(|number| format!("{name}-point-{number}"))
            .collect()
    };
    let tries = [with(rounded), with(value)];
    tries.into_iter().find(fits).unwrap_or_else(numbered)
}

/// The shortest end of a key's path that no other key shares.
fn brief(key: &str, all: &[&str]) -> String {
    let starts = key.rmatch_indices('.').map(|(at, _)| &key[at + 1..]);
    let unique = |end: &&str| {
        let ends = |other: &&&str| **other == *end || other.ends_with(&format!(".{end}"));
        all.iter().filter(ends).count() == 1
    };
    label(starts.chain([key]).find(unique).unwrap_or(key))
}

/// A value as a part of a name; a list or text without any letter or digit has a word of its own.
fn value(text: &str) -> String {
    let label = label(text);
    if label.is_empty() {
        "empty".into()
    } else {
        label
    }
}

/// As `value`, a number with a few digits only.
fn rounded(text: &str) -> String {
    match text.parse::<f64>() {
        Ok(number) if text.contains('.') && number.is_finite() => {
            let short = format!("{number:.*e}", DIGITS - 1).parse::<f64>();
            value(&short.unwrap_or(number).to_string())
        }
        _ => value(text),
    }
}

/// Text as a part of a name: a-z, 0-9, `.`, `_`, `-`.
fn label(text: &str) -> String {
    let valid = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    let words = text.split(|c| !valid(c)).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: &[&[(&str, &str)]]) -> Vec<String> {
        let point = |values: &&[(&str, &str)]| Point {
            values: values
                .iter()
                .map(|(k, v)| ((*k).into(), (*v).into()))
                .collect(),
            layers: Vec::new(),
        };
        let points: Vec<Point> = values.iter().map(point).collect();
        names("x", &points.iter().collect::<Vec<_>>())
    }

    #[test]
    fn names_show_what_differs_and_stay_unique() {
        let temperature = "phases.pretrain.loss.temperature";
        assert_eq!(
            named(&[&[(temperature, "0.05")], &[(temperature, "0.1")]]),
            ["x-temperature-0.05", "x-temperature-0.1"]
        );
        let both = |n| [("phases.a.epochs", n), ("phases.b.epochs", n)];
        assert_eq!(
            named(&[&both("1"), &both("2")]),
            ["x-a.epochs-1-b.epochs-1", "x-a.epochs-2-b.epochs-2"]
        );
        let key = "phases.a.head.widths";
        assert_eq!(
            named(&[&[(key, "[16, 8]")], &[(key, "[]")]]),
            ["x-widths-16_8", "x-widths-empty"]
        );
        assert_eq!(
            named(&[&[(key, "[1]")], &[(key, "(1)")]]),
            ["x-point-1", "x-point-2"]
        );
        assert_eq!(named(&[&[]]), ["x"]);
    }

    #[test]
    fn what_is_the_same_in_all_points_is_not_named() {
        let point = |epochs| [("a.epochs", epochs), ("b.width", "4")];
        assert_eq!(
            named(&[&point("1"), &point("2")]),
            ["x-epochs-1", "x-epochs-2"]
        );
        assert_eq!(named(&[&point("1")]), ["x"]);
    }

    #[test]
    fn numbers_have_as_few_digits_as_tell_them_apart() {
        let rate = |value| [("a.rate", value)];
        assert_eq!(
            named(&[&rate("0.00056234132519"), &rate("0.001")]),
            ["x-rate-0.0005623", "x-rate-0.001"]
        );
        assert_eq!(
            named(&[&rate("0.123451"), &rate("0.123452")]),
            ["x-rate-0.123451", "x-rate-0.123452"]
        );
    }
}
