//! Kernels and their hand-written gradients against the plain burn composition, on random shapes.

use super::{devices, distance, formats, signed, tensor, values};
use burn::tensor::activation::relu;
use burn::tensor::module::{conv2d as burn_conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, FloatDType, Tensor};
use supcon::ops::{self, PackedConv, Product, Window};
use supcon::plan::Precision;

/// Shapes `[B, H, W, C]`: odd sizes, one image, one pixel.
const SHAPES: [[usize; 4]; 7] = [
    [1, 1, 1, 4],
    [5, 1, 1, 8],
    [3, 2, 2, 6],
    [1, 7, 5, 3],
    [4, 8, 8, 16],
    [2, 9, 4, 5],
    [9, 2, 1, 3],
];

const WINDOWS: [Window; 6] = [
    Window {
        kernel: 1,
        stride: 1,
        padding: 0,
    },
    Window {
        kernel: 1,
        stride: 2,
        padding: 0,
    },
    Window {
        kernel: 3,
        stride: 1,
        padding: 1,
    },
    Window {
        kernel: 3,
        stride: 2,
        padding: 1,
    },
    Window {
        kernel: 7,
        stride: 2,
        padding: 3,
    },
    Window {
        kernel: 3,
        stride: 1,
        padding: 0,
    },
];

const fn single(window: Window) -> Product {
    let precision = Precision::F32;
    Product { window, precision }
}

const fn half(window: Window) -> Product {
    let precision = Precision::Bf16;
    Product { window, precision }
}

fn fits(window: Window, [_, height, width, _]: [usize; 4]) -> bool {
    height.min(width) + 2 * window.padding >= window.kernel
}

/// Fixed numbers in -1..1 that bf16 holds exactly.
fn coarse(stream: u64, count: usize) -> Vec<f64> {
    let fine = signed(stream, count);
    fine.iter().map(|x| (x * 64.0).round() / 64.0).collect()
}

/// Weighs an output with fixed numbers; the scalar's gradients test every element.
fn weigh(output: Tensor<4>) -> Tensor<1> {
    let shape = output.dims();
    let direction: Tensor<4> = tensor(&coarse(77, shape.iter().product()), shape, &output.device());
    (output.clone() * direction.cast(output.dtype())).sum()
}

fn to_nchw(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 3, 1, 2])
}

fn to_nhwc(x: Tensor<4>) -> Tensor<4> {
    x.permute([0, 2, 3, 1])
}

/// Output and gradients of one function of an image tensor, a weight tensor and two vectors.
fn trace(
    f: &dyn Fn(Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>) -> Tensor<4>,
    leaves: (&Tensor<4>, &Tensor<4>, &Tensor<1>, &Tensor<1>),
) -> Vec<Vec<f64>> {
    let x = leaves.0.clone().detach().require_grad();
    let w = leaves.1.clone().detach().require_grad();
    let (a, b) = (
        leaves.2.clone().detach().require_grad(),
        leaves.3.clone().detach().require_grad(),
    );
    let output = f(x.clone(), w.clone(), a.clone(), b.clone());
    let grads = weigh(output.clone()).backward();
    let mut found = vec![values(output)];
    found.extend(
        [x, w]
            .iter()
            .filter_map(|leaf| leaf.grad(&grads))
            .map(values),
    );
    found.extend(
        [a, b]
            .iter()
            .filter_map(|leaf| leaf.grad(&grads))
            .map(values),
    );
    found
}

/// Compares our kernel with the composition on every device; returns how many comparisons were made.
fn compare(
    what: &str,
    shape: [usize; 4],
    weights: [usize; 4],
    ours: &dyn Fn(Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>) -> Tensor<4>,
    plain: &dyn Fn(Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>) -> Tensor<4>,
) -> usize {
    compare_on((formats(), signed), what, shape, weights, ours, plain)
}

type Format = (String, Device, FloatDType, f64);
type Numbers = fn(u64, usize) -> Vec<f64>;

