//! Memory of a run's process on `cpu`, estimated from the layer table and from what `src/ops`, `src/train` and `src/record`
//! keep and allocate. `tests/compute/memory.rs` holds it against real processes.

mod products;

use super::{AugmentPlan, Layer, LossPlan, OptimizerPlan, Parameters, PhasePlan, RunPlan};
use products::Products;
use serde::Serialize;

/// Bytes of a float.
const FLOAT: usize = 4;
/// Batches beside the one in the step: two wait (`src/train/batches.rs`), one is being made.
const BATCHES_AHEAD: usize = 3;
/// Images of an evaluation batch (`src/train/evaluate.rs`).
const EVALUATED: usize = 256;
/// Bytes of the program itself with its threads, before it holds any data: the least that differed between the measured
/// and the other figures of 14 configurations (results/LOG.md, 2026-11-24).
const PROGRAM: u64 = 31_000_000;

/// Bytes that one phase needs at its peak, by what they are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Weights and moving statistics of encoder and head, and the packed weights of a frozen encoder.
    pub parameters: u64,
    /// Gradients of everything that is trained.
    pub gradients: u64,
    /// Adam's two moments.
    pub moments: u64,
    /// What the layers keep for the backward pass, for a batch of the largest size that augmentation makes.
    pub activations: u64,
    /// Largest passing need of one layer: its gradients, ordered weights, partial sums, and in bf16 its factors in pairs.
    pub workspace: u64,
    /// Largest passing need of an evaluation batch.
    pub evaluation: u64,
    /// What a checkpoint takes while it is written: copies of parameters and moments, and a file that is read back.
    pub checkpoint: u64,
    /// The program itself.
    pub program: u64,
    /// Decoded images of all splits, `None` where only the folder knows.
    pub images: Option<u64>,
    /// Batches that are made ahead.
    pub batches: u64,
    /// What steps of earlier phases have left in the process, beyond what a step of this one takes.
    pub earlier: u64,
    /// All of it at the worst moment. Less than the sum: activations go while gradients come.
    pub peak: u64,
}

/// The memory of every phase in the order in which they run, `None` while its head is unknown.
pub(super) fn of(plan: &RunPlan) -> Vec<Option<Memory>> {
    let mut before = Before::default();
    let each = plan.phases.iter().map(|phase| {
        let need = Need::of(plan, phase)?;
        let memory = need.memory(plan, phase, &before);
        before.step = before.step.max(need.step);
        before.file = need.largest_file(phase);
        Some(memory)
    });
    each.collect()
}

/// What earlier phases have needed, in floats.
#[derive(Default)]
struct Before {
    /// The largest step.
    step: usize,
    /// Largest file of a checkpoint of the phase before: one is kept, and read, until this one has two.
    file: usize,
}

/// Floats that a phase needs, each for itself.
struct Need {
    /// Of encoder and head.
    parameters: usize,
    /// Weights of a frozen encoder once more, packed for inference.
    packed: usize,
    trained: usize,
    kept: usize,
    workspace: usize,
    /// Passing, at the worst moment of a step.
    step: usize,
    /// Passing, at the worst moment of an evaluation batch; 0 if nothing is evaluated.
    evaluation: usize,
    batches: usize,
}

impl Need {
    fn of(plan: &RunPlan, phase: &PhasePlan) -> Option<Self> {
        let size = largest(plan.data.source.image_size(), &phase.augment);
        let (encoder, head) = plan.parts(phase, size);
        let head = head?;
        let everything = Parameters::of(&encoder).plus(Parameters::of(&head));
        let (still, taped): (&[Layer], Vec<Layer>) = if phase.freeze_encoder {
            (encoder.as_slice(), head)
        } else {
            (&[], encoder.iter().cloned().chain(head).collect())
        };
        let batch = phase.batch_size;
        let loss = loss_floats(phase, &taped);
        let products = |images| Products {
            images,
            precision: phase.precision,
        };
        let passing = |layer: &Layer| batch * beside(layer) + products(batch).trained(layer);
        let workspace = taped.iter().map(passing).max().unwrap_or_default();
        let frozen = inference(still, products(batch));
        let evaluated = evaluated_images(plan, phase);
        let nominal = plan.network(phase, plan.data.source.image_size());
        // An evaluation packs the weights of an encoder that is trained, and a frozen one has them packed.
        let [packed, all] = [still, &encoder].map(|layers| products(batch).packed(layers));
        let evaluation = match evaluated {
            0 => 0,
            images => inference(&nominal, products(images)) + all - packed,
        };
        Some(Self {
            parameters: everything.trainable + everything.moving,
            packed,
            trained: Parameters::of(&taped).trainable,
            kept: batch * taped.iter().map(|layer| layer.kept).sum::<usize>(),
            workspace: workspace.max(loss),
            step: tape_peak(&taped, passing, batch, loss).max(frozen),
            evaluation,
            batches: batches_ahead(plan, batch) * batch * size[0] * size[1] * 3,
        })
    }

