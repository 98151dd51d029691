//! The part of a training split that a plan asks for: `train_limit` takes a class-balanced subset, or the first images,
//! and `validation` holds a stratified part out of that. Both are fixed draws that ignore the run's seed, so that all
//! runs see the same images.

use super::{DataError, Split};
use crate::plan::{DataPlan, Subset};
use crate::random::{Draws, Purpose};

/// Streams of `Purpose::Split`: the class is in the low 32 bits.
const LIMIT: u64 = 0;
const VALIDATION: u64 = 1;
/// Low bits of the stream that orders the classes themselves.
const CLASS_ORDER: u64 = u32::MAX as u64;

/// Applies `train_limit`, then holds out `round(validation * n)` of the n images that are left.
pub(super) fn choose(
    train: Split,
    names: &[String],
    plan: &DataPlan,
) -> Result<(Split, Option<Split>), DataError> {
    let train = match plan.train_limit {
        None => train,
        Some(n) => match plan.train_subset {
            Subset::Balanced => take(&train, &balanced(&train.labels, names, n)?),
            Subset::First => take(&train, &(0..n.min(train.len())).collect::<Vec<_>>()),
        },
    };
    if plan.validation <= 0.0 {
        return Ok((train, None));
    }
    let held = stratified(&train.labels, names, plan.validation)?;
    let mut is_held = vec![false; train.len()];
    held.iter().for_each(|&index| is_held[index] = true);
    let kept: Vec<usize> = (0..train.len()).filter(|&index| !is_held[index]).collect();
    Ok((take(&train, &kept), Some(take(&train, &held))))
}

/// Positions of a subset of exactly `n` images whose class counts differ by at most one, in ascending order.
/// A smaller subset is part of a larger one.
fn balanced(labels: &[u32], names: &[String], n: usize) -> Result<Vec<usize>, DataError> {
    let classes = by_class(labels, names.len());
    if n < names.len() {
        return Err(DataError::TooFew {
            found: format!("`train_limit` of {n} images for {} classes", names.len()),
            expected: "at least one image a class".into(),
            help: "raise `train_limit`",
        });
    }
    let mut wanted = vec![n / names.len(); names.len()];
    for &class in class_order(LIMIT, names.len()).iter().take(n % names.len()) {
        wanted[class] += 1;
    }
    for (class, members) in classes.iter().enumerate() {
        if members.len() < wanted[class] {
            return Err(DataError::TooFew {
                found: format!(
                    "class `{}` has {} training images",
                    names[class],
                    members.len()
                ),
                expected: format!("{} for `train_limit` {n}", wanted[class]),
                help: "lower `train_limit`, or remove it",
            });
        }
    }
    Ok(draw(LIMIT, classes, &wanted))
}

/// Positions of `round(fraction * n)` images, each class in proportion (largest remainder), in ascending order.
fn stratified(labels: &[u32], names: &[String], fraction: f64) -> Result<Vec<usize>, DataError> {
    let classes = by_class(labels, names.len());
    let total = (labels.len() as f64 * fraction).round() as usize;
    let exact: Vec<f64> = classes.iter().map(|c| c.len() as f64 * fraction).collect();
    let mut wanted: Vec<usize> = exact.iter().map(|share| share.floor() as usize).collect();
    let mut order = class_order(VALIDATION, names.len());
    order.sort_by(|&a, &b| exact[b].fract().total_cmp(&exact[a].fract()));
    let missing = total.saturating_sub(wanted.iter().sum());
    order
        .iter()
        .take(missing)
        .for_each(|&class| wanted[class] += 1);
    for (class, members) in classes.iter().enumerate() {
        if wanted[class] >= members.len() {
            return Err(DataError::TooFew {
                found: format!(
                    "class `{}` has {} training images and `validation` takes {}",
                    names[class],
                    members.len(),
                    wanted[class]
                ),
                expected: "at least one to be left for training".into(),
                help: "lower `data.validation`",
            });
        }
    }
    if total == 0 {
        return Err(DataError::TooFew {
            found: format!(
                "`validation` {fraction} of {} images holds out none",
                labels.len()
            ),
            expected: "at least one image".into(),
            help: "raise `data.validation`, or set it to 0",
        });
    }
    Ok(draw(VALIDATION, classes, &wanted))
}

