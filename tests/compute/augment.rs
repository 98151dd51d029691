//! Augmentation against Keras, pixel by pixel.

use super::{numbers, reference};
use supcon::augment::{Augmenter, Pixels, Source, Statistics, Warp, resize, warp};
use supcon::plan::AugmentPlan;

const SIZE: usize = 32;

fn images() -> Vec<u8> {
    numbers(&reference("augment.json")["images"])
        .iter()
        .map(|&v| v as u8)
        .collect()
}

#[test]
fn rotation_equals_keras_on_999_of_1000_pixels() {
    let file = reference("augment.json");
    let images = images();
    let mut compared = 0;
    for case in file["rotation"].as_array().expect("rotations") {
        let (angles, expected) = (numbers(&case["angles"]), numbers(&case["output"]));
        let length = SIZE * SIZE * 3;
        let mut ours = vec![0.0; images.len()];
        for (image, angle) in angles.iter().enumerate() {
            let range = image * length..(image + 1) * length;
            let steps = [Warp::Rotate(*angle)];
            warp(
                &images[range.clone()],
                [SIZE, SIZE],
                &steps,
                &mut ours[range],
            );
        }
        assert_eq!(ours.len(), expected.len());
        // Not a number is off as well.
        let off = |(a, b): (&f32, &f64)| {
            let distance = (f64::from(*a) - b).abs();
            distance.is_nan() || distance > 1e-3
        };
        let wrong = ours.iter().zip(&expected).filter(|pair| off(*pair)).count();
        assert!(
            wrong * 1000 <= expected.len(),
            "angles {angles:?}: {wrong} pixels differ"
        );
        compared += expected.len();
    }
    assert!(compared > 10_000);
}

#[test]
fn normalisation_equals_keras() {
    let file = reference("augment.json");
    let images = images();
    let source = Source {
        pixels: &images,
        height: SIZE,
        width: SIZE,
    };
    let statistics = Statistics::of(source);
    let variance = numbers(&file["variance"]);
    for (channel, mean) in numbers(&file["mean"]).into_iter().enumerate() {
        assert!((statistics.mean[channel] - mean).abs() < 1e-3);
        assert!((statistics.deviation[channel] - variance[channel].sqrt()).abs() < 1e-3);
    }
    let augmenter = Augmenter::new(&[AugmentPlan::NormalizePerChannel], statistics);
    let ours = augmenter.evaluate(source, &[0, 1]).values;
    let theirs = numbers(&file["normalized"]);
    assert_eq!(ours.len(), theirs.len());
    // One grey level is about 1 / 73 here.
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!(
            (f64::from(*ours) - theirs).abs() < 1e-5,
            "{ours} is not {theirs}"
        );
    }
}

#[test]
fn resizing_equals_keras_layers() {
    let file = reference("resize_keras.json");
    let length = SIZE * SIZE * 3;
    let image = images().into_iter().take(length).map(f32::from);
    let image = Pixels {
        values: image.collect(),
        height: SIZE,
        width: SIZE,
    };
    let cases = file["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let [height, width] = ["height", "width"].map(|side| {
            let side = case[side].as_u64().expect("a size");
            side as usize
        });
        let ours = resize(&resize(&image, SIZE, width), height, width);
        let theirs = numbers(&case["pixels"]);
        assert_eq!(ours.values.len(), theirs.len());
        assert_eq!(theirs.len(), height * width * 3);
        for (ours, theirs) in ours.values.iter().zip(theirs) {
            let off = (f64::from(*ours) - theirs).abs();
            assert!(off < 1e-3, "{height}x{width}: {ours} is not {theirs}");
        }
    }
}
