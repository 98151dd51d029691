//! Convolution as matrix products over batch x positions that multiply (almost) no padding and copy no patches.

mod geometry;
mod rows;
mod weights;

use super::Fresh;
use super::row_tiles::Panels;
use super::simd::{Shared, panel_width};
pub use geometry::Geometry;
use geometry::Target;
use rayon::prelude::*;
use rows::{Places, WIDE};
use std::mem::MaybeUninit;

/// Cross-correlation of `x [B, H, W, I]` with `w [O, K, K, I]` plus `b [O]`.
pub fn forward(g: &Geometry, x: &[f32], w: &[f32], b: &[f32], y: &mut Fresh) {
    let g = g.flattened();
    let targets = narrow(g.out_width).then(|| g.forward_targets());
    let used = used_rows(&g, targets.as_deref(), g.inputs);
    let panels = forward_panels(&g, w, b, &used);
    let places = Places {
        from: x,
        from_image: g.image(),
        to: Shared::new(y),
        to_image: g.image_out(),
        images: g.images,
    };
    if let Some(targets) = targets {
        rows::by_position(&places, &targets, &panels);
    } else {
        let (frame, lines, runs) = rows::forward_lines(&g);
        rows::by_line(&places, &frame, &lines, &runs, &panels);
    }
}

/// Gradient for `x` from that of the output.
pub fn backward_x(g: &Geometry, go: &[f32], w: &[f32], to_x: &mut Fresh) {
    let g = g.flattened();
    let targets = narrow(g.width.min(g.out_width)).then(|| g.backward_targets());
    let used = used_rows(&g, targets.as_deref(), g.outputs);
    let panels = backward_panels(&g, w, &used);
    let places = Places {
        from: go,
        from_image: g.image_out(),
        to: Shared::new(to_x),
        to_image: g.image(),
        images: g.images,
    };
    if let Some(targets) = targets {
        rows::by_position(&places, &targets, &panels);
    } else {
        let (frame, lines, runs) = rows::backward_lines(&g);
        rows::by_line(&places, &frame, &lines, &runs, &panels);
    }
}

/// Gradient for `w` from that of the output.
pub fn backward_w(g: &Geometry, go: &[f32], x: &[f32], to_w: &mut Fresh) {
    weights::gradient(&g.flattened(), go, x, to_w);
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

/// Panels over outputs: row (tap, input), with the bias as start values.
fn forward_panels(g: &Geometry, w: &[f32], b: &[f32], used: &[bool]) -> Panels {
    /// Rows of a block that stays in the first-level cache while it is transposed.
    const BLOCK: usize = 64;
    let (inputs, patch) = (g.inputs, g.patch());
    panels(patch, g.outputs, |first, columns, width, panel| {
        let (start_values, rows) = panel.split_at_mut(width);
        write(start_values, &b[first..first + columns]);
        for (tap, _) in used.iter().enumerate().filter(|(_, used)| **used) {
            for start in (tap * inputs..(tap + 1) * inputs).step_by(BLOCK) {
                let end = (start + BLOCK).min((tap + 1) * inputs);
                let block = &mut rows[start * width..end * width];
                if columns < width {
                    block.fill(MaybeUninit::new(0.0));
                }
                for column in 0..columns {
                    let from = &w[(first + column) * patch..][start..end];
                    for (row, value) in block.chunks_exact_mut(width).zip(from) {
                        row[column].write(*value);
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
