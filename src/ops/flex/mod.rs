//! The kernels on flex, in Rust: matrix products by the `gemm` crate, rayon over images or rows. Work is cut into pieces
//! whose size does not depend on the number of threads and partial sums are added in order, so the bytes do not depend
//! on it either.

mod adam;
mod conv;
mod norm;
mod pool;

use super::{AdamStep, Kernels, Window};
use burn::backend::{BackendTypes, Flex};
use burn::tensor::{DType, Shape};

type Float = <Flex as BackendTypes>::FloatTensorPrimitive;
type Triple = (Float, Float, Float);

/// A zeroed tensor.
fn zeros<const D: usize>(shape: [usize; D]) -> Float {
    Float::empty(Shape::new(shape), DType::F32)
}

/// A `[n]` tensor of the given values.
fn vector(values: &[f32]) -> Float {
    let mut tensor = zeros([values.len()]);
    tensor.storage_mut::<f32>().copy_from_slice(values);
    tensor
}

/// The tensor in row-major order, without a copy where it already is.
fn contiguous(tensor: Float) -> Float {
    if tensor.is_contiguous() && tensor.layout().start_offset() == 0 {
        tensor
    } else {
        tensor.to_contiguous()
    }
}

fn dims<const D: usize>(tensor: &Float) -> [usize; D] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|axis| shape[axis])
}

impl Kernels for Flex {
    fn conv_forward(x: Float, w: Float, b: Float, window: Window) -> Float {
        conv::forward(&contiguous(x), &contiguous(w), &contiguous(b), window)
    }

    fn conv_backward(grad: Float, x: Float, w: Float, window: Window, want_x: bool) -> Triple {
        conv::backward(
            &contiguous(grad),
            &contiguous(x),
            &contiguous(w),
            window,
            want_x,
        )
    }

    fn norm_forward(x: Float, gamma: Float, beta: Float, epsilon: f64, relu: bool) -> Triple {
        norm::forward(
            &contiguous(x),
            &contiguous(gamma),
            &contiguous(beta),
            epsilon,
            relu,
        )
    }

    fn norm_backward(
        grad: Float,
        y: Float,
        x: Float,
        gamma: Float,
        mean: Float,
        inv_std: Float,
        relu: bool,
    ) -> Triple {
        let saved = norm::Saved {
            y: &y,
            x: &contiguous(x),
            mean: &mean,
            inv_std: &inv_std,
            relu,
        };
        norm::backward(&contiguous(grad), &contiguous(gamma), &saved)
    }

    fn scale_shift(x: Float, scale: Float, shift: Float, relu: bool) -> Float {
        norm::scale_shift(contiguous(x), &contiguous(scale), &contiguous(shift), relu)
    }

    fn pool_forward(x: Float, window: Window) -> Float {
        pool::forward(&contiguous(x), window)
    }

    fn pool_backward(grad: Float, x: Float, window: Window) -> Float {
        pool::backward(&contiguous(grad), &contiguous(x), window)
    }

    fn adam(parameter: Float, grad: Float, first: Float, second: Float, step: AdamStep) -> Triple {
        adam::update(
            contiguous(parameter),
            &contiguous(grad),
            contiguous(first),
            contiguous(second),
            step,
        )
    }

    fn sum_of_squares(x: Float) -> Float {
        vector(&[norm::sum_of_squares(contiguous(x).storage::<f32>())])
    }
}
