//! The kernels of `cpu` on tensors whose memory this process sees: flex, and libtorch on the CPU.

use super::cpu::conv::{Behind, Filter, Geometry};
use super::cpu::{self, Fresh};
use super::{AdamStep, Product, Window};
use crate::plan::Precision;

/// A tensor of f32 in the memory of this machine.
pub trait Host: Clone {
    /// The tensor in row-major order, without a copy where it already is.
    fn contiguous(self) -> Self;
    /// Sizes of the axes.
    fn dims<const D: usize>(&self) -> [usize; D];
    /// All values of a contiguous tensor.
    fn values(&self) -> &[f32];
    /// The same to write to; copies first if somebody else holds the tensor.
    fn values_mut(&mut self) -> &mut [f32];
    /// A tensor whose every element `fill` writes, with what `fill` returns.
    fn output<const D: usize, T>(
        shape: [usize; D],
        fill: impl FnOnce(&mut Fresh) -> T,
    ) -> (Self, T);
}

type Triple<H> = (H, H, H);

fn vector<H: Host>(values: &[f32]) -> H {
    H::output([values.len()], |to| {
        to.write_copy_of_slice(values);
    })
    .0
}

pub fn conv_forward<H: Host>(x: H, w: H, b: H, product: Product) -> H {
    let (x, w, b) = (x.contiguous(), w.contiguous(), b.contiguous());
    let g = Geometry::new(x.dims(), w.dims(), product.window);
    let filter = filter(&w, &[], b.values(), product.precision);
    H::output(g.output(), |y| {
        cpu::conv::forward(&g, x.values(), &filter, y)
    })
    .0
}

fn filter<'a, H: Host>(
    w: &'a H,
    scale: &'a [f32],
    shift: &'a [f32],
    precision: Precision,
) -> Filter<'a> {
    Filter {
        w: w.values(),
        shape: w.dims(),
        scale,
        shift,
        precision,
    }
}

pub fn conv_pack<H: Host>(w: H, scale: H, shift: H, precision: Precision) -> H {
    let (w, scale, shift) = (w.contiguous(), scale.contiguous(), shift.contiguous());
    let filter = filter(&w, scale.values(), shift.values(), precision);
    let length = cpu::conv::packed_length(filter.shape, precision);
    H::output([length], |to| filter.pack(None, to)).0
}

pub fn conv_packed<H: Host>(
    x: H,
    packed: H,
    added: H,
    shape: [usize; 4],
    product: Product,
    relu: bool,
) -> H {
    let (x, packed, added) = (x.contiguous(), packed.contiguous(), added.contiguous());
    let g = Geometry::new(x.dims(), shape, product.window);
    let weights = (packed.values(), shape, product.precision);
    let behind = Behind {
        added: added.values(),
        relu,
    };
    let into = |y: &mut Fresh| cpu::conv::forward_packed(&g, x.values(), weights, behind, y);
    H::output(g.output(), into).0
}

pub fn conv_backward<H: Host>(
    grad: H,
    x: H,
    w: H,
    product: Product,
    [want_x, want_b]: [bool; 2],
) -> Triple<H> {
    let (grad, x, w) = (grad.contiguous(), x.contiguous(), w.contiguous());
    let g = Geometry::new(x.dims(), w.dims(), product.window);
    let precision = product.precision;
    let go = grad.values();
    let to_x = |to: &mut Fresh| cpu::conv::backward_x(&g, go, w.values(), precision, to);
    let to_w = |to: &mut Fresh| cpu::conv::backward_w(&g, go, x.values(), precision, to);
    let grad_x = if want_x {
        H::output::<4, ()>(x.dims(), to_x).0
    } else {
        vector(&[])
    };
    let grad_b = if want_b {
        cpu::norm::column_sums(go, g.outputs)
    } else {
        Vec::new()
    };
    (
        grad_x,
        H::output::<4, ()>(w.dims(), to_w).0,
        vector(&grad_b),
    )
}

