//! The memory of libtorch's tensors on the CPU, as the kernels of `cpu` see it.

use super::super::cpu::Fresh;
use super::super::host::Host;
use burn::backend::libtorch::TchTensor;

impl Host for TchTensor {
    fn contiguous(self) -> Self {
        if self.tensor.is_contiguous() {
            self
        } else {
            Self::new(self.tensor.contiguous())
        }
    }

    fn dims<const D: usize>(&self) -> [usize; D] {
        let sizes = self.tensor.size();
        std::array::from_fn(|axis| sizes[axis] as usize)
    }

    fn values(&self) -> &[f32] {
        assert!(on_host(self) && self.tensor.is_contiguous());
        let length = self.tensor.numel();
        if length == 0 {
            return &[];
        }
        // SAFETY: a contiguous tensor of f32 on the CPU that lives as long as the slice.
        unsafe { std::slice::from_raw_parts(self.tensor.data_ptr().cast(), length) }
    }

    fn values_mut(&mut self) -> &mut [f32] {
        if !self.can_mut() {
            *self = Self::new(self.tensor.copy());
        }
        let length = self.values().len();
        // SAFETY: as for `values`, and nobody else holds the memory.
        unsafe { std::slice::from_raw_parts_mut(self.tensor.data_ptr().cast(), length) }
    }

    fn output<const D: usize, T>(
        shape: [usize; D],
        fill: impl FnOnce(&mut Fresh) -> T,
    ) -> (Self, T) {
        let sizes = shape.map(|size| size as i64);
        let tensor = tch::Tensor::empty(sizes, (tch::Kind::Float, tch::Device::Cpu));
        let memory: &mut Fresh = match shape.iter().product() {
            0 => &mut [],
            // SAFETY: fresh memory of that length that only this function knows.
            length => unsafe { std::slice::from_raw_parts_mut(tensor.data_ptr().cast(), length) },
        };
        let other = fill(memory);
        (Self::new(tensor), other)
    }
}

/// Whether the kernels of `cpu` can see the tensor's memory.
pub(super) fn on_host(tensor: &TchTensor) -> bool {
    tensor.tensor.device() == tch::Device::Cpu && tensor.tensor.kind() == tch::Kind::Float
}

/// A tensor whose memory nobody else can see.
pub(super) fn exclusive(tensor: TchTensor) -> TchTensor {
    if tensor.can_mut() && tensor.tensor.is_contiguous() {
        return tensor;
    }
    TchTensor::new(tensor.tensor.copy())
}
