//! The language: layers merged with figment, typed sections, every key with its place.

mod check;
mod layers;
mod limits;
mod load;
pub mod schema;
mod source;
mod span;
pub mod templates;
mod types;
pub(crate) mod yaml;

pub use load::{Loaded, Origin, load, load_with};
pub use source::LayerKind;
pub use types::*;

/// What the command line changes in every spec.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `a.b=c`, in the order given; the last one wins.
    pub set: Vec<String>,
}
