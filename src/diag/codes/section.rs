//! Explanations of what can be wrong between layers, sections and files that are each right by themselves.

use super::Explanation;

pub(super) const BAD_EXTENDS: Explanation = Explanation {
    title: "what a spec extends cannot be used",
    why: "`extends` names a template, or a file relative to the one that says so. The base is missing, cannot \
          be read, extends itself through others, or there are more than 64 layers. The note shows the chain \
          of files that led there.",
    wrong: "extends: cifar10-resnet50",
    right: "extends: cifar10-resnet50v2",
    fix: "Correct the name; a file is written with its ending, as in `base.yaml` or `../base.yaml`.",
};

pub(super) const BAD_OVERRIDE: Explanation = Explanation {
    title: "a `--set` argument or `SUPCON_SET__` variable of the wrong form",
    why: "`--set` takes one argument: a key path with dots, `=`, and a YAML value. A variable is called \
          `SUPCON_SET__` and the path with `__` in place of dots. A part of it is missing, or it sets \
          `extends`, which only files can do.",
    wrong: "supcon run spec.yaml --set phases.pretrain.epochs:10",
    right: "supcon run spec.yaml --set phases.pretrain.epochs=10",
    fix: "Write `--set key.path=value`; `--set key.path=~` deletes the key.",
};

pub(super) const NO_EFFECT: Explanation = Explanation {
    title: "a value that reaches no run",
    why: "Something stronger sets the same key everywhere: each phase has its own list, or each point of a sweep \
          its own value; or the key says nothing, such as an empty `extends` or a second `flip`. Whoever wrote \
          it believes in a setting that no run has.",
    wrong: "sweep: {grid: {phases.pretrain.epochs: [5, 6], phases: {pretrain: {epochs: [7]}}}}",
    right: "sweep: {grid: {phases.pretrain.epochs: [5, 6, 7]}}",
    fix: "Delete the value, or what overrules it: the help line names both.",
};

pub(super) const DUPLICATE_NAME: Explanation = Explanation {
    title: "two specs of one call have the same name",
    why: "The name labels runs, tables and charts. Two experiments under one name would be averaged as if \
          their runs were seeds of one.",
    wrong: "name: supcon    # in a.yaml and in b.yaml",
    right: "name: supcon-wide    # in b.yaml",
    fix: "Give one of the two another name.",
};

pub(super) const DUPLICATE_POINT: Explanation = Explanation {
    title: "two points of a sweep describe the same runs",
    why: "The values differ in how they are written at most, so that the same network would be trained twice \
          and stand in the charts as two results.",
    wrong: "sweep: {grid: {phases.pretrain.epochs: [5, 5]}}",
    right: "sweep: {grid: {phases.pretrain.epochs: [5, 6]}}",
    fix: "Delete one of the two values; the spread over seeds comes from `seeds`.",
};

pub(super) const TOO_MANY_RUNS: Explanation = Explanation {
    title: "more runs than one command may ask for",
    why: "Axes of a sweep multiply, and so do seeds: a few values more are thousands of runs, which is more \
          often a mistake than a wish. The message states how many there would be.",
    wrong: "sweep: {range: {phases.pretrain.loss.temperature: {from: 0.01, to: 1, steps: 5000}}}",
    right: "sweep: {range: {phases.pretrain.loss.temperature: {from: 0.01, to: 1, steps: 5}}}",
    fix: "Leave values out, or raise the limit for this command with `--max-runs N`.",
};

pub(super) const REFERENCE: Explanation = Explanation {
    title: "a reference file that is missing or holds no curve",
    why: "`reference` names a CSV file, relative to the spec that says so, with the columns \
          run,phase,epoch,split,metric,value. The file cannot be read, its first line is another one, or a \
          line names an unknown phase or split, or no finite number. A point that is left out in silence \
          would bend the curve that ours is judged by.",
    wrong: "reference: [{label: Keras, file: missing.csv}]",
    right: "reference: [{label: Keras, file: keras.csv}]",
    fix: "Correct the path or the marked field; templates cannot name a reference.",
};

pub(super) const INTERNAL: Explanation = Explanation {
    title: "a mistake in supcon itself",
    why: "Two parts of the program disagree about a spec: one accepted what the next one cannot use. It is \
          no mistake of yours, and nothing was run.",
    wrong: "(no spec should provoke it)",
    right: "(any valid spec)",
    fix: "Report it together with the spec; `supcon check --format json SPEC` has all the details.",
};
