//! The kernels on slices of f32 in the memory of this machine: what `flex` computes with. Work is cut into pieces whose
//! sums do not depend on the number of threads, and partial sums are added in order, so the bytes do not depend on it.

mod adam;
pub mod add;
mod column_tiles;
pub mod conv;
mod dispatch;
mod half;
pub mod norm;
pub mod pool;
mod row_tiles;
mod simd;
mod squares;

pub use adam::update as adam;
pub use half::is_native as multiplies_bf16;
pub use squares::sum as sum_of_squares;
use std::mem::MaybeUninit;

/// Memory of an output: every element is written, none is read before.
pub type Fresh = [MaybeUninit<f32>];

/// The larger one, where a NaN goes through, as in PyTorch's ReLU: `f32::max` would make the floor of it, and a network
/// that is broken would look like a sound one.
#[inline(always)]
fn at_least(value: f32, floor: f32) -> f32 {
    if value < floor { floor } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_number_is_not_hidden_by_a_relu() {
        assert!(at_least(f32::NAN, 0.0).is_nan() && at_least(f32::NAN, f32::NEG_INFINITY).is_nan());
        let bounded = [-1.0, 0.0, 2.0, f32::NEG_INFINITY].map(|value| at_least(value, 0.0));
        assert_eq!(bounded, [0.0, 0.0, 2.0, 0.0]);
    }
}
