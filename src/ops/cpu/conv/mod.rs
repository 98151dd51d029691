//! Convolution as matrix products over batch x positions that multiply (almost) no padding and copy no patches.

mod geometry;
mod panels;
mod rows;
mod weights;

use super::row_tiles::{How, Panels};
use super::simd::Shared;
use super::{Fresh, half};
use crate::plan::Precision;
pub use geometry::Geometry;
use geometry::Target;
pub use panels::{Filter, packed_length};
use rows::{Places, WIDE};
use std::mem::MaybeUninit;

/// What a sum goes through on its way out.
#[derive(Clone, Copy, Default)]
pub struct Behind<'a> {
    /// Is added to the output, element by element; empty for nothing.
    pub added: &'a [f32],
    /// Ends in a ReLU.
    pub relu: bool,
}

/// Cross-correlation of `x [B, H, W, I]` with a filter, into `y`.
pub fn forward(g: &Geometry, x: &[f32], filter: &Filter, y: &mut Fresh) {
    let product = Forward::new(g, filter.precision);
    let mut packed = Vec::new();
    packed.resize_with(
        packed_length(filter.shape, filter.precision),
        MaybeUninit::uninit,
    );
    let used = used_rows(&product.g, product.targets.as_deref(), product.g.inputs);
    filter.pack(Some(&used), &mut packed);
    let panels = panels::packed(filter.shape, filter.precision, &packed);
    product.multiply(x, &panels, Behind::default(), y);
}

/// Cross-correlation of `x [B, H, W, I]` with packed weights of that shape, and what follows it, into `y`.
pub fn forward_packed(
    g: &Geometry,
    x: &[f32],
    (packed, shape, precision): (&[f32], [usize; 4], Precision),
    behind: Behind,
    y: &mut Fresh,
) {
    let panels = panels::packed(shape, precision, written(packed));
    Forward::new(g, precision).multiply(x, &panels, behind, y);
}

/// Values as memory of which more is known than panels ask.
fn written(values: &[f32]) -> &Fresh {
    // SAFETY: the same memory, with less promised of it; nothing is written through it.
    #[expect(unsafe_code, reason = "slices have no such cast")]
    unsafe {
        std::slice::from_raw_parts(values.as_ptr().cast(), values.len())
    }
}

/// Sizes of a forward product in words, a pair or an f32 each.
struct Forward {
    g: Geometry,
    precision: Precision,
    /// On narrow maps, what each output position adds up.
    targets: Option<Vec<Target>>,
}

impl Forward {
    fn new(g: &Geometry, precision: Precision) -> Self {
        let precision = precision.for_pairs(g.inputs);
        let mut g = g.flattened();
        g.inputs /= precision.factors();
        let targets = narrow(g.out_width).then(|| g.forward_targets());
        Self {
            g,
            precision,
            targets,
        }
    }

    fn multiply(&self, x: &[f32], panels: &Panels, behind: Behind, y: &mut Fresh) {
        let Self { g, precision, .. } = self;
        let pairs = (*precision == Precision::Bf16).then(|| half::neighbours(x));
        let floor = if behind.relu { 0.0 } else { f32::NEG_INFINITY };
        let places = Places {
            from: pairs.as_deref().unwrap_or(x),
            from_image: g.image(),
            to: Shared::new(y),
            to_image: g.image_out(),
            images: g.images,
            how: How {
                precision: *precision,
                added: behind.added,
                floor,
            },
        };
        if let Some(targets) = &self.targets {
            rows::by_position(&places, targets, panels);
        } else {
            let (frame, lines, runs) = rows::forward_lines(g);
            rows::by_line(&places, &frame, &lines, &runs, panels);
        }
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
    let mut memory = Vec::new();
    let panels = panels::backward(g, w, &used, &mut memory);
    let places = Places {
        from: go,
        from_image: g.image_out(),
        to: Shared::new(to_x),
        to_image: g.image(),
        images: g.images,
        how: How {
            precision,
            added: &[],
            floor: f32::NEG_INFINITY,
        },
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
