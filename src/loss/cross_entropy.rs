//! Softmax cross-entropy with integer labels, from logits.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};

/// Logits `[B, K]` with labels `[B]` below K -> mean loss `[1]` in nats.
#[must_use]
pub fn cross_entropy(logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
    let [images, classes] = logits.dims();
    let mut targets = vec![0.0_f32; images * classes];
    for (image, &label) in labels.iter().enumerate() {
        targets[image * classes + label as usize] = 1.0;
    }
    let targets = Tensor::from_data(
        TensorData::new(targets, [images, classes]),
        &logits.device(),
    );
    -(log_softmax(logits, 1) * targets).sum() / images as f64
}
