//! Convolution as matrix products over batch x positions: directly for 1x1, tap by tap where the map is so small that
//! most taps meet only padding, and through patches (im2col) otherwise.

use super::{Float, Triple, Window, dims, zeros};
use rayon::prelude::*;

/// Sizes of one convolution.
#[derive(Clone, Copy)]
struct Geometry {
    images: usize,
    height: usize,
    width: usize,
    inputs: usize,
    outputs: usize,
    out_height: usize,
    out_width: usize,
    window: Window,
}

impl Geometry {
    fn new(x: &Float, w: &Float, window: Window) -> Self {
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

    /// Rows of the product: batch x positions.
    fn rows(&self) -> usize {
        self.images * self.out_height * self.out_width
    }

    /// Length of one patch.
    fn patch(&self) -> usize {
        self.window.kernel * self.window.kernel * self.inputs
    }

    /// On maps of at most two by two, tap by tap multiplies no padding and copies nothing.
    fn tap_by_tap(&self) -> bool {
        self.window.kernel > 1 && self.height <= 2 && self.width <= 2
    }

    /// Input pixel under `tap` when the window stands at `position`, unless it lies in the padding.
    fn pixel(&self, position: usize, tap: usize, size: usize) -> Option<usize> {
        (position * self.window.stride + tap)
            .checked_sub(self.window.padding)
            .filter(|&pixel| pixel < size)
    }

    /// Every (output position, tap, input pixel) that meets the image, as flat indices into each.
    fn meetings(&self) -> Vec<(usize, usize, usize)> {
        let mut found = Vec::new();
        let kernel = self.window.kernel;
        for oy in 0..self.out_height {
            for ox in 0..self.out_width {
                for (ky, kx) in (0..kernel).flat_map(|ky| (0..kernel).map(move |kx| (ky, kx))) {
                    let y = self.pixel(oy, ky, self.height);
                    let x = self.pixel(ox, kx, self.width);
                    if let (Some(y), Some(x)) = (y, x) {
                        found.push((
                            oy * self.out_width + ox,
                            ky * kernel + kx,
                            y * self.width + x,
                        ));
                    }
                }
            }
        }
        found
    }
}

/// A matrix inside a slice: element (r, c) lies at `start + r * row + c * column`.
#[derive(Clone, Copy)]
struct Matrix<'a> {
    data: &'a [f32],
    row: usize,
    column: usize,
}

impl<'a> Matrix<'a> {
    fn rows(data: &'a [f32], row: usize) -> Self {
        Self {
            data,
            row,
            column: 1,
        }
    }

    fn transposed(self) -> Self {
        Self {
            data: self.data,
            row: self.column,
            column: self.row,
        }
    }
}

/// `c [m, n] = a [m, k] b [k, n]`, or `c += a b`; row `r` of `c` starts at `r * c_row`.
fn product(
    [m, n, k]: [usize; 3],
    (c, c_row): (&mut [f32], usize),
    accumulate: bool,
    a: Matrix,
    b: Matrix,
) {
    let last = |rows: usize, columns: usize, row: usize, column: usize| {
        (rows - 1) * row + (columns - 1) * column
    };
    assert!(m > 0 && n > 0 && k > 0);
    assert!(last(m, n, c_row, 1) < c.len());
    assert!(last(m, k, a.row, a.column) < a.data.len());
    assert!(last(k, n, b.row, b.column) < b.data.len());
    // SAFETY: the assertions keep the last element of each matrix inside its slice, and `c` is exclusively ours.
    #[expect(unsafe_code, reason = "the gemm crate takes pointers and strides")]
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            c_row as isize,
            accumulate,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::Rayon(0),
        );
    }
}

/// Copies the patch under every window position into a row of `[rows, K * K * I]`; padding stays zero.
fn patches(x: &[f32], g: &Geometry) -> Vec<f32> {
    let (inputs, patch) = (g.inputs, g.patch());
    let (image, positions) = (g.height * g.width * inputs, g.out_height * g.out_width);
    let mut columns = vec![0.0; g.rows() * patch];
    let meetings = g.meetings();
    columns
        .par_chunks_mut(positions * patch)
        .zip(x.par_chunks(image))
        .for_each(|(rows, x)| {
            for &(position, tap, pixel) in &meetings {
                let to = position * patch + tap * inputs;
                let from = pixel * inputs;
                rows[to..to + inputs].copy_from_slice(&x[from..from + inputs]);
            }
        });
    columns
}

/// Adds every patch's gradient back onto the pixels that it came from.
fn scatter(columns: &[f32], g: &Geometry, grad_x: &mut [f32]) {
    let (inputs, patch) = (g.inputs, g.patch());
    let (image, positions) = (g.height * g.width * inputs, g.out_height * g.out_width);
    let meetings = g.meetings();
    grad_x
        .par_chunks_mut(image)
        .zip(columns.par_chunks(positions * patch))
        .for_each(|(x, rows)| {
            for &(position, tap, pixel) in &meetings {
                let from = position * patch + tap * inputs;
                let to = pixel * inputs;
                for (x, row) in x[to..to + inputs]
                    .iter_mut()
                    .zip(&rows[from..from + inputs])
                {
                    *x += row;
                }
            }
        });
}

