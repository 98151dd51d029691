//! Flips and rotations of one image. Rotation is Keras' `RandomRotation` (`image_preprocessing.py`) on TensorFlow's
//! `ImageProjectiveTransformV3` (`tensorflow/core/kernels/image/image_ops.h`): integer pixel coordinates, bilinear,
//! border `reflect` (dcba|abcd|dcba). Checked against `tests/reference/augment.json`.

use super::CHANNELS;

/// One geometric step on one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Warp {
    /// Mirror left to right.
    Flip,
    /// Rotate by an angle in radians.
    Rotate(f64),
}

/// Applies `warps` in order to `from [H, W, 3]` and writes `to [H, W, 3]`. A flip only mirrors the columns that a
/// rotation reads, so an image with at most one rotation is read once.
pub fn warp(from: &[u8], size: [usize; 2], warps: &[Warp], to: &mut [f32]) {
    let mut mirrored = false;
    let mut current: Option<Vec<f32>> = None;
    for warp in warps {
        match *warp {
            Warp::Flip => mirrored = !mirrored,
            Warp::Rotate(angle) => {
                match &current {
                    None => rotate(from, size, angle, mirrored, to),
                    Some(before) => rotate(before, size, angle, mirrored, to),
                }
                mirrored = false;
                current = Some(to.to_vec());
            }
        }
    }
    match &current {
        None => copy(from, size[1], mirrored, to),
        Some(before) if mirrored => copy(before, size[1], true, to),
        Some(_) => {}
    }
}

fn copy<T: Copy + Into<f32>>(from: &[T], width: usize, mirrored: bool, to: &mut [f32]) {
    let row = width * CHANNELS;
    for (to, from) in to.chunks_exact_mut(row).zip(from.chunks_exact(row)) {
        for x in 0..width {
            let source = if mirrored { width - 1 - x } else { x };
            for c in 0..CHANNELS {
                to[x * CHANNELS + c] = from[source * CHANNELS + c].into();
            }
        }
    }
}

/// The two pixels around a coordinate after reflection, and the weight of the second.
fn neighbours(coordinate: f32, size: usize) -> (usize, usize, f32) {
    let length = size as f32;
    let reflected = if coordinate < 0.0 {
        -coordinate - 1.0
    } else if coordinate >= length {
        2.0 * length - coordinate - 1.0
    } else {
        coordinate
    };
    // Between the last pixel and its reflection the border is flat.
    let inside = reflected.clamp(0.0, length - 1.0);
    let first = inside.floor();
    (
        first as usize,
        (first as usize + 1).min(size - 1),
        inside - first,
    )
}

fn rotate<T: Copy + Into<f32>>(
    from: &[T],
    [height, width]: [usize; 2],
    angle: f64,
    mirrored: bool,
    to: &mut [f32],
) {
    let (sin, cos) = (angle.sin() as f32, angle.cos() as f32);
    let (right, bottom) = ((width - 1) as f32, (height - 1) as f32);
    let x_offset = (right - (cos * right - sin * bottom)) / 2.0;
    let y_offset = (bottom - (sin * right + cos * bottom)) / 2.0;
    let column = |x: usize| CHANNELS * if mirrored { width - 1 - x } else { x };
    for (y, row) in to.chunks_exact_mut(width * CHANNELS).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(CHANNELS).enumerate() {
            let (x, y) = (x as f32, y as f32);
            let (left, right, across) = neighbours(cos * x - sin * y + x_offset, width);
            let (upper, lower, down) = neighbours(sin * x + cos * y + y_offset, height);
            let (left, right) = (column(left), column(right));
            let (upper, lower) = (upper * width * CHANNELS, lower * width * CHANNELS);
            for (c, value) in pixel.iter_mut().enumerate() {
                let read = |row: usize, column: usize| -> f32 { from[row + column + c].into() };
                let above = (1.0 - across) * read(upper, left) + across * read(upper, right);
                let below = (1.0 - across) * read(lower, left) + across * read(lower, right);
                *value = (1.0 - down) * above + down * below;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Vec<u8> {
        (0..5 * 4 * CHANNELS as u8).collect()
    }

    fn apply(warps: &[Warp]) -> Vec<f32> {
        let mut to = vec![0.0; 5 * 4 * CHANNELS];
        warp(&ramp(), [5, 4], warps, &mut to);
        to
    }

    #[test]
    fn two_flips_are_none() {
        assert_eq!(apply(&[Warp::Flip, Warp::Flip]), apply(&[]));
        assert_ne!(apply(&[Warp::Flip]), apply(&[]));
    }

    #[test]
    fn a_flip_before_or_after_a_rotation_is_what_two_passes_give() {
        let flip_all = |values: &[f32]| {
            let mut to = vec![0.0; values.len()];
            copy(values, 4, true, &mut to);
            to
        };
        let after = apply(&[Warp::Rotate(0.3), Warp::Flip]);
        assert_eq!(after, flip_all(&apply(&[Warp::Rotate(0.3)])));
        let flipped = flip_all(&apply(&[]));
        let mut before = vec![0.0; flipped.len()];
        rotate(&flipped, [5, 4], 0.3, false, &mut before);
        assert_eq!(apply(&[Warp::Flip, Warp::Rotate(0.3)]), before);
    }

    #[test]
    fn rotating_by_nothing_changes_nothing() {
        assert_eq!(apply(&[Warp::Rotate(0.0)]), apply(&[]));
    }
}
