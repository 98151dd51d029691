//! The pictures of a sheet: which images, at which moments of training, and what the augmenter of training makes of them.

use crate::augment::{Augmenter, Moment, Pixels, Statistics};
use crate::data::Dataset;
use crate::plan::RunPlan;
use crate::random;

/// An image as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `[height, width, 3]`, row-major, RGB.
    pub pixels: Vec<u8>,
}

/// One image of the training split with what augmentation makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Name of its class.
    pub class: String,
    /// Position in the training split.
    pub index: u32,
    /// The original, then one picture a step, then one a draw.
    pub pictures: Vec<Picture>,
}

/// The first image of each class, then the second of each, and so on, up to `wanted` of them.
pub(super) fn chosen(labels: &[u32], classes: usize, wanted: usize) -> Vec<u32> {
    let mut members = vec![Vec::new(); classes];
    for (index, &label) in (0u32..).zip(labels) {
        members[label as usize].push(index);
    }
    let rounds = members.iter().map(Vec::len).max().unwrap_or(0);
    let round = |round: usize| {
        members
            .iter()
            .filter_map(move |class| class.get(round).copied())
    };
    (0..rounds).flat_map(round).take(wanted).collect()
}

/// The rows of `indices`: each step of the phase alone in the phase's first epoch, and all steps together in each of its
/// first `draws` epochs.
pub(super) fn rows(
    plan: &RunPlan,
    phase: usize,
    data: &Dataset,
    indices: &[u32],
    draws: usize,
) -> Vec<Row> {
    let source = data.train.source();
    let statistics = Statistics::of(source);
    let steps = &plan.phases[phase].augment;
    let whole = Augmenter::new(steps, statistics);
    let single: Vec<Augmenter> = steps
        .iter()
        .map(|step| Augmenter::new(std::slice::from_ref(step), statistics))
        .collect();
    let moments = moments(plan, phase, data.train.len(), indices, draws.max(1));
    let row = |(at, &index): (usize, &u32)| {
        let original = Picture {
            height: source.height,
            width: source.width,
            pixels: data.train.image(index as usize).to_vec(),
        };
        let draw = |augmenter: &Augmenter, moment: Moment| {
            picture(augmenter, augmenter.train(source, &[index], moment))
        };
        let alone = single.iter().map(|step| draw(step, moments[0][at]));
        let together = moments
            .iter()
            .take(draws)
            .map(|epoch| draw(&whole, epoch[at]));
        let label = data.train.labels[index as usize];
        Row {
            class: data.class_names[label as usize].clone(),
            index,
            pictures: std::iter::once(original)
                .chain(alone)
                .chain(together)
                .collect(),
        }
    };
    indices.iter().enumerate().map(row).collect()
}

fn picture(augmenter: &Augmenter, pixels: Pixels) -> Picture {
    Picture {
        height: pixels.height,
        width: pixels.width,
        pixels: augmenter.bytes(&pixels),
    }
}

/// When training reads each of `indices`: for each of the phase's first `epochs` epochs one moment an image.
fn moments(
    plan: &RunPlan,
    phase: usize,
    images: usize,
    indices: &[u32],
    epochs: usize,
) -> Vec<Vec<Moment>> {
    let (first_epoch, first_step) = beginning(plan, phase, images);
    let batch_size = plan.phases[phase].batch_size;
    let steps = images.div_ceil(batch_size);
    let moments = |number: usize| {
        let epoch = first_epoch + number as u64;
        let order = random::order(plan.seed, epoch, images);
        let moment = |index: &u32| {
            let position = order.iter().position(|at| at == index);
            let batch = position.expect("an epoch holds every image") / batch_size;
            Moment {
                seed: plan.seed,
                epoch,
                step: first_step + (number * steps + batch) as u64,
            }
        };
        indices.iter().map(moment).collect::<Vec<Moment>>()
    };
    (0..epochs).map(moments).collect()
}

/// Epochs and steps of the run before a phase begins.
fn beginning(plan: &RunPlan, phase: usize, images: usize) -> (u64, u64) {
    let mut begun = (0, 0);
    for before in &plan.phases[..phase] {
        begun.0 += before.epochs as u64;
        begun.1 += (before.epochs * images.div_ceil(before.batch_size)) as u64;
    }
    begun
}
