//! `shapes`: built-in procedural images of 32x32 pixels in 10 classes, for trying things out where no data is at hand.
//! Image k is a function of k alone, so a larger set begins with the smaller one, and the run's seed changes nothing.

mod outline;
mod scene;

use super::{Source, Split};
use crate::random::{Draws, Purpose};
use rayon::prelude::*;
use scene::SIDE;

/// Seed of the set itself.
const SEED: u64 = 0;
/// First image number of the test split, behind every training image.
const TEST_BASE: u64 = 1 << 40;

/// Draws both splits; image k of a split has class k mod 10.
pub(super) fn generate(train_size: usize, test_size: usize) -> Source {
    let class_names = outline::NAMES.map(String::from).to_vec();
    let (train, test) = (split(0, train_size), split(TEST_BASE, test_size));
    Source {
        class_names,
        train,
        test,
        notes: Vec::new(),
        files: None,
    }
}

fn split(base: u64, size: usize) -> Split {
    let class = |index: usize| index % outline::NAMES.len();
    let mut pixels = vec![0; size * SIDE * SIDE * 3];
    pixels
        .par_chunks_exact_mut(SIDE * SIDE * 3)
        .enumerate()
        .for_each(|(index, image)| {
            let mut draws = Draws::new(SEED, Purpose::Shapes, base + index as u64);
            scene::render(class(index), &mut draws, image);
        });
    let labels = (0..size).map(|index| class(index) as u32).collect();
    Split {
        pixels,
        labels,
        height: SIDE,
        width: SIDE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn images_depend_on_their_number_alone() {
        let (small, large) = (generate(30, 10), generate(60, 20));
        assert_eq!(
            large.train.pixels[..small.train.pixels.len()],
            small.train.pixels
        );
        assert_eq!(large.test.image(9), small.test.image(9));
        assert_ne!(small.train.image(0), small.test.image(0));
        assert_eq!(small.train.labels[8..12], [8, 9, 0, 1]);
    }

    #[test]
    fn bytes_are_the_same_on_every_machine() {
        let digest = Sha256::digest(&generate(100, 0).train.pixels);
        assert_eq!(super::super::hex(&digest[..8]), "d13b67457f612351");
    }

    #[test]
    fn a_contact_sheet_can_be_looked_at() {
        let (columns, rows) = (20, 10);
        let images = split(0, columns * rows);
        let (width, height) = (columns * SIDE, rows * SIDE);
        let mut sheet = vec![0; width * height * 3];
        for index in 0..columns * rows {
            // A row a class.
            let (row, column) = (index % rows, index / rows);
            for (y, line) in images.image(index).chunks_exact(SIDE * 3).enumerate() {
                let at = ((row * SIDE + y) * width + column * SIDE) * 3;
                sheet[at..at + SIDE * 3].copy_from_slice(line);
            }
        }
        let png = super::super::decode::png(&sheet, width, height);
        let path = std::env::temp_dir().join("supcon-shapes.png");
        std::fs::write(&path, &png).unwrap();
        assert!(
            png.len() > 100_000,
            "noise does not compress: {} bytes",
            png.len()
        );
    }
}
