//! Devices by name: `cpu` (flex, pure Rust), `libtorch`, `libtorch:cuda:N`, `auto`. A device that was asked for is the one
//! that is used, or an error says why not; nothing falls back silently. Only this file and `ops/` name a backend.

use burn::tensor::{Device, Tensor};
use std::fmt;

/// A device that this program can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// Pure Rust on the CPU.
    Cpu,
    /// libtorch on the CPU.
    Libtorch,
    /// libtorch on CUDA device N.
    LibtorchCuda(usize),
}

/// Why a device cannot be used, with what to do about it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DeviceError {
    /// The text names no device.
    #[error("unknown device `{0}`; devices are `cpu`, `libtorch`, `libtorch:cuda:N` and `auto`")]
    Unknown(String),
    /// This program was built without the backend.
    #[error(
        "device `{device}` needs the feature `{feature}`, which this program was built without; \
         build with `cargo build --release --features {feature}`"
    )]
    NotBuilt {
        /// As asked for.
        device: String,
        /// Cargo feature that provides it.
        feature: &'static str,
    },
    /// libtorch sees no CUDA device of this number.
    #[error("device `{device}` is not there: {reason}")]
    NotThere {
        /// As asked for.
        device: String,
        /// What was found instead.
        reason: String,
    },
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.pad("cpu"),
            Self::Libtorch => f.pad("libtorch"),
            Self::LibtorchCuda(index) => f.pad(&format!("libtorch:cuda:{index}")),
        }
    }
}

impl DeviceName {
    /// Reads a device's name; `auto` is the fastest one that is there: CUDA, then libtorch, then flex.
    ///
    /// # Errors
    /// If the text names no device.
    pub fn parse(text: &str) -> Result<Self, DeviceError> {
        match text {
            "auto" => Ok(Self::auto()),
            "cpu" => Ok(Self::Cpu),
            "libtorch" | "libtorch:cpu" => Ok(Self::Libtorch),
            "libtorch:cuda" => Ok(Self::LibtorchCuda(0)),
            _ => text
                .strip_prefix("libtorch:cuda:")
                .and_then(|index| index.parse().ok())
                .map(Self::LibtorchCuda)
                .ok_or_else(|| DeviceError::Unknown(text.to_owned())),
        }
    }

    fn auto() -> Self {
        if cuda_devices() > 0 {
            Self::LibtorchCuda(0)
        } else if cfg!(feature = "libtorch") {
            Self::Libtorch
        } else {
            Self::Cpu
        }
    }

    /// Opens the device for plain tensors; call `.autodiff()` on it for training.
    ///
    /// # Errors
    /// If the program was built without the backend, or the GPU is not there.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            Self::Cpu => open_flex(self),
            Self::Libtorch | Self::LibtorchCuda(_) => open_libtorch(self),
        }
    }

    /// Opens the device and multiplies two small matrices on it.
    ///
    /// # Errors
    /// If it cannot be opened or computes a wrong product.
    pub fn try_out(self) -> Result<(), DeviceError> {
        let device = self.open()?;
        let ones = Tensor::<2>::ones([4, 4], &device);
        let product = ones.clone().matmul(ones).into_data().try_to_vec::<f32>();
        if product.is_ok_and(|values| values.iter().all(|&value| value == 4.0)) {
            return Ok(());
        }
        let reason = "a small matrix product came out wrong".to_owned();
        Err(DeviceError::NotThere {
            device: self.to_string(),
            reason,
        })
    }

    /// Backend and its version, for the record.
    #[must_use]
    pub fn backend(self) -> &'static str {
        match self {
            Self::Cpu => "burn-flex 0.22.1",
            Self::Libtorch | Self::LibtorchCuda(_) => "libtorch 2.9.0 (burn-tch 0.22.1)",
        }
    }
}

#[cfg(feature = "flex")]
fn open_flex(_: DeviceName) -> Result<Device, DeviceError> {
    Ok(Device::flex())
}

#[cfg(not(feature = "flex"))]
fn open_flex(name: DeviceName) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt {
        device: name.to_string(),
        feature: "flex",
    })
}

#[cfg(feature = "libtorch")]
#[expect(
    deprecated,
    reason = "burn 0.22 is the last release with libtorch; see ARCHITECTURE.md"
)]
fn open_libtorch(name: DeviceName) -> Result<Device, DeviceError> {
    let DeviceName::LibtorchCuda(index) = name else {
        return Ok(Device::libtorch());
    };
    let found = cuda_devices();
    if index < found {
        return Ok(Device::libtorch_cuda(index));
    }
    let reason = if tch::Cuda::is_available() {
        format!("libtorch sees {found} CUDA device(s), numbered from 0")
    } else {
        "libtorch reports no CUDA: it is a CPU build, or the driver or `CUDA_VISIBLE_DEVICES` hides the GPU; \
         see `supcon doctor`"
            .to_owned()
    };
    Err(DeviceError::NotThere {
        device: name.to_string(),
        reason,
    })
}

#[cfg(not(feature = "libtorch"))]
fn open_libtorch(name: DeviceName) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt {
        device: name.to_string(),
        feature: "libtorch",
    })
}

/// CUDA devices that libtorch can use; 0 without libtorch.
#[must_use]
pub fn cuda_devices() -> usize {
    #[cfg(feature = "libtorch")]
    let found = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
    #[cfg(not(feature = "libtorch"))]
    let found = 0;
    found
}

/// Folder of the libtorch that the program was linked with.
#[must_use]
pub const fn libtorch_folder() -> Option<&'static str> {
    option_env!("SUPCON_LIBTORCH")
}

/// Keeps freed memory in the process: a training step frees and asks for the same large buffers again and again, and
/// taking them from the system each time costs more than many kernels (results/LOG.md).
fn keep_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `mallopt` only sets numbers of the allocator.
    #[expect(unsafe_code, reason = "a C call without pointers")]
    unsafe {
        if libc::mallopt(libc::M_MMAP_THRESHOLD, i32::MAX) == 0 {
            // Half of a heap is the most that an older glibc takes.
            libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        }
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Ends the process without waiting for any other thread of it, which may hang in native code.
pub fn end_at_once(code: u8) -> ! {
    // SAFETY: the call takes a number and does not return.
    #[expect(unsafe_code, reason = "a C call without pointers")]
    unsafe {
        libc::_exit(i32::from(code))
    }
}

/// Prepares this process for computing with `threads` threads. Call once, before data are loaded and the first tensor is made.
pub fn prepare(threads: usize) {
    keep_memory();
    // Fails only if the pool exists already, which then has the size of an earlier call.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build_global();
    // What libtorch itself still computes on the CPU is small, and the threads of its OpenMP spin between two of its
    // kernels, on the cores that ours need (results/LOG.md).
    #[cfg(feature = "libtorch")]
    tch::set_num_threads(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for name in ["cpu", "libtorch", "libtorch:cuda:3"] {
            assert_eq!(
                DeviceName::parse(name).map(|d| d.to_string()),
                Ok(name.to_owned())
            );
        }
        for name in ["gpu", "cuda", "libtorch:cuda:x", ""] {
            assert_eq!(
                DeviceName::parse(name),
                Err(DeviceError::Unknown(name.to_owned()))
            );
        }
    }

    #[test]
    fn a_missing_gpu_is_an_error_and_never_the_cpu() {
        assert!(DeviceName::LibtorchCuda(99).open().is_err());
    }
}
