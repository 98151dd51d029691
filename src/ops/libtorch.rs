//! The kernels on libtorch: ATen's own, through `libtorch.cpp`. A failure inside ATen becomes a panic with its message,
//! as everywhere in burn-tch; the process of one run contains it.

use super::{AdamStep, Kernels, Window};
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
    fn supcon_conv_forward(x: Raw, w: Raw, b: Raw, stride: i64, padding: i64, y: *mut Raw) -> c_int;
    fn supcon_conv_backward(grad: Raw, x: Raw, w: Raw, stride: i64, padding: i64, want_x: c_int, grad_x: *mut Raw, grad_w: *mut Raw, grad_b: *mut Raw) -> c_int;
    fn supcon_norm_forward(x: Raw, gamma: Raw, beta: Raw, epsilon: f64, relu: c_int, y: *mut Raw, mean: *mut Raw, inv_std: *mut Raw) -> c_int;
    fn supcon_norm_backward(grad: Raw, y: Raw, x: Raw, gamma: Raw, mean: Raw, inv_std: Raw, relu: c_int, grad_x: *mut Raw, grad_gamma: *mut Raw, grad_beta: *mut Raw) -> c_int;
    fn supcon_pool_forward(x: Raw, kernel: i64, stride: i64, padding: i64, y: *mut Raw) -> c_int;
    fn supcon_pool_backward(grad: Raw, x: Raw, kernel: i64, stride: i64, padding: i64, grad_x: *mut Raw) -> c_int;
    fn supcon_adam(parameter: Raw, grad: Raw, first: Raw, second: Raw, t: i64, learning_rate: f64, beta_1: f64, beta_2: f64, epsilon: f64) -> c_int;
}

/// The tensor in row-major order (as the C++ side expects it), without a copy where it already is.
fn contiguous(tensor: TchTensor) -> TchTensor {
    if tensor.tensor.is_contiguous() {
        return tensor;
    }
    TchTensor::new(tensor.tensor.contiguous())
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
    fn conv_forward(x: TchTensor, w: TchTensor, b: TchTensor, window: Window) -> TchTensor {
        let (x, w) = (contiguous(x), contiguous(w));
        let (stride, padding) = (window.stride as i64, window.padding as i64);
        single(|y| unsafe { supcon_conv_forward(raw(&x), raw(&w), raw(&b), stride, padding, y) })
    }

    fn conv_backward(
        grad: TchTensor,
        x: TchTensor,
        w: TchTensor,
        window: Window,
        want_x: bool,
    ) -> Triple {
        let (grad, x, w) = (contiguous(grad), contiguous(x), contiguous(w));
        let (stride, padding) = (window.stride as i64, window.padding as i64);
        let want = c_int::from(want_x);
        triple(|[gx, gw, gb]| unsafe {
            supcon_conv_backward(
                raw(&grad),
                raw(&x),
                raw(&w),
                stride,
                padding,
                want,
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
        let x = contiguous(x);
        let relu = c_int::from(relu);
        triple(|[y, mean, inv_std]| unsafe {
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
        })
    }

    fn norm_backward(
        grad: TchTensor,
        y: TchTensor,
        x: TchTensor,
        gamma: TchTensor,
        mean: TchTensor,
        inv_std: TchTensor,
        relu: bool,
    ) -> Triple {
        let (grad, x) = (contiguous(grad), contiguous(x));
        let relu = c_int::from(relu);
        triple(|[gx, gg, gb]| unsafe {
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
        })
    }

    fn scale_shift(x: TchTensor, scale: TchTensor, shift: TchTensor, relu: bool) -> TchTensor {
        let mut y = shift.tensor.addcmul(&x.tensor, &scale.tensor);
        if relu {
            let _ = y.relu_();
        }
        TchTensor::new(y)
    }

    fn pool_forward(x: TchTensor, window: Window) -> TchTensor {
        let x = contiguous(x);
        let [kernel, stride, padding] = sizes(window);
        single(|y| unsafe { supcon_pool_forward(raw(&x), kernel, stride, padding, y) })
    }

    fn pool_backward(grad: TchTensor, x: TchTensor, window: Window) -> TchTensor {
        let (grad, x) = (contiguous(grad), contiguous(x));
        let [kernel, stride, padding] = sizes(window);
        single(|gx| unsafe {
            supcon_pool_backward(raw(&grad), raw(&x), kernel, stride, padding, gx)
        })
    }

    fn adam(
        parameter: TchTensor,
        grad: TchTensor,
        first: TchTensor,
        second: TchTensor,
        step: AdamStep,
    ) -> Triple {
        let (parameter, grad) = (exclusive(parameter), contiguous(grad));
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
        let flat = x.tensor.reshape([-1]);
        TchTensor::new(flat.dot(&flat).reshape([1]))
    }
}

fn sizes(window: Window) -> [i64; 3] {
    [
        window.kernel as i64,
        window.stride as i64,
        window.padding as i64,
    ]
}
