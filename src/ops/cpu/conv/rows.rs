//! Outputs, or input gradients, of a convolution as rows of matrix products. On narrow maps the rows of a product are
//! the same position of many images, so that no padding is multiplied; on wide ones they are neighbouring positions of
//! one image with zeros around it, so that no patch is copied.

use super::super::row_tiles::{How, Line, Panels, Rows, Run};
use super::super::simd::Shared;
use super::geometry::{Geometry, Target};
use rayon::prelude::*;
use std::ops::Range;

/// Floats of left rows that one piece of work holds: half of a second-level cache of 512 KiB.
const LEFT: usize = 1 << 16;
/// Rows at a multiple of this many floats fall on few sets of a first-level cache.
const CONFLICT: usize = 512;
/// Narrowest map whose rows are taken as they stand.
pub(super) const WIDE: usize = 8;

/// Where a product's rows come from and go to.
pub(super) struct Places<'a> {
    pub from: &'a [f32],
    /// Floats of one source image.
    pub from_image: usize,
    pub to: Shared,
    /// Floats of one image of the result.
    pub to_image: usize,
    pub images: usize,
    pub how: How<'a>,
}

/// How many pieces the panels are cut into so that every thread has work.
fn cuts(pieces: usize, panels: usize) -> usize {
    let wanted = 4 * rayon::current_num_threads();
    wanted.div_ceil(pieces).clamp(1, panels)
}

fn cut(panels: usize, cuts: usize, number: usize) -> Range<usize> {
    panels * number / cuts..panels * (number + 1) / cuts
}

/// Rows are images: one product for each target.
pub(super) fn by_position(places: &Places, targets: &[Target], panels: &Panels) {
    let mut pieces = Vec::new();
    for target in targets {
        let depth: usize = target.pieces.iter().map(|piece| piece.length).sum();
        let most = (LEFT / depth.max(1)).clamp(12, 480) / 12 * 12;
        let chunks = places.images.div_ceil(most);
        for chunk in 0..chunks {
            let images = cut(places.images, chunks, chunk);
            pieces.push((target, images));
        }
    }
    let cuts = cuts(pieces.len(), panels.count());
    (0..pieces.len() * cuts)
        .into_par_iter()
        .for_each_init(Vec::new, |scratch, number| {
            let (target, images) = &pieces[number / cuts];
            let range = cut(panels.count(), cuts, number % cuts);
            one_position(places, target, images.clone(), panels, range, scratch);
        });
}

fn one_position(
    places: &Places,
    target: &Target,
    images: Range<usize>,
    panels: &Panels,
    range: Range<usize>,
    scratch: &mut Vec<f32>,
) {
    let rows = images.len();
    let from = &places.from[images.start * places.from_image..][..rows * places.from_image];
    let mut line = Line {
        rows,
        a: 0,
        a_step: places.from_image,
        to: images.start * places.to_image + target.to,
        to_step: places.to_image,
        runs: 0..target.pieces.len(),
    };
    let direct = target.pieces.len() <= 1 && !places.from_image.is_multiple_of(CONFLICT);
    if direct {
        return Rows {
            lines: &[line],
            runs: &target.pieces,
            a: from,
            panels,
            range,
            to: places.to,
            how: places.how,
        }
        .compute();
    }
    let depth: usize = target.pieces.iter().map(|piece| piece.length).sum();
    line.a_step = depth + 16;
    if scratch.len() < rows * line.a_step {
        scratch.resize(rows * line.a_step, 0.0);
    }
    for (row, image) in scratch
        .chunks_exact_mut(line.a_step)
        .zip(from.chunks_exact(places.from_image))
    {
        let mut at = 0;
        for piece in &target.pieces {
            row[at..at + piece.length].copy_from_slice(&image[piece.a..piece.a + piece.length]);
            at += piece.length;
        }
    }
    let mut at = 0;
    let mut packed = |piece: &Run| {
        at += piece.length;
        Run {
            a: at - piece.length,
            ..*piece
        }
    };
    let runs: Vec<Run> = target.pieces.iter().map(&mut packed).collect();
    Rows {
        lines: &[line],
        runs: &runs,
        a: scratch,
        panels,
        range,
        to: places.to,
        how: places.how,
    }
    .compute();
}

/// A source image with zeros around it.
pub(super) struct Frame {
    pub columns: usize,
    pub channels: usize,
    pub top: usize,
    pub left: usize,
    /// Rows and columns of the frame.
    pub height: usize,
    pub width: usize,
}

