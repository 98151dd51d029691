//! Specs resolved into runs with no open choice: defaults filled in, seeds expanded, identity computed. Never sees a tensor.

mod batch;
mod conflicts;
mod cost;
mod disk;
mod identity;
mod layers;
mod measured;
mod memory;
mod reference;
mod resolve;
mod shape;
mod sharing;
mod time;
mod types;
mod words;
mod yaml;

pub use crate::spec::{Precision, Subset};
pub use batch::{check_specs, load_runs, resolve_all, resolve_reading, spec_files};
pub use conflicts::{Images, Misfit, misfits};
pub use cost::{Composition, Host, PhaseCost, RunCost, Steps};
pub use disk::{Disk, ModelFacts, model_bytes};
pub use identity::FORMAT;
pub use layers::{Array, Layer, Operation};
pub use measured::Figure;
pub use memory::Memory;
pub use reference::Points;
pub use shape::{CIFAR10_CLASSES, Parameters, SHAPES_CLASSES, SplitSizes};
pub use sharing::{Shared, shared};
pub use time::Seconds;
pub use types::*;
pub use words::{counted, grouped};
