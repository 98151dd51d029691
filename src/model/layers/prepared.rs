//! What inference makes of weights once and uses for many batches: packed convolutions, batch norms as scale and shift.

use crate::ops::PackedConv;
use burn::module::ParamId;
use burn::tensor::Tensor;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Kept by the name of a weight; whoever changes a weight or a moving statistic clears it. A copy begins empty, since its
/// network goes its own way.
#[derive(Debug, Default)]
pub struct Prepared(Mutex<Kept>);

impl Clone for Prepared {
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[derive(Debug, Default)]
struct Kept {
    convs: HashMap<ParamId, PackedConv>,
    norms: HashMap<ParamId, [Tensor<1>; 2]>,
}

impl Prepared {
    /// Forgets everything.
    pub fn clear(&self) {
        *self.kept() = Kept::default();
    }

    /// The packed convolution of this weight.
    pub(super) fn conv(&self, weight: ParamId, pack: impl FnOnce() -> PackedConv) -> PackedConv {
        self.kept().convs.entry(weight).or_insert_with(pack).clone()
    }

    /// Scale and shift of the batch norm of this weight.
    pub(super) fn norm(
        &self,
        weight: ParamId,
        fold: impl FnOnce() -> [Tensor<1>; 2],
    ) -> [Tensor<1>; 2] {
        self.kept().norms.entry(weight).or_insert_with(fold).clone()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
