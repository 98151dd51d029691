//! Counter-based randomness: every draw is a function of (seed, purpose, index, draw number), so that nothing needs
//! saving, threads do not matter, and each backend sees the same numbers. The generator is ChaCha8 (Bernstein 2008) of
//! `rand_chacha`: the key is the run's seed and the purpose, the stream is the index, the position is the draw.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What draws are for; different purposes never share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial weights; index = number of the parameter.
    Init = 1,
    /// Order of the training split; index = epoch over the whole run.
    Shuffle = 2,
    /// Per-image augmentation; index = epoch << 32 | image.
    Augment = 3,
    /// Per-batch augmentation; index = step over the whole run.
    Batch = 4,
    /// Dropout masks; index = step over the whole run << 8 | layer.
    Dropout = 5,
    /// Choice of `train_limit`'s subset and of the validation split.
    Split = 6,
    /// Procedural images; index = image.
    Shapes = 7,
}

/// One stream of draws.
pub struct Draws(ChaCha8Rng);

impl Draws {
    /// Opens the stream of (`seed`, `purpose`, `index`) at its first draw.
    #[must_use]
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut key = [0u8; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
        key[16..22].copy_from_slice(b"supcon");
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index);
        Self(rng)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1) with 53 bits.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0..n by multiply-shift (Lemire 2019); the bias is below n / 2^64.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// Normal with mean 0 and deviation 1 (Box & Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Shuffles in place (Fisher & Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// Order of `images` in an epoch (counted over the whole run): a new permutation each time.
#[must_use]
pub fn order(seed: u64, epoch: u64, images: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..images as u32).collect();
    Draws::new(seed, Purpose::Shuffle, epoch).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_repeat_and_differ() {
        let first = |seed, purpose, index| Draws::new(seed, purpose, index).bits();
        assert_eq!(first(1, Purpose::Init, 2), first(1, Purpose::Init, 2));
        assert_ne!(first(1, Purpose::Init, 2), first(2, Purpose::Init, 2));
        assert_ne!(first(1, Purpose::Init, 2), first(1, Purpose::Shuffle, 2));
        assert_ne!(first(1, Purpose::Init, 2), first(1, Purpose::Init, 3));
    }

    #[test]
    fn shuffle_is_a_permutation() {
        let mut items: Vec<usize> = (0..1000).collect();
        Draws::new(0, Purpose::Shuffle, 0).shuffle(&mut items);
        assert!(items.iter().enumerate().any(|(i, &x)| i != x));
        items.sort_unstable();
        assert!(items.iter().enumerate().all(|(i, &x)| i == x));
    }

    #[test]
    fn every_epoch_is_another_permutation() {
        let (first, second) = (order(0, 0, 100), order(0, 1, 100));
        assert_ne!(first, second);
        for mut order in [first, second] {
            order.sort_unstable();
            assert!(order.iter().enumerate().all(|(i, &x)| i as u32 == x));
        }
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut draws = Draws::new(3, Purpose::Augment, 0);
        let n = 100_000;
        let (mut unit, mut normal, mut square) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            unit += draws.unit() / f64::from(n);
            let z = draws.normal();
            normal += z / f64::from(n);
            square += z * z / f64::from(n);
        }
        assert!((unit - 0.5).abs() < 0.005, "{unit}");
        assert!(
            normal.abs() < 0.02 && (square - 1.0).abs() < 0.02,
            "{normal} {square}"
        );
    }
}