    /// The worst moments in a process that has had earlier phases. Memory that a step has given back lies in pieces, of which
    /// about three quarters serve an evaluation batch, whose arrays are larger.
    fn memory(&self, plan: &RunPlan, phase: &PhasePlan, before: &Before) -> Memory {
        let (images, loading) = data_bytes(plan).unzip();
        let heap = self.step.max(before.step);
        let passing = heap + self.evaluation.saturating_sub(heap / 4 * 3);
        let moments = self.moments(phase);
        // All arrays once more, and the larger file while it is read back.
        let largest = self.largest_file(phase).max(before.file);
        let checkpoint = self.parameters + moments + largest;
        let parameters = self.parameters + self.packed;
        let resident = parameters + moments + self.batches;
        let steady = PROGRAM + images.unwrap_or_default() + bytes(resident);
        let working = steady + bytes(passing.max(checkpoint));
        Memory {
            parameters: bytes(parameters),
            gradients: bytes(self.trained),
            moments: bytes(moments),
            activations: bytes(self.kept),
            workspace: bytes(self.workspace),
            evaluation: bytes(self.evaluation),
            checkpoint: bytes(checkpoint),
            program: PROGRAM,
            images,
            batches: bytes(self.batches),
            earlier: bytes(heap - self.step),
            peak: working.max(PROGRAM + loading.unwrap_or_default()),
        }
    }

    /// Floats of the optimizer's moments.
    const fn moments(&self, phase: &PhasePlan) -> usize {
        match phase.optimizer {
            OptimizerPlan::Adam { .. } => 2 * self.trained,
        }
    }

    /// Floats in the larger file of a checkpoint: model or optimizer.
    fn largest_file(&self, phase: &PhasePlan) -> usize {
        self.parameters.max(self.moments(phase))
    }
}

/// Batches that are made while one is in the step: no more than an epoch has.
fn batches_ahead(plan: &RunPlan, batch: usize) -> usize {
    let images = plan.data.train_images();
    images.map_or(BATCHES_AHEAD, |images| {
        BATCHES_AHEAD.min(images.div_ceil(batch).saturating_sub(1))
    })
}

/// Images of the largest batch that is evaluated; 0 if nothing is.
fn evaluated_images(plan: &RunPlan, phase: &PhasePlan) -> usize {
    if !phase.classifies() {
        return 0;
    }
    let last = plan
        .phases
        .last()
        .is_some_and(|last| last.name == phase.name);
    plan.data.split_sizes().map_or(EVALUATED, |images| {
        let test = if last { images.test } else { 0 };
        EVALUATED.min(images.validation.max(test))
    })
}

fn bytes(floats: usize) -> u64 {
    (FLOAT * floats) as u64
}

impl Parameters {
    fn plus(self, other: Self) -> Self {
        Self {
            trainable: self.trainable + other.trainable,
            moving: self.moving + other.moving,
        }
    }
}

/// Height and width of the largest images that augmentation makes of those of the data set. Keras truncates.
fn largest([height, width]: [usize; 2], steps: &[AugmentPlan]) -> [usize; 2] {
    let scaled = |size: usize, range: f64| ((1.0 + range) * size as f64) as usize;
    let mut found = [height, width];
    for step in steps {
        match *step {
            AugmentPlan::RandomHeight(range) => found[0] = scaled(height, range),
            AugmentPlan::RandomWidth(range) => found[1] = scaled(width, range),
            AugmentPlan::NormalizePerChannel
            | AugmentPlan::FlipHorizontal
            | AugmentPlan::Rotate(_) => {}
        }
    }
    found
}

/// Floats of one image that live while a layer works: what comes in, what goes out, and the shortcut beside it.
fn beside(layer: &Layer) -> usize {
    let input: usize = layer.input.iter().product();
    let output: usize = layer.output.iter().product();
    input + output + layer.carried
}

/// Floats at the worst moment of forward and backward: what is still kept, the layer in hand, and the gradients of the
/// parameters behind it. `passing` is what a layer needs while it works.
fn tape_peak(
    layers: &[Layer],
    passing: impl Fn(&Layer) -> usize,
    batch: usize,
    loss: usize,
) -> usize {
    let mut kept = batch * layers.iter().map(|layer| layer.kept).sum::<usize>();
    let (mut gradients, mut peak) = (0, kept + loss);
    for layer in layers.iter().rev() {
        gradients += layer.parameters;
        peak = peak.max(kept + passing(layer) + gradients);
        kept -= batch * layer.kept;
    }
    peak
}

/// Floats at the worst moment of a pass that keeps nothing.
fn inference(layers: &[Layer], products: Products) -> usize {
    let need = |layer: &Layer| products.images * beside(layer) + products.inferred(layer);
    layers.iter().map(need).max().unwrap_or_default()
}

/// Floats of the loss that live at a time: of contrastive ones two numbers for each pair of the batch, of cross-entropy
/// for each logit.
fn loss_floats(phase: &PhasePlan, layers: &[Layer]) -> usize {
    let outputs = layers.last().and_then(|layer| layer.output.last());
    let outputs = outputs.copied().unwrap_or_default();
    let (batch, row) = match phase.loss {
        LossPlan::Npairs { .. } => (phase.batch_size, phase.batch_size + outputs),
        LossPlan::CrossEntropy => (phase.batch_size, outputs),
    };
    2 * batch * row
}

