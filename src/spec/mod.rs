//! The language: layers merged with figment, typed sections, every key with its place.

mod types;

pub use types::*;
