//! Register tiles on the best instructions that there are, for whatever a word of both factors holds.

use super::half;
use super::simd::{Multiply, Tiled};
use crate::plan::Precision;
use pulp::{Arch, Simd, WithSimd};

/// A word is an f32.
pub(super) struct Single;

impl<S: Simd> Multiply<S> for Single {
    #[inline(always)]
    fn add(simd: S, left: S::f32s, right: S::f32s, sum: S::f32s) -> S::f32s {
        simd.mul_add_e_f32s(left, right, sum)
    }
}

struct OfSingles<T>(T);

impl<T: Tiled> WithSimd for OfSingles<T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, Single>(simd);
    }
}

/// Does the work on this thread with the best instructions that there are.
pub(super) fn dispatch(work: impl Tiled, precision: Precision) {
    match precision {
        Precision::F32 => Arch::new().dispatch(OfSingles(work)),
        Precision::Bf16 => half::dispatch(work),
    }
}
