//! The kernels on libtorch: those of `cpu` on tensors in the memory of this machine, ATen's own through `aten.cpp` on
//! all others.

#![expect(unsafe_code, reason = "a C interface, and memory that libtorch owns")]

mod calls;
mod memory;

use super::host::{self, Host};
use super::{AdamStep, Kernels, Product, Window};
use crate::plan::Precision;
use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use calls::{
    check, product_sizes, raw, single, sizes, supcon_adam, supcon_conv_backward,
    supcon_conv_forward, supcon_norm_backward, supcon_norm_forward, supcon_pool_backward,
    supcon_pool_forward, triple,
};
use memory::{exclusive, on_host};
use std::ffi::c_int;

type Triple = (TchTensor, TchTensor, TchTensor);

// SAFETY of every call below: the pointers come from live tensors, the outputs from `triple` and `single`.
impl Kernels for LibTorch {
    fn conv_forward(x: TchTensor, w: TchTensor, b: TchTensor, product: Product) -> TchTensor {
        if on_host(&x) {
            return host::conv_forward(x, w, b, product);
        }
        let (x, w) = (x.contiguous(), w.contiguous());
        let ([stride, padding], bf16) = product_sizes(product);
        single(|y| unsafe {
            supcon_conv_forward(raw(&x), raw(&w), raw(&b), stride, padding, bf16, y)
        })
    }

    fn conv_pack(
        w: TchTensor,
        scale: TchTensor,
        shift: TchTensor,
        precision: Precision,
    ) -> TchTensor {
        if on_host(&w) {
            return host::conv_pack(w, scale, shift, precision);
        }
        // One row an output: its weights, then its shift.
        let rows = [w.tensor.size()[0], -1];
        let w = (&w.tensor * scale.tensor.reshape([-1, 1, 1, 1])).reshape(rows);
        TchTensor::new(tch::Tensor::cat(&[w, shift.tensor.reshape(rows)], 1).reshape([-1]))
    }

    fn conv_packed(
        x: TchTensor,
        packed: TchTensor,
        added: TchTensor,
        shape: [usize; 4],
        product: Product,
        relu: bool,
    ) -> TchTensor {
        if on_host(&x) {
            return host::conv_packed(x, packed, added, shape, product, relu);
        }
        let shape = shape.map(|size| size as i64);
        let patch: i64 = shape[1..].iter().product();
        let rows = packed.tensor.reshape([shape[0], patch + 1]);
        let [w, shift] = [(0, patch), (patch, 1)].map(|(from, size)| rows.narrow(1, from, size));
        let w = TchTensor::new(w.reshape(shape));
        let shift = TchTensor::new(shift.reshape([-1]));
        let mut y = Self::conv_forward(x, w, shift, product);
        if added.tensor.numel() > 0 {
            let _ = y.tensor.g_add_(&added.tensor);
        }
        if relu {
            let _ = y.tensor.relu_();
        }
        y
    }

    fn conv_backward(
        grad: TchTensor,
        x: TchTensor,
        w: TchTensor,
        product: Product,
        want: [bool; 2],
    ) -> Triple {
        if on_host(&x) {
            return host::conv_backward(grad, x, w, product, want);
        }
        let (grad, x, w) = (grad.contiguous(), x.contiguous(), w.contiguous());
        let ([stride, padding], bf16) = product_sizes(product);
        let [want_x, want_b] = want.map(c_int::from);
        triple(|[gx, gw, gb]| unsafe {
            supcon_conv_backward(
                raw(&grad),
                raw(&x),
                raw(&w),
                stride,
                padding,
                bf16,
                want_x,
                want_b,
                gx,
                gw,
                gb,
            )
        })
    }

    fn norm_forward(
        x: TchTensor,
        gamma: TchTensor,
        beta: TchTensor,
        epsilon: f64,
        relu: bool,
    ) -> Triple {
        if on_host(&x) {
            return host::norm_forward(x, gamma, beta, epsilon, relu);
        }
        let x = x.contiguous();
        let relu = c_int::from(relu);
        let (y, mean, inv_std) = triple(|[y, mean, inv_std]| unsafe {
            supcon_norm_forward(
                raw(&x),
                raw(&gamma),
                raw(&beta),
                epsilon,
                relu,
                y,
                mean,
                inv_std,
            )
        });
        let statistics = tch::Tensor::stack(&[mean.tensor, inv_std.tensor], 0);
        (y, TchTensor::new(statistics), x)
    }