fn by_class(labels: &[u32], num_classes: usize) -> Vec<Vec<usize>> {
    let mut classes = vec![Vec::new(); num_classes];
    for (index, &label) in labels.iter().enumerate() {
        classes[label as usize].push(index);
    }
    classes
}

fn class_order(stream: u64, num_classes: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..num_classes).collect();
    Draws::new(0, Purpose::Split, stream << 32 | CLASS_ORDER).shuffle(&mut order);
    order
}

fn draw(stream: u64, classes: Vec<Vec<usize>>, wanted: &[usize]) -> Vec<usize> {
    let mut chosen = Vec::with_capacity(wanted.iter().sum());
    for (class, mut members) in classes.into_iter().enumerate() {
        Draws::new(0, Purpose::Split, stream << 32 | class as u64).shuffle(&mut members);
        chosen.extend(&members[..wanted[class]]);
    }
    chosen.sort_unstable();
    chosen
}

fn take(split: &Split, indices: &[usize]) -> Split {
    let size = split.height * split.width * 3;
    let mut pixels = Vec::with_capacity(indices.len() * size);
    indices
        .iter()
        .for_each(|&index| pixels.extend_from_slice(split.image(index)));
    let labels = indices.iter().map(|&index| split.labels[index]).collect();
    Split {
        pixels,
        labels,
        height: split.height,
        width: split.width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|i| format!("class{i}")).collect()
    }

    fn counts(labels: &[u32], chosen: &[usize], num_classes: usize) -> Vec<usize> {
        let mut counts = vec![0; num_classes];
        chosen
            .iter()
            .for_each(|&index| counts[labels[index] as usize] += 1);
        counts
    }

    #[test]
    fn limit_is_exact_balanced_nested_and_repeatable() {
        let labels: Vec<u32> = (0..1000).map(|i| (i * i % 7) as u32 % 3).collect();
        let mut smaller = Vec::new();
        for n in 3..200 {
            let chosen = balanced(&labels, &names(3), n).unwrap();
            assert_eq!(chosen.len(), n);
            assert!(chosen.is_sorted_by(|a, b| a < b));
            let counts = counts(&labels, &chosen, 3);
            assert!(
                counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1,
                "{counts:?}"
            );
            assert!(smaller.iter().all(|index| chosen.contains(index)), "{n}");
            assert_eq!(chosen, balanced(&labels, &names(3), n).unwrap());
            smaller = chosen;
        }
    }

    #[test]
    fn subset_is_the_same_on_every_machine() {
        let labels: Vec<u32> = (0..100).map(|i| i % 10).collect();
        let chosen = balanced(&labels, &names(10), 12).unwrap();
        assert_eq!(chosen, [1, 2, 7, 18, 26, 33, 40, 51, 64, 68, 85, 89]);
    }

    #[test]
    fn validation_is_stratified_and_rounds_the_total() {
        let labels: Vec<u32> = (0..103).map(|i| u32::from(i % 4 == 0)).collect();
        for (fraction, total) in [(0.1, 10), (0.25, 26), (0.5, 52), (0.9, 93)] {
            let held = stratified(&labels, &names(2), fraction).unwrap();
            assert_eq!(held.len(), total);
            for (class, count) in counts(&labels, &held, 2).into_iter().enumerate() {
                let size = labels
                    .iter()
                    .filter(|&&label| label as usize == class)
                    .count();
                assert!((count as f64 - size as f64 * fraction).abs() < 1.0);
            }
        }
    }

    #[test]
    fn classes_that_are_too_small_are_named() {
        let labels = [0, 0, 0, 0, 1, 1];
        let error = balanced(&labels, &names(2), 6).unwrap_err();
        assert_eq!(error.code(), "DATA-TOO-FEW");
        let text = "class `class1` has 2 training images, expected 3 for `train_limit` 6; \
                    lower `train_limit`, or remove it";
        assert_eq!(error.to_string(), text);
        assert_eq!(
            balanced(&labels, &names(2), 1).unwrap_err().code(),
            "DATA-TOO-FEW"
        );
        assert_eq!(
            stratified(&labels, &names(2), 0.01).unwrap_err().code(),
            "DATA-TOO-FEW"
        );
        assert_eq!(
            stratified(&labels, &names(2), 0.9).unwrap_err().code(),
            "DATA-TOO-FEW"
        );
    }
}
