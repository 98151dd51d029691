//! Convolution as matrix products over batch x positions that multiply (almost) no padding and copy no patches.

mod geometry;
mod rows;
mod weights;

use super::row_tiles::{How, Panels};
use super::simd::{Shared, panel_width};
use super::{Fresh, half};
use crate::plan::Precision;
pub use geometry::Geometry;
use geometry::Target;
use rayon::prelude::*;
use rows::{Places, WIDE};
use std::mem::MaybeUninit;

/// Cross-correlation of `x [B, H, W, I]` with `w [O, K, K, I]`, and what follows it.
#[derive(Clone, Copy)]
pub struct Forward<'a> {
    pub x: &'a [f32],
    pub w: &'a [f32],
    /// Multiplies each output channel; empty for 1.
    pub scale: &'a [f32],
    /// Is added to each output channel, `[O]`.
    pub shift: &'a [f32],
    /// Ends in a ReLU.
    pub relu: bool,
    /// Numbers in which factors are multiplied.
    pub precision: Precision,
}

/// Computes it into `y`.
pub fn forward(g: &Geometry, given: &Forward, y: &mut Fresh) {
    let (g, precision) = (g.flattened(), given.precision.for_pairs(g.inputs));
    match precision {
        Precision::F32 => multiply(&g, given, [given.x, given.w], precision, y),
        Precision::Bf16 => {
            let x = half::neighbours(given.x);
            let w = if given.scale.is_empty() {
                half::neighbours(given.w)
            } else {
                half::scaled_neighbours(given.w, g.patch(), given.scale)
            };
            let (scale, inputs) = (&[][..], g.inputs / 2);
            let given = Forward { scale, ..*given };
            multiply(&Geometry { inputs, ..g }, &given, [&x, &w], precision, y);
        }
    }
}

fn multiply(
    g: &Geometry,
    given: &Forward,
    [x, w]: [&[f32]; 2],
    precision: Precision,
    y: &mut Fresh,
) {
    let targets = narrow(g.out_width).then(|| g.forward_targets());
    let used = used_rows(g, targets.as_deref(), g.inputs);
    let panels = forward_panels(g, w, given.scale, given.shift, &used);
    let floor = if given.relu { 0.0 } else { f32::NEG_INFINITY };
    let places = Places {
        from: x,
        from_image: g.image(),
        to: Shared::new(y),
        to_image: g.image_out(),
        images: g.images,
        how: How { precision, floor },
    };
    if let Some(targets) = targets {
        rows::by_position(&places, &targets, &panels);
    } else {
        let (frame, lines, runs) = rows::forward_lines(g);
        rows::by_line(&places, &frame, &lines, &runs, &panels);
    }
}

/// Gradient for `x` from that of the output.
pub fn backward_x(g: &Geometry, go: &[f32], w: &[f32], precision: Precision, to_x: &mut Fresh) {
    let (g, precision) = (g.flattened(), precision.for_pairs(g.outputs));
    match precision {
        Precision::F32 => multiply_back(&g, go, w, precision, to_x),
        Precision::Bf16 => {
            let (go, w) = (half::neighbours(go), half::rows(w, g.patch()));
            let outputs = g.outputs / 2;
            multiply_back(&Geometry { outputs, ..g }, &go, &w, precision, to_x);
        }
    }
}

fn multiply_back(g: &Geometry, go: &[f32], w: &[f32], precision: Precision, to_x: &mut Fresh) {
    let targets = narrow(g.width.min(g.out_width)).then(|| g.backward_targets());
    let used = used_rows(g, targets.as_deref(), g.outputs);
    let panels = backward_panels(g, w, &used);
    let floor = f32::NEG_INFINITY;
    let places = Places {
        from: go,
        from_image: g.image_out(),
        to: Shared::new(to_x),
        to_image: g.image(),
        images: g.images,
        how: How { precision, floor },
    };
    if let Some(targets) = targets {
        rows::by_position(&places, &targets, &panels);
    } else {
        let (frame, lines, runs) = rows::backward_lines(g);
        rows::by_line(&places, &frame, &lines, &runs, &panels);
    }
}

