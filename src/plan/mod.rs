//! Specs resolved into runs with no open choice: defaults filled in, seeds expanded, identity computed. Never sees a tensor.

mod batch;
mod conflicts;
mod identity;
mod reference;
mod resolve;
mod shape;
mod types;
mod words;
mod yaml;

pub use batch::{load_runs, spec_files};
pub use identity::FORMAT;
pub use resolve::resolve;
pub use shape::Parameters;
pub use types::*;
