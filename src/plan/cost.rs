//! What a run costs, from its plan alone: steps, batches, layers, multiply-accumulates; memory, disk and time are in files
//! of their own.

use super::disk::{self, Disk};
use super::memory::{self, Memory};
use super::time::Seconds;
use super::{
    DataPlan, HeadPlan, Layer, LossPlan, OptimizerPlan, Parameters, PhasePlan, RunPlan, SplitSizes,
};
use serde::Serialize;

/// What a cost depends on beside the plan.
#[derive(Clone, Debug)]
pub struct Host {
    /// `supcon` and the backend with their versions, as the model's metadata names them.
    pub producer: String,
    /// Worker threads of a run.
    pub threads: usize,
}

/// The cost of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunCost {
    /// Images of each split, `None` where only the folder knows.
    pub images: Option<SplitSizes>,
    /// Phases in the order in which they run.
    pub phases: Vec<PhaseCost>,
    /// The folder of the finished run.
    pub disk: Option<Disk>,
    /// Seconds on `cpu` with the host's threads.
    pub seconds: Option<Seconds>,
    /// Most bytes on the disk while it runs: checkpoints, and encoders that others can share.
    pub working_disk: u64,
}

/// The cost of one phase. What depends on a folder that was not read is `None`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseCost {
    /// Name of the phase.
    pub name: String,
    /// Layers of encoder and head at the size of the data set's images; without the head while the classes are unknown.
    pub layers: Vec<Layer>,
    /// Numbers that the optimizer changes.
    pub trained: Option<usize>,
    /// Trainable numbers of a frozen encoder.
    pub frozen: usize,
    /// Steps of the phase.
    pub steps: Option<Steps>,
    /// What a batch holds.
    pub batch: Option<Composition>,
    /// Multiply-accumulates of a full step, forward and backward, at the size of the data set's images. Random widths and
    /// heights change it from step to step; their mean is that size.
    pub step_multiply_accumulates: Option<u64>,
    /// Multiply-accumulates of the phase: every step, and the forward passes of evaluation. The largest number stands for
    /// itself and for all that are larger.
    pub multiply_accumulates: Option<u64>,
    /// Step size of the optimizer, the same in every step.
    pub learning_rate: f64,
    /// Memory of the phase on `cpu`.
    pub memory: Option<Memory>,
}

/// Steps of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Steps {
    /// Steps in each epoch.
    pub per_epoch: usize,
    /// Steps in all epochs.
    pub total: usize,
    /// Images of an epoch's last batch, which may be smaller.
    pub last_batch: usize,
}

/// What a full batch holds on average, if the classes are of equal size.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Composition {
    /// Images.
    pub images: usize,
    /// Classes that occur.
    pub classes: f64,
    /// Images of one class.
    pub per_class: f64,
    /// Of a contrastive loss: other images of an anchor's class.
    pub positives: Option<f64>,
    /// Of a contrastive loss: probability that an anchor is the only image of its class.
    pub alone: Option<f64>,
}

impl RunPlan {
    /// What the run costs on a host.
    #[must_use]
    pub fn cost(&self, host: &Host) -> RunCost {
        let images = self.data.split_sizes();
        let memory = memory::of(self);
        let phases = self.phases.iter().zip(memory).enumerate();
        let phases = phases.map(|(index, (phase, memory))| {
            let last = index + 1 == self.phases.len();
            self.phase_cost(phase, last, memory)
        });
        let phases: Vec<PhaseCost> = phases.collect();
        let work = phases.iter().zip(&self.phases);
        let work = work.map(|(cost, phase)| Some((cost.multiply_accumulates?, phase.precision)));
        let work: Option<Vec<_>> = work.collect();
        RunCost {
            images,
            seconds: work.map(|work| Seconds::of(&work, host.threads)),
            phases,
            disk: disk::of(self, host),
            working_disk: self.working_bytes(self.data.source.image_size()),
        }
    }

    /// Encoder and head of a phase for images of `size`, with the names that `model.safetensors` uses. The head is left
    /// out while it depends on classes that are unknown.
    #[must_use]
    pub fn network(&self, phase: &PhasePlan, size: [usize; 2]) -> Vec<Layer> {
        let (mut layers, head) = self.parts(phase, size);
        layers.extend(head.into_iter().flatten());
        layers
    }

