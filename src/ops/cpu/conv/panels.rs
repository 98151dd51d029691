//! The weights of a convolution as the right factor of its products: panels of columns, packed for one step or, while the
//! weights stand still, once.

use super::super::row_tiles::Panels;
use super::super::simd::panel_width;
use super::super::{Fresh, half};
use super::geometry::Geometry;
use crate::plan::Precision;
use rayon::prelude::*;
use std::mem::MaybeUninit;

/// Weights and what follows the sums of each output channel.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    /// `[O, K, K, I]`.
    pub w: &'a [f32],
    /// Their shape.
    pub shape: [usize; 4],
    /// Multiplies each output channel; empty for 1.
    pub scale: &'a [f32],
    /// Is added to each output channel, `[O]`.
    pub shift: &'a [f32],
    /// Numbers in which factors are multiplied.
    pub precision: Precision,
}

impl Precision {
    /// This one, or f32 where the factors along an axis of this length cannot be paired.
    pub(super) const fn for_pairs(self, length: usize) -> Self {
        if length.is_multiple_of(2) {
            self
        } else {
            Self::F32
        }
    }

    /// Factors in a word.
    pub(super) const fn factors(self) -> usize {
        match self {
            Self::F32 => 1,
            Self::Bf16 => 2,
        }
    }
}

/// Panels for weights of this shape, without their data.
fn frame([outputs, kernel, _, inputs]: [usize; 4], precision: Precision) -> Panels<'static> {
    let precision = precision.for_pairs(inputs);
    Panels {
        data: &[],
        width: panel_width(outputs),
        depth: kernel * kernel * (inputs / precision.factors()),
        columns: outputs,
    }
}

/// Floats of packed weights of this shape.
pub fn packed_length(shape: [usize; 4], precision: Precision) -> usize {
    let frame = frame(shape, precision);
    frame.count() * frame.size()
}

/// Packed weights, as [`Filter::pack`] writes them.
pub(super) fn packed(shape: [usize; 4], precision: Precision, data: &Fresh) -> Panels<'_> {
    Panels {
        data,
        ..frame(shape, precision)
    }
}

impl Filter<'_> {
    /// Writes panels over outputs: row (tap, input), with the shift as start values. Rows of taps that are not used stay
    /// as they are; `None` uses all.
    pub fn pack(&self, used: Option<&[bool]>, to: &mut Fresh) {
        match (self.precision.for_pairs(self.shape[3]), self.scale) {
            (Precision::F32, _) => self.pack_words(self.w, self.scale, used, to),
            // A word that holds a pair is no number to multiply.
            (Precision::Bf16, []) => self.pack_words(&half::neighbours(self.w), &[], used, to),
            (Precision::Bf16, scale) => {
                let patch = self.w.len() / self.shape[0];
                let words = half::scaled_neighbours(self.w, patch, scale);
                self.pack_words(&words, &[], used, to);
            }
        }
    }

    fn pack_words(&self, words: &[f32], scale: &[f32], used: Option<&[bool]>, to: &mut Fresh) {
        /// Rows of a block that stays in the first-level cache while it is transposed.
        const BLOCK: usize = 64;
        let frame = frame(self.shape, self.precision);
        let taps = self.shape[1] * self.shape[2];
        let inputs = frame.depth / taps;
        let is_used = |tap: &usize| used.is_none_or(|used| used[*tap]);
        fill(&frame, to, |first, columns, panel| {
            let width = frame.width;
            let (start_values, rows) = panel.split_at_mut(width);
            write(start_values, &self.shift[first..first + columns]);
            for tap in (0..taps).filter(is_used) {
                for start in (tap * inputs..(tap + 1) * inputs).step_by(BLOCK) {
                    let end = (start + BLOCK).min((tap + 1) * inputs);
                    let block = &mut rows[start * width..end * width];
                    if columns < width {
                        block.fill(MaybeUninit::new(0.0));
                    }
                    for column in 0..columns {
                        let from = &words[(first + column) * frame.depth..][start..end];
                        let rows = block.chunks_exact_mut(width).zip(from);
                        match scale.get(first + column) {
                            None => rows.for_each(|(row, word)| {
                                row[column].write(*word);
                            }),
                            Some(scale) => rows.for_each(|(row, value)| {
                                row[column].write(value * scale);
                            }),
                        }
                    }
                }
            }
        });
    }
}

/// Writes panels over inputs: row (tap, output), without start values. A word of `w [O, K, K, I]` holds one factor or,
/// of two outputs, a pair.
pub(super) fn backward<'a>(
    g: &Geometry,
    w: &[f32],
    used: &[bool],
    memory: &'a mut Vec<MaybeUninit<f32>>,
) -> Panels<'a> {
    let (inputs, outputs) = (g.inputs, g.outputs);
    let mut panels = Panels {
        data: &[],
        width: panel_width(inputs),
        depth: g.taps() * outputs,
        columns: inputs,
    };
    memory.resize_with(panels.count() * panels.size(), MaybeUninit::uninit);
    fill(&panels, memory, |first, columns, panel| {
        let width = panels.width;
        write(&mut panel[..width], &[]);
        for (tap, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            let rows = panel[(1 + tap * outputs) * width..].chunks_exact_mut(width);
            for (row, from) in rows.zip(w.chunks_exact(g.patch())) {
                write(row, &from[tap * inputs + first..][..columns]);
            }
        }
    });
    panels.data = memory;
    panels
}

/// Writes `values` and zeros behind them.
fn write(row: &mut Fresh, values: &[f32]) {
    let (front, rest) = row.split_at_mut(values.len());
    front.write_copy_of_slice(values);
    rest.fill(MaybeUninit::new(0.0));
}

/// Panels that `one(first column, columns, panel)` writes.
fn fill(frame: &Panels, to: &mut Fresh, one: impl Fn(usize, usize, &mut Fresh) + Sync) {
    to.par_chunks_mut(frame.size())
        .enumerate()
        .for_each(|(number, panel)| {
            let first = number * frame.width;
            one(first, frame.width.min(frame.columns - first), panel);
        });
}