/// Compares on these devices and numbers.
fn compare_on(
    (formats, signed): (Vec<Format>, Numbers),
    what: &str,
    shape: [usize; 4],
    weights: [usize; 4],
    ours: &dyn Fn(Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>) -> Tensor<4>,
    plain: &dyn Fn(Tensor<4>, Tensor<4>, Tensor<1>, Tensor<1>) -> Tensor<4>,
) -> usize {
    let mut compared = 0;
    for (name, device, format, limit) in formats {
        let device = device.autodiff();
        let x: Tensor<4> = tensor(&signed(1, shape.iter().product()), shape, &device);
        let w: Tensor<4> = tensor(&signed(2, weights.iter().product()), weights, &device);
        let a: Tensor<1> = tensor(&signed(3, weights[0]), [weights[0]], &device);
        let b: Tensor<1> = tensor(&signed(4, weights[0]), [weights[0]], &device);
        let (x, w) = (x.cast(format), w.cast(format));
        let (a, b) = (a.cast(format), b.cast(format));
        let leaves = (&x, &w, &a, &b);
        let (ours, plain) = (trace(ours, leaves), trace(plain, leaves));
        assert_eq!(ours.len(), plain.len(), "{name}: {what} {shape:?}");
        for (part, (ours, plain)) in ours.iter().zip(&plain).enumerate() {
            let off = distance(ours, plain);
            // A gradient that is zero in exact arithmetic has no digits to compare.
            let zero = plain.iter().chain(ours).all(|v| v.abs() < limit);
            assert!(
                off < limit || zero,
                "{name}: {what} {shape:?}, part {part}: off by {off:e}"
            );
            compared += 1;
        }
    }
    compared
}

#[test]
fn convolution_equals_the_composition() {
    let mut compared = 0;
    for shape in SHAPES {
        for window in WINDOWS.into_iter().filter(|window| fits(*window, shape)) {
            let (stride, padding) = ([window.stride; 2], [window.padding; 2]);
            let options = ConvOptions::new(stride, padding, [1, 1], 1);
            compared += compare(
                &format!("convolution {window:?}"),
                shape,
                [7, window.kernel, window.kernel, shape[3]],
                &|x, w, a, _| ops::conv2d(x, w, a, single(window)),
                &|x, w, a, _| {
                    let y = burn_conv2d(to_nchw(x), to_nchw(w), Some(a), options.clone());
                    to_nhwc(y)
                },
            );
        }
    }
    assert!(compared > 100, "{compared}");
}

