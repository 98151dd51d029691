//! Our own differentiable kernels: the operations that decide the speed of a ResNet, as a burn backend extension.
//!
//! Every tensor is channels-last: activations `[B, H, W, C]`, convolution weights `[O, K, K, I]` (PyTorch's `OIHW` in its
//! `channels_last` memory format). `flex` and `libtorch` implement [`Kernels`]; `autodiff` writes the gradients by hand;
//! `tests/ops` compares all of it with the plain burn composition. Only this folder and `device.rs` name a backend.

#![cfg_attr(
    feature = "libtorch",
    expect(
        deprecated,
        reason = "burn 0.22 is the last release with libtorch; see ARCHITECTURE.md"
    )
)]

mod autodiff;
mod cpu;
#[cfg(feature = "flex")]
mod flex;
mod host;
#[cfg(feature = "libtorch")]
mod libtorch;
mod peak;

pub use peak::peak_products;

use crate::plan::Precision;
use burn::backend::{Backend, Dispatch, backend_extension, tensor::FloatTensor};
use burn::tensor::Tensor;

/// A square window that slides over the two spatial axes, the same on both, with zeros around the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Side of the window in pixels.
    pub kernel: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Zeros added on every side; they take part in a maximum, as in Keras' `ZeroPadding2D`.
    pub padding: usize,
}

impl Window {
    /// Positions of the window along an axis of `size` pixels.
    #[must_use]
    pub const fn output(self, size: usize) -> usize {
        (size + 2 * self.padding - self.kernel) / self.stride + 1
    }

    /// One pixel, every pixel: a matrix product over batch x positions.
    #[must_use]
    pub const fn is_pointwise(self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.padding == 0
    }
}

/// How a convolution multiplies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// Where it slides.
    pub window: Window,
    /// Numbers in which factors are multiplied; sums and results are f32.
    pub precision: Precision,
}

/// One Adam step (Kingma & Ba 2015, with Keras' "epsilon hat": `w -= alpha m / (sqrt(v) + epsilon)`,
/// `keras/optimizers/adam.py`, `update_step`).
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Number of the step, from 1.
    pub t: u64,
    /// Step size before the bias corrections.
    pub learning_rate: f64,
    /// Decay of the first moment.
    pub beta_1: f64,
    /// Decay of the second moment.
    pub beta_2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
}

impl AdamStep {
    /// 1 - beta_2^t: what the second moment has seen so far.
    #[must_use]
    pub fn correction_2(&self) -> f64 {
        1.0 - self.beta_2.powf(self.t as f64)
    }

    /// Step size with both bias corrections in it.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.learning_rate * self.correction_2().sqrt() / (1.0 - self.beta_1.powf(self.t as f64))
    }
}