pub(super) fn forward(x: &Float, w: &Float, b: &Float, window: Window) -> Float {
    let g = Geometry::new(x, w, window);
    let (outputs, patch) = (g.outputs, g.patch());
    let mut y = zeros([g.images, g.out_height, g.out_width, outputs]);
    let (x, w, b) = (x.storage::<f32>(), w.storage::<f32>(), b.storage::<f32>());
    let out = y.storage_mut::<f32>();
    out.par_chunks_mut(outputs * 256).for_each(|rows| {
        rows.chunks_exact_mut(outputs)
            .for_each(|row| row.copy_from_slice(b));
    });
    if g.tap_by_tap() {
        let (x_row, y_row) = (
            g.height * g.width * g.inputs,
            g.out_height * g.out_width * outputs,
        );
        for (position, tap, pixel) in g.meetings() {
            let a = Matrix::rows(&x[pixel * g.inputs..], x_row);
            let taps = Matrix::rows(&w[tap * g.inputs..], patch).transposed();
            let c = (&mut out[position * outputs..], y_row);
            product([g.images, outputs, g.inputs], c, true, a, taps);
        }
        return y;
    }
    let columns;
    let a = if window.is_pointwise() {
        x
    } else {
        columns = patches(x, &g);
        &columns
    };
    let w = Matrix::rows(w, patch).transposed();
    product(
        [g.rows(), outputs, patch],
        (out, outputs),
        true,
        Matrix::rows(a, patch),
        w,
    );
    y
}

pub(super) fn backward(grad: &Float, x: &Float, w: &Float, window: Window, want_x: bool) -> Triple {
    let g = Geometry::new(x, w, window);
    let mut grad_x = if want_x {
        zeros([g.images, g.height, g.width, g.inputs])
    } else {
        zeros([0])
    };
    let mut grad_w = zeros([g.outputs, window.kernel, window.kernel, g.inputs]);
    let (go, xs, ws) = (
        grad.storage::<f32>(),
        x.storage::<f32>(),
        w.storage::<f32>(),
    );
    let to_x = if want_x {
        grad_x.storage_mut::<f32>()
    } else {
        &mut []
    };
    let to_w = grad_w.storage_mut::<f32>();
    if g.tap_by_tap() {
        backward_by_taps(&g, go, xs, ws, to_x, to_w);
    } else {
        backward_by_patches(&g, go, xs, ws, to_x, to_w);
    }
    let grad_b = super::vector(&super::norm::column_sums(go, g.outputs));
    (grad_x, grad_w, grad_b)
}

fn backward_by_taps(
    g: &Geometry,
    go: &[f32],
    x: &[f32],
    w: &[f32],
    to_x: &mut [f32],
    to_w: &mut [f32],
) {
    let (inputs, outputs, patch) = (g.inputs, g.outputs, g.patch());
    let (x_row, y_row) = (
        g.height * g.width * inputs,
        g.out_height * g.out_width * outputs,
    );
    for (position, tap, pixel) in g.meetings() {
        let go = Matrix::rows(&go[position * outputs..], y_row);
        let x = Matrix::rows(&x[pixel * inputs..], x_row);
        let c = (&mut to_w[tap * inputs..], patch);
        product([outputs, inputs, g.images], c, true, go.transposed(), x);
        if !to_x.is_empty() {
            let w = Matrix::rows(&w[tap * inputs..], patch);
            let c = (&mut to_x[pixel * inputs..], x_row);
            product([g.images, inputs, outputs], c, true, go, w);
        }
    }
}

fn backward_by_patches(
    g: &Geometry,
    go: &[f32],
    x: &[f32],
    w: &[f32],
    to_x: &mut [f32],
    to_w: &mut [f32],
) {
    let (outputs, patch, rows) = (g.outputs, g.patch(), g.rows());
    let go = Matrix::rows(go, outputs);
    let w = Matrix::rows(w, patch);
    let shape_w = [outputs, patch, rows];
    if g.window.is_pointwise() {
        product(
            shape_w,
            (to_w, patch),
            false,
            go.transposed(),
            Matrix::rows(x, patch),
        );
        if !to_x.is_empty() {
            product([rows, patch, outputs], (to_x, patch), false, go, w);
        }
        return;
    }
    let mut columns = patches(x, g);
    product(
        shape_w,
        (to_w, patch),
        false,
        go.transposed(),
        Matrix::rows(&columns, patch),
    );
    if !to_x.is_empty() {
        product([rows, patch, outputs], (&mut columns, patch), false, go, w);
        scatter(&columns, g, to_x);
    }
}
