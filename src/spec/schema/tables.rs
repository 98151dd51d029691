//! The tables of the schema, from the top level down. A key that exists is written here and nowhere else.
//! Each default cites its source. Parts with variants, and the steps of `augment`, are in `parts`.

mod parts;

pub use parts::*;

use super::{Key, Kind, Need, Range, Section};

const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        need: Need::Required,
        doc,
    }
}

const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        need: Need::Optional,
        doc,
    }
}

const fn default(name: &'static str, kind: Kind, text: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        need: Need::Default(text),
        doc,
    }
}

/// The top level of a spec.
pub static SPEC: Section = Section {
    name: "spec",
    doc: "one experiment",
    keys: &[
        optional(
            "extends",
            Kind::Extends,
            "template by name or file relative to this one; one or a list, weakest first",
        ),
        optional(
            "format",
            Kind::Format,
            "version of the language that this file is written in; this program reads 1",
        ),
        required(
            "name",
            Kind::Label,
            "label in folders, charts and tables: a-z, 0-9, `.`, `_`, `-`, at most 64 characters",
        ),
        required(
            "seeds",
            Kind::Set(&Kind::Whole(0, u64::MAX), 1),
            "one run for each seed",
        ),
        required(
            "data",
            Kind::Part(&DATA),
            "where images and labels come from",
        ),
        default(
            "augment",
            Kind::List(&Kind::Step(STEPS), 0),
            "[]",
            "steps on every image; a phase may replace the list",
        ),
        required(
            "encoder",
            Kind::Part(&ENCODER),
            "the network that all phases share",
        ),
        required(
            "phases",
            Kind::Named(&PHASE),
            "training phases by name, in the order written",
        ),
        default(
            "expect",
            Kind::Set(&Kind::Map(&EXPECT), 0),
            "[]",
            "figures that the report compares with",
        ),
        default(
            "reference",
            Kind::Set(&Kind::Map(&REFERENCE), 0),
            "[]",
            "curves of other programs, drawn beside ours",
        ),
        optional(
            "sweep",
            Kind::Map(&SWEEP),
            "values to try: one experiment for each point, each with every seed",
        ),
        optional(
            "profiles",
            Kind::Profiles,
            "sections by name; `--profile NAME` lays one over the spec",
        ),
    ],
};

/// The `sweep` section.
pub static SWEEP: Section = Section {
    name: "sweep",
    doc: "values of keys below `data`, `augment`, `encoder` and `phases`; all axes are combined",
    keys: &[
        optional(
            "grid",
            Kind::Axes(&Kind::List(&Kind::Any, 1)),
            "key path to a list: every value with every value of the other axes",
        ),
        optional(
            "zip",
            Kind::Axes(&Kind::List(&Kind::Any, 1)),
            "key path to a list: the first values of all lists together, then the second, ...",
        ),
        optional(
            "range",
            Kind::Axes(&Kind::Map(&RANGE)),
            "key path to a range of numbers: an axis as in `grid`",
        ),
    ],
};

/// One range of a sweep.
pub static RANGE: Section = Section {
    name: "range",
    doc: "evenly spaced numbers, both ends included",
    keys: &[
        required("from", Kind::Float(Range::FINITE), "first number"),
        required("to", Kind::Float(Range::FINITE), "last number"),
        required("steps", Kind::Whole(2, 10_000), "how many numbers"),
        default(
            "scale",
            Kind::Choice(&[
                ("linear", "equal differences"),
                ("log", "equal ratios; both ends above 0"),
            ]),
            "linear",
            "what is equal between neighbours",
        ),
    ],
};

/// One phase.
pub static PHASE: Section = Section {
    name: "phase",
    doc: "one phase of training",
    keys: &[
        required(
            "epochs",
            Kind::Whole(1, 1_000_000),
            "passes over the training split",
        ),
        required(
            "batch_size",
            Kind::Whole(1, 1_000_000),
            "images a step; the last, smaller batch is kept",
        ),
        optional(
            "augment",
            Kind::List(&Kind::Step(STEPS), 0),
            "replaces the top-level list for this phase",
        ),
        required(
            "head",
            Kind::Part(&HEAD),
            "layers between the encoder's features and the loss",
        ),
        required("loss", Kind::Part(&LOSS), "the objective"),
        default(
            "freeze",
            Kind::Set(&Kind::Choice(&[("encoder", "the shared network")]), 0),
            "[]",
            "parts that are not trained in this phase",
        ),
        required("optimizer", Kind::Part(&OPTIMIZER), "the update rule"),
        default(
            "precision",
            Kind::Choice(&[
                ("f32", "single precision everywhere"),
                (
                    "bf16",
                    "factors of the network's products in bfloat16, sums and all else in f32",
                ),
            ]),
            "f32",
            "numbers in which the network multiplies",
        ),
    ],
};

/// One line of `expect`.
pub static EXPECT: Section = Section {
    name: "expect",
    doc: "`value` with `tolerance`, or a bound, on the mean over seeds",
    keys: &[
        required(
            "metric",
            Kind::Text,
            "`<split>_<metric>` of the last phase, or `<phase>.<split>_<metric>`; the last epoch counts",
        ),
        optional("value", Kind::Float(Range::FINITE), "published figure"),
        optional(
            "tolerance",
            Kind::Float(Range::closed(0.0, f64::MAX)),
            "largest distance of our mean from `value`",
        ),
        optional(
            "min",
            Kind::Float(Range::FINITE),
            "smallest acceptable mean",
        ),
        optional("max", Kind::Float(Range::FINITE), "largest acceptable mean"),
        optional("source", Kind::Text, "where the figure was published"),
    ],
};

/// One entry of `reference`.
pub static REFERENCE: Section = Section {
    name: "reference",
    doc: "curves of another program",
    keys: &[
        required("label", Kind::Text, "legend text"),
        required(
            "file",
            Kind::Path,
            "CSV with the columns run,phase,epoch,split,metric,value",
        ),
        optional("source", Kind::Text, "where the figures come from"),
    ],
};
