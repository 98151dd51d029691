//! What is wrong between sections that are right by themselves, each at its place and with its fix. A value that is wrong
//! by itself, and was mended, is never judged. `expect` judges expectations, `sizes` batches.

mod expect;
mod sizes;

pub use sizes::{Images, Misfit, misfits};

use super::{AugmentPlan, DataPlan, HeadPlan, LossPlan, PhasePlan};
use crate::diag::{Code, Problem};
use crate::spec::{Loaded, Subset};

/// Reports every conflict.
pub(super) fn find(
    loaded: &Loaded,
    data: &DataPlan,
    phases: &[PhasePlan],
    problems: &mut Vec<Problem>,
) {
    let mut find = Find { loaded, problems };
    if loaded.is_sure("data") {
        find.data(data);
    }
    let mut encoder_is_trained = false;
    for phase in phases {
        let sure = |key: &str| loaded.is_sure(&format!("phases.{}.{key}", phase.name));
        if sure("head") && sure("loss") {
            find.head_and_loss(phase);
        }
        if sure("batch_size") && sure("loss") && loaded.is_sure("data") {
            find.batch(phase, data);
        }
        find.augment(phase);
        if sure("freeze") && phase.freeze_encoder && !encoder_is_trained {
            find.frozen_untrained(phase);
        }
        // Said once, at the first phase that could have trained it.
        encoder_is_trained = true;
    }
    if loaded.is_sure("phases") {
        find.unused_augment(phases);
    }
    find.unseen_validation(data, phases);
    find.expectations(data, phases);
}

