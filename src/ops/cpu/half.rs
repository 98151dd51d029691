//! bf16, the upper half of an f32, for both factors of a product whose sums are f32. A word of f32's size holds a pair of
//! factors that are multiplied one after the other, so that everything that moves words moves pairs.

use super::simd::{Multiply, Tiled, for_best};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Words of one piece of work.
const PIECE: usize = 1 << 14;

/// The nearest bf16, ties to even; a NaN stays one.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = value.to_bits();
    let nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    let quiet = bits >> 16 | 0x40;
    if bits & 0x7fff_ffff > 0x7f80_0000 {
        quiet
    } else {
        nearest
    }
}

#[inline(always)]
fn pair(first: f32, second: f32) -> f32 {
    f32::from_bits(rounded(first) | rounded(second) << 16)
}

for_best! {
    fn pair_neighbours(values: &[f32], factor: f32, words: &mut [MaybeUninit<f32>]) {
        for (word, two) in words.iter_mut().zip(values.chunks_exact(2)) {
            word.write(pair(two[0] * factor, two[1] * factor));
        }
    }

    fn pair_rows(first: &[f32], second: &[f32], words: &mut [MaybeUninit<f32>]) {
        for ((word, first), second) in words.iter_mut().zip(first).zip(second) {
            word.write(pair(*first, *second));
        }
    }

    fn round_row(row: &[f32], words: &mut [MaybeUninit<f32>]) {
        for (word, value) in words.iter_mut().zip(row) {
            word.write(pair(*value, 0.0));
        }
    }
}

/// Neighbours as pairs; there is an even number of them.
pub fn neighbours(values: &[f32]) -> Vec<f32> {
    words(values.len() / 2, |words| {
        words
            .par_chunks_mut(PIECE)
            .zip(values.par_chunks(2 * PIECE))
            .for_each(|(words, values)| pair_neighbours(values, 1.0, words));
    })
}

/// Neighbours of each row of `length` values as pairs, multiplied by the row's factor first.
pub fn scaled_neighbours(values: &[f32], length: usize, factors: &[f32]) -> Vec<f32> {
    words(values.len() / 2, |words| {
        words
            .par_chunks_mut(length / 2)
            .zip(values.par_chunks(length))
            .zip(factors)
            .for_each(|((words, values), factor)| pair_neighbours(values, *factor, words));
    })
}

/// Rows of `length` values, two and two: word number j holds value number j of both. The last of an odd number of rows is
/// paired with zeros.
pub fn rows(values: &[f32], length: usize) -> Vec<f32> {
    let pairs = (values.len() / length).div_ceil(2);
    words(pairs * length, |words| {
        words
            .par_chunks_mut(length)
            .zip(values.par_chunks(2 * length))
            .for_each(|(words, two)| {
                let (first, second) = two.split_at(length);
                if second.is_empty() {
                    round_row(first, words);
                } else {
                    pair_rows(first, second, words);
                }
            });
    })
}

/// Words that `fill` writes, every one of them.
fn words(length: usize, fill: impl FnOnce(&mut [MaybeUninit<f32>])) -> Vec<f32> {
    let mut words = Vec::with_capacity(length);
    fill(&mut words.spare_capacity_mut()[..length]);
    // SAFETY: `fill` wrote them.
    #[expect(unsafe_code, reason = "not zeroed first")]
    unsafe {
        words.set_len(length);
    }
    words
}

/// Pairs on instructions that know f32 only: the factors are spread out again.
struct Spread;

impl<S: Simd> Multiply<S> for Spread {
    #[inline(always)]
    fn add(simd: S, left: S::f32s, right: S::f32s, sum: S::f32s) -> S::f32s {
        let high = simd.splat_u32s(0xffff_0000);
        let sixteen = simd.splat_u32s(16);
        let halves = |pair: S::f32s| {
            let bits = simd.transmute_u32s_f32s(pair);
            let (first, second) = (
                simd.wrapping_dyn_shl_u32s(bits, sixteen),
                simd.and_u32s(bits, high),
            );
            (
                simd.transmute_f32s_u32s(first),
                simd.transmute_f32s_u32s(second),
            )
        };
        let ((left, left_2), (right, right_2)) = (halves(left), halves(right));
        simd.mul_add_e_f32s(left_2, right_2, simd.mul_add_e_f32s(left, right, sum))
    }
}

