//! The tables of what has variants: data sets, encoders, heads, losses, optimizers; and the steps of an `augment` list.

use super::{default, optional, required};
use crate::spec::schema::{Key, Kind, Part, Range, Section};

const ROOT: Key = optional(
    "root",
    Kind::Path,
    "folder or archive, unless `--data` or `SUPCON_DATA` names another",
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
