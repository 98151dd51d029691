//! The weight gradient of a convolution: for each window row, products over all window positions of all images. The
//! work is cut by shape alone, so that the bytes do not depend on the number of threads.

use super::super::Fresh;
use super::super::column_tiles::Columns;
use super::super::simd::{Shared, panel_width};
use super::geometry::Geometry;
use super::rows::{Frame, WIDE};
use crate::plan::Precision;
use rayon::prelude::*;
use std::ops::Range;

/// Weights of all partial sums together, at most: few weights are summed in several groups of images at once.
const PARTIAL: usize = 1 << 19;
/// Groups of images, at most.
const GROUPS: usize = 16;
/// Pieces of work, about.
const PIECES: usize = 32;
/// Floats of the output gradient that one product reads: a quarter of a second-level cache of 1 MiB.
const LEFT: usize = 1 << 16;
/// Channels up to which the rows of a 1x1 convolution are read where they lie; rows further apart fall on few sets of a
/// first-level cache.
const NEAR: usize = 512;

/// A few columns of one window row.
#[derive(Clone, Copy)]
struct Panel {
    /// Window row.
    ky: usize,
    /// First column: tap x channel.
    first: usize,
    /// Columns.
    columns: usize,
}

fn panels(g: &Geometry) -> (usize, Vec<Panel>) {
    let row = g.window.kernel * g.inputs;
    let width = panel_width(row);
    let of_row = |ky| {
        (0..row).step_by(width).map(move |first| Panel {
            ky,
            first,
            columns: width.min(row - first),
        })
    };
    (width, (0..g.window.kernel).flat_map(of_row).collect())
}

/// `to [O, K, K, I]`: the sum over positions of output gradient x input.
pub(super) fn gradient(g: &Geometry, go: &[f32], x: &[f32], precision: Precision, to: &mut Fresh) {
    let (width, panels) = panels(g);
    let factors = (go, x, precision);
    let size = g.outputs * panels.len() * width;
    let groups = (PARTIAL / size).clamp(1, GROUPS).min(g.images);
    let cuts = PIECES.div_ceil(groups).min(panels.len());
    let piece = |number: usize| {
        let (group, cut) = (number / cuts, number % cuts);
        let images = g.images * group / groups..g.images * (group + 1) / groups;
        let range = panels.len() * cut / cuts..panels.len() * (cut + 1) / cuts;
        (group, images, range)
    };
    if groups == 1 {
        let to = Shared::new(to);
        return (0..cuts).into_par_iter().for_each(|number| {
            let (_, images, range) = piece(number);
            let place = |panel: usize| {
                let Panel { ky, first, .. } = panels[panel];
                (
                    ky * g.window.kernel * g.inputs + first,
                    g.patch(),
                    panels[panel].columns,
                )
            };
            some_panels(g, factors, images, (width, &panels), range, to, &place);
        });
    }
    let mut parts = Vec::with_capacity(groups * size);
    let shared = Shared::new(&mut parts.spare_capacity_mut()[..groups * size]);
    (0..groups * cuts).into_par_iter().for_each(|number| {
        let (group, images, range) = piece(number);
        let place = |panel: usize| (group * size + panel * g.outputs * width, width, width);
        some_panels(g, factors, images, (width, &panels), range, shared, &place);
    });
    // SAFETY: every panel of every group was written.
    #[expect(unsafe_code, reason = "not zeroed first")]
    unsafe {
        parts.set_len(groups * size);
    }
    let parts: &[f32] = &parts;
    to.par_chunks_mut(g.patch())
        .enumerate()
        .for_each(|(o, to)| {
            for (number, panel) in panels.iter().enumerate() {
                let at = panel.ky * g.window.kernel * g.inputs + panel.first;
                let mut sum = [0.0; 64];
                for group in 0..groups {
                    let part = &parts[group * size + (number * g.outputs + o) * width..][..width];
                    sum.iter_mut()
                        .zip(part)
                        .for_each(|(sum, part)| *sum += part);
                }
                for (to, sum) in to[at..at + panel.columns].iter_mut().zip(sum) {
                    to.write(sum);
                }
            }
        });
}

/// Sums over `images` for the panels of `range`; `place` says where a panel begins, how far apart its rows are, and how
/// many columns it has there.
fn some_panels(
    g: &Geometry,
    (go, x, precision): (&[f32], &[f32], Precision),
    images: Range<usize>,
    (width, panels): (usize, &[Panel]),
    range: Range<usize>,
    to: Shared,
    place: &dyn Fn(usize) -> (usize, usize, usize),
) {
    let positions = (LEFT / g.outputs).clamp(64, 256);
    let stretch = (positions / g.positions()).max(1);
    let mut right = Right::new(g, width, stretch.min(images.len()));
    let mut begun = vec![false; range.len()];
    let last = images.end;
    for first in images.step_by(stretch) {
        let images = first..(first + stretch).min(last);
        let go = &go[images.start * g.image_out()..images.end * g.image_out()];
        let x = &x[images.start * g.image()..images.end * g.image()];
        right.begin(g, x);
        for number in range.clone() {
            let (b, rows) = right.rows(g, x, panels[number], width);
            let accumulate = begun[number - range.start];
            if rows.is_empty() && (accumulate || images.end < last) {
                continue;
            }
            let (at, step, valid) = place(number);
            Columns {
                a: go,
                b,
                rows,
                m: g.outputs,
                width,
                to,
                at,
                step,
                valid,
                accumulate,
                precision,
            }
            .compute();
            begun[number - range.start] = true;
        }
    }
}

