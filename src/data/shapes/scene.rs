//! One procedural image: a shape over a gradient, with clutter behind and in front, an occluding stroke and noise.
//! Edges are anti-aliased from the distance in pixels. All that varies is drawn from one stream of the image.

use super::outline::{self, Point};
use crate::random::Draws;

/// Side of every image in pixels.
pub(super) const SIDE: usize = 32;
const CENTRE: f32 = SIDE as f32 / 2.0;

type Colour = [f32; 3];

/// Something with an edge, in pixels.
enum Figure {
    /// The outline that the label names; `turn` is (cosine, sine) over the radius, `aspect` stretches one axis.
    Shape {
        class: usize,
        at: Point,
        turn: Point,
        radius: f32,
        aspect: f32,
    },
    /// A line with round ends; a blob if both ends are one point.
    Stroke {
        from: Point,
        to: Point,
        half_width: f32,
    },
}

struct Layer {
    figure: Figure,
    colour: Colour,
}

/// Draws the image of `class` into `pixels`, `[SIDE, SIDE, 3]`.
pub(super) fn render(class: usize, draws: &mut Draws, pixels: &mut [u8]) {
    let contrast = within(draws, 0.35, 0.90);
    let middle = colour(draws, 0.3, 0.7);
    // Shapes are lighter than their ground, in any hue.
    let away = direction::<3>(draws).map(|part| 0.58 + 0.35 * part);
    let ground = shift(middle, away, -contrast / 2.0);
    let ink = shift(middle, away, contrast / 2.0);
    let slope = direction::<2>(draws);
    let tint = direction::<3>(draws);
    let strength = within(draws, 0.0, 0.25);
    let layers = layers(class, ground, ink, draws);
    let noise = within(draws, 0.02, 0.05);
    for (index, pixel) in pixels.chunks_exact_mut(3).enumerate() {
        let point = [(index % SIDE) as f32 + 0.5, (index / SIDE) as f32 + 0.5];
        let along = (slope[0] * (point[0] - CENTRE) + slope[1] * (point[1] - CENTRE)) / SIDE as f32;
        let mut colour = shift(ground, tint, strength * along);
        for layer in &layers {
            let cover = (0.5 - layer.figure.distance(point)).clamp(0.0, 1.0);
            for (value, ink) in colour.iter_mut().zip(layer.colour) {
                *value += cover * (ink - *value);
            }
        }
        let grain = near_normal(draws);
        for ((byte, value), grain) in pixel.iter_mut().zip(colour).zip(grain) {
            *byte = ((value + noise * grain) * 255.0).round().clamp(0.0, 255.0) as u8;
        }
    }
}

/// Clutter, the shape, then what lies in front of it.
fn layers(class: usize, ground: Colour, ink: Colour, draws: &mut Draws) -> Vec<Layer> {
    let mut layers = Vec::with_capacity(10);
    for _ in 0..draws.below(3) {
        layers.push(clutter(ink, draws));
    }
    let radius = within(draws, 7.5, 11.5);
    let reach = 0.6 * (CENTRE - 0.9 * radius);
    let at = [
        within(draws, -reach, reach) + CENTRE,
        within(draws, -reach, reach) + CENTRE,
    ];
    let turn = tilt(draws).map(|part| part / radius);
    let aspect = within(draws, 0.8, 1.25);
    let figure = Figure::Shape {
        class,
        at,
        turn,
        radius,
        aspect,
    };
    layers.push(Layer {
        figure,
        colour: ink,
    });
    if draws.unit() < 0.25 {
        let (across, off) = (direction::<2>(draws), direction::<2>(draws));
        let middle = [at[0] + off[0] * radius * 0.6, at[1] + off[1] * radius * 0.6];
        let reach = radius * 1.3;
        let from = [middle[0] - across[0] * reach, middle[1] - across[1] * reach];
        let to = [middle[0] + across[0] * reach, middle[1] + across[1] * reach];
        let figure = Figure::Stroke {
            from,
            to,
            half_width: radius * within(draws, 0.12, 0.28),
        };
        layers.push(Layer {
            figure,
            colour: ground,
        });
    }
    for _ in 0..draws.below(2) {
        layers.push(clutter(ink, draws));
    }
    layers
}

