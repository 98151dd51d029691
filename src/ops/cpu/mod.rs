//! The kernels on slices of f32 in the memory of this machine: what `flex` computes with. Work is cut into pieces whose
//! sums do not depend on the number of threads, and partial sums are added in order, so the bytes do not depend on it.

mod adam;
pub mod add;
mod column_tiles;
pub mod conv;
pub mod norm;
pub mod pool;
mod row_tiles;
mod simd;

pub use adam::update as adam;
use std::mem::MaybeUninit;

/// Memory of an output: every element is written, none is read before.
pub type Fresh = [MaybeUninit<f32>];
