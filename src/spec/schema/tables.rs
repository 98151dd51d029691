//! The tables of the schema, from the top level down. A key that exists is written here and nowhere else.
//! Each default cites its source.

use super::{Key, Kind, Need, Part, Range, Section};

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

const ROOT: Key = optional(
    "root",
    Kind::Path,
    "folder or archive; `--data` and `SUPCON_DATA` come first",
);
const TRAIN_LIMIT: Key = optional(
    "train_limit",
    Kind::Whole(2, 100_000_000),
    "images of the training split that are used",
);
const TRAIN_SUBSET: Key = default(
    "train_subset",
    Kind::Choice(&[
        ("balanced", "a fixed draw, the same number of each class"),
        (
            "first",
            "as they lie in the files: `x_train[:n]` of a Python program",
        ),
    ]),
    "balanced",
    "which images `train_limit` leaves",
);
const VALIDATION: Key = default(
    "validation",
    Kind::Float(Range::half_open(0.0, 1.0)),
    "0",
    "fraction of the training split held out; 0 for none, as in the Keras example",
);

/// The `data` section.
pub static DATA: Part = Part {
    what: "dataset",
    tag: "dataset",
    variants: &[CIFAR10, IMAGE_FOLDER, SHAPES],
};

const CIFAR10: Section = Section {
    name: "cifar10",
    doc: "CIFAR-10 in the official binary layout (Krizhevsky 2009)",
    keys: &[ROOT, TRAIN_LIMIT, TRAIN_SUBSET, VALIDATION],
};

/// `data` with `dataset: image_folder`.
pub const IMAGE_FOLDER: Section = Section {
    name: "image_folder",
    doc: "`train/<class>/*.jpg|png` and `test/<class>/*.jpg|png`",
    keys: &[
        ROOT,
        default(
            "image_size",
            Kind::Whole(8, 1024),
            "32",
            "side of the square images in pixels; 32 as in CIFAR",
        ),
        TRAIN_LIMIT,
        VALIDATION,
    ],
};

/// `data` with `dataset: shapes`.
pub const SHAPES: Section = Section {
    name: "shapes",
    doc: "built-in procedural 32x32 colour images in 10 classes",
    keys: &[
        // Our choice: what two cores train on in minutes.
        default(
            "train_size",
            Kind::Whole(10, 10_000_000),
            "4000",
            "images in the training split",
        ),
        default(
            "test_size",
            Kind::Whole(10, 10_000_000),
            "1000",
            "images in the test split",
        ),
        TRAIN_LIMIT,
        VALIDATION,
    ],
};

const FRACTION: Range = Range::open(0.0, 1.0);

/// The steps of an `augment` list.
pub static STEPS: &[Key] = &[
    optional(
        "normalize",
        Kind::Choice(&[(
            "per_channel",
            "mean and population variance of each channel over the training split",
        )]),
        "subtract the mean and divide by the deviation; comes first, also in evaluation",
    ),
    optional(
        "flip",
        Kind::Choice(&[("horizontal", "left to right")]),
        "mirror each image with probability 0.5",
    ),
    optional(
        "rotate",
        Kind::Float(FRACTION),
        "angle from +- this fraction of a full turn, bilinear, reflected border",
    ),
    optional(
        "random_width",
        Kind::Float(FRACTION),
        "width times 1 +- this fraction, one factor a batch, bilinear",
    ),
    optional(
        "random_height",
        Kind::Float(FRACTION),
        "height times 1 +- this fraction, one factor a batch, bilinear",
    ),
];

/// The `encoder` section.
pub static ENCODER: Part = Part {
    what: "encoder",
    tag: "name",
    variants: &[RESNET50_V2, RESNET_CIFAR],
};

const RESNET50_V2: Section = Section {
    name: "resnet50_v2",
    doc: "ResNet50V2 as Keras builds it (He et al. 2016, pre-activation); 2,048 features",
    keys: &[],
};

/// `encoder` with `name: resnet_cifar`.
pub const RESNET_CIFAR: Section = Section {
    name: "resnet_cifar",
    doc: "CIFAR ResNet of He et al. 2015, section 4.2; 4 * width features",
    keys: &[
        default(
            "blocks",
            Kind::Whole(1, 200),
            "3",
            "basic blocks a stage, depth 6 * blocks + 2; 3 is ResNet-20",
        ),
        default(
            "width",
            Kind::Whole(1, 1024),
            "16",
            "channels of the first stage; 16 in the paper",
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

/// The `head` of a phase.
pub static HEAD: Part = Part {
    what: "head",
    tag: "name",
    variants: &[PROJECTION, CLASSIFIER],
};

/// `head` with `name: projection`.
pub const PROJECTION: Section = Section {
    name: "projection",
    doc: "dense layers whose output is the embedding",
    keys: &[
        required(
            "widths",
            Kind::List(&Kind::Whole(1, 65_536), 1),
            "outputs of each layer; the last is the embedding's length",
        ),
        default(
            "activation",
            Kind::Choice(&[("relu", "max(x, 0)"), ("linear", "the identity")]),
            "relu",
            "after every layer, the last one too; relu as in the Keras example",
        ),
    ],
};

/// `head` with `name: classifier`.
pub const CLASSIFIER: Section = Section {
    name: "classifier",
    doc: "dropout, hidden dense layers with ReLU, one logit a class",
    keys: &[
        default(
            "hidden",
            Kind::List(&Kind::Whole(1, 65_536), 0),
            "[]",
            "outputs of the hidden layers; none is a linear classifier",
        ),
        default(
            "dropout",
            Kind::Float(Range::half_open(0.0, 1.0)),
            "0",
            "probability before every dense layer; 0 for none",
        ),
    ],
};

/// The `loss` of a phase.
pub static LOSS: Part = Part {
    what: "loss",
    tag: "name",
    variants: &[NPAIRS, CROSS_ENTROPY],
};

/// `loss` with `name: npairs`.
pub const NPAIRS: Section = Section {
    name: "npairs",
    doc: "the Keras example's contrastive loss: n-pairs with the anchor itself as a positive",
    keys: &[default(
        "temperature",
        Kind::Float(Range::closed(1e-3, f64::MAX)),
        "0.05",
        "divides the cosine similarities; 0.05 as in the Keras example",
    )],
};

const CROSS_ENTROPY: Section = Section {
    name: "cross_entropy",
    doc: "softmax cross-entropy with integer labels",
    keys: &[],
};

/// The `optimizer` of a phase.
pub static OPTIMIZER: Part = Part {
    what: "optimizer",
    tag: "name",
    variants: &[ADAM],
};

/// `optimizer` with `name: adam`; defaults of Keras (`keras/optimizers/adam.py`).
pub const ADAM: Section = Section {
    name: "adam",
    doc: "Adam (Kingma & Ba 2015) with Keras' epsilon-hat formula",
    keys: &[
        default(
            "learning_rate",
            Kind::Float(Range::above(0.0, 1000.0)),
            "0.001",
            "step size",
        ),
        default(
            "beta_1",
            Kind::Float(Range::half_open(0.0, 1.0)),
            "0.9",
            "decay of the first moment",
        ),
        default(
            "beta_2",
            Kind::Float(Range::half_open(0.0, 1.0)),
            "0.999",
            "decay of the second moment",
        ),
        default(
            "epsilon",
            Kind::Float(Range::above(0.0, 1.0)),
            "1e-7",
            "added to the root of the second moment",
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
            "CSV beside the spec with the columns run,phase,epoch,split,metric,value",
        ),
        optional("source", Kind::Text, "where the figures come from"),
    ],
};
