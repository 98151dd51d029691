//! What stops a run before it goes on with worthless numbers: a loss or gradient that is not finite, and a collapse.

use super::TrainError;
use super::network::values;
use crate::ops;
use crate::record::MetricRow;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Gradients, Tensor};

/// Steps in a row that must look collapsed before a run is called that: a healthy run may pass the plateau at its start.
const COLLAPSED_STEPS: u64 = 50;
/// Relative distance of the loss to its value at a collapse.
const COLLAPSED_LOSS: f64 = 0.01;
/// Deviation of unit embeddings within a batch, the root of the mean over dimensions; 1 / sqrt(dimensions) when they
/// point everywhere.
const COLLAPSED_SPREAD: f64 = 1e-3;

/// Whether the run has collapsed by now. `steps` counts those in a row that looked so.
pub(super) fn collapsed(steps: &mut u64, loss: f64, at_collapse: f64, spread: f64) -> bool {
    let stuck = (loss - at_collapse).abs() < COLLAPSED_LOSS * at_collapse;
    *steps = if stuck && spread < COLLAPSED_SPREAD {
        *steps + 1
    } else {
        0
    };
    *steps >= COLLAPSED_STEPS
}

/// Refuses a figure that is not finite: moving statistics, which only evaluation uses, can be broken while training is not.
pub(super) fn finite(rows: &[MetricRow]) -> Result<(), TrainError> {
    let Some(row) = rows.iter().find(|row| !row.value.is_finite()) else {
        return Ok(());
    };
    Err(TrainError::NotFinite {
        phase: row.phase.clone(),
        step: row.step,
        split: row.split.clone(),
        metric: row.metric.clone(),
        value: row.value,
    })
}

/// The parameter to blame: the first whose gradient is not finite, or the longest one where only the length over all of
/// them is too large for f32.
pub(super) fn worst(norms: Vec<(String, f64)>) -> Option<String> {
    let broken = norms.iter().position(|(_, norm)| !norm.is_finite());
    let longest = || (0..norms.len()).max_by(|&a, &b| norms[a].1.total_cmp(&norms[b].1));
    let place = broken.or_else(longest)?;
    norms.into_iter().nth(place).map(|(name, _)| name)
}

/// Deviation of the embeddings `[B, P]` on the unit sphere; an all-zero one counts as the origin.
pub(super) fn spread(embeddings: &Tensor<2>) -> f64 {
    let [images, dimensions] = embeddings.dims();
    let rows = values(embeddings.clone());
    let (mut sums, mut squares) = (vec![0.0; dimensions], 0.0);
    for row in rows.chunks_exact(dimensions) {
        let length = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
        let scale = 1.0 / length.sqrt().max(1e-12);
        for (sum, &value) in sums.iter_mut().zip(row) {
            let value = f64::from(value) * scale;
            *sum += value;
            squares += value * value;
        }
    }
    let n = images as f64;
    let mean_square = sums.iter().map(|sum| (sum / n).powi(2)).sum::<f64>();
    ((squares / n - mean_square).max(0.0) / dimensions as f64).sqrt()
}

/// Length of the gradient over every parameter of a module.
pub(super) fn gradient_norm<M: Module>(module: &M, grads: &Gradients) -> f64 {
    let mut sum = SumOfSquares { grads, total: None };
    module.visit(&mut sum);
    sum.total
        .map_or(0.0, |total| super::network::scalar(total).sqrt())
}

struct SumOfSquares<'a> {
    grads: &'a Gradients,
    total: Option<Tensor<1>>,
}

impl ModuleVisitor for SumOfSquares<'_> {
    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        if let Some(grad) = parameter.val().grad(self.grads) {
            let length = grad.dims().iter().product::<usize>();
            let sum = ops::sum_of_squares(grad.reshape([length]));
            self.total = Some(match self.total.take() {
                Some(total) => total + sum,
                None => sum,
            });
        }
    }
}

/// Length of each parameter's gradient by the parameter's name, in the order of the module's fields.
pub(super) fn gradient_norms<M: Module>(module: &M, grads: &Gradients) -> Vec<(String, f64)> {
    let mut norms = Norms {
        grads,
        path: Vec::new(),
        found: Vec::new(),
    };
    module.visit(&mut norms);
    norms.found
}

struct Norms<'a> {
    grads: &'a Gradients,
    path: Vec<String>,
    found: Vec<(String, f64)>,
}

impl ModuleVisitor for Norms<'_> {
    fn enter_module(&mut self, name: &str, container: &str) {
        // Variants of an enum are no part of a name.
        let variant = container.starts_with("Enum:");
        self.path.push(if variant {
            String::new()
        } else {
            name.to_owned()
        });
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, parameter: &Param<Tensor<D>>) {
        if let Some(grad) = parameter.val().grad(self.grads) {
            let fields = self.path.iter().filter(|part| !part.is_empty());
            let name = fields.cloned().collect::<Vec<_>>().join(".");
            let squares = values(grad)
                .iter()
                .map(|&g| f64::from(g).powi(2))
                .sum::<f64>();
            self.found.push((name, squares.sqrt()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_steps_in_a_row_on_the_plateau_are_a_collapse() {
        let (mut steps, plateau) = (0, 265.0_f64.ln());
        for step in 1..50 {
            assert!(!collapsed(&mut steps, plateau, plateau, 1e-5), "{step}");
        }
        assert!(collapsed(&mut steps, plateau, plateau, 1e-5));
        // One step away from it begins the count again, and so does one with embeddings that differ.
        assert!(!collapsed(&mut steps, 0.9 * plateau, plateau, 1e-5));
        assert!(!collapsed(&mut steps, plateau, plateau, 0.1) && steps == 0);
    }

    #[test]
    fn spread_is_that_of_the_directions_alone() {
        let device = crate::device::DeviceName::parse("auto")
            .unwrap()
            .open()
            .unwrap();
        let of = |values: [f32; 8]| {
            let data = burn::tensor::TensorData::new(values.to_vec(), [4, 2]);
            spread(&Tensor::from_data(data, &device))
        };
        assert_eq!(of([3.0, 0.0, 0.5, 0.0, 1.0, 0.0, 2.0, 0.0]), 0.0);
        // Four directions that cancel: 1 / sqrt(dimensions).
        let everywhere = of([3.0, 0.0, -2.0, 0.0, 0.0, 1.0, 0.0, -5.0]);
        assert!((everywhere - 0.5_f64.sqrt()).abs() < 1e-9, "{everywhere}");
        assert_eq!(of([0.0; 8]), 0.0);
    }

    #[test]
    fn the_first_broken_gradient_is_to_blame_and_else_the_longest() {
        let norms = |values: [f64; 3]| {
            ["a", "b", "c"]
                .map(str::to_owned)
                .into_iter()
                .zip(values)
                .collect()
        };
        assert_eq!(worst(norms([1.0, f64::NAN, f64::INFINITY])).unwrap(), "b");
        assert_eq!(worst(norms([1.0, 1e22, 1e21])).unwrap(), "b");
        assert_eq!(worst(Vec::new()), None);
    }
}