/// The right factors for a few images at a time, each row with that of the output gradient which it meets.
enum Right {
    /// Rows where they lie.
    Direct { rows: Vec<(usize, usize)> },
    /// Images with zeros around them, and the rows for each window row.
    Framed {
        frame: Frame,
        images: Vec<f32>,
        rows: Vec<Vec<(usize, usize)>>,
    },
    /// The columns of one panel, position by position, without those that meet only padding.
    Packed {
        values: Vec<f32>,
        rows: Vec<(usize, usize)>,
    },
}

impl Right {
    fn new(g: &Geometry, width: usize, images: usize) -> Self {
        if g.window.is_pointwise() && g.inputs <= NEAR && g.inputs.is_multiple_of(width) {
            let rows = (0..images).map(|row| (row * g.outputs, row * g.inputs));
            return Self::Direct {
                rows: rows.collect(),
            };
        }
        if g.out_width < WIDE {
            return Self::Packed {
                values: vec![0.0; images * g.positions() * width],
                rows: Vec::new(),
            };
        }
        let frame = Frame::forward(g);
        let rows_of = |ky| {
            let rows =
                (0..images).flat_map(move |image| (0..g.out_height).map(move |oy| (image, oy)));
            let rows = rows.filter(move |(_, oy)| g.input_row(*oy, ky).is_some());
            let first = |(image, oy)| {
                let left = (image * g.positions() + oy * g.out_width) * g.outputs;
                let right = image * frame.size() + frame.at(oy * g.window.stride + ky, 0);
                (left, right)
            };
            let along = |(left, right)| {
                (0..g.out_width).map(move |ox| {
                    (
                        left + ox * g.outputs,
                        right + ox * g.window.stride * g.inputs,
                    )
                })
            };
            rows.map(first).flat_map(along).collect()
        };
        let rows = (0..g.window.kernel).map(rows_of).collect();
        // A tile reads up to its width behind the last row of a window.
        let images = vec![0.0; images * frame.size() + width];
        Self::Framed {
            frame,
            images,
            rows,
        }
    }

    /// Takes the next images.
    fn begin(&mut self, g: &Geometry, x: &[f32]) {
        if let Self::Framed { frame, images, .. } = self {
            let frames = images.chunks_exact_mut(frame.size());
            for (to, from) in frames.zip(x.chunks_exact(g.image())) {
                frame.fill(from, to);
            }
        }
    }

    /// Right matrix and rows for one panel of the images that `begin` took.
    fn rows<'a>(
        &'a mut self,
        g: &Geometry,
        x: &'a [f32],
        panel: Panel,
        width: usize,
    ) -> (&'a [f32], &'a [(usize, usize)]) {
        let images = x.len() / g.image();
        match self {
            Self::Direct { rows } => (&x[panel.first..], &rows[..images]),
            Self::Framed {
                images: frames,
                rows,
                frame,
            } => {
                let rows = &rows[panel.ky];
                let taken = frames.len() / frame.size();
                (&frames[panel.first..], &rows[..rows.len() / taken * images])
            }
            Self::Packed { values, rows } => {
                pack(g, x, panel, width, values, rows);
                (values, rows)
            }
        }
    }
}

/// Copies the columns of a panel under every position that meets a pixel.
fn pack(
    g: &Geometry,
    x: &[f32],
    panel: Panel,
    width: usize,
    values: &mut [f32],
    rows: &mut Vec<(usize, usize)>,
) {
    rows.clear();
    let stride = g.window.stride * g.inputs;
    let (line, margin) = (g.width * g.inputs, g.window.padding * g.inputs);
    for (image, x) in x.chunks_exact(g.image()).enumerate() {
        for oy in 0..g.out_height {
            let Some(y) = g.input_row(oy, panel.ky) else {
                continue;
            };
            let from = &x[y * line..][..line];
            let first_row = (image * g.positions() + oy * g.out_width) * g.outputs;
            for ox in 0..g.out_width {
                // The stretch of the padded row, cut to the image.
                let start = ox * stride + panel.first;
                let left = start.max(margin);
                let right = (start + panel.columns).min(margin + line);
                if left >= right {
                    continue;
                }
                let to = &mut values[rows.len() * width..][..width];
                let from = &from[left - margin..right - margin];
                if from.len() < width {
                    to.fill(0.0);
                }
                to[left - start..right - start].copy_from_slice(from);
                rows.push((first_row + ox * g.outputs, rows.len() * width));
            }
        }
    }
}