    /// Encoder, and head if it is known.
    pub(super) fn parts(
        &self,
        phase: &PhasePlan,
        size: [usize; 2],
    ) -> (Vec<Layer>, Option<Vec<Layer>>) {
        let encoder = self.encoder.layers(size).into_iter();
        let encoder = encoder.map(|layer| layer.within("encoder")).collect();
        let classes = match phase.head {
            // No class reaches a projection.
            HeadPlan::Projection { .. } => Some(0),
            HeadPlan::Classifier { .. } => self.data.classes(),
        };
        let head = classes.map(|classes| {
            let layers = phase.head.layers(self.encoder.features(), classes);
            layers
                .into_iter()
                .map(|layer| layer.within("head"))
                .collect()
        });
        (encoder, head)
    }

    fn phase_cost(&self, phase: &PhasePlan, last: bool, memory: Option<Memory>) -> PhaseCost {
        let size = self.data.source.image_size();
        let (encoder, head) = self.parts(phase, size);
        let encoder_parameters = Parameters::of(&encoder).trainable;
        let head_parameters = head.as_ref().map(|head| Parameters::of(head).trainable);
        let (trained, frozen) = if phase.freeze_encoder {
            (head_parameters, encoder_parameters)
        } else {
            (head_parameters.map(|head| head + encoder_parameters), 0)
        };
        let work = head.as_ref().map(|head| Work::of(phase, &encoder, head));
        let images = self.data.split_sizes();
        let steps = self
            .data
            .train_images()
            .map(|train| Steps::of(phase, train));
        PhaseCost {
            name: phase.name.clone(),
            trained,
            frozen,
            steps,
            batch: composition(&self.data, phase),
            step_multiply_accumulates: work.map(|work| work.step(phase.batch_size)),
            multiply_accumulates: work
                .zip(images)
                .map(|(work, images)| work.phase(phase, images, last)),
            learning_rate: learning_rate(phase),
            memory,
            layers: encoder
                .into_iter()
                .chain(head.into_iter().flatten())
                .collect(),
        }
    }
}

fn learning_rate(phase: &PhasePlan) -> f64 {
    match phase.optimizer {
        OptimizerPlan::Adam { learning_rate, .. } => learning_rate,
    }
}

impl Steps {
    fn of(phase: &PhasePlan, train: usize) -> Self {
        let per_epoch = train.div_ceil(phase.batch_size);
        Self {
            per_epoch,
            total: per_epoch.saturating_mul(phase.epochs),
            last_batch: train - per_epoch.saturating_sub(1) * phase.batch_size,
        }
    }
}

/// Multiply-accumulates of a phase's network.
#[derive(Clone, Copy)]
struct Work {
    /// Of one image forward.
    forward: u64,
    /// Of one image backward.
    backward: u64,
    /// Length of what the loss sees, if it compares the images of a batch with each other.
    compared: u64,
}

impl Work {
    /// Each trained layer costs its forward pass twice more: for its weights and for its input. Nothing wants the gradient
    /// of the images, nor of a frozen encoder's features.
    fn of(phase: &PhasePlan, encoder: &[Layer], head: &[Layer]) -> Self {
        let sum = |layers: &[Layer]| -> u64 {
            layers.iter().map(|layer| layer.multiply_accumulates).sum()
        };
        let first = |layers: &[Layer]| {
            let mut counts = layers.iter().map(|layer| layer.multiply_accumulates);
            counts.find(|&count| count > 0).unwrap_or_default()
        };
        let (encoder_work, head_work) = (sum(encoder), sum(head));
        let backward = if phase.freeze_encoder {
            2 * head_work - first(head)
        } else {
            2 * (encoder_work + head_work) - first(encoder)
        };
        let outputs = head.last().and_then(|layer| layer.output.last());
        let compared = match phase.loss {
            LossPlan::Npairs { .. } => outputs.copied().unwrap_or_default() as u64,
            LossPlan::CrossEntropy => 0,
        };
        Self {
            forward: encoder_work + head_work,
            backward,
            compared,
        }
    }

    /// Forward and backward of one batch. Similarities are one matrix product forward and two backward.
    fn step(self, batch: usize) -> u64 {
        let batch = batch as u64;
        let layers = batch.saturating_mul(self.forward.saturating_add(self.backward));
        let pairs = batch
            .saturating_mul(batch)
            .saturating_mul(3 * self.compared);
        layers.saturating_add(pairs)
    }

