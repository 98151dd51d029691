//! Products of two matrices summed over their rows: weight gradients of convolutions.

use super::dispatch::dispatch;
use super::simd::{
    Multiply, Shared, Tiled, add, load, load_rows, most_rows, store, tile_of, tiles,
};
use crate::plan::Precision;
use pulp::Simd;

/// `to [M, N] (+)= a^T b`: products of two matrices summed over their rows, `N` at most the `width` of a tile.
pub struct Columns<'a> {
    /// Values of the left matrix.
    pub a: &'a [f32],
    /// Values of the right matrix.
    pub b: &'a [f32],
    /// Where each row begins in both.
    pub rows: &'a [(usize, usize)],
    /// Columns of the left matrix: rows of the result.
    pub m: usize,
    /// Columns of a tile; the right rows may be read so far, whatever lies there.
    pub width: usize,
    /// The result.
    pub to: Shared,
    /// Its first element.
    pub at: usize,
    /// From one of its rows to the next.
    pub step: usize,
    /// Its columns.
    pub valid: usize,
    /// Adds to what is there.
    pub accumulate: bool,
    /// What a word of both matrices holds.
    pub precision: Precision,
}

impl Columns<'_> {
    /// Computes it on this thread.
    pub fn compute(self) {
        let inside = |row: &(usize, usize)| {
            row.0 + self.m <= self.a.len() && row.1 + self.width <= self.b.len()
        };
        assert!(self.rows.iter().all(inside) && self.valid <= self.width);
        assert!(self.at + (self.m - 1) * self.step + self.valid <= self.to.length);
        let precision = self.precision;
        dispatch(self, precision);
    }
}

impl Tiled for Columns<'_> {
    #[inline(always)]
    #[expect(
        unsafe_code,
        reason = "tiles take pointers; `compute` checked the sizes"
    )]
    fn run<S: Simd, M: Multiply<S>>(self, simd: S) {
        let vectors = self.width / S::F32_LANES;
        for (first, rows) in tiles(self.m, most_rows::<S>()) {
            // SAFETY: each row lies inside `a` and `b`, and the last row of the result inside `to` (`compute`).
            unsafe {
                let a = self.a.as_ptr().add(first);
                let to = self.to.start.add(self.at + first * self.step);
                tile_of!(
                    rows,
                    vectors,
                    column_tile::<S, M>(
                        simd,
                        (a, self.b.as_ptr(), self.rows),
                        (to, self.step),
                        self.valid,
                        self.accumulate
                    )
                );
            }
        }
    }
}

#[inline(always)]
#[expect(
    unsafe_code,
    reason = "pointers keep bounds checks out of the innermost loop"
)]
#[expect(
    clippy::needless_range_loop,
    reason = "all indices are known when the loops are unrolled"
)]
unsafe fn column_tile<S: Simd, M: Multiply<S>, const R: usize, const V: usize>(
    simd: S,
    (a, b, rows): (*const f32, *const f32, &[(usize, usize)]),
    to: (*mut f32, usize),
    valid: usize,
    accumulate: bool,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[simd.splat_f32s(0.0); V]; R];
        for &(left, right) in rows {
            let (a, row) = (a.add(left), load::<S, V>(b.add(right)));
            for r in 0..R {
                let value = simd.splat_f32s(*a.add(r));
                for v in 0..V {
                    sums[r][v] = M::add(simd, value, row[v], sums[r][v]);
                }
            }
        }
        if accumulate {
            let before = load_rows::<S, R, V>(simd, (to.0.cast_const(), to.1), valid);
            sums = add::<S, R, V>(simd, before, sums);
        }
        store::<S, R, V>(&sums, to, valid);
    }
}