/// The factors are numbers that bf16 holds, so the products are exact and only the order of the sums differs.
#[test]
fn convolution_of_bf16_factors_equals_the_composition_on_them() {
    let even = [
        [1, 1, 1, 4],
        [5, 1, 1, 8],
        [3, 2, 2, 6],
        [4, 8, 8, 16],
        [2, 9, 4, 10],
        [9, 2, 1, 3],
    ];
    let mut compared = 0;
    for shape in even {
        for window in WINDOWS.into_iter().filter(|window| fits(*window, shape)) {
            for outputs in [7, 8, 40] {
                let options = ConvOptions::new([window.stride; 2], [window.padding; 2], [1, 1], 1);
                let singles = formats()
                    .into_iter()
                    .filter(|format| format.2 == FloatDType::F32);
                compared += compare_on(
                    (singles.collect(), coarse),
                    &format!("convolution in bf16 {window:?}"),
                    shape,
                    [outputs, window.kernel, window.kernel, shape[3]],
                    &|x, w, a, _| ops::conv2d(x, w, a, half(window)),
                    &|x, w, a, _| {
                        let y = burn_conv2d(to_nchw(x), to_nchw(w), Some(a), options.clone());
                        to_nhwc(y)
                    },
                );
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn bf16_rounds_the_factors() {
    for (name, device) in devices() {
        let one = |value: f64, shape: [usize; 4]| {
            tensor::<4>(&vec![value; shape.iter().product()], shape, &device)
        };
        // 1 + 1/512 is no bf16, and 1 is the nearest; f32 tells them apart.
        let (x, w) = (one(1.0 + 1.0 / 512.0, [2, 1, 1, 4]), one(1.0, [2, 1, 1, 4]));
        let sum = |product| {
            values(ops::conv2d(
                x.clone(),
                w.clone(),
                Tensor::zeros([2], &device),
                product,
            ))[0]
        };
        assert_eq!(sum(half(WINDOWS[0])), 4.0, "{name}");
        assert!(
            (sum(single(WINDOWS[0])) - 4.0 - 4.0 / 512.0).abs() < 1e-6,
            "{name}"
        );
    }
}

#[test]
fn a_packed_convolution_equals_what_it_is_made_of() {
    let mut compared = 0;
    for (name, device, format, limit) in formats() {
        for shape in SHAPES {
            for window in WINDOWS.into_iter().filter(|window| fits(*window, shape)) {
                for outputs in [6, 35] {
                    let weights = [outputs, window.kernel, window.kernel, shape[3]];
                    let given = |stream, shape: [usize; 4]| -> Tensor<4> {
                        let values = signed(stream, shape.iter().product());
                        tensor(&values, shape, &device).cast(format)
                    };
                    let vector = |stream| -> Tensor<1> {
                        tensor(&signed(stream, outputs), [outputs], &device).cast(format)
                    };
                    let (x, w, both) = (given(1, shape), given(2, weights), [3, 4].map(vector));
                    let zeros = Tensor::zeros([outputs], (&device, x.dtype()));
                    let y = ops::conv2d(x.clone(), w.clone(), zeros, single(window));
                    let added = given(5, y.dims());
                    for (relu, with) in [(false, false), (true, false), (false, true), (true, true)]
                    {
                        let [scale, shift] = both.clone();
                        let expected = if with {
                            let normed = ops::scale_shift(y.clone(), scale, shift, false);
                            ops::add(normed, added.clone(), relu)
                        } else {
                            ops::scale_shift(y.clone(), scale, shift, relu)
                        };
                        let expected = values(expected);
                        for (product, limit) in [(single(window), limit), (half(window), 2e-2)] {
                            let packed = PackedConv::new(w.clone(), both.clone(), product);
                            for round in 0..2 {
                                let added = with.then(|| added.clone());
                                let off = packed.forward(x.clone(), added, relu);
                                let off = distance(&values(off), &expected);
                                assert!(
                                    off < limit,
                                    "{name}, {product:?}: {shape:?} off by {off:e} in use {round}"
                                );
                                compared += 1;
                            }
                        }
                    }
                }
            }
        }
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn batch_norm_with_and_without_relu_equals_the_composition() {
    for shape in SHAPES {
        for relu_behind in [false, true] {
            let [b, h, w, channels] = shape;
            if b * h * w == 1 {
                continue;
            }
            let epsilon = 1e-3;
            compare(
                &format!("batch norm, relu {relu_behind}"),
                shape,
                [channels, 1, 1, 1],
                &|x, _, gamma, beta| ops::batch_norm(x, gamma, beta, epsilon, relu_behind).y,
                &|x, _, gamma, beta| {
                    let rows = x.reshape([b * h * w, channels]);
                    let centred = rows.clone() - rows.mean_dim(0);
                    let variance = (centred.clone() * centred.clone()).mean_dim(0);
                    let unit = centred / (variance + epsilon).sqrt();
                    let y = unit * gamma.unsqueeze() + beta.unsqueeze();
                    let y = y.reshape(shape);
                    if relu_behind { relu(y) } else { y }
                },
            );
        }
    }
}

#[test]
fn a_skip_connection_past_a_batch_norm_equals_the_composition() {
    for shape in SHAPES.into_iter().filter(|s| s[0] * s[1] * s[2] > 1) {
        let [b, h, w, channels] = shape;
        let epsilon = 1e-3;
        compare(
            "skip connection",
            shape,
            [channels, 1, 1, 1],
            &|x, _, gamma, beta| {
                let normed = ops::batch_norm(x, gamma, beta, epsilon, true);
                ops::add(normed.y.sin(), normed.skip, false)
            },
            &|x, _, gamma, beta| {
                let rows = x.clone().reshape([b * h * w, channels]);
                let centred = rows.clone() - rows.mean_dim(0);
                let variance = (centred.clone() * centred.clone()).mean_dim(0);
                let unit = centred / (variance + epsilon).sqrt();
                let y = relu(unit * gamma.unsqueeze() + beta.unsqueeze());
                y.reshape(shape).sin() + x
            },
        );
    }
}

#[test]
fn max_pool_with_zeros_around_equals_the_composition() {
    let mut compared = 0;
    for shape in SHAPES {
        for window in WINDOWS.into_iter().filter(|window| fits(*window, shape)) {
            let p = window.padding;
            compared += compare(
                &format!("max pool {window:?}"),
                shape,
                [1, 1, 1, 1],
                &|x, _, _, _| ops::max_pool(x, window),
                &|x, _, _, _| {
                    let [b, h, w, c] = x.dims();
                    let sides = Tensor::zeros([b, h, p.max(1), c], &x.device());
                    let edges = Tensor::zeros([b, p.max(1), w + 2 * p, c], &x.device());
                    let x = if p == 0 {
                        x
                    } else {
                        let wide = Tensor::cat(vec![sides.clone(), x, sides], 2);
                        Tensor::cat(vec![edges.clone(), wide, edges], 1)
                    };
                    let options = MaxPoolOptions::new([window.kernel; 2]);
                    let options = MaxPoolOptions {
                        stride: [window.stride; 2],
                        ..options
                    };
                    to_nhwc(max_pool2d(to_nchw(x), options))
                },
            );
        }
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn a_sum_with_fewer_channels_and_relu_equals_the_composition() {
    for shape in SHAPES {
        for (channels, relu_behind) in [
            (shape[3], false),
            (shape[3], true),
            (shape[3] / 2, true),
            (1, false),
        ] {
            let [b, h, w, c] = shape;
            // The weight stands for the second summand.
            let weights = [b * h * w, 1, 1, channels];
            let short = move |x: Tensor<4>| x.reshape([b, h, w, channels]);
            compare(
                &format!("sum of {channels} channels, relu {relu_behind}"),
                shape,
                weights,
                &|x, other, _, _| ops::add(x, short(other), relu_behind),
                &|x, other, _, _| {
                    let other = short(other);
                    let y = if channels == c {
                        x + other
                    } else {
                        let like = (&x.device(), x.dtype());
                        let zeros = Tensor::zeros([b, h, w, c - channels], like);
                        x + Tensor::cat(vec![other, zeros], 3)
                    };
                    if relu_behind { relu(y) } else { y }
                },
            );
        }
    }
}

#[test]
fn a_frozen_weight_gets_no_gradient_and_the_input_still_does() {
    for (name, device) in devices() {
        let device = device.autodiff();
        let window = Window {
            kernel: 3,
            stride: 1,
            padding: 1,
        };
        let x: Tensor<4> = tensor(&signed(1, 2 * 4 * 4 * 3), [2, 4, 4, 3], &device);
        let x = x.require_grad();
        let w: Tensor<4> = tensor(&signed(2, 5 * 3 * 3 * 3), [5, 3, 3, 3], &device);
        let b = Tensor::zeros([5], &device);
        let y = ops::conv2d(x.clone(), w.clone(), b, single(window));
        let grads = weigh(y).backward();
        assert!(
            x.grad(&grads).is_some() && w.grad(&grads).is_none(),
            "{name}"
        );
    }
}