/// The kernels that a backend provides. Panics on shapes that do not fit: `plan` refuses those before.
#[backend_extension(
    Flex: cfg(feature = "flex"),
    LibTorch: cfg(feature = "libtorch"),
    Autodiff
)]
pub trait Kernels: Backend {
    /// Cross-correlation of `x [B, H, W, I]` with `w [O, K, K, I]` plus `b [O]`.
    fn conv_forward(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        b: FloatTensor<Self>,
        product: Product,
    ) -> FloatTensor<Self>;
    /// Weights `w [O, K, K, I]` times `scale [O]`, with `shift [O]` behind the sums, as `conv_packed` reads them; without a
    /// gradient. What it holds is the backend's matter.
    fn conv_pack(
        w: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self>;
    /// Cross-correlation of `x [B, H, W, I]` with packed weights of `shape [O, K, K, I]` plus their shift, plus `added`
    /// (of the output's shape, or empty), then ReLU if asked; without a gradient.
    fn conv_packed(
        x: FloatTensor<Self>,
        packed: FloatTensor<Self>,
        added: FloatTensor<Self>,
        shape: [usize; 4],
        product: Product,
        relu: bool,
    ) -> FloatTensor<Self>;
    /// Gradients of `conv_forward` for `(x, w, b)`; `want` says whether those for `[x, b]` are meaningful.
    fn conv_backward(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        product: Product,
        want: [bool; 2],
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Batch norm over the last axis with batch statistics, then ReLU if asked: `(y, statistics, x)`. The statistics are
    /// mean and 1 / sqrt(var + eps), `[2, C]`. The last is `x` for a skip connection: `add_forward` sends its gradient
    /// past the graph, and `norm_backward` adds it.
    fn norm_forward(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Gradients of `norm_forward` for `(x, gamma, beta)`; `y` is the forward output (its zeros are ReLU's mask). What
    /// came over a skip connection is added to the gradient for `x`, unless it is empty.
    fn norm_backward(
        grad: FloatTensor<Self>,
        skipped: FloatTensor<Self>,
        y: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// `x * scale + shift` for each channel, then ReLU if asked: batch norm in inference form, without a gradient.
    fn scale_shift(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        relu: bool,
    ) -> FloatTensor<Self>;
    /// Largest value in each window of `x [B, H, W, C]`; padding counts as zero.
    fn pool_forward(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self>;
    /// Gradient of `pool_forward`: goes to the first largest pixel of each window, nowhere if the padding won.
    fn pool_backward(
        grad: FloatTensor<Self>,
        x: FloatTensor<Self>,
        window: Window,
    ) -> FloatTensor<Self>;
    /// `a [B, H, W, C]` plus `b`, which may have fewer channels; then ReLU if asked.
    fn add_forward(a: FloatTensor<Self>, b: FloatTensor<Self>, relu: bool) -> FloatTensor<Self>;
    /// Gradients of `add_forward` for `a`, and for `b` of `channels` channels; `y` is the forward output.
    fn add_backward(
        grad: FloatTensor<Self>,
        y: FloatTensor<Self>,
        channels: usize,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
    /// One Adam update of a parameter and its two moments, in place where nobody else holds them.
    fn adam(
        parameter: FloatTensor<Self>,
        grad: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        step: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
    /// Sum of the squares of `x [n]`, `[1]`.
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self>;
}

/// Cross-correlation of `x [B, H, W, I]` with `w [O, K, K, I]` plus `b [O]`, zeros around the image.
#[must_use]
pub fn conv2d(x: Tensor<4>, w: Tensor<4>, b: Tensor<1>, product: Product) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::conv_forward(
        x.into_dispatch(),
        w.into_dispatch(),
        b.into_dispatch(),
        product,
    ))
}

/// A convolution whose weights stand still, with its batch norm in inference form: packed once, for many batches.
#[derive(Clone, Debug)]
pub struct PackedConv {
    packed: Tensor<1>,
    shape: [usize; 4],
    product: Product,
}

impl PackedConv {
    /// `w [O, K, K, I]` times `scale [O]`, and `shift [O]` behind it; all plain tensors.
    #[must_use]
    pub fn new(w: Tensor<4>, [scale, shift]: [Tensor<1>; 2], product: Product) -> Self {
        let shape = w.dims();
        let packed = Dispatch::conv_pack(
            w.into_dispatch(),
            scale.into_dispatch(),
            shift.into_dispatch(),
            product.precision,
        );
        Self {
            packed: Tensor::from_dispatch(packed),
            shape,
            product,
        }
    }

    /// `x [B, H, W, I]` -> `[B, H', W', O]`, plus a tensor of that shape, then ReLU if asked.
    #[must_use]
    pub fn forward(&self, x: Tensor<4>, added: Option<Tensor<4>>, relu: bool) -> Tensor<4> {
        let nothing = || Tensor::empty([0; 4], (&x.device(), x.dtype()));
        let added = added.unwrap_or_else(nothing);
        Tensor::from_dispatch(Dispatch::conv_packed(
            x.into_dispatch(),
            self.packed.clone().into_dispatch(),
            added.into_dispatch(),
            self.shape,
            self.product,
            relu,
        ))
    }
}

/// Whether the kernels on the CPU multiply in this precision faster than in f32.
#[must_use]
pub fn is_native(precision: Precision) -> bool {
    precision == Precision::F32 || cpu::multiplies_bf16()
}

/// What batch norm gives.
pub struct Normed {
    /// The normalised input, behind the ReLU if there is one.
    pub y: Tensor<4>,
    /// Mean of each channel, `[C]`, without a gradient.
    pub mean: Tensor<1>,
    /// 1 / sqrt(variance + epsilon) of each channel, `[C]`, without a gradient; the variance is the biased one.
    pub inv_std: Tensor<1>,
    /// The input, as the second summand of [`add`] and for nothing else: its gradient joins that of `y` in one pass.
    pub skip: Tensor<4>,
}

/// Batch norm of `x [B, H, W, C]` with batch statistics, then ReLU if asked (Ioffe & Szegedy 2015, algorithm 1).
#[must_use]
pub fn batch_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    relu: bool,
) -> Normed {
    let channels = gamma.dims()[0];
    let (y, statistics, skip) = Dispatch::norm_forward(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        epsilon,
        relu,
    );
    let statistics = Tensor::<2>::from_dispatch(statistics);
    let row = |row| {
        let row = statistics.clone().slice([row..row + 1, 0..channels]);
        row.reshape([channels])
    };
    Normed {
        y: Tensor::from_dispatch(y),
        mean: row(0),
        inv_std: row(1),
        skip: Tensor::from_dispatch(skip),
    }
}

/// `x * scale + shift` for each channel of `x [B, H, W, C]`, then ReLU if asked; for plain (inference) tensors.
#[must_use]
pub fn scale_shift(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, relu: bool) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::scale_shift(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        relu,
    ))
}

/// Largest value in each window of `x [B, H, W, C]`; padding counts as zero.
#[must_use]
pub fn max_pool(x: Tensor<4>, window: Window) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::pool_forward(x.into_dispatch(), window))
}

/// The end of a residual block: `a [B, H, W, C]` plus `b [B, H, W, C']`, whose missing channels count as zero, then ReLU
/// if asked.
#[must_use]
pub fn add(a: Tensor<4>, b: Tensor<4>, relu: bool) -> Tensor<4> {
    let (a, b) = (a.into_dispatch(), b.into_dispatch());
    Tensor::from_dispatch(Dispatch::add_forward(a, b, relu))
}

/// One Adam update of a parameter and its moments, all `[n]` and on a plain device.
#[must_use]
pub fn adam(
    parameter: Tensor<1>,
    grad: Tensor<1>,
    first: Tensor<1>,
    second: Tensor<1>,
    step: AdamStep,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let (parameter, first, second) = Dispatch::adam(
        parameter.into_dispatch(),
        grad.into_dispatch(),
        first.into_dispatch(),
        second.into_dispatch(),
        step,
    );
    (
        Tensor::from_dispatch(parameter),
        Tensor::from_dispatch(first),
        Tensor::from_dispatch(second),
    )
}

/// Sum of the squares of `x [n]` on a plain device, `[1]`.
#[must_use]
pub fn sum_of_squares(x: Tensor<1>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::sum_of_squares(x.into_dispatch()))
}
