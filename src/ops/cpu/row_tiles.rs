//! Rows of a result under panels of the right factor: outputs and input gradients of convolutions.

use super::dispatch::dispatch;
use super::simd::{
    Multiply, Shared, Tiled, add, load, load_rows, most_rows, store, tile_of, tiles,
};
use crate::plan::Precision;
use pulp::Simd;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Products that are summed one after the other before their sum is added to the rest: one long chain would lose more
/// digits, which batch norm over few values multiplies (results/LOG.md).
const STRETCH: usize = 256;

/// A stretch of the inner dimension that lies together in both factors.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// First float, from the beginning of a row of the left factor.
    pub a: usize,
    /// First row of the panels.
    pub b: usize,
    /// Length.
    pub length: usize,
}

/// The right factor, cut into panels of columns. A panel is one row of start values, then `depth` rows, each
/// `width` floats, padded with zeros.
pub struct Panels<'a> {
    /// All panels; rows that no run names may be anything.
    pub data: &'a [MaybeUninit<f32>],
    /// Columns of a panel.
    pub width: usize,
    /// Rows of the factor.
    pub depth: usize,
    /// Columns of the factor.
    pub columns: usize,
}

impl Panels<'_> {
    /// Number of panels.
    pub fn count(&self) -> usize {
        self.columns.div_ceil(self.width)
    }

    /// Floats of one panel.
    pub fn size(&self) -> usize {
        (self.depth + 1) * self.width
    }
}

/// Rows of the result at even distances, whose left rows lie at even distances too.
#[derive(Clone, Debug)]
pub struct Line {
    /// Rows.
    pub rows: usize,
    /// First left row.
    pub a: usize,
    /// From one left row to the next.
    pub a_step: usize,
    /// First row of the result.
    pub to: usize,
    /// From one row of the result to the next.
    pub to_step: usize,
    /// The inner dimension; empty gives the start values alone.
    pub runs: Range<usize>,
}

/// `to = start + a b` for every line and the given panels. Two `Rows` may share `to` if their elements differ.
pub struct Rows<'a> {
    pub lines: &'a [Line],
    pub runs: &'a [Run],
    pub a: &'a [f32],
    pub panels: &'a Panels<'a>,
    pub range: Range<usize>,
    pub to: Shared,
    pub how: How<'a>,
}

/// How a product is computed.
#[derive(Clone, Copy, Debug)]
pub struct How<'a> {
    /// What a word of both factors holds.
    pub precision: Precision,
    /// Is added to the result, in whose order it lies; empty for nothing.
    pub added: &'a [f32],
    /// No result is below it: 0 for a ReLU.
    pub floor: f32,
}

impl Rows<'_> {
    /// Computes it on this thread.
    pub fn compute(self) {
        let panels = self.panels;
        assert!(panels.data.len() >= panels.count() * panels.size());
        assert!(self.range.end <= panels.count());
        for line in self.lines {
            let runs = &self.runs[line.runs.clone()];
            let last = line.a + (line.rows - 1) * line.a_step;
            assert!(line.rows > 0);
            assert!(
                runs.iter()
                    .all(|run| last + run.a + run.length <= self.a.len())
            );
            assert!(runs.iter().all(|run| run.b + run.length <= panels.depth));
            assert!(line.to + (line.rows - 1) * line.to_step + panels.columns <= self.to.length);
        }
        let added = self.how.added.len();
        assert!(added == 0 || added == self.to.length);
        let precision = self.how.precision;
        dispatch(self, precision);
    }
}

impl Tiled for Rows<'_> {
    #[inline(always)]
    #[expect(
        unsafe_code,
        reason = "tiles take pointers; `compute` checked every line"
    )]
    fn run<S: Simd, M: Multiply<S>>(self, simd: S) {
        let vectors = self.panels.width / S::F32_LANES;
        for number in self.range.clone() {
            let column = number * self.panels.width;
            let valid = self.panels.width.min(self.panels.columns - column);
            for line in self.lines {
                let runs = &self.runs[line.runs.clone()];
                for (first, rows) in tiles(line.rows, most_rows::<S>()) {
                    // SAFETY: the last row of each line and its runs lie inside `a`, the panels and `to` (`compute`).
                    unsafe {
                        let panel = self.panels.data.as_ptr().cast::<f32>();
                        let panel = panel.add(number * self.panels.size());
                        let a = self.a.as_ptr().add(line.a + first * line.a_step);
                        let at = line.to + first * line.to_step + column;
                        let added = self.how.added;
                        let added = (!added.is_empty()).then(|| added.as_ptr().add(at));
                        tile_of!(
                            rows,
                            vectors,
                            row_tile::<S, M>(
                                simd,
                                (a, line.a_step),
                                runs,
                                panel,
                                (self.to.start.add(at), line.to_step),
                                (valid, added, self.how.floor)
                            )
                        );
                    }
                }
            }
        }
    }
}

/// R rows of the result under one panel.
#[inline(always)]
#[expect(
    unsafe_code,
    reason = "pointers keep bounds checks out of the innermost loop"
)]
#[expect(
    clippy::needless_range_loop,
    reason = "all indices are known when the loops are unrolled"
)]
unsafe fn row_tile<S: Simd, M: Multiply<S>, const R: usize, const V: usize>(
    simd: S,
    (a, a_step): (*const f32, usize),
    runs: &[Run],
    panel: *const f32,
    to: (*mut f32, usize),
    (valid, added, floor): (usize, Option<*const f32>, f32),
) {
    let width = V * S::F32_LANES;
    // SAFETY: the caller's.
    unsafe {
        let mut total = [load::<S, V>(panel); R];
        let zero = [[simd.splat_f32s(0.0); V]; R];
        let (mut sums, mut summed) = (zero, 0);
        let panel = panel.add(width);
        for run in runs {
            let mut from = 0;
            while from < run.length {
                let until = run.length.min(from + STRETCH - summed);
                let (a, b) = (a.add(run.a), panel.add(run.b * width));
                for k in from..until {
                    let row = load::<S, V>(b.add(k * width));
                    for r in 0..R {
                        let value = simd.splat_f32s(*a.add(r * a_step + k));
                        for v in 0..V {
                            sums[r][v] = M::add(simd, value, row[v], sums[r][v]);
                        }
                    }
                }
                summed += until - from;
                from = until;
                if summed == STRETCH {
                    total = add::<S, R, V>(simd, total, sums);
                    (sums, summed) = (zero, 0);
                }
            }
        }
        let mut sums = add::<S, R, V>(simd, total, sums);
        if let Some(added) = added {
            let added = load_rows::<S, R, V>(simd, (added, to.1), valid);
            sums = add::<S, R, V>(simd, sums, added);
        }
        let sums = at_least::<S, R, V>(simd, sums, floor);
        store::<S, R, V>(&sums, to, valid);
    }
}

/// Each value, or the floor where it is below; a NaN goes through.
#[inline(always)]
fn at_least<S: Simd, const R: usize, const V: usize>(
    simd: S,
    mut sums: [[S::f32s; V]; R],
    floor: f32,
) -> [[S::f32s; V]; R] {
    let floor = simd.splat_f32s(floor);
    for value in sums.as_flattened_mut() {
        *value = simd.select_f32s(simd.less_than_f32s(*value, floor), floor, *value);
    }
    sums
}
