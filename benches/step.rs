//! Seconds that one training step takes, by part, without data and records: `cargo bench --bench step -- DEVICE [ENCODER]
//! [STEPS] [THREADS]`. ENCODER is `resnet50_v2` (batch 265, the pre-training of experiments/keras/supcon.yaml) or `resnet_cifar`
//! (batch 64, that of experiments/quickstart/supcon.yaml). On Linux it also says what processor time a step takes, which
//! other programs on the machine change less than the time on the clock.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use std::time::Instant;
use supcon::device::{self, DeviceName};
use supcon::loss::npairs;
use supcon::model::{Encoder, Head, Initializer, Pass};
use supcon::optim::Optimizer;
use supcon::plan::{EncoderPlan, HeadPlan, OptimizerPlan};
use supcon::random::{Draws, Purpose};
use supcon::spec::Activation;

const SIZE: usize = 32;
const TEMPERATURE: f64 = 0.05;
const PARTS: [&str; 5] = ["forward", "loss", "backward", "update", "step"];

#[derive(Module, Debug)]
struct Network {
    encoder: Encoder,
    head: Head,
}

fn main() {
    // Cargo adds `--bench` to the arguments.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let argument = |at: usize, default: &str| arguments.get(at).map_or(default, |a| a).to_owned();
    let name = DeviceName::parse(&argument(0, "cpu")).expect("a device");
    let (encoder, features, width, activation, batch) = match argument(1, "resnet50_v2").as_str() {
        "resnet50_v2" => (EncoderPlan::Resnet50V2, 2048, 128, Activation::Relu, 265),
        "resnet_cifar" => {
            let plan = EncoderPlan::ResnetCifar {
                blocks: 1,
                width: 16,
            };
            (plan, 64, 64, Activation::Linear, 64)
        }
        other => panic!("no encoder `{other}`"),
    };
    let steps: usize = argument(2, "9").parse().expect("a number of steps");
    device::keep_memory();
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = argument(3, &all.to_string())
        .parse()
        .expect("a number of threads");
    device::set_threads(threads);
    let plain = name.open().expect("a device of this build");
    let device = plain.clone().autodiff();
    let head = HeadPlan::Projection {
        widths: vec![width],
        activation,
    };
    let mut network = Network {
        encoder: Encoder::new(&mut Initializer::new(0, 0, &device), &encoder),
        head: Head::new(
            &mut Initializer::new(0, 1 << 20, &device),
            &head,
            features,
            10,
        ),
    };
    let mut optimizer = Optimizer::new(OptimizerPlan::Adam {
        learning_rate: 0.001,
        beta_1: 0.9,
        beta_2: 0.999,
        epsilon: 1e-7,
    });
    let images = images(batch, &plain);
    let labels: Vec<u32> = (0..batch as u32).map(|image| image % 10).collect();
    let mut taken: [Vec<f64>; PARTS.len()] = Default::default();
    // The first two steps take memory and start threads.
    let mut before = 0.0;
    for step in 0..steps + 2 {
        if step == 2 {
            before = processor_secs();
        }
        let begun = Instant::now();
        let features = network
            .encoder
            .forward(images.clone().autodiff(), Pass::Train);
        let output = network.head.forward(features, Pass::Train, 0, step as u64);
        let forward = begun.elapsed();
        let loss = npairs(output, &labels, TEMPERATURE);
        let value = loss
            .clone()
            .without_autodiff()
            .into_data()
            .try_to_vec::<f32>();
        assert!(value.is_ok_and(|value| value[0].is_finite()));
        let lost = begun.elapsed();
        let mut grads = loss.backward();
        let backward = begun.elapsed();
        network = optimizer.step(network, &mut grads);
        let end = begun.elapsed();
        if step >= 2 {
            let parts = [
                forward,
                lost - forward,
                backward - lost,
                end - backward,
                end,
            ];
            for (taken, part) in taken.iter_mut().zip(parts) {
                taken.push(part.as_secs_f64());
            }
        }
    }
    let mut medians = taken.map(|mut taken| {
        taken.sort_by(f64::total_cmp);
        taken[taken.len() / 2]
    });
    let parts: Vec<String> = PARTS
        .iter()
        .zip(&mut medians)
        .map(|(part, median)| format!("{part} {:.1} ms", *median * 1e3))
        .collect();
    let speed = batch as f64 / medians[PARTS.len() - 1];
    let processor = (processor_secs() - before) / steps as f64;
    println!(
        "{name}, {threads} threads: {}, {processor:.2} processor seconds, {speed:.0} images/s",
        parts.join(", ")
    );
}

/// Processor time of this process so far; zero where there is no `/proc`.
fn processor_secs() -> f64 {
    // Fields 14 and 15, in hundredths of a second; the second field ends with the only bracket.
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let rest = text.rsplit(')').next().unwrap_or_default();
    let fields = rest.split_whitespace().skip(11).take(2);
    fields
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn images(batch: usize, device: &Device) -> Tensor<4> {
    let mut draws = Draws::new(0, Purpose::Shapes, 0);
    let values = (0..batch * SIZE * SIZE * 3).map(|_| draws.normal() as f32);
    let data = TensorData::new(values.collect::<Vec<f32>>(), [batch, SIZE, SIZE, 3]);
    Tensor::from_data(data, device)
}
