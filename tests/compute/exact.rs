//! ResNet50V2 in f64 on libtorch, where our graph runs on ATen's kernels, as on a GPU. Nothing hides behind rounding there.

use super::encoders::{
    deviations, encoder, keras_weights_in_two_parts, length_ratio, pass_both_ways, training_step,
};
use super::{distance, numbers, own_reference, reference};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use serde_json::Value;
use supcon::device::DeviceName;
use supcon::model::{Encoder, Layout, Weight, export, import};
use supcon::optim::Optimizer;
use supcon::plan::{EncoderPlan, OptimizerPlan};

/// An encoder with Keras' weights to the last digit.
fn exact_encoder(file: &Value) -> (Encoder, Device) {
    let device = DeviceName::Libtorch.open().expect("a build with libtorch");
    let [weights, rests] = keras_weights_in_two_parts(file).map(|part| {
        let net = encoder(&EncoderPlan::Resnet50V2, &device);
        import(net, &part, Layout::PyTorch).expect("all weights fit")
    });
    let rests = export(&rests, Layout::Own).into_iter();
    (weights.map(&mut Widen { rests }), device)
}

/// Makes every parameter f64 and adds what f32 left out of it.
struct Widen {
    rests: std::vec::IntoIter<Weight>,
}

impl ModuleMapper for Widen {
    fn map_float<const D: usize>(&mut self, parameter: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let rest = self.rests.next().expect("a rest for each parameter");
        let trainable = rest.trainable;
        let (id, value, mapper) = parameter.consume();
        let data = TensorData::new(rest.values, value.dims());
        let plain = value.without_autodiff();
        let rest: Tensor<D> = Tensor::from_data(data, &plain.device());
        let value = plain.cast(FloatDType::F64) + rest.cast(FloatDType::F64);
        let value = if trainable {
            value.autodiff().require_grad()
        } else {
            value
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

/// In f64 nothing hides behind rounding: the graph, its gradients and the kernels that a GPU uses are Keras'.
#[test]
fn resnet50v2_in_f64_is_keras_to_nine_digits() {
    let file = reference("resnet50v2.json");
    let (mut net, device) = exact_encoder(&file);
    let step = training_step(&mut net, 4, &device, FloatDType::F64);
    let off = length_ratio(&step.output, &numbers(&file["training"]));
    assert!(off < 1e-9, "training off by {off:e}");
    let expected = file["training_loss"].as_f64().expect("a loss");
    let off = (step.loss / expected - 1.0).abs();
    assert!(off < 1e-9, "loss off by {off:e}");
    let off = deviations("libtorch", &step.norms, &file["grad_norms"]);
    assert!(off[151] < 1e-9, "gradients off by {:e}", off[151]);
}

/// A trajectory shows what one step hides: moments, the order of parameters, statistics that a graph holds on to.
#[test]
fn six_steps_of_resnet50v2_in_f64_have_the_losses_of_pytorch() {
    let (mut net, device) = exact_encoder(&own_reference("resnet50v2.json"));
    let expected = numbers(&own_reference("resnet50v2_batch64.json")["losses_on_16_images"]);
    let mut adam = Optimizer::new(OptimizerPlan::Adam {
        learning_rate: 1e-3,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-7,
    });
    let mut losses = Vec::new();
    for _ in &expected {
        let (_, mut grads, loss) = pass_both_ways(&mut net, 16, &device, FloatDType::F64);
        net = adam.step(net, &mut grads);
        losses.push(loss);
    }
    let off = distance(&losses, &expected);
    assert!(off < 1e-8, "off by {off:e}: {losses:?}, not {expected:?}");
}