/// A short line or a blob, three in ten of them in the colour of the shape.
fn clutter(ink: Colour, draws: &mut Draws) -> Layer {
    let side = SIDE as f32;
    let from = [within(draws, 0.0, side), within(draws, 0.0, side)];
    let is_line = draws.unit() < 0.6;
    let along = direction::<2>(draws);
    let length = within(draws, 4.0, 14.0);
    let to = if is_line {
        [from[0] + along[0] * length, from[1] + along[1] * length]
    } else {
        from
    };
    let half_width = if is_line {
        within(draws, 0.4, 1.0)
    } else {
        within(draws, 0.8, 2.4)
    };
    let other = colour(draws, 0.0, 1.0);
    let colour = if draws.unit() < 0.3 { ink } else { other };
    Layer {
        figure: Figure::Stroke {
            from,
            to,
            half_width,
        },
        colour,
    }
}

impl Figure {
    /// Distance of `point` to the edge in pixels, negative inside.
    fn distance(&self, point: Point) -> f32 {
        match *self {
            Self::Stroke {
                from,
                to,
                half_width,
            } => outline::segment(from, to, point) - half_width,
            Self::Shape {
                class,
                at,
                turn,
                radius,
                aspect,
            } => {
                let off = [point[0] - at[0], point[1] - at[1]];
                if off[0].abs().max(off[1].abs()) > 1.6 * radius {
                    return radius;
                }
                let x = (off[0] * turn[0] + off[1] * turn[1]) * aspect;
                let y = (off[1] * turn[0] - off[0] * turn[1]) / aspect;
                outline::distance(class, [x, y]) * radius
            }
        }
    }
}

fn within(draws: &mut Draws, low: f32, high: f32) -> f32 {
    draws.between(low.into(), high.into()) as f32
}

fn colour(draws: &mut Draws, low: f32, high: f32) -> Colour {
    std::array::from_fn(|_| within(draws, low, high))
}

fn shift(colour: Colour, direction: Colour, by: f32) -> Colour {
    std::array::from_fn(|i| colour[i] + direction[i] * by)
}

/// A unit vector, uniform over directions, by rejection from the cube.
fn direction<const N: usize>(draws: &mut Draws) -> [f32; N] {
    loop {
        let vector: [f32; N] = std::array::from_fn(|_| within(draws, -1.0, 1.0));
        let squared: f32 = vector.iter().map(|part| part * part).sum();
        if (0.01..=1.0).contains(&squared) {
            let length = squared.sqrt();
            return vector.map(|part| part / length);
        }
    }
}

/// Cosine and sine of an angle within 19 degrees.
fn tilt(draws: &mut Draws) -> Point {
    let slope = within(draws, -0.35, 0.35);
    let length = (1.0 + slope * slope).sqrt();
    [1.0 / length, slope / length]
}

/// Three nearly normal numbers of deviation 1 from one draw: sums of 4 values of 5 bits, variance 4 (32^2 - 1) / 12.
fn near_normal(draws: &mut Draws) -> [f32; 3] {
    const SCALE: f32 = 1.0 / 18.466_184;
    let bits = draws.bits();
    std::array::from_fn(|channel| {
        let sum: u64 = (0..4)
            .map(|part| bits >> (20 * channel + 5 * part) & 31)
            .sum();
        (sum as f32 - 62.0) * SCALE
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Purpose;

    #[test]
    fn noise_has_mean_zero_and_deviation_one() {
        let mut draws = Draws::new(1, Purpose::Shapes, 0);
        let values: Vec<f32> = (0..30_000).flat_map(|_| near_normal(&mut draws)).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let square = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!(
            mean.abs() < 0.02 && (square - 1.0).abs() < 0.02,
            "{mean} {square}"
        );
    }

    #[test]
    fn directions_are_unit_vectors_without_a_side() {
        let mut draws = Draws::new(1, Purpose::Shapes, 0);
        let mut sum = [0.0; 3];
        for _ in 0..10_000 {
            let vector = direction::<3>(&mut draws);
            assert!((vector.iter().map(|x| x * x).sum::<f32>() - 1.0).abs() < 1e-5);
            sum.iter_mut()
                .zip(vector)
                .for_each(|(sum, part)| *sum += part / 10_000.0);
        }
        assert!(sum.iter().all(|part| part.abs() < 0.02), "{sum:?}");
    }
}
