//! `supcon doctor`: what this program can train on here, and why not on the rest.

use crate::device::{self, DeviceName};
use std::process::ExitCode;

/// Tries every device and says what it found.
pub(super) fn doctor() -> ExitCode {
    println!("supcon {}", env!("CARGO_PKG_VERSION"));
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    println!("processors: {processors}");
    let mut names = vec![DeviceName::Cpu, DeviceName::Libtorch];
    names.extend((0..device::cuda_devices().max(1)).map(DeviceName::LibtorchCuda));
    for name in names {
        match name.try_out() {
            Ok(()) => println!("  {name:<16} ok   {}", name.backend()),
            Err(error) => println!("  {name:<16} no   {error}"),
        }
    }
    if let Ok(name) = DeviceName::parse("auto") {
        println!("`--device auto` takes: {name}");
    }
    if let Some(path) = device::libtorch_folder() {
        println!("libtorch was linked from: {path}");
    }
    ExitCode::SUCCESS
}
