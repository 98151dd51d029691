//! Sizes of one convolution, and which pixels each window position meets.

use super::super::super::Window;
use super::super::row_tiles::Run;

/// Sizes of one convolution.
#[derive(Clone, Copy)]
pub struct Geometry {
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub out_height: usize,
    pub out_width: usize,
    pub window: Window,
}

/// What one output element of the inner loops adds up: a place in the result image, and stretches of the source image
/// (`a`) with the rows of the weights (`b`) that they meet.
pub struct Target {
    pub to: usize,
    pub pieces: Vec<Run>,
}

impl Geometry {
    pub fn new(x: [usize; 4], w: [usize; 4], window: Window) -> Self {
        let [images, height, width, inputs] = x;
        let [outputs, kernel_h, kernel_w, w_inputs] = w;
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

    /// Shape of the output.
    pub const fn output(&self) -> [usize; 4] {
        [self.images, self.out_height, self.out_width, self.outputs]
    }

    /// Window positions on one image.
    pub const fn positions(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Floats of one input image.
    pub const fn image(&self) -> usize {
        self.height * self.width * self.inputs
    }

    /// Floats of one output image.
    pub const fn image_out(&self) -> usize {
        self.positions() * self.outputs
    }

    /// Taps of the window.
    pub const fn taps(&self) -> usize {
        self.window.kernel * self.window.kernel
    }

    /// Weights of one output channel.
    pub const fn patch(&self) -> usize {
        self.taps() * self.inputs
    }

    /// A 1x1 convolution sees no images: its rows are all pixels of the batch.
    pub const fn flattened(mut self) -> Self {
        if self.window.is_pointwise() {
            self.images *= self.height * self.width;
            (self.height, self.width, self.out_height, self.out_width) = (1, 1, 1, 1);
        }
        self
    }

    /// The input row that tap row `ky` meets at output row `oy`.
    pub fn input_row(&self, oy: usize, ky: usize) -> Option<usize> {
        let row = (oy * self.window.stride + ky).checked_sub(self.window.padding);
        row.filter(|&row| row < self.height)
    }

    /// The output row or column at which tap `k` meets an input row or column.
    pub fn meeting(&self, pixel: usize, k: usize, size: usize) -> Option<usize> {
        let start = (pixel + self.window.padding).checked_sub(k)?;
        let position = start / self.window.stride;
        (start.is_multiple_of(self.window.stride) && position < size).then_some(position)
    }

    /// For every output position: the pixels under its window, without the padding.
    pub fn forward_targets(&self) -> Vec<Target> {
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let mut found = Vec::new();
        for oy in 0..self.out_height {
            for ox in 0..self.out_width {
                let left = ox * stride;
                let first = padding.saturating_sub(left);
                let end = kernel.min((self.width + padding).saturating_sub(left));
                let rows = (0..kernel).filter_map(|ky| Some((ky, self.input_row(oy, ky)?)));
                let pieces = rows.filter(|_| first < end).map(|(ky, y)| Run {
                    a: (y * self.width + left + first - padding) * self.inputs,
                    b: (ky * kernel + first) * self.inputs,
                    length: (end - first) * self.inputs,
                });
                found.push(Target {
                    to: (oy * self.out_width + ox) * self.outputs,
                    pieces: pieces.collect(),
                });
            }
        }
        found
    }

    /// For every input pixel: the output positions whose windows hold it, a tap at a time.
    pub fn backward_targets(&self) -> Vec<Target> {
        let kernel = self.window.kernel;
        let mut found = Vec::new();
        for y in 0..self.height {
            for x in 0..self.width {
                let mut pieces = Vec::new();
                for tap in 0..self.taps() {
                    let oy = self.meeting(y, tap / kernel, self.out_height);
                    let ox = self.meeting(x, tap % kernel, self.out_width);
                    if let (Some(oy), Some(ox)) = (oy, ox) {
                        pieces.push(Run {
                            a: (oy * self.out_width + ox) * self.outputs,
                            b: tap * self.outputs,
                            length: self.outputs,
                        });
                    }
                }
                found.push(Target {
                    to: (y * self.width + x) * self.inputs,
                    pieces,
                });
            }
        }
        found
    }
}
