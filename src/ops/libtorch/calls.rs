//! The functions of `aten.cpp`, and tensors as it takes and gives them. A failure inside ATen becomes a panic with its
//! message, as everywhere in burn-tch; the process of one run contains it.

use super::super::{Product, Window};
use super::Triple;
use crate::plan::Precision;
use burn::backend::libtorch::TchTensor;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;
use torch_sys::C_tensor;

/// A tensor as the C side names it.
pub(super) type Raw = *mut C_tensor;

#[rustfmt::skip]
unsafe extern "C" {
    fn supcon_last_error() -> *const c_char;
    pub(super) fn supcon_conv_forward(x: Raw, w: Raw, b: Raw, stride: i64, padding: i64, bf16: c_int, y: *mut Raw) -> c_int;
    pub(super) fn supcon_conv_backward(grad: Raw, x: Raw, w: Raw, stride: i64, padding: i64, bf16: c_int, want_x: c_int, want_b: c_int, grad_x: *mut Raw, grad_w: *mut Raw, grad_b: *mut Raw) -> c_int;
    pub(super) fn supcon_norm_forward(x: Raw, gamma: Raw, beta: Raw, epsilon: f64, relu: c_int, y: *mut Raw, mean: *mut Raw, inv_std: *mut Raw) -> c_int;
    pub(super) fn supcon_norm_backward(grad: Raw, y: Raw, x: Raw, gamma: Raw, mean: Raw, inv_std: Raw, relu: c_int, grad_x: *mut Raw, grad_gamma: *mut Raw, grad_beta: *mut Raw) -> c_int;
    pub(super) fn supcon_pool_forward(x: Raw, kernel: i64, stride: i64, padding: i64, y: *mut Raw) -> c_int;
    pub(super) fn supcon_pool_backward(grad: Raw, x: Raw, kernel: i64, stride: i64, padding: i64, grad_x: *mut Raw) -> c_int;
    pub(super) fn supcon_adam(parameter: Raw, grad: Raw, first: Raw, second: Raw, t: i64, learning_rate: f64, beta_1: f64, beta_2: f64, epsilon: f64) -> c_int;
}

pub(super) fn raw(tensor: &TchTensor) -> Raw {
    tensor.tensor.as_ptr().cast_mut()
}

/// Panics with ATen's message if a call failed.
pub(super) fn check(code: c_int) {
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
pub(super) fn triple(call: impl FnOnce([*mut Raw; 3]) -> c_int) -> Triple {
    let (mut a, mut b, mut c): (Raw, Raw, Raw) = (null_mut(), null_mut(), null_mut());
    check(call([&raw mut a, &raw mut b, &raw mut c]));
    (own(a), own(b), own(c))
}

pub(super) fn single(call: impl FnOnce(*mut Raw) -> c_int) -> TchTensor {
    let mut a: Raw = null_mut();
    check(call(&raw mut a));
    own(a)
}

/// Stride and padding, and whether factors are rounded to bf16.
pub(super) fn product_sizes(product: Product) -> ([i64; 2], c_int) {
    let [_, stride, padding] = sizes(product.window);
    let bf16 = product.precision == Precision::Bf16;
    ([stride, padding], c_int::from(bf16))
}

pub(super) fn sizes(window: Window) -> [i64; 3] {
    [
        window.kernel as i64,
        window.stride as i64,
        window.padding as i64,
    ]
}
