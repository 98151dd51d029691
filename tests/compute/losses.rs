//! Losses against float64 figures, and their behaviour on awkward batches.

use super::{devices, distance, numbers, reference, signed, tensor, values};
use burn::tensor::{Device, Tensor};
use supcon::loss::{cross_entropy, npairs};

#[test]
fn npairs_and_its_gradient_equal_the_keras_example() {
    let file = reference("npairs_loss.json");
    let cases = file["cases"].as_array().expect("cases");
    assert!(cases.len() >= 10);
    for (name, device) in devices() {
        for (number, case) in cases.iter().enumerate() {
            let labels: Vec<u32> = numbers(&case["labels"]).iter().map(|&l| l as u32).collect();
            let features = numbers(&case["features"]);
            let shape = [labels.len(), features.len() / labels.len()];
            let device = device.clone().autodiff();
            let leaf = tensor(&features, shape, &device).require_grad();
            let temperature = case["temperature"].as_f64().expect("temperature");
            let loss = npairs(leaf.clone(), &labels, temperature);
            let expected = case["loss"].as_f64().expect("loss");
            let grad = leaf.grad(&loss.backward()).expect("a gradient");
            let off = (values(loss)[0] - expected).abs() / expected;
            assert!(off < 1e-5, "{name}, case {number}: loss off by {off:e}");
            let off = distance(&values(grad), &numbers(&case["grad"]));
            assert!(off < 1e-5, "{name}, case {number}: gradient off by {off:e}");
        }
    }
}

#[test]
fn npairs_is_finite_for_zero_rows_huge_values_and_small_temperatures() {
    for (name, device) in devices() {
        let device = device.autodiff();
        for scale in [0.0, 1e-30, 1.0, 1e15] {
            for labels in [[0, 0, 0, 0], [0, 1, 2, 3], [7, 7, u32::MAX, u32::MAX]] {
                let rows = [1.0, 0.0, 0.0, 1.0, 0.6, 0.8, 0.0, 0.0].map(|v| v * scale);
                let leaf = tensor(&rows, [4, 2], &device).require_grad();
                let loss = npairs(leaf.clone(), &labels, 1e-3);
                let grad = leaf.grad(&loss.backward()).expect("a gradient");
                let finite =
                    values(loss)[0].is_finite() && values(grad).iter().all(|g| g.is_finite());
                assert!(finite, "{name}: scale {scale}, labels {labels:?}");
            }
        }
    }
}

/// Gradient of `npairs` by hand in f64: softmax minus targets, through the product and the normalisation.
fn npairs_grad(rows: &[[f64; 2]], labels: &[u32], temperature: f64) -> Vec<f64> {
    let length = |row: &[f64; 2]| (row[0] * row[0] + row[1] * row[1]).sqrt();
    let dot = |a: &[f64; 2], b: &[f64; 2]| a[0] * b[0] + a[1] * b[1];
    let z: Vec<[f64; 2]> = rows
        .iter()
        .map(|row| row.map(|x| x / length(row)))
        .collect();
    let n = rows.len();
    let mut to_z = vec![[0.0; 2]; n];
    for i in 0..n {
        let terms: Vec<f64> = z
            .iter()
            .map(|other| (dot(&z[i], other) / temperature).exp())
            .collect();
        let same = labels.iter().filter(|label| **label == labels[i]).count();
        for j in 0..n {
            let target = if labels[j] == labels[i] {
                1.0 / same as f64
            } else {
                0.0
            };
            let slope = (terms[j] / terms.iter().sum::<f64>() - target) / (n as f64 * temperature);
            for axis in 0..2 {
                to_z[i][axis] += slope * z[j][axis];
                to_z[j][axis] += slope * z[i][axis];
            }
        }
    }
    let back = |((row, z), grad): ((&[f64; 2], &[f64; 2]), &[f64; 2])| {
        let along = dot(z, grad);
        [0, 1].map(|axis| (grad[axis] - along * z[axis]) / length(row))
    };
    rows.iter().zip(&z).zip(&to_z).flat_map(back).collect()
}