struct Find<'a> {
    loaded: &'a Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Find<'_> {
    /// A conflict at the value of `path`, with the text under the caret and the fix.
    fn add(&mut self, code: Code, path: &str, message: String, label: &str, help: &str) {
        let problem = Problem::new(code, message)
            .at(self.loaded.place(path))
            .label(label)
            .help(help);
        self.problems.push(problem);
    }

    fn data(&mut self, data: &DataPlan) {
        if data.train_subset != Subset::default() && data.train_limit.is_none() {
            let message = "`train_subset` has no effect without `train_limit`";
            let problem = Problem::new(Code::NoEffect, message)
                .at(self.loaded.key_place("data.train_subset"))
                .label("all images are used")
                .help("add `train_limit`, or delete it");
            self.problems.push(problem);
        }
        let images = data.train_limit.or(data.all_train_images());
        if let (Some(limit), Some(all)) = (data.train_limit, data.all_train_images())
            && limit > all
        {
            let message =
                format!("`train_limit` asks for {limit} images, the training split has {all}");
            let help = "lower it, or delete it to use all images";
            let (path, label) = ("data.train_limit", "more than there are");
            return self.add(Code::SplitSize, path, message, label, help);
        }
        let (Some(images), Some(classes)) = (images, data.classes()) else {
            return;
        };
        if images < classes {
            let message = format!("{images} training images cannot hold {classes} classes");
            let help = format!("use at least {classes}");
            let (path, label) = ("data.train_limit", "fewer than classes");
            return self.add(Code::SplitSize, path, message, label, &help);
        }
        let held_out = (images as f64 * data.validation).round() as usize;
        if data.validation > 0.0 && (held_out < classes || images - held_out < classes) {
            let message = format!("`validation` holds {held_out} of {images} training images out");
            let help =
                format!("leave at least one image of each of the {classes} classes in each split");
            let (path, label) = ("data.validation", "too small or too large");
            self.add(Code::SplitSize, path, message, label, &help);
        }
    }

    fn head_and_loss(&mut self, phase: &PhasePlan) {
        let path = format!("phases.{}", phase.name);
        let (message, label, help) = match (&phase.loss, &phase.head) {
            (LossPlan::Npairs { .. }, HeadPlan::Classifier { .. }) => (
                "the loss `npairs` compares embeddings, but the head is a classifier",
                "gives logits",
                "use `head: {name: projection, widths: [128]}`, or the loss `cross_entropy`",
            ),
            (LossPlan::CrossEntropy, HeadPlan::Projection { .. }) => (
                "the loss `cross_entropy` needs one logit a class, but the head is a projection",
                "gives an embedding",
                "use `head: {name: classifier}`, or the loss `npairs`",
            ),
            (LossPlan::Npairs { .. }, HeadPlan::Projection { .. })
            | (LossPlan::CrossEntropy, HeadPlan::Classifier { .. }) => return,
        };
        let related = self.loaded.place(&format!("{path}.loss.name"));
        let problem = Problem::new(Code::HeadAndLoss, format!("{message} in `{path}`"))
            .at(self.loaded.place(&format!("{path}.head.name")))
            .label(label)
            .related(related, "the loss")
            .help(help);
        self.problems.push(problem);
    }

    fn batch(&mut self, phase: &PhasePlan, data: &DataPlan) {
        let classes = data.classes();
        // Too few images for the classes is a problem of its own, which `data` has reported.
        let enough = |images: &usize| *images >= classes.unwrap_or(1);
        let images = data.train_images().filter(enough).map(|count| Images {
            count,
            classes: classes.unwrap_or(1),
            has_pairs: classes.is_none_or(|classes| count > classes),
            held_out: data.validation > 0.0,
        });
        for misfit in sizes::misfits(phase, images) {
            let path = format!("phases.{}.{}", phase.name, misfit.key);
            let Misfit {
                message,
                label,
                help,
                ..
            } = misfit;
            self.add(Code::BatchSize, &path, message, label, &help);
        }
    }

    /// The key path of the list that a phase uses.
    fn list_of(&self, phase: &PhasePlan) -> String {
        let spec = self.loaded.spec.phases.get(&phase.name);
        if spec.is_some_and(|spec| spec.augment.is_some()) {
            format!("phases.{}.augment", phase.name)
        } else {
            "augment".into()
        }
    }

    fn augment(&mut self, phase: &PhasePlan) {
        let list = self.list_of(phase);
        if !self.loaded.is_sure(&list) {
            return;
        }
        self.warp_after_resize(&list, &phase.augment);
        self.second_flip(&list, &phase.augment);
        let normalize = |step: &AugmentPlan| *step == AugmentPlan::NormalizePerChannel;
        let first = phase.augment.iter().position(normalize);
        let steps = phase.augment.iter().enumerate();
        for (i, _) in steps.filter(|(i, step)| normalize(step) && *i > 0) {
            let path = format!("{list}.{i}.normalize");
            if first == Some(i) {
                let message = "`normalize` must come first: its statistics are those of whole, unchanged images";
                let help = "move it to the front of the list";
                self.add(
                    Code::AugmentOrder,
                    &path,
                    message.into(),
                    "after another step",
                    help,
                );
            } else {
                let message = "`normalize` stands twice in one list".into();
                self.add(
                    Code::AugmentOrder,
                    &path,
                    message,
                    "again",
                    "keep the first",
                );
            }
        }
    }

    /// A flip by chance after a flip by chance is a flip by chance.
    fn second_flip(&mut self, list: &str, steps: &[AugmentPlan]) {
        let flips = |step: &AugmentPlan| *step == AugmentPlan::FlipHorizontal;
        let mut places = (0..steps.len()).filter(|i| flips(&steps[*i]));
        let Some(first) = places.next() else { return };
        for second in places {
            let problem = Problem::new(Code::NoEffect, "a second `flip` in one list has no effect")
                .at(self.loaded.place(&format!("{list}.{second}.flip")))
                .label("images are mirrored half of the time with or without it")
                .related(
                    self.loaded.place(&format!("{list}.{first}.flip")),
                    "the first",
                )
                .help("delete it");
            self.problems.push(problem);
        }
    }

    /// A list for all phases that no phase uses. One that a base wrote is there to be replaced.
    fn unused_augment(&mut self, phases: &[PhasePlan]) {
        let used = phases.iter().any(|phase| self.list_of(phase) == "augment");
        if used || phases.is_empty() || !self.loaded.is_own("augment") {
            return;
        }
        let message = "`augment` has no effect: every phase has a list of its own";
        let first = format!("phases.{}.augment", phases[0].name);
        let problem = Problem::new(Code::NoEffect, message)
            .at(self.loaded.key_place("augment"))
            .label("reaches no phase")
            .related(self.loaded.key_place(&first), "one of them")
            .help("delete it, or the lists of the phases that are to use it");
        self.problems.push(problem);
    }

    /// Images that are held out and that nothing looks at. What a base holds out may be for other specs.
    fn unseen_validation(&mut self, data: &DataPlan, phases: &[PhasePlan]) {
        let heads = phases
            .iter()
            .map(|phase| format!("phases.{}.head", phase.name));
        let sure = heads.into_iter().all(|head| self.loaded.is_sure(&head));
        let seen = phases.iter().any(PhasePlan::classifies);
        if data.validation == 0.0 || seen || !sure || !self.loaded.is_own("data.validation") {
            return;
        }
        let message = "`validation` holds images out that no phase evaluates";
        let problem = Problem::new(Code::NoEffect, message)
            .at(self.loaded.key_place("data.validation"))
            .label("only phases with a classifier are evaluated")
            .help("delete it; `train_limit` takes fewer images");
        self.problems.push(problem);
    }

    /// Flips and rotations are one warp of the whole image, before it is resized.
    fn warp_after_resize(&mut self, list: &str, steps: &[AugmentPlan]) {
        let resizes = |step: &AugmentPlan| {
            matches!(
                step,
                AugmentPlan::RandomWidth(_) | AugmentPlan::RandomHeight(_)
            )
        };
        let first = steps.iter().position(resizes).unwrap_or(steps.len());
        for (i, step) in steps.iter().enumerate().skip(first) {
            let name = match step {
                AugmentPlan::FlipHorizontal => "flip",
                AugmentPlan::Rotate(_) => "rotate",
                _ => continue,
            };
            let message = format!("`{name}` stands after a step that changes the size");
            let help = format!("move `{name}` before `random_width` and `random_height`");
            let path = format!("{list}.{i}.{name}");
            self.add(Code::AugmentOrder, &path, message, "after a resize", &help);
        }
    }

    fn frozen_untrained(&mut self, phase: &PhasePlan) {
        let message = format!(
            "`phases.{}` freezes the encoder before any phase has trained it",
            phase.name
        );
        let path = format!("phases.{}.freeze", phase.name);
        let help = "put a phase that trains the encoder before it, or delete `freeze`";
        let label = "the encoder has its initial weights";
        self.add(Code::UntrainedEncoder, &path, message, label, help);
    }
}
