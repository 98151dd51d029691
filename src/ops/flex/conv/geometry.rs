//! Sizes of one convolution, and which pixels each window position meets.

use super::super::{Float, Window, dims};

/// Sizes of one convolution.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub(super) images: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    out_height: usize,
    out_width: usize,
    pub(super) window: Window,
}

/// Neighbouring taps of one window row that meet neighbouring pixels: one stretch of memory on both sides.
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) position: usize,
    /// First tap, counted row by row.
    pub(super) tap: usize,
    /// First pixel, counted row by row.
    pub(super) pixel: usize,
    /// Taps, at least one.
    pub(super) taps: usize,
}

impl Geometry {
    pub(super) fn new(x: &Float, w: &Float, window: Window) -> Self {
        let [images, height, width, inputs] = dims(x);
        let [outputs, kernel_h, kernel_w, w_inputs] = dims(w);
        assert_eq!(
            [kernel_h, kernel_w, w_inputs],
            [window.kernel, window.kernel, inputs]
        );
        let (out_height, out_width) = (window.output(height), window.output(width));
        Self {
            images,
            height,
            width,
            inputs,
            outputs,
            out_height,
            out_width,
            window,
        }
    }

    pub(super) const fn output(&self) -> [usize; 4] {
        [self.images, self.out_height, self.out_width, self.outputs]
    }

    /// Window positions on one image.
    pub(super) const fn positions(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Floats of one input image.
    pub(super) const fn image(&self) -> usize {
        self.height * self.width * self.inputs
    }

    /// Floats of one output image.
    pub(super) const fn image_out(&self) -> usize {
        self.positions() * self.outputs
    }

    /// Length of one patch.
    pub(super) const fn patch(&self) -> usize {
        self.window.kernel * self.window.kernel * self.inputs
    }

    /// On maps of at most two by two, tap by tap multiplies no padding and copies nothing.
    pub(super) const fn tap_by_tap(&self) -> bool {
        self.window.kernel > 1 && self.height <= 2 && self.width <= 2
    }

    /// Every stretch of pixels under every window position; what lies in the padding is in none.
    pub(super) fn runs(&self) -> Vec<Run> {
        let mut found = Vec::new();
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        for oy in 0..self.out_height {
            for ox in 0..self.out_width {
                let left = ox * stride;
                let first = padding.saturating_sub(left);
                let end = kernel.min((self.width + padding).saturating_sub(left));
                for ky in 0..kernel {
                    let y = (oy * stride + ky).checked_sub(padding);
                    if let Some(y) = y.filter(|&y| y < self.height && first < end) {
                        found.push(Run {
                            position: oy * self.out_width + ox,
                            tap: ky * kernel + first,
                            pixel: y * self.width + left + first - padding,
                            taps: end - first,
                        });
                    }
                }
            }
        }
        found
    }

    /// The same, tap by tap: (output position, tap, input pixel).
    pub(super) fn meetings(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let each =
            |run: Run| (0..run.taps).map(move |i| (run.position, run.tap + i, run.pixel + i));
        self.runs().into_iter().flat_map(each)
    }
}
