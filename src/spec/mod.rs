//! The language: layers merged with figment, typed sections, every key with its place.

mod assignment;
mod check;
mod file;
mod index;
mod layers;
mod limits;
mod load;
mod loaded;
mod mend;
mod origins;
mod profile;
pub mod schema;
mod source;
mod span;
mod sweep;
mod syntax;
pub mod templates;
mod types;
pub(crate) mod yaml;

pub use load::{Reading, load_with, read, read_with};
pub use loaded::Loaded;
pub use origins::Origin;
pub use source::LayerKind;
pub use types::*;

/// What the command line changes in every spec.
#[derive(Clone, Debug)]
pub struct Overrides {
    /// `a.b=c`, in the order given; the last one wins.
    pub set: Vec<String>,
    /// Section of `profiles` that is laid over every spec.
    pub profile: Option<String>,
    /// Most runs that one command may ask for.
    pub max_runs: usize,
}

/// Most runs of one command unless it says otherwise: more is more often a mistake than a wish.
pub const MAX_RUNS: usize = 1000;

impl Default for Overrides {
    fn default() -> Self {
        Self {
            set: Vec::new(),
            profile: None,
            max_runs: MAX_RUNS,
        }
    }
}
