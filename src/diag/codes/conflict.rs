//! Explanations of what cannot work together, or in its place, though each value is right by itself.

use super::Explanation;

pub(super) const HEAD_AND_LOSS: Explanation = Explanation {
    title: "a loss that cannot take what the head gives",
    why: "A projection gives an embedding, which a contrastive loss compares; a classifier gives one logit a \
          class, which cross-entropy needs. The other way round nothing can be trained. It is found before \
          any work, since a trained model is a slow way to find it.",
    wrong: "loss: {name: cross_entropy}",
    right: "loss: {name: npairs, temperature: 0.05}",
    fix: "Both sides are shown; change the one that the help line names.",
};

pub(super) const BATCH_SIZE: Explanation = Explanation {
    title: "a batch that the images cannot fill or serve",
    why: "The batch is larger than the training images that are left for it, or a contrastive loss would get \
          nothing to compare: a batch of one image, one image left over at the end of each epoch, or no class \
          with two images.",
    wrong: "batch_size: 200",
    right: "batch_size: 20",
    fix: "Take the batch that the help line names, or more training images.",
};

pub(super) const SPLIT_SIZE: Explanation = Explanation {
    title: "a split with more images than there are, or too few for its classes",
    why: "`train_limit` asks for more images than the training split has or for fewer than it has classes, or \
          `validation` takes so much or so little that a class is missing on one of the two sides.",
    wrong: "data: {dataset: shapes, train_size: 100, train_limit: 500}",
    right: "data: {dataset: shapes, train_size: 100}",
    fix: "Change the figure at the caret; the help line says by how much.",
};

pub(super) const AUGMENT_ORDER: Explanation = Explanation {
    title: "augmentation steps in an order that they cannot have",
    why: "`normalize` comes first and once: its statistics are those of whole, unchanged images. Flips and \
          rotations are one warp of the whole image, so that they come before what changes the size.",
    wrong: "augment: [{flip: horizontal}, {normalize: per_channel}]",
    right: "augment: [{normalize: per_channel}, {flip: horizontal}]",
    fix: "Move or delete the step at the caret, as the help line says.",
};

pub(super) const UNTRAINED_ENCODER: Explanation = Explanation {
    title: "a phase that freezes an encoder which no phase has trained",
    why: "The first phase begins with random weights. A head on features of a random network learns little, \
          and its figures would be taken for those of a trained encoder.",
    wrong: "batch_size: 20\n    freeze: [encoder]",
    right: "batch_size: 20",
    fix: "Put a phase that trains the encoder before it, or delete `freeze`.",
};

pub(super) const BAD_EXPECT: Explanation = Explanation {
    title: "an expectation that no run can be judged by",
    why: "`expect` names a figure that no phase measures, gives no bound, half of `value` and `tolerance`, or \
          bounds that no figure can meet. Accuracies are fractions from 0 to 1.",
    wrong: "expect: [{metric: train_loss, value: 1.2}]",
    right: "expect: [{metric: train_loss, value: 1.2, tolerance: 0.1}]",
    fix: "Write one of the measured figures, with `value` and `tolerance`, or with `min`, `max` or both.",
};

pub(super) const BAD_SWEEP: Explanation = Explanation {
    title: "a sweep of what cannot be swept, or with axes that do not fit",
    why: "An axis names a key that is not below `data`, `augment`, `encoder` or `phases`, an item of a list, or \
          something inside a plain value; lists of `zip` differ in length; or a range has equal ends, or a \
          logarithmic one an end that is not above 0.",
    wrong: "sweep: {zip: {phases.pretrain.epochs: [5, 6], phases.pretrain.batch_size: [10]}}",
    right: "sweep: {zip: {phases.pretrain.epochs: [5, 6], phases.pretrain.batch_size: [10, 20]}}",
    fix: "Correct the axis at the caret, as the help line says.",
};

pub(super) const BAD_PROFILE: Explanation = Explanation {
    title: "a profile that holds what only a whole file can say",
    why: "A profile is laid over a spec that was read already. What says how files are read, `extends`, \
          `format` and `profiles` themselves, comes too late there.",
    wrong: "profiles: {short: {extends: short.yaml}}",
    right: "profiles: {short: {phases: {pretrain: {epochs: 1}}}}",
    fix: "Move the key out of the profile, or write what the base holds into the profile.",
};
