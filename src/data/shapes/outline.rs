//! The ten outlines as signed distances: negative inside, positive outside, in units of the shape's radius. Formulas
//! after Quilez, "2D distance functions"; only +, -, *, / and square roots, so that every machine gets the same bytes.

use crate::plan::SHAPES_CLASSES;

/// A point of the plane.
pub(super) type Point = [f32; 2];

/// Class names in label order, sorted.
pub(super) const NAMES: [&str; 10] = SHAPES_CLASSES;

const HALF_ROOT_3: f32 = 0.866_025_4;
const TRIANGLE: [Point; 3] = [
    [0.0, -1.1],
    [1.1 * HALF_ROOT_3, 0.55],
    [-1.1 * HALF_ROOT_3, 0.55],
];
const HEXAGON: [Point; 6] = [
    [0.95, 0.0],
    [0.475, HEX_Y],
    [-0.475, HEX_Y],
    [-0.95, 0.0],
    [-0.475, -HEX_Y],
    [0.475, -HEX_Y],
];
const HEX_Y: f32 = 0.95 * HALF_ROOT_3;
const ARROW: [Point; 7] = [
    [0.0, -1.1],
    [0.8, -0.15],
    [0.28, -0.15],
    [0.28, 1.0],
    [-0.28, 1.0],
    [-0.28, -0.15],
    [-0.8, -0.15],
];
/// Five points of radius 1.1 and five of radius 0.46 in turn, 36 degrees apart.
const STAR: [Point; 10] = [
    [0.0, -1.1],
    [0.270_38, -0.372_15],
    [1.046_16, -0.339_92],
    [0.437_49, 0.142_15],
    [0.646_56, 0.889_92],
    [0.0, 0.46],
    [-0.646_56, 0.889_92],
    [-0.437_49, 0.142_15],
    [-1.046_16, -0.339_92],
    [-0.270_38, -0.372_15],
];

/// Distance from `point` to the outline of `class`.
pub(super) fn distance(class: usize, point: Point) -> f32 {
    let radius = length(point);
    match class {
        0 => polygon(&ARROW, point),
        1 => rectangle([1.1, 0.3], point),
        2 => (radius - 1.0).max(0.8 - length([point[0] - 0.45, point[1]])),
        3 => rectangle([1.0, 0.3], point).min(rectangle([0.3, 1.0], point)),
        4 => radius - 0.88,
        5 => polygon(&HEXAGON, point),
        6 => (radius - 0.7).abs() - 0.2,
        7 => rectangle([0.78, 0.78], point),
        8 => polygon(&STAR, point),
        _ => polygon(&TRIANGLE, point),
    }
}

/// Distance from `point` to the segment from `a` to `b`.
pub(super) fn segment(a: Point, b: Point, point: Point) -> f32 {
    let (along, to) = (
        [b[0] - a[0], b[1] - a[1]],
        [point[0] - a[0], point[1] - a[1]],
    );
    let squared = along[0] * along[0] + along[1] * along[1];
    let t = ((to[0] * along[0] + to[1] * along[1]) / squared.max(1e-12)).clamp(0.0, 1.0);
    length([to[0] - along[0] * t, to[1] - along[1] * t])
}

fn length(point: Point) -> f32 {
    (point[0] * point[0] + point[1] * point[1]).sqrt()
}

fn rectangle(half: Point, point: Point) -> f32 {
    let over = [point[0].abs() - half[0], point[1].abs() - half[1]];
    length([over[0].max(0.0), over[1].max(0.0)]) + over[0].max(over[1]).min(0.0)
}

fn polygon(corners: &[Point], point: Point) -> f32 {
    let mut inside = false;
    let mut nearest = f32::MAX;
    let mut last = corners[corners.len() - 1];
    for &corner in corners {
        nearest = nearest.min(segment(last, corner, point));
        if (corner[1] > point[1]) != (last[1] > point[1]) {
            let slope = (last[0] - corner[0]) / (last[1] - corner[1]);
            inside ^= point[0] < corner[0] + slope * (point[1] - corner[1]);
        }
        last = corner;
    }
    if inside { -nearest } else { nearest }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(class: usize) -> f32 {
        let inside = |i: i32| {
            distance(
                class,
                [(i % 300 - 150) as f32, (i / 300 - 150) as f32].map(|x| x / 100.0),
            )
        };
        (0..90_000).filter(|&i| inside(i) < 0.0).count() as f32 / 10_000.0
    }

    #[test]
    fn every_outline_has_its_area_and_stays_near_the_unit_circle() {
        let expected = [1.40, 1.32, 1.45, 2.04, 2.43, 2.34, 1.76, 2.43, 1.49, 1.57];
        for (class, expected) in expected.into_iter().enumerate() {
            let area = area(class);
            assert!((area - expected).abs() < 0.05, "{} {area}", NAMES[class]);
            for corner in [[1.2, 0.0], [-1.2, 0.0], [0.0, 1.2], [0.0, -1.2]] {
                assert!(distance(class, corner) > 0.0, "{}", NAMES[class]);
            }
        }
    }

    #[test]
    fn distances_change_no_faster_than_the_point_moves() {
        for (class, name) in NAMES.iter().enumerate() {
            for i in 0..10_000 {
                let point = [(i % 100 - 50) as f32 * 0.03, (i / 100 - 50) as f32 * 0.03];
                let step = distance(class, [point[0] + 0.01, point[1]]) - distance(class, point);
                assert!(step.abs() < 0.0101, "{} {point:?}", name);
            }
        }
    }
}
