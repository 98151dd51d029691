//! Update rules against Keras 2.

use super::{devices, numbers, reference, tensor, values};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use supcon::optim::Optimizer;
use supcon::plan::OptimizerPlan;

#[derive(Module, Debug)]
struct One {
    weight: Param<Tensor<1>>,
}

#[test]
fn adam_takes_the_steps_that_keras_takes() {
    let file = reference("optimizers.json");
    let cases = file["cases"].as_array().expect("cases");
    let case = cases
        .iter()
        .find(|case| case["optimizer"] == "adam")
        .expect("an Adam case");
    let number = |key: &str| case["config"][key].as_f64().expect("a number");
    let plan = OptimizerPlan::Adam {
        learning_rate: number("learning_rate"),
        beta_1: number("beta_1"),
        beta_2: number("beta_2"),
        epsilon: number("epsilon"),
    };
    let start = numbers(&case["start"]);
    for (name, device) in devices() {
        let device = device.autodiff();
        let weight = Param::from_tensor(tensor(&start, [start.len()], &device));
        let (mut module, mut optimizer) = (One { weight }, Optimizer::new(plan.clone()));
        let gradients = case["gradients"].as_array().expect("gradients");
        let trajectory = case["trajectory"].as_array().expect("trajectory");
        for (step, (gradient, after)) in gradients.iter().zip(trajectory).enumerate() {
            let direction = tensor(&numbers(gradient), [start.len()], &device);
            let mut grads = (module.weight.val() * direction).sum().backward();
            module = optimizer.step(module, &mut grads);
            for (ours, theirs) in values(module.weight.val()).iter().zip(numbers(after)) {
                let off = (ours - theirs).abs() / theirs.abs();
                assert!(off < 1e-6, "{name}, step {step}: {ours} is not {theirs}");
            }
        }
    }
}

#[test]
fn a_step_leaves_copies_of_the_module_alone() {
    let plan = OptimizerPlan::Adam {
        learning_rate: 0.1,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-7,
    };
    for (name, device) in devices() {
        let weight = Param::from_tensor(Tensor::ones([100], &device.autodiff()));
        let module = One { weight };
        let (copy, kept) = (module.clone(), module.weight.val().without_autodiff());
        let mut grads = module.weight.val().sum().backward();
        let module = Optimizer::new(plan.clone()).step(module, &mut grads);
        assert!(values(module.weight.val())[0] < 0.95, "{name}");
        assert_eq!(values(copy.weight.val())[0], 1.0, "{name}");
        assert_eq!(values(kept)[0], 1.0, "{name}");
    }
}