    fn norm_backward(
        grad: TchTensor,
        skipped: TchTensor,
        y: TchTensor,
        x: TchTensor,
        gamma: TchTensor,
        statistics: TchTensor,
        relu: bool,
    ) -> Triple {
        if on_host(&x) {
            return host::norm_backward(grad, skipped, [y, x], gamma, statistics, relu);
        }
        let (grad, x) = (grad.contiguous(), x.contiguous());
        let relu = c_int::from(relu);
        let [mean, inv_std] = [0, 1].map(|row| TchTensor::new(statistics.tensor.get(row).copy()));
        let (mut grad_x, grad_gamma, grad_beta) = triple(|[gx, gg, gb]| unsafe {
            supcon_norm_backward(
                raw(&grad),
                raw(&y),
                raw(&x),
                raw(&gamma),
                raw(&mean),
                raw(&inv_std),
                relu,
                gx,
                gg,
                gb,
            )
        });
        if skipped.tensor.numel() > 0 {
            let _ = grad_x.tensor.g_add_(&skipped.tensor);
        }
        (grad_x, grad_gamma, grad_beta)
    }

    fn scale_shift(x: TchTensor, scale: TchTensor, shift: TchTensor, relu: bool) -> TchTensor {
        if on_host(&x) {
            return host::scale_shift(x, scale, shift, relu);
        }
        let mut y = shift.tensor.addcmul(&x.tensor, &scale.tensor);
        if relu {
            let _ = y.relu_();
        }
        TchTensor::new(y)
    }

    fn pool_forward(x: TchTensor, window: Window) -> TchTensor {
        if on_host(&x) {
            return host::pool_forward(x, window);
        }
        let x = x.contiguous();
        let [kernel, stride, padding] = sizes(window);
        single(|y| unsafe { supcon_pool_forward(raw(&x), kernel, stride, padding, y) })
    }

    fn pool_backward(grad: TchTensor, x: TchTensor, window: Window) -> TchTensor {
        if on_host(&x) {
            return host::pool_backward(grad, x, window);
        }
        let (grad, x) = (grad.contiguous(), x.contiguous());
        let [kernel, stride, padding] = sizes(window);
        single(|gx| unsafe {
            supcon_pool_backward(raw(&grad), raw(&x), kernel, stride, padding, gx)
        })
    }

    fn add_forward(a: TchTensor, b: TchTensor, relu: bool) -> TchTensor {
        if on_host(&a) {
            return host::add_forward(a, b, relu);
        }
        let missing = a.tensor.size()[3] - b.tensor.size()[3];
        let mut y = &a.tensor + b.tensor.constant_pad_nd([0, missing]);
        if relu {
            let _ = y.relu_();
        }
        TchTensor::new(y)
    }

    fn add_backward(
        grad: TchTensor,
        y: TchTensor,
        channels: usize,
        relu: bool,
    ) -> (TchTensor, TchTensor) {
        if on_host(&grad) {
            return host::add_backward(grad, y, channels, relu);
        }
        let whole = if relu {
            TchTensor::new(y.tensor.threshold_backward(&grad.tensor, 0))
        } else {
            grad
        };
        let part = if channels == whole.dims::<4>()[3] {
            whole.clone()
        } else {
            let part = whole.tensor.narrow(3, 0, channels as i64);
            TchTensor::new(part.contiguous())
        };
        (whole, part)
    }

    fn adam(
        parameter: TchTensor,
        grad: TchTensor,
        first: TchTensor,
        second: TchTensor,
        step: AdamStep,
    ) -> Triple {
        if on_host(&parameter) {
            return host::adam(parameter, grad, first, second, step);
        }
        let (parameter, grad) = (exclusive(parameter), grad.contiguous());
        let (first, second) = (exclusive(first), exclusive(second));
        // Keras adds epsilon to sqrt(v), PyTorch to sqrt(v) / sqrt(1 - beta_2^t): the same with this epsilon.
        let epsilon = step.epsilon / step.correction_2().sqrt();
        check(unsafe {
            supcon_adam(
                raw(&parameter),
                raw(&grad),
                raw(&first),
                raw(&second),
                step.t as i64,
                step.learning_rate,
                step.beta_1,
                step.beta_2,
                epsilon,
            )
        });
        (parameter, first, second)
    }

    fn sum_of_squares(x: TchTensor) -> TchTensor {
        if on_host(&x) {
            return host::sum_of_squares(x);
        }
        let squares = x.tensor.square().sum(x.tensor.kind());
        TchTensor::new(squares.reshape([1]))
    }
}