impl Frame {
    /// That of the input.
    pub fn forward(g: &Geometry) -> Self {
        let padding = g.window.padding;
        Self {
            columns: g.width,
            channels: g.inputs,
            top: padding,
            left: padding,
            height: g.height + 2 * padding,
            width: g.width + 2 * padding,
        }
    }

    /// Floats of the frame.
    pub fn size(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// First float of a pixel of the frame.
    pub fn at(&self, y: usize, x: usize) -> usize {
        (y * self.width + x) * self.channels
    }

    /// Puts an image into the frame, whose border is zero already.
    pub fn fill(&self, image: &[f32], frame: &mut [f32]) {
        let row = self.columns * self.channels;
        for (y, from) in image.chunks_exact(row).enumerate() {
            frame[self.at(self.top + y, self.left)..][..row].copy_from_slice(from);
        }
    }
}

/// Rows are neighbouring positions of one image in a frame.
pub(super) fn by_line(
    places: &Places,
    frame: &Frame,
    lines: &[Line],
    runs: &[Run],
    panels: &Panels,
) {
    let cuts = cuts(places.images, panels.count());
    (0..places.images * cuts).into_par_iter().for_each_init(
        || vec![0.0; frame.size()],
        |scratch, number| {
            let image = number / cuts;
            let from = &places.from[image * places.from_image..][..places.from_image];
            frame.fill(from, scratch);
            let here = |line: &Line| Line {
                to: line.to + image * places.to_image,
                ..line.clone()
            };
            Rows {
                lines: &lines.iter().map(here).collect::<Vec<_>>(),
                runs,
                a: scratch,
                panels,
                range: cut(panels.count(), cuts, number % cuts),
                to: places.to,
                how: places.how,
            }
            .compute();
        },
    );
}

/// Lines of the output: one for each output row.
pub(super) fn forward_lines(g: &Geometry) -> (Frame, Vec<Line>, Vec<Run>) {
    let (kernel, stride) = (g.window.kernel, g.window.stride);
    let frame = Frame::forward(g);
    let (mut lines, mut runs) = (Vec::new(), Vec::new());
    for oy in 0..g.out_height {
        let first = runs.len();
        let rows = (0..kernel).filter(|&ky| g.input_row(oy, ky).is_some());
        runs.extend(rows.map(|ky| Run {
            a: frame.at(oy * stride + ky, 0),
            b: ky * kernel * g.inputs,
            length: kernel * g.inputs,
        }));
        lines.push(Line {
            rows: g.out_width,
            a: 0,
            a_step: stride * g.inputs,
            to: oy * g.out_width * g.outputs,
            to_step: g.outputs,
            runs: first..runs.len(),
        });
    }
    (frame, lines, runs)
}

/// Lines of the input's gradient: the pixels of one row that meet the same taps.
pub(super) fn backward_lines(g: &Geometry) -> (Frame, Vec<Line>, Vec<Run>) {
    let (kernel, stride, padding) = (g.window.kernel, g.window.stride, g.window.padding);
    // Output columns before the first and behind the last one that some tap of some pixel asks for.
    let left = (kernel - 1).saturating_sub(padding).div_ceil(stride);
    let right = ((g.width - 1 + padding) / stride + 1).saturating_sub(g.out_width);
    let frame = Frame {
        columns: g.out_width,
        channels: g.outputs,
        top: 0,
        left,
        height: g.out_height,
        width: left + g.out_width + right,
    };
    let (mut lines, mut runs) = (Vec::new(), Vec::new());
    for y in 0..g.height {
        for x in 0..stride.min(g.width) {
            let first = runs.len();
            for ky in 0..kernel {
                let Some(oy) = g.meeting(y, ky, g.out_height) else {
                    continue;
                };
                for kx in 0..kernel {
                    // Shifted by whole strides so that it does not fall below zero.
                    let start = x + padding + left * stride;
                    if start >= kx && (start - kx).is_multiple_of(stride) {
                        runs.push(Run {
                            a: frame.at(oy, (start - kx) / stride),
                            b: (ky * kernel + kx) * g.outputs,
                            length: g.outputs,
                        });
                    }
                }
            }
            lines.push(Line {
                rows: (g.width - x).div_ceil(stride),
                a: 0,
                a_step: g.outputs,
                to: (y * g.width + x) * g.inputs,
                to_step: stride * g.inputs,
                runs: first..runs.len(),
            });
        }
    }
    (frame, lines, runs)
}
