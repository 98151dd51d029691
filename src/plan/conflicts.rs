//! What is wrong between sections that are right by themselves, each at its place and with its fix.

use super::{AugmentPlan, DataPlan, HeadPlan, LossPlan, PhasePlan};
use crate::diag::{Code, Problem, suggest};
use crate::spec::{ExpectSpec, Loaded};

/// Reports every conflict.
pub(super) fn find(
    loaded: &Loaded,
    data: &DataPlan,
    phases: &[PhasePlan],
    problems: &mut Vec<Problem>,
) {
    let mut find = Find { loaded, problems };
    find.data(data);
    let mut encoder_is_trained = false;
    for phase in phases {
        find.head_and_loss(phase);
        find.batch(phase, data);
        find.augment(phase);
        if phase.freeze_encoder && !encoder_is_trained {
            find.frozen_untrained(phase);
        }
        // Said once, at the first phase that could have trained it.
        encoder_is_trained = true;
    }
    let metrics = metrics(data, phases);
    for (i, expect) in loaded.spec.expect.iter().enumerate() {
        find.expect(&format!("expect.{i}"), expect, &metrics);
    }
}

struct Find<'a> {
    loaded: &'a Loaded,
    problems: &'a mut Vec<Problem>,
}

impl Find<'_> {
    /// A conflict at the value of `path`, with the text under the caret and the fix.
    fn add(&mut self, path: &str, message: String, label: &str, help: &str) {
        let place = self.loaded.place(path);
        self.problems.push(
            Problem::new(Code::Conflict, message)
                .at(place)
                .label(label)
                .help(help),
        );
    }

    fn data(&mut self, data: &DataPlan) {
        let images = data.train_limit.or(data.source.train_images());
        if let (Some(limit), Some(all)) = (data.train_limit, data.source.train_images())
            && limit > all
        {
            let message =
                format!("`train_limit` asks for {limit} images, the training split has {all}");
            self.add(
                "data.train_limit",
                message,
                "more than there are",
                "lower it, or delete it to use all images",
            );
        }
        let (Some(images), Some(classes)) = (images, data.source.classes()) else {
            return;
        };
        if images < classes {
            let message = format!("{images} training images cannot hold {classes} classes");
            self.add(
                "data.train_limit",
                message,
                "fewer than classes",
                &format!("use at least {classes}"),
            );
        }
        let held_out = (images as f64 * data.validation).round();
        if data.validation > 0.0 && (held_out < 1.0 || images as f64 - held_out < classes as f64) {
            let message = format!("`validation` holds {held_out} of {images} training images out");
            self.add(
                "data.validation",
                message,
                "too small or too large",
                "leave at least one image a class in each split",
            );
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
            _ => return,
        };
        let related = self.loaded.place(&format!("{path}.loss.name"));
        let problem = Problem::new(Code::Conflict, format!("{message} in `{path}`"))
            .at(self.loaded.place(&format!("{path}.head.name")))
            .label(label)
            .related(related, "the loss")
            .help(help);
        self.problems.push(problem);
    }

    fn batch(&mut self, phase: &PhasePlan, data: &DataPlan) {
        let path = format!("phases.{}.batch_size", phase.name);
        if matches!(phase.loss, LossPlan::Npairs { .. }) && phase.batch_size < 2 {
            let message =
                "the loss `npairs` compares images of a batch, and there is only one".into();
            self.add(&path, message, "needs at least 2", "use a larger batch");
        }
        let images = data.train_limit.or(data.source.train_images());
        // Too few images for the classes is a problem of its own, which `data` has reported.
        let enough = images.filter(|&images| images >= data.source.classes().unwrap_or(1));
        if let Some(images) = enough.filter(|&images| phase.batch_size > images) {
            let message = format!(
                "a batch of {} is larger than the {images} training images",
                phase.batch_size
            );
            self.add(&path, message, "never filled", "use a smaller batch");
        }
    }

    fn augment(&mut self, phase: &PhasePlan) {
        let own = self
            .loaded
            .spec
            .phases
            .get(&phase.name)
            .is_some_and(|spec| spec.augment.is_some());
        let list = if own {
            format!("phases.{}.augment", phase.name)
        } else {
            "augment".into()
        };
        let normalize = |step: &AugmentPlan| *step == AugmentPlan::NormalizePerChannel;
        let first = phase.augment.iter().position(normalize);
        self.warp_after_resize(&list, &phase.augment);
        for (i, _) in phase
            .augment
            .iter()
            .enumerate()
            .filter(|(i, step)| normalize(step) && *i > 0)
        {
            let path = format!("{list}.{i}.normalize");
            if first == Some(i) {
                let message = "`normalize` must come first: its statistics are those of whole, unchanged images";
                self.add(
                    &path,
                    message.into(),
                    "after another step",
                    "move it to the front of the list",
                );
            } else {
                self.add(
                    &path,
                    "`normalize` stands twice in one list".into(),
                    "again",
                    "keep the first",
                );
            }
        }
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
            self.add(
                &format!("{list}.{i}.{name}"),
                message,
                "after a resize",
                &help,
            );
        }
    }

    fn frozen_untrained(&mut self, phase: &PhasePlan) {
        let message = format!(
            "`phases.{}` freezes the encoder before any phase has trained it",
            phase.name
        );
        let path = format!("phases.{}.freeze", phase.name);
        let help = "put a phase that trains the encoder before it, or delete `freeze`";
        self.add(&path, message, "the encoder has its initial weights", help);
    }

    fn expect(&mut self, path: &str, expect: &ExpectSpec, metrics: &[String]) {
        if !metrics.contains(&expect.metric) {
            let mut problem = Problem::new(
                Code::Conflict,
                format!("no phase measures `{}`", expect.metric),
            )
            .at(self.loaded.place(&format!("{path}.metric")))
            .note(format!("measured: {}", metrics.join(", ")));
            if let Some(nearest) = suggest(&expect.metric, metrics.iter().map(String::as_str)) {
                problem = problem.label(format!("did you mean `{nearest}`?"));
            }
            self.problems.push(problem);
        }
        let message = match (expect.value, expect.tolerance, expect.min, expect.max) {
            (None, None, None, None) => "an expectation without a figure",
            (Some(_), None, ..) => "`value` needs a `tolerance`",
            (None, Some(_), ..) => "`tolerance` needs a `value`",
            (_, _, Some(min), Some(max)) if min > max => "`min` is larger than `max`",
            _ => return,
        };
        let help = "write `value` with `tolerance`, or `min`, `max` or both";
        self.add(path, message.into(), "no mean can be judged by this", help);
    }
}

/// Every metric that the phases record, as `expect` may name it: those of the last phase also without its name.
fn metrics(data: &DataPlan, phases: &[PhasePlan]) -> Vec<String> {
    let mut names = Vec::new();
    for (i, phase) in phases.iter().enumerate() {
        let last = i + 1 == phases.len();
        let splits = [
            ("train", true),
            ("validation", data.validation > 0.0),
            ("test", last),
        ];
        for (split, _) in splits.into_iter().filter(|(_, there)| *there) {
            let accuracy = matches!(phase.head, HeadPlan::Classifier { .. }).then_some("accuracy");
            for metric in ["loss"].into_iter().chain(accuracy) {
                names.push(format!("{}.{split}_{metric}", phase.name));
                if last {
                    names.push(format!("{split}_{metric}"));
                }
            }
        }
    }
    names
}
