//! Specs resolved into runs with no open choice: defaults filled in, seeds expanded, identity computed. Never sees a tensor.

mod types;

pub use types::*;
