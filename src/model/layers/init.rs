//! Initial weights.

use crate::random::{Draws, Purpose};
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};

/// How a convolution's weights begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConvInit {
    /// Keras' default.
    Glorot,
    /// He et al. 2015b, for networks with a ReLU after every convolution.
    He,
}

/// Makes initial weights: parameter number n of a part always gets the same draws for the same seed.
pub struct Initializer<'a> {
    seed: u64,
    next: u64,
    pub(super) device: &'a Device,
}

impl<'a> Initializer<'a> {
    /// Starts at parameter number `first` on an autodiff device.
    #[must_use]
    pub const fn new(seed: u64, first: u64, device: &'a Device) -> Self {
        Self {
            seed,
            next: first,
            device,
        }
    }

    /// Glorot uniform (Glorot & Bengio 2010, eq. 16): limit sqrt(6 / (fan_in + fan_out)).
    pub(super) fn glorot<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
        fan_out: usize,
    ) -> Param<Tensor<D>> {
        let limit = (6.0 / (fan_in + fan_out) as f64).sqrt();
        self.fill(shape, |draws| draws.between(-limit, limit))
    }

    /// Normal with deviation sqrt(2 / fan_in) (He et al. 2015b).
    pub(super) fn he_normal<const D: usize>(
        &mut self,
        shape: [usize; D],
        fan_in: usize,
    ) -> Param<Tensor<D>> {
        let deviation = (2.0 / fan_in as f64).sqrt();
        self.fill(shape, |draws| deviation * draws.normal())
    }

    fn fill<const D: usize>(
        &mut self,
        shape: [usize; D],
        mut value: impl FnMut(&mut Draws) -> f64,
    ) -> Param<Tensor<D>> {
        let mut draws = Draws::new(self.seed, Purpose::Init, self.next);
        self.next += 1;
        let values = (0..shape.iter().product())
            .map(|_| value(&mut draws) as f32)
            .collect();
        let data = TensorData::new::<f32, _>(values, shape);
        Param::from_tensor(Tensor::from_data(data, self.device))
    }

    pub(super) fn constant(&mut self, length: usize, value: f32) -> Param<Tensor<1>> {
        self.next += 1;
        Param::from_tensor(Tensor::full([length], value, self.device))
    }
}