struct OfPairs<T>(T);

impl<T: Tiled> WithSimd for OfPairs<T> {
    type Output = ();
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run::<S, Spread>(simd);
    }
}

/// Whether this processor multiplies pairs by itself.
#[must_use]
pub fn is_native() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        native::simd().is_some()
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Does work on pairs.
pub(super) fn dispatch(work: impl Tiled) {
    #[cfg(target_arch = "x86_64")]
    if let Some(simd) = native::simd() {
        return native::run(work, simd);
    }
    Arch::new().dispatch(OfPairs(work));
}

/// AVX-512 with bf16 (Zen 4, Cooper Lake and later).
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the instructions are known at run time only")]
mod native {
    use super::{Multiply, Tiled};
    use pulp::x86::V4;
    use std::arch::x86_64::{__m512, __m512bh, _mm512_dpbf16_ps};
    use std::mem::transmute;

    /// The instructions, if the processor has them.
    pub(super) fn simd() -> Option<V4> {
        V4::try_new().filter(|_| is_x86_feature_detected!("avx512bf16"))
    }

    struct Pairs;

    impl Multiply<V4> for Pairs {
        #[inline(always)]
        fn add(_: V4, left: pulp::f32x16, right: pulp::f32x16, sum: pulp::f32x16) -> pulp::f32x16 {
            // SAFETY: vectors of 512 bits, and `run` is called only where the instruction is there.
            unsafe {
                let [left, right] =
                    [left, right].map(|pairs| transmute::<pulp::f32x16, __m512bh>(pairs));
                let sum = transmute::<pulp::f32x16, __m512>(sum);
                transmute::<__m512, pulp::f32x16>(_mm512_dpbf16_ps(sum, left, right))
            }
        }
    }

    pub(super) fn run(work: impl Tiled, simd: V4) {
        #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512bf16")]
        fn inner<T: Tiled>(work: T, simd: V4) {
            work.run::<V4, Pairs>(simd);
        }
        // SAFETY: `simd` found all of them.
        unsafe { inner(work, simd) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_rounded_to_the_nearest_and_ties_to_even() {
        let of = |value: f32| f32::from_bits(rounded(value) << 16);
        assert_eq!(of(1.0), 1.0);
        assert_eq!(of(1.0 + 1.0 / 256.0), 1.0, "a tie, even below");
        assert_eq!(
            of(1.0 + 3.0 / 256.0),
            1.0 + 4.0 / 256.0,
            "a tie, even above"
        );
        assert_eq!(of(-1.0 - 1.01 / 256.0), -1.0 - 2.0 / 256.0);
        assert_eq!(of(f32::MAX), f32::INFINITY);
        assert!(of(f32::NAN).is_nan() && of(f32::from_bits(0x7f80_0001)).is_nan());
    }

    #[test]
    fn pairs_hold_both_values_in_order() {
        let halves = |word: &f32| {
            let bits = word.to_bits();
            [
                f32::from_bits(bits << 16),
                f32::from_bits(bits & 0xffff_0000),
            ]
        };
        let of = |words: Vec<f32>| words.iter().map(halves).collect::<Vec<_>>();
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        assert_eq!(
            of(neighbours(&values)),
            [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        );
        assert_eq!(
            of(rows(&values, 2)),
            [[1.0, 3.0], [2.0, 4.0], [5.0, 0.0], [6.0, 0.0]]
        );
        assert_eq!(
            of(scaled_neighbours(&values, 2, &[1.0, 2.0, 0.5])),
            [[1.0, 2.0], [6.0, 8.0], [2.5, 3.0]]
        );
    }
}
