//! The kernels on flex: those of `cpu`, on its tensors.

use super::cpu::Fresh;
use super::host::{self, Host};
use super::{AdamStep, Kernels, Product, Window};
use crate::plan::Precision;
use burn::backend::Flex;
use burn::backend::flex::FlexTensor as Float;
use burn::tensor::TensorData;

type Triple = (Float, Float, Float);

impl Host for Float {
    fn contiguous(self) -> Self {
        if self.is_contiguous() && self.layout().start_offset() == 0 {
            self
        } else {
            self.to_contiguous()
        }
    }

    fn dims<const D: usize>(&self) -> [usize; D] {
        let shape = self.layout().shape();
        std::array::from_fn(|axis| shape[axis])
    }

    fn values(&self) -> &[f32] {
        &self.storage()[..self.layout().num_elements()]
    }

    fn values_mut(&mut self) -> &mut [f32] {
        let length = self.layout().num_elements();
        &mut self.storage_mut()[..length]
    }

    fn output<const D: usize, T>(
        shape: [usize; D],
        fill: impl FnOnce(&mut Fresh) -> T,
    ) -> (Self, T) {
        let length = shape.iter().product();
        let mut values = Vec::with_capacity(length);
        let other = fill(&mut values.spare_capacity_mut()[..length]);
        // SAFETY: the kernels write every element of an output.
        #[expect(
            unsafe_code,
            reason = "zeroing large outputs costs as much as many kernels"
        )]
        unsafe {
            values.set_len(length);
        }
        (Self::from_data(TensorData::new(values, shape)), other)
    }
}

impl Kernels for Flex {
    fn conv_forward(x: Float, w: Float, b: Float, product: Product) -> Float {
        host::conv_forward(x, w, b, product)
    }

    fn conv_pack(w: Float, scale: Float, shift: Float, precision: Precision) -> Float {
        host::conv_pack(w, scale, shift, precision)
    }

    fn conv_packed(
        x: Float,
        packed: Float,
        added: Float,
        shape: [usize; 4],
        product: Product,
        relu: bool,
    ) -> Float {
        host::conv_packed(x, packed, added, shape, product, relu)
    }

    fn conv_backward(grad: Float, x: Float, w: Float, product: Product, want: [bool; 2]) -> Triple {
        host::conv_backward(grad, x, w, product, want)
    }

    fn norm_forward(x: Float, gamma: Float, beta: Float, epsilon: f64, relu: bool) -> Triple {
        host::norm_forward(x, gamma, beta, epsilon, relu)
    }

    fn norm_backward(
        grad: Float,
        skipped: Float,
        y: Float,
        x: Float,
        gamma: Float,
        statistics: Float,
        relu: bool,
    ) -> Triple {
        host::norm_backward(grad, skipped, [y, x], gamma, statistics, relu)
    }

    fn scale_shift(x: Float, scale: Float, shift: Float, relu: bool) -> Float {
        host::scale_shift(x, scale, shift, relu)
    }

    fn pool_forward(x: Float, window: Window) -> Float {
        host::pool_forward(x, window)
    }

    fn pool_backward(grad: Float, x: Float, window: Window) -> Float {
        host::pool_backward(grad, x, window)
    }

    fn add_forward(a: Float, b: Float, relu: bool) -> Float {
        host::add_forward(a, b, relu)
    }

    fn add_backward(grad: Float, y: Float, channels: usize, relu: bool) -> (Float, Float) {
        host::add_backward(grad, y, channels, relu)
    }

    fn adam(parameter: Float, grad: Float, first: Float, second: Float, step: AdamStep) -> Triple {
        host::adam(parameter, grad, first, second, step)
    }

    fn sum_of_squares(x: Float) -> Float {
        host::sum_of_squares(x)
    }
}