/// Gradient for `w` from that of the output.
pub fn backward_w(g: &Geometry, go: &[f32], x: &[f32], precision: Precision, to_w: &mut Fresh) {
    let g = g.flattened();
    match precision {
        Precision::F32 => weights::gradient(&g, go, x, precision, to_w),
        Precision::Bf16 => {
            // Images are what this product sums over, so they are its pairs.
            let (go, x) = (half::rows(go, g.image_out()), half::rows(x, g.image()));
            let images = g.images.div_ceil(2);
            weights::gradient(&Geometry { images, ..g }, &go, &x, precision, to_w);
        }
    }
}

impl Precision {
    /// This one, or f32 where the factors along an axis of this length cannot be paired.
    const fn for_pairs(self, length: usize) -> Self {
        if length.is_multiple_of(2) {
            self
        } else {
            Self::F32
        }
    }
}

const fn narrow(width: usize) -> bool {
    width < WIDE
}

/// Which taps meet a pixel at all: on a 1x1 map only the middle one does.
fn used_rows(g: &Geometry, targets: Option<&[Target]>, channels: usize) -> Vec<bool> {
    let Some(targets) = targets else {
        return vec![true; g.taps()];
    };
    let mut used = vec![false; g.taps()];
    for piece in targets.iter().flat_map(|target| &target.pieces) {
        used[piece.b / channels..(piece.b + piece.length) / channels].fill(true);
    }
    used
}

/// Panels over outputs: row (tap, input), with the shift as start values.
fn forward_panels(g: &Geometry, w: &[f32], scale: &[f32], shift: &[f32], used: &[bool]) -> Panels {
    /// Rows of a block that stays in the first-level cache while it is transposed.
    const BLOCK: usize = 64;
    let (inputs, patch) = (g.inputs, g.patch());
    panels(patch, g.outputs, |first, columns, width, panel| {
        let (start_values, rows) = panel.split_at_mut(width);
        write(start_values, &shift[first..first + columns]);
        for (tap, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            for start in (tap * inputs..(tap + 1) * inputs).step_by(BLOCK) {
                let end = (start + BLOCK).min((tap + 1) * inputs);
                let block = &mut rows[start * width..end * width];
                if columns < width {
                    block.fill(MaybeUninit::new(0.0));
                }
                for column in 0..columns {
                    let from = &w[(first + column) * patch..][start..end];
                    let rows = block.chunks_exact_mut(width).zip(from);
                    // A word that holds a pair is no number to multiply.
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
    })
}

/// Panels over inputs: row (tap, output), without start values.
fn backward_panels(g: &Geometry, w: &[f32], used: &[bool]) -> Panels {
    let (inputs, outputs) = (g.inputs, g.outputs);
    panels(
        g.taps() * outputs,
        inputs,
        |first, columns, width, panel| {
            write(&mut panel[..width], &[]);
            for (tap, _) in used.iter().enumerate().filter(|(_, used)| **used) {
                let rows = panel[(1 + tap * outputs) * width..].chunks_exact_mut(width);
                for (row, from) in rows.zip(w.chunks_exact(g.patch())) {
                    write(row, &from[tap * inputs + first..][..columns]);
                }
            }
        },
    )
}

/// Writes `values` and zeros behind them.
fn write(row: &mut Fresh, values: &[f32]) {
    let (front, rest) = row.split_at_mut(values.len());
    front.write_copy_of_slice(values);
    rest.fill(MaybeUninit::new(0.0));
}

/// Panels that `fill(first column, columns, width, panel)` writes.
fn panels(
    depth: usize,
    columns: usize,
    fill: impl Fn(usize, usize, usize, &mut Fresh) + Sync,
) -> Panels {
    let width = panel_width(columns);
    let size = (depth + 1) * width;
    let mut data = Vec::new();
    data.resize_with(size * columns.div_ceil(width), MaybeUninit::uninit);
    data.par_chunks_mut(size)
        .enumerate()
        .for_each(|(number, panel)| {
            let first = number * width;
            fill(first, width.min(columns - first), width, panel);
        });
    Panels {
        data,
        width,
        depth,
        columns,
    }
}
