//! The contrastive loss of the Keras example "Supervised Contrastive Learning": `tensorflow_addons` `npairs_loss` (Sohn
//! 2016, multi-class N-pair) on temperature-scaled cosine similarities. The pair of an anchor with itself takes part in
//! targets and denominator, unlike in Khosla et al. 2020. Checked against `tests/reference/npairs_loss.json`.

use burn::tensor::{Tensor, TensorData};

/// Smallest squared length in the normalisation (`tf.math.l2_normalize`); an all-zero row stays zero.
const NORM_EPSILON: f64 = 1e-12;

/// Embeddings `[B, P]` with labels `[B]` -> loss `[1]` in nats: the mean over anchors i of
/// `- sum_j T_ij log softmax(z_i . z / temperature)_j`, with `T_ij` = 1 / n(y_i) for equal labels, else 0.
#[must_use]
pub fn npairs(embeddings: Tensor<2>, labels: &[u32], temperature: f64) -> Tensor<1> {
    let device = embeddings.device();
    let squares = (embeddings.clone() * embeddings.clone()).sum_dim(1);
    let z = embeddings * squares.clamp_min(NORM_EPSILON).sqrt().recip();
    let similarity = z.clone().matmul(z.transpose()) / temperature;
    let targets = Tensor::from_data(targets(labels), &device);
    let shifted = similarity.clone() - similarity.detach().max_dim(1);
    // The largest term of the sum is 1, shared by all that are as large: without it a loss near zero keeps its digits.
    let largest = shifted.clone().detach().equal_elem(0.0).float();
    let one = largest.clone() / largest.sum_dim(1);
    let log_sum = (shifted.clone().exp() - one).sum_dim(1).log1p();
    ((log_sum - shifted) * targets).sum() / labels.len() as f64
}

/// `T [B, B]`: each row sums to one over the anchor's class, itself included.
fn targets(labels: &[u32]) -> TensorData {
    let rows = labels.iter().flat_map(|anchor| {
        let same = labels.iter().filter(|label| *label == anchor).count();
        let share = 1.0 / same as f32;
        labels
            .iter()
            .map(move |label| if label == anchor { share } else { 0.0 })
    });
    TensorData::new(rows.collect::<Vec<f32>>(), [labels.len(), labels.len()])
}