#[test]
fn npairs_shares_its_gradient_among_similarities_that_are_equally_large() {
    // Rows of one direction are as similar to each other as to themselves: two of them, and three.
    let rows = [
        [1.0, 0.0],
        [2.0, 0.0],
        [0.0, 1.0],
        [0.0, 0.5],
        [0.0, 4.0],
        [1.0, 1.0],
    ];
    let flat: Vec<f64> = rows.iter().flatten().copied().collect();
    for labels in [[0, 1, 2, 2, 0, 1], [0, 0, 1, 1, 1, 2]] {
        let expected = npairs_grad(&rows, &labels, 0.5);
        for (name, device) in devices() {
            let leaf = tensor(&flat, [6, 2], &device.autodiff()).require_grad();
            let loss = npairs(leaf.clone(), &labels, 0.5);
            let grad = values(leaf.grad(&loss.backward()).expect("a gradient"));
            let off = distance(&grad, &expected);
            assert!(off < 1e-5, "{name}: {labels:?} off by {off:e}");
        }
    }
}

/// Loss and gradient of these rows in this order.
fn npairs_of(
    rows: &[[f64; 3]],
    labels: &[u32],
    order: &[usize],
    device: &Device,
) -> (f64, Vec<Vec<f64>>) {
    let flat: Vec<f64> = order.iter().flat_map(|&i| rows[i]).collect();
    let labels: Vec<u32> = order.iter().map(|&i| labels[i]).collect();
    let leaf = tensor(&flat, [rows.len(), 3], device).require_grad();
    let loss = npairs(leaf.clone(), &labels, 0.5);
    let grad = values(leaf.grad(&loss.backward()).expect("a gradient"));
    let grads = grad.chunks_exact(3).map(<[f64]>::to_vec).collect();
    (values(loss)[0], grads)
}

#[test]
fn npairs_knows_neither_the_order_of_a_batch_nor_the_length_of_its_embeddings() {
    let found = signed(9, 24);
    let rows: Vec<[f64; 3]> = found
        .chunks_exact(3)
        .map(|row| [row[0], row[1], row[2]])
        .collect();
    let labels = [0, 1, 2, 0, 1, 2, 0, 3];
    let plain: Vec<usize> = (0..8).collect();
    let turned = [5, 2, 7, 0, 3, 6, 1, 4];
    for (name, device) in devices() {
        let device = device.autodiff();
        let (loss, grads) = npairs_of(&rows, &labels, &plain, &device);
        let (other, moved) = npairs_of(&rows, &labels, &turned, &device);
        assert!(
            (loss - other).abs() < 1e-6 * loss,
            "{name}: {loss} and {other}"
        );
        let moved: Vec<f64> = moved.concat();
        let expected: Vec<f64> = turned.iter().flat_map(|&i| grads[i].clone()).collect();
        let off = distance(&moved, &expected);
        assert!(off < 1e-5, "{name}: {off:e}");
        // A power of two changes no digit.
        for power in [-10, 20] {
            let scaled = rows
                .iter()
                .map(|row| row.map(|value| value * 2_f64.powi(power)));
            let (same, _) = npairs_of(&scaled.collect::<Vec<_>>(), &labels, &plain, &device);
            assert_eq!(same, loss, "{name}: 2^{power}");
        }
    }
}

#[test]
fn equal_embeddings_give_the_closed_form_of_collapse() {
    for (_, device) in devices() {
        let loss = npairs(
            Tensor::ones([8, 4], &device),
            &[0, 0, 1, 1, 2, 2, 3, 3],
            0.05,
        );
        assert!((values(loss)[0] - 8f64.ln()).abs() < 1e-5);
    }
}

#[test]
fn cross_entropy_is_the_mean_negative_log_probability() {
    for (_, device) in devices() {
        let logits = tensor(&[2.0, 0.0, -1.0, 500.0, -500.0, 0.0], [2, 3], &device);
        let first = (2f64.exp() + 1.0 + (-1f64).exp()).ln() - 2.0;
        let loss = values(cross_entropy(logits, &[0, 1]))[0];
        assert!((loss - (first + 1000.0) / 2.0).abs() < 1e-3, "{loss}");
    }
}
