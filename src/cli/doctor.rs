//! `supcon doctor`: what this program can train on here, and why not on the rest.

use super::out;
use crate::device::{self, DeviceName};
use std::process::ExitCode;

pub(super) const MORE: &str = "\
Example:
  supcon doctor";

/// Tries every device and says what it found, line by line: the first look at a GPU takes a while.
pub(super) fn doctor() -> ExitCode {
    out::line(&format!("supcon {}", env!("CARGO_PKG_VERSION")));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    out::line(&format!("processors: {processors}"));
    #[cfg(feature = "train")]
    out::line(&format!("bf16 products on the processor: {}", bf16()));
    let mut names = vec![DeviceName::Cpu, DeviceName::Libtorch];
    names.extend((0..device::cuda_devices().max(1)).map(DeviceName::LibtorchCuda));
    for name in names {
        let found = match name.try_out() {
            Ok(()) => format!("ok   {}", name.backend()),
            Err(error) => format!("no   {error}"),
        };
        out::line(&format!("  {name:<16} {found}"));
    }
    if let Ok(name) = DeviceName::parse("auto") {
        out::line(&format!("`--device auto` takes: {name}"));
    }
    if let Some(path) = device::libtorch_folder() {
        out::line(&format!("libtorch was linked from: {path}"));
    }
    ExitCode::SUCCESS
}

/// Whether this processor gains from `precision: bf16`.
#[cfg(feature = "train")]
fn bf16() -> &'static str {
    if crate::ops::is_native(crate::plan::Precision::Bf16) {
        "in one instruction (AVX-512 BF16)"
    } else {
        "rounded the same, but no faster than f32"
    }
}
