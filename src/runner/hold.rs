//! The device of a command that computes in this process itself, such as `bench`: a GPU is leased as the slots of a batch
//! are, so that neither disturbs the other. The CPU can be shared and has no lease.

use super::exit;
use super::gpus::{BY_BUS, ORDER};
use super::slots::{Gpus, Layout, LayoutError, SlotError, shared_folder};
use crate::device::{self, DeviceName};
use crate::diag::Code;
use crate::record::lease::Lease;
use std::path::Path;

/// The right to a device, for as long as the value is kept.
#[derive(Debug)]
pub struct Held {
    /// The device as this process sees it.
    pub device: DeviceName,
    _lease: Option<Lease>,
}

/// Why a device cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// It is not there.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// Somebody else has it.
    #[error(transparent)]
    Slot(#[from] SlotError),
}

impl HoldError {
    /// Exit code of the process.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Slot(SlotError::Taken { .. }) => exit::LEASED,
            Self::Layout(_) | Self::Slot(SlotError::Lease(_)) => exit::ENVIRONMENT,
        }
    }

    /// Stable code, if it has one.
    #[must_use]
    pub const fn code(&self) -> Option<Code> {
        match self {
            Self::Layout(_) => Some(Code::EnvDevice),
            Self::Slot(_) => None,
        }
    }
}

impl Layout {
    /// Takes the device for this process itself.
    fn hold(&self, what: &str) -> Result<Held, SlotError> {
        match self.gpus {
            Gpus::None => Ok(Held {
                device: self.device,
                _lease: None,
            }),
            _ => self.hold_gpu(shared_folder()?, what),
        }
    }

    pub(super) fn hold_gpu(&self, folder: &Path, what: &str) -> Result<Held, SlotError> {
        let mut free = self.free_gpus(folder, what)?;
        let (place, _, lease) = free.remove(0);
        let device = match self.gpus {
            // All are seen from here, in this order.
            Gpus::Any(_) => DeviceName::LibtorchCuda(place),
            Gpus::None | Gpus::Named(_) => self.device,
        };
        Ok(Held {
            device,
            _lease: Some(lease),
        })
    }
}

/// Prepares this process for computing with `threads` threads on a device by name, and takes the device for `what`. Call
/// once, before anything else that computes.
///
/// # Errors
/// The device is not there, or another process holds it.
pub fn hold(device: &str, threads: usize, what: &str) -> Result<Held, HoldError> {
    if std::env::var_os(ORDER).is_none() {
        // SAFETY: as said above, nothing computes yet, so there is no other thread that could read it.
        #[expect(unsafe_code, reason = "CUDA reads the order from the environment")]
        unsafe {
            std::env::set_var(ORDER, BY_BUS);
        }
    }
    device::prepare(threads);
    Ok(Layout::new(device, 1, threads)?.hold(what)?)
}