pub fn norm_forward<H: Host>(x: H, gamma: H, beta: H, epsilon: f64, relu: bool) -> Triple<H> {
    let (x, gamma, beta) = (x.contiguous(), gamma.contiguous(), beta.contiguous());
    let (y, (mean, inv_std)) = H::output::<4, _>(x.dims(), |y| {
        let (gamma, beta) = (gamma.values(), beta.values());
        cpu::norm::forward(x.values(), gamma, beta, epsilon, relu, y)
    });
    let (statistics, ()) = H::output([2, mean.len()], |to| {
        to.write_copy_of_slice(&[mean, inv_std].concat());
    });
    (y, statistics, x)
}

pub fn norm_backward<H: Host>(
    grad: H,
    skipped: H,
    [y, x]: [H; 2],
    gamma: H,
    statistics: H,
    relu: bool,
) -> Triple<H> {
    let (grad, skipped) = (grad.contiguous(), skipped.contiguous());
    let (x, gamma) = (x.contiguous(), gamma.contiguous());
    let (mean, inv_std) = statistics.values().split_at(gamma.values().len());
    let kept = cpu::norm::Saved {
        y: y.values(),
        x: x.values(),
        gamma: gamma.values(),
        mean,
        inv_std,
        relu,
    };
    let (grad_x, (grad_gamma, grad_beta)) = H::output::<4, _>(x.dims(), |to| {
        cpu::norm::backward(grad.values(), skipped.values(), &kept, to)
    });
    (grad_x, vector(&grad_gamma), vector(&grad_beta))
}

pub fn scale_shift<H: Host>(x: H, scale: H, shift: H, relu: bool) -> H {
    let (x, scale, shift) = (x.contiguous(), scale.contiguous(), shift.contiguous());
    H::output::<4, ()>(x.dims(), |y| {
        let (scale, shift) = (scale.values(), shift.values());
        cpu::norm::scale_shift(x.values(), scale, shift, relu, y);
    })
    .0
}

pub fn pool_forward<H: Host>(x: H, window: Window) -> H {
    let x = x.contiguous();
    let [images, height, width, channels] = x.dims();
    let shape = [
        images,
        window.output(height),
        window.output(width),
        channels,
    ];
    H::output(shape, |y| {
        cpu::pool::forward(x.values(), [height, width, channels], window, y);
    })
    .0
}

pub fn pool_backward<H: Host>(grad: H, x: H, window: Window) -> H {
    let (grad, x) = (grad.contiguous(), x.contiguous());
    let shape @ [_, height, width, channels] = x.dims();
    H::output(shape, |to| {
        let image = [height, width, channels];
        cpu::pool::backward(grad.values(), x.values(), image, window, to);
    })
    .0
}

pub fn add_forward<H: Host>(a: H, b: H, relu: bool) -> H {
    let (a, b) = (a.contiguous(), b.contiguous());
    let (shape, [_, _, _, channels]) = (a.dims::<4>(), b.dims());
    H::output(shape, |y| {
        cpu::add::forward(a.values(), b.values(), [shape[3], channels], relu, y);
    })
    .0
}

pub fn add_backward<H: Host>(grad: H, y: H, channels: usize, relu: bool) -> (H, H) {
    let (grad, y) = (grad.contiguous(), y.contiguous());
    let shape @ [b, h, w, c] = y.dims();
    let passed = |kept: usize| {
        H::output([b, h, w, kept], |to| {
            cpu::add::backward(grad.values(), y.values(), [shape[3], kept], relu, to);
        })
        .0
    };
    let whole = if relu { passed(c) } else { grad.clone() };
    let part = if channels == c {
        whole.clone()
    } else {
        passed(channels)
    };
    (whole, part)
}

pub fn adam<H: Host>(parameter: H, grad: H, first: H, second: H, step: AdamStep) -> Triple<H> {
    let grad = grad.contiguous();
    let mut updated = [parameter, first, second].map(H::contiguous);
    let [parameter, first, second] = updated.each_mut().map(H::values_mut);
    cpu::adam(parameter, grad.values(), first, second, step);
    updated.into()
}

pub fn sum_of_squares<H: Host>(x: H) -> H {
    vector(&[cpu::sum_of_squares(x.contiguous().values())])
}
