//! The sum of the squares of many values, in one pass.

use super::simd::for_best;
use rayon::prelude::*;

/// Floats of one piece of work.
const PIECE: usize = 1 << 15;
/// Sums that go on side by side within a piece.
const LANES: usize = 64;

/// Sum of `x * x` over all values; not finite as soon as one of them is not.
pub fn sum(x: &[f32]) -> f32 {
    let pieces: Vec<f64> = x.par_chunks(PIECE).map(piece).collect();
    pieces.into_iter().sum::<f64>() as f32
}

fn piece(x: &[f32]) -> f64 {
    let mut sums = [0.0; LANES];
    add_squares(x, &mut sums);
    sums.into_iter().map(f64::from).sum()
}

for_best! {
    fn add_squares(x: &[f32], sums: &mut [f32; LANES]) {
        let (rows, rest) = x.as_chunks::<LANES>();
        for row in rows {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value * value;
            }
        }
        for (sum, value) in sums.iter_mut().zip(rest) {
            *sum += value * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_of_any_number_of_values_add_up() {
        for length in [0, 1, 63, 64, 65, PIECE - 1, PIECE + 1, 3 * PIECE + 77] {
            let x: Vec<f32> = (0..length).map(|i| (i % 13) as f32 - 6.0).collect();
            let expected: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
            let found = f64::from(sum(&x));
            assert!(
                (found - expected).abs() <= 1e-5 * expected,
                "{length}: {found}"
            );
        }
    }

    #[test]
    fn one_broken_value_among_many_shows() {
        for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for place in [0, 70, PIECE, 2 * PIECE - 1] {
                let mut x = vec![1.0; 2 * PIECE];
                x[place] = broken;
                assert!(!sum(&x).is_finite(), "{broken} at {place}");
            }
        }
    }
}
