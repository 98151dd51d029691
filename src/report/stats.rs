//! Statistics over seeds: mean, sample standard deviation, median, and the 95 % interval of a mean by Student's t.

/// What a handful of values say together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of values.
    pub n: usize,
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation (n - 1), `None` for a single value.
    pub deviation: Option<f64>,
    /// Half of the width of the 95 % interval of the mean, `None` for a single value.
    pub half_interval: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
}

impl Summary {
    /// Statistics of the finite values, `None` if there is none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let finite: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        let n = finite.len();
        if n == 0 {
            return None;
        }
        let mean = finite.iter().sum::<f64>() / n as f64;
        let square = finite.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        let deviation = (n > 1).then(|| (square / (n - 1) as f64).sqrt());
        let half_interval = deviation.map(|s| t_quantile(n - 1) * s / (n as f64).sqrt());
        let min = finite.iter().copied().fold(f64::INFINITY, f64::min);
        let max = finite.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Some(Self {
            n,
            mean,
            deviation,
            half_interval,
            min,
            max,
        })
    }
}

/// Median of the finite values, `None` if there is none.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The 97.5 % quantile of Student's t, found by bisection on the exact distribution function.
///
/// # Panics
/// There are no degrees of freedom.
#[must_use]
pub fn t_quantile(degrees: usize) -> f64 {
    assert!(degrees > 0, "a single value has no interval");
    let (mut low, mut high) = (0.0, 16.0);
    while high - low > 1e-13 * high {
        let middle = f64::midpoint(low, high);
        if central_probability(middle, degrees) < 0.95 {
            low = middle
        } else {
            high = middle
        }
    }
    high
}

/// P(|T| < t): the finite sums for whole degrees of freedom, Abramowitz & Stegun 26.7.3 and 26.7.4.
fn central_probability(t: f64, degrees: usize) -> f64 {
    let angle = (t / (degrees as f64).sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let odd = degrees % 2 == 1;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = if degrees == 1 { 0.0 } else { term };
    let mut k = if odd { 2.0 } else { 1.0 };
    while k + 2.0 < degrees as f64 {
        term *= cosine * cosine * k / (k + 1.0);
        sum += term;
        k += 2.0;
    }
    if odd {
        (angle + sine * sum) * std::f64::consts::FRAC_2_PI
    } else {
        sine * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t_quantiles_are_those_of_the_tables() {
        let table = [
            (1, 12.706_205),
            (2, 4.302_653),
            (3, 3.182_446),
            (4, 2.776_445),
            (5, 2.570_582),
            (6, 2.446_912),
            (7, 2.364_624),
            (8, 2.306_004),
            (9, 2.262_157),
            (10, 2.228_139),
            (15, 2.131_450),
            (20, 2.085_963),
            (29, 2.045_230),
            (30, 2.042_272),
            (60, 2.000_298),
            (120, 1.979_930),
            (1000, 1.962_339),
        ];
        for (degrees, expected) in table {
            let found = t_quantile(degrees);
            assert!(
                (found - expected).abs() < 1e-5,
                "{degrees}: {found} {expected}"
            );
        }
    }

    #[test]
    fn summary_of_three_values_is_the_one_by_hand() {
        let s = Summary::of(&[1.0, 2.0, 6.0, f64::NAN]).unwrap();
        assert_eq!((s.n, s.mean, s.min, s.max), (3, 3.0, 1.0, 6.0));
        assert!((s.deviation.unwrap() - 7f64.sqrt()).abs() < 1e-12);
        let half = 4.302_652_73 * (7.0f64 / 3.0).sqrt();
        assert!((s.half_interval.unwrap() - half).abs() < 1e-6);
    }

    #[test]
    fn one_value_has_no_spread_and_none_no_summary() {
        let s = Summary::of(&[0.5]).unwrap();
        assert_eq!((s.deviation, s.half_interval), (None, None));
        assert_eq!(Summary::of(&[f64::INFINITY]), None);
    }

    #[test]
    fn median_ignores_what_is_not_finite() {
        assert_eq!(median(&[3.0, f64::NAN, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
