//! Explanations of what can be wrong with one key or one value.

use super::Explanation;

pub(super) const UNKNOWN_KEY: Explanation = Explanation {
    title: "a key that means nothing at its place",
    why: "Every key counts: one that is misspelt, stands in the wrong section, or belongs to another variant \
          of a part would otherwise be ignored while the default is used. The message names the nearest key, \
          what the section takes, and where else the key belongs.",
    wrong: "loss: {name: npairs, temprature: 0.05}",
    right: "loss: {name: npairs, temperature: 0.05}",
    fix: "Correct the spelling, move the key to its section, or delete it; a key that a base wrote is \
          deleted with `key: ~`.",
};

pub(super) const MISSING_KEY: Explanation = Explanation {
    title: "a key that must be written is not there",
    why: "The key has no default, because no value would be right for most experiments. It is missing in the \
          file and in everything that the file extends, or a later layer deleted it with `~`.",
    wrong: "  pretrain:\n    epochs: 5",
    right: "  pretrain:\n    epochs: 5\n    batch_size: 20",
    fix: "Add the key that the help line names.",
};

pub(super) const UNKNOWN_NAME: Explanation = Explanation {
    title: "no part, choice or value has this name",
    why: "Data sets, encoders, heads, losses, optimizers and the values of some keys are chosen by name from \
          a closed list. The note lists the valid ones, the caret the nearest.",
    wrong: "encoder: {name: resnet_cifra, blocks: 1}",
    right: "encoder: {name: resnet_cifar, blocks: 1}",
    fix: "Use a name of the list.",
};

pub(super) const WRONG_TYPE: Explanation = Explanation {
    title: "a value of another type than its key takes",
    why: "The key decides the type: a number, a whole number, text, a list, a mapping. Nothing is converted \
          by guess, so `'0.1'` in quotes is text, and one value is not a list of one.",
    wrong: "seeds: 3",
    right: "seeds: [0, 1, 2]",
    fix: "Write what stands behind the caret; the help line often has the exact form.",
};

pub(super) const OUT_OF_RANGE: Explanation = Explanation {
    title: "a number outside what its key allows",
    why: "The number has the right type, but training with it is meaningless or not defined: a temperature of \
          zero divides by zero, a learning rate below zero climbs, no epoch trains nothing. Not-a-number and \
          infinities are never in range.",
    wrong: "loss: {name: npairs, temperature: 0}",
    right: "loss: {name: npairs, temperature: 0.05}",
    fix: "Use a number of the range behind the caret.",
};

pub(super) const BAD_NAME: Explanation = Explanation {
    title: "a name with characters that names cannot have",
    why: "Names of experiments and phases become folder names, key paths and labels of charts. Small letters, \
          digits, `_` and `-` (and `.` for experiments) mean the same on every file system and in every shell.",
    wrong: "name: My SupCon",
    right: "name: my-supcon",
    fix: "Use a-z, 0-9, `_` and `-`, at most 64 characters.",
};

pub(super) const EMPTY_LIST: Explanation = Explanation {
    title: "a list or mapping that needs at least one entry",
    why: "Without a seed there is no run, without a phase nothing is trained, and a head without a layer has \
          no output. An empty list would end in an experiment that does nothing and reports success.",
    wrong: "seeds: []",
    right: "seeds: [0, 1, 2]",
    fix: "Add an entry; to take the list of a base, delete the key.",
};

pub(super) const DUPLICATE_VALUE: Explanation = Explanation {
    title: "the same value twice in a list that is a set",
    why: "The same seed twice is the same run twice: it would be trained once and counted as two, which makes \
          the spread over seeds look smaller than it is.",
    wrong: "seeds: [0, 1, 1]",
    right: "seeds: [0, 1, 2]",
    fix: "Delete the second one, or correct it.",
};

pub(super) const TOO_MANY: Explanation = Explanation {
    title: "more problems than are shown",
    why: "A spec has so many problems that the last of them are only counted: it is not a spec, or one early \
          mistake makes all the others. The problems below the line are complete as far as they go.",
    wrong: "augment: [1, 1, 1, 1]    # and a thousand more",
    right: "augment: [{flip: horizontal}]",
    fix: "Mend the first ones and check again.",
};