/// Bytes of images and labels: while a run trains, and while it still loads and holds the source beside its choice.
fn data_bytes(plan: &RunPlan) -> Option<(u64, u64)> {
    let images = plan.data.split_sizes()?;
    let [height, width] = plan.data.source.image_size();
    let image = height * width * 3 + FLOAT;
    let all = plan.data.all_train_images()?;
    let chosen = images.train + images.validation;
    let limited = if plan.data.train_limit.is_some() {
        chosen
    } else {
        0
    };
    let held = if images.validation > 0 { chosen } else { 0 };
    let loading = all + limited + held + images.test;
    Some((
        (image * (chosen + images.test)) as u64,
        (image * loading) as u64,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{EncoderPlan, Precision};
    use crate::record::samples;

    fn memory(phase: usize, change: impl Fn(&mut PhasePlan)) -> Memory {
        let mut plan = samples::plan("supcon", 0);
        change(&mut plan.phases[phase]);
        of(&plan)[phase].unwrap()
    }

    #[test]
    fn resnet50_v2_keeps_311_808_floats_an_image() {
        // By hand: images, stem, and input and output of each norm; head: features and the ReLU's input.
        let memory = memory(0, |_| {});
        assert_eq!(memory.activations, 4 * 265 * (311_808 + 2048 + 128));
        let parameters = 23_519_360 + 262_272;
        assert_eq!(memory.parameters, 4 * (parameters + 45_440));
        assert_eq!(
            (memory.gradients, memory.moments),
            (4 * parameters, 8 * parameters)
        );
        assert_eq!(memory.images, Some(20_000 * 3076));
    }

    #[test]
    fn the_peak_lies_between_what_is_there_for_sure_and_the_sum_of_all() {
        for phase in [0, 1] {
            let memory = memory(phase, |_| {});
            let sure = memory.parameters + memory.moments + memory.activations;
            let sure = sure + memory.images.unwrap() + memory.program;
            let all = sure + memory.gradients + memory.workspace + memory.batches;
            let all = all + memory.evaluation + memory.checkpoint + memory.earlier;
            assert!(memory.peak > sure && memory.peak <= all, "{memory:?}");
        }
    }

    #[test]
    fn activations_grow_with_the_batch_and_with_the_largest_size() {
        let one = memory(0, |phase| phase.batch_size = 32);
        let two = memory(0, |phase| phase.batch_size = 64);
        assert_eq!(two.activations, 2 * one.activations);
        assert_eq!(two.parameters, one.parameters);
        let wide = memory(0, |phase| phase.augment.push(AugmentPlan::RandomWidth(0.5)));
        let plain = memory(0, |_| {});
        assert!(wide.activations > plain.activations * 13 / 10);
    }

    #[test]
    fn pairs_of_factors_come_on_top_of_what_f32_needs_and_packed_weights_are_halved() {
        let of = |phase: usize, precision| {
            let mut plan = samples::plan("supcon", 0);
            plan.encoder = EncoderPlan::ResnetCifar {
                blocks: 1,
                width: 16,
            };
            plan.phases[phase].precision = precision;
            super::of(&plan)[phase].unwrap()
        };
        for phase in [0, 1] {
            let (single, half) = (of(phase, Precision::F32), of(phase, Precision::Bf16));
            assert!(half.workspace > single.workspace);
            if phase == 0 {
                assert!(half.parameters == single.parameters && half.peak >= single.peak);
            } else {
                assert!(
                    half.parameters < single.parameters,
                    "packed weights are pairs"
                );
            }
            let same = Memory {
                parameters: single.parameters,
                workspace: single.workspace,
                evaluation: single.evaluation,
                earlier: single.earlier,
                peak: single.peak,
                ..half
            };
            assert_eq!(same, single);
            assert!(half.earlier <= single.earlier, "a step takes more itself");
        }
        let evaluation = |precision| of(1, precision).evaluation;
        assert!(evaluation(Precision::Bf16) > evaluation(Precision::F32));
    }

    #[test]
    fn a_frozen_encoder_keeps_nothing_and_has_no_gradients() {
        let memory = memory(1, |_| {});
        assert_eq!(memory.gradients, 4 * (1_049_088 + 5_130));
        assert!(memory.activations < 4 * 265 * 2048 * 4);
    }

    #[test]
    fn a_later_phase_finds_the_heap_and_the_checkpoint_of_the_one_before() {
        let [first, second] = [0, 1].map(|phase| memory(phase, |_| {}));
        assert_eq!(first.earlier, 0);
        assert!(second.earlier > first.activations / 2, "{second:?}");
        let [all, trained] = [23_519_360 + 45_440, 23_519_360 + 262_272];
        let head = 1_049_088 + 5_130;
        assert_eq!(
            first.checkpoint,
            4 * (all + 262_272 + 2 * trained + 2 * trained)
        );
        // Its own arrays once, and the moments of the first phase while they are read.
        assert_eq!(second.checkpoint, 4 * (all + head + 2 * head + 2 * trained));
    }
}