    /// All steps of a phase, and the passes over the validation and test splits.
    fn phase(self, phase: &PhasePlan, images: SplitSizes, last: bool) -> u64 {
        let steps = Steps::of(phase, images.train);
        let full = steps.per_epoch.saturating_sub(1) as u64;
        let epoch = full.saturating_mul(self.step(phase.batch_size));
        let epoch = epoch.saturating_add(self.step(steps.last_batch));
        let evaluated = match (phase.classifies(), last) {
            (false, _) => 0,
            (true, false) => images.validation.saturating_mul(phase.epochs),
            (true, true) => images
                .validation
                .saturating_mul(phase.epochs)
                .saturating_add(images.test),
        };
        let trained = epoch.saturating_mul(phase.epochs as u64);
        trained.saturating_add(self.forward.saturating_mul(evaluated as u64))
    }
}

/// What a batch holds, by drawing without replacement from classes of equal size.
fn composition(data: &DataPlan, phase: &PhasePlan) -> Option<Composition> {
    let (train, classes) = (data.train_images()?, data.classes()?);
    let images = phase.batch_size.min(train);
    let (n, k, b) = (train as f64, classes as f64, images as f64);
    let own = n / k;
    // No other image of the class among `draws` draws from `left` images, `of_class` of which are of the class.
    let none = |draws: usize, of_class: f64, left: f64| -> f64 {
        let share = |i: usize| (1.0 - of_class / (left - i as f64)).max(0.0);
        (0..draws).map(share).product()
    };
    let contrastive = matches!(phase.loss, LossPlan::Npairs { .. });
    let positives = (b - 1.0) * (own - 1.0).max(0.0) / (n - 1.0).max(1.0);
    Some(Composition {
        images,
        classes: k * (1.0 - none(images, own, n)),
        per_class: b / k,
        positives: contrastive.then_some(positives),
        alone: contrastive.then(|| none(images.saturating_sub(1), (own - 1.0).max(0.0), n - 1.0)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::samples;

    fn host() -> Host {
        Host {
            producer: "supcon 0.1.0".into(),
            threads: 2,
        }
    }

    #[test]
    fn steps_and_last_batch_add_up_to_the_images() {
        let plan = samples::plan("supcon", 0);
        let cost = plan.cost(&host());
        let steps = cost.phases[0].steps.unwrap();
        // 10,000 images in batches of 265.
        assert_eq!(
            (steps.per_epoch, steps.total, steps.last_batch),
            (38, 380, 195)
        );
    }

    #[test]
    fn a_frozen_encoder_has_no_backward_pass() {
        let plan = samples::plan("supcon", 0);
        let cost = plan.cost(&host());
        let encoder = 71_024_640;
        let (stem, projection) = (16 * 16 * 7 * 7 * 3 * 64, 2048 * 128);
        let pretrain = 265 * (3 * (encoder + projection) - stem) + 3 * 265 * 265 * 128;
        assert_eq!(cost.phases[0].step_multiply_accumulates, Some(pretrain));
        let (hidden, logits) = (2048 * 512, 512 * 10);
        let classify = 265 * (encoder + 2 * hidden + 3 * logits);
        assert_eq!(cost.phases[1].step_multiply_accumulates, Some(classify));
        assert_eq!(cost.phases[1].frozen, 23_519_360);
        assert_eq!(cost.phases[1].trained, Some(1_049_088 + 5_130));
    }

    #[test]
    fn a_batch_of_all_images_has_all_classes_and_all_positives() {
        let mut plan = samples::plan("supcon", 0);
        plan.data.train_limit = Some(100);
        plan.phases[0].batch_size = 100;
        let batch = plan.cost(&host()).phases[0].batch.unwrap();
        assert!((batch.classes - 10.0).abs() < 1e-12);
        assert!((batch.positives.unwrap() - 9.0).abs() < 1e-12);
        assert_eq!(batch.alone, Some(0.0));
        // One image a class and two a batch: nobody finds a partner.
        plan.data.train_limit = Some(10);
        plan.phases[0].batch_size = 2;
        let batch = plan.cost(&host()).phases[0].batch.unwrap();
        assert!((batch.classes - 2.0).abs() < 1e-12);
        assert_eq!((batch.positives, batch.alone), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn what_only_the_folder_knows_is_left_out() {
        let mut plan = samples::plan("supcon", 0);
        plan.data.source = crate::plan::SourcePlan::ImageFolder { image_size: 64 };
        plan.data.train_limit = None;
        let cost = plan.cost(&host());
        assert!(cost.images.is_none() && cost.disk.is_none());
        let [pretrain, classify] = &cost.phases[..] else {
            panic!("two phases");
        };
        assert!(pretrain.trained.is_some() && pretrain.steps.is_none());
        assert!(pretrain.step_multiply_accumulates.is_some());
        assert!(classify.trained.is_none() && classify.step_multiply_accumulates.is_none());
    }
}
