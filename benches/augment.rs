//! Images a second that the augmentation of experiments/keras/supcon.yaml makes: `cargo bench --bench augment -- [THREADS]`.
//! `peers/torchvision_augment.py` takes the same steps in torchvision, and `peers/augment.py` both in turn.

#![allow(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::time::Instant;
use supcon::augment::{Augmenter, Moment, Source, Statistics};
use supcon::plan::AugmentPlan;
use supcon::random::{Draws, Purpose};

const IMAGES: u32 = 10_000;
const SIZE: usize = 32;
const BATCH: usize = 265;
const ROUNDS: u64 = 5;

fn main() {
    // Cargo adds `--bench` to the arguments.
    let threads = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    supcon::device::prepare(threads.unwrap_or(all));
    let mut draws = Draws::new(0, Purpose::Shapes, 0);
    let length = IMAGES as usize * SIZE * SIZE * 3;
    let pixels: Vec<u8> = (0..length).map(|_| draws.below(256) as u8).collect();
    let source = Source {
        pixels: &pixels,
        height: SIZE,
        width: SIZE,
    };
    let steps = [
        AugmentPlan::NormalizePerChannel,
        AugmentPlan::FlipHorizontal,
        AugmentPlan::Rotate(0.02),
    ];
    let augmenter = Augmenter::new(&steps, Statistics::of(source));
    let indices: Vec<u32> = (0..IMAGES).collect();
    let round = |epoch: u64| {
        let begun = Instant::now();
        for (step, batch) in indices.chunks(BATCH).enumerate() {
            let step = step as u64;
            let moment = Moment {
                seed: 0,
                epoch,
                step,
            };
            std::hint::black_box(augmenter.train(source, batch, moment));
        }
        f64::from(IMAGES) / begun.elapsed().as_secs_f64()
    };
    let mut speeds: Vec<f64> = (0..ROUNDS).map(round).collect();
    speeds.sort_by(f64::total_cmp);
    println!("{:.0} images/s", speeds[speeds.len() / 2]);
}
