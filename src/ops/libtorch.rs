//! The kernels on libtorch: those of `cpu` on tensors in the memory of this machine, ATen's own through `libtorch.cpp` on
//! all others. A failure inside ATen becomes a panic with its message, as everywhere in burn-tch; the process of one run
//! contains it.

#![expect(unsafe_code, reason = "a C interface, and memory that libtorch owns")]

use super::cpu::Fresh;
use super::host::{self, Host};
use super::{AdamStep, Kernels, Product, Window};
use crate::plan::Precision;
use burn::backend::LibTorch;
use burn::backend::libtorch::TchTensor;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;
use torch_sys::C_tensor;

type Raw = *mut C_tensor;
type Triple = (TchTensor, TchTensor, TchTensor);

#[rustfmt::skip]
unsafe extern "C" {
    fn supcon_last_error() -> *const c_char;
    fn supcon_conv_forward(x: Raw, w: Raw, b: Raw, stride: i64, padding: i64, bf16: c_int, y: *mut Raw) -> c_int;
    fn supcon_conv_backward(grad: Raw, x: Raw, w: Raw, stride: i64, padding: i64, bf16: c_int, want_x: c_int, want_b: c_int, grad_x: *mut Raw, grad_w: *mut Raw, grad_b: *mut Raw) -> c_int;
    fn supcon_norm_forward(x: Raw, gamma: Raw, beta: Raw, epsilon: f64, relu: c_int, y: *mut Raw, mean: *mut Raw, inv_std: *mut Raw) -> c_int;
    fn supcon_norm_backward(grad: Raw, y: Raw, x: Raw, gamma: Raw, mean: Raw, inv_std: Raw, relu: c_int, grad_x: *mut Raw, grad_gamma: *mut Raw, grad_beta: *mut Raw) -> c_int;
    fn supcon_pool_forward(x: Raw, kernel: i64, stride: i64, padding: i64, y: *mut Raw) -> c_int;
    fn supcon_pool_backward(grad: Raw, x: Raw, kernel: i64, stride: i64, padding: i64, grad_x: *mut Raw) -> c_int;
    fn supcon_adam(parameter: Raw, grad: Raw, first: Raw, second: Raw, t: i64, learning_rate: f64, beta_1: f64, beta_2: f64, epsilon: f64) -> c_int;
}

impl Host for TchTensor {
    fn contiguous(self) -> Self {
        if self.tensor.is_contiguous() {
            self
        } else {
            Self::new(self.tensor.contiguous())
        }
    }

    fn dims<const D: usize>(&self) -> [usize; D] {
        let sizes = self.tensor.size();
        std::array::from_fn(|axis| sizes[axis] as usize)
    }

    fn values(&self) -> &[f32] {
        assert!(on_host(self) && self.tensor.is_contiguous());
        let length = self.tensor.numel();
        if length == 0 {
            return &[];
        }
        // SAFETY: a contiguous tensor of f32 on the CPU that lives as long as the slice.
        unsafe { std::slice::from_raw_parts(self.tensor.data_ptr().cast(), length) }
    }

    fn values_mut(&mut self) -> &mut [f32] {
        if !self.can_mut() {
            *self = Self::new(self.tensor.copy());
        }
        let length = self.values().len();
        // SAFETY: as for `values`, and nobody else holds the memory.
        unsafe { std::slice::from_raw_parts_mut(self.tensor.data_ptr().cast(), length) }
    }

    fn output<const D: usize, T>(
        shape: [usize; D],
        fill: impl FnOnce(&mut Fresh) -> T,
    ) -> (Self, T) {
        let sizes = shape.map(|size| size as i64);
        let tensor = tch::Tensor::empty(sizes, (tch::Kind::Float, tch::Device::Cpu));
        let memory: &mut Fresh = match shape.iter().product() {
            0 => &mut [],
            // SAFETY: fresh memory of that length that only this function knows.
            length => unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) },
        };
        let other = fill(memory);
        (Self::new(tensor), other)
    }
}

/// Whether the kernels of `cpu` can see the tensor's memory.
fn on_host(tensor: &TchTensor) -> bool {
    tensor.tensor.device() == tch::Device::Cpu && tensor.tensor.kind() == tch::Kind::Float
}

fn raw(tensor: &TchTensor) -> Raw {
    tensor.tensor.as_ptr().cast_mut()
}

/// Panics with ATen's message if a call failed.
fn check(code: c_int) {
    if code != 0 {
        // SAFETY: the message is a NUL-terminated string that lives until this thread's next failure.
        let message = unsafe { CStr::from_ptr(supcon_last_error()) };
        panic!("libtorch: {}", message.to_string_lossy());
    }
}

/// Takes over a tensor that the C++ side allocated.
fn own(tensor: Raw) -> TchTensor {
    // SAFETY: `check` passed, so the pointer is a fresh `at::Tensor` that nobody else frees.
    TchTensor::new(unsafe { tch::Tensor::from_ptr(tensor) })
}

/// Three outputs of one call.
fn triple(call: impl FnOnce([*mut Raw; 3]) -> c_int) -> Triple {
    let (mut a, mut b, mut c): (Raw, Raw, Raw) = (null_mut(), null_mut(), null_mut());
    check(call([&raw mut a, &raw mut b, &raw mut c]));
    (own(a), own(b), own(c))
}

fn single(call: impl FnOnce(*mut Raw) -> c_int) -> TchTensor {
    let mut a: Raw = null_mut();
    check(call(&raw mut a));
    own(a)
}

/// A tensor whose memory nobody else can see.
fn exclusive(tensor: TchTensor) -> TchTensor {
    if tensor.can_mut() && tensor.tensor.is_contiguous() {
        return tensor;
    }
    TchTensor::new(tensor.tensor.copy())
}

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

    fn conv_normed(
        x: TchTensor,
        w: TchTensor,
        scale: TchTensor,
        shift: TchTensor,
        product: Product,
        relu: bool,
    ) -> TchTensor {
        if on_host(&x) {
            return host::conv_normed(x, w, [scale, shift], product, relu);
        }
        let w = TchTensor::new(&w.tensor * scale.tensor.reshape([-1, 1, 1, 1]));
        let mut y = Self::conv_forward(x, w, shift, product);
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

/// Stride and padding, and whether factors are rounded to bf16.
fn product_sizes(product: Product) -> ([i64; 2], c_int) {
    let [_, stride, padding] = sizes(product.window);
    let bf16 = product.precision == Precision::Bf16;
    ([stride, padding], c_int::from(bf16))
}

fn sizes(window: Window) -> [i64; 3] {
    [
        window.kernel as i64,
        window.stride as i64,
        window.padding as i64,
    ]
}
