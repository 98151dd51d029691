//! Everything that computes with tensors, against figures made elsewhere (`tests/reference`, or the folder that
//! SUPCON_REFERENCE names) and against the plain burn composition.

mod augment;
#[cfg(target_os = "linux")]
mod batches;
mod bench;
mod costs;
mod encoders;
#[cfg(feature = "libtorch")]
mod exact;
#[cfg(target_os = "linux")]
mod full_disk;
mod guards;
mod losses;
#[cfg(target_os = "linux")]
mod memory;
mod ops;
mod optimizers;
mod runs;
mod stores;
mod survive;

use burn::tensor::{Device, FloatDType, Tensor, TensorData};
use serde_json::Value;
use std::path::{Path, PathBuf};
use supcon::device::DeviceName;

/// Every plain device that this build can open.
fn devices() -> Vec<(DeviceName, Device)> {
    let names = [DeviceName::Cpu, DeviceName::Libtorch];
    let open = names
        .into_iter()
        .filter_map(|name| name.open().ok().map(|device| (name, device)));
    let open: Vec<_> = open.collect();
    assert!(!open.is_empty(), "a build with tensors has a device");
    open
}

/// The same with the number formats that it computes in, and what relative deviation each may have. libtorch in f64
/// goes the way of a GPU: through ATen's kernels, where f32 on the processor has our own.
fn formats() -> Vec<(String, Device, FloatDType, f64)> {
    let mut found = Vec::new();
    for (name, device) in devices() {
        let format = |format: FloatDType, off| {
            (format!("{name} in {format:?}"), device.clone(), format, off)
        };
        found.push(format(FloatDType::F32, 1e-4));
        if name == DeviceName::Libtorch {
            found.push(format(FloatDType::F64, 1e-10));
        }
    }
    found
}

fn reference(name: &str) -> Value {
    let folder = std::env::var_os("SUPCON_REFERENCE").map(PathBuf::from);
    read(&folder.unwrap_or_else(own_folder).join(name))
}

/// A file of `tests/reference` that was made here, with the files that it was made from.
fn own_reference(name: &str) -> Value {
    read(&own_folder().join(name))
}

fn own_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reference")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("reference files are JSON")
}

/// All numbers below a value, in order.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        other => vec![other.as_f64().expect("a number")],
    }
}

fn tensor<const D: usize>(values: &[f64], shape: [usize; D], device: &Device) -> Tensor<D> {
    let values: Vec<f32> = values.iter().map(|&v| v as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    let data = tensor.without_autodiff().into_data().convert::<f64>();
    data.try_to_vec().expect("f64")
}

/// Largest difference, relative to the largest expected value.
fn distance(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    let scale = theirs
        .iter()
        .fold(f64::MIN_POSITIVE, |scale, value| scale.max(value.abs()));
    let worst = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    // NaN must not hide in a maximum.
    worst.fold(
        0.0,
        |worst, d| if d.is_nan() || d > worst { d } else { worst },
    ) / scale
}

/// The hashed numbers of the reference files: 2 u - 1, u = splitmix64 of (stream << 32) + i, 24 bits.
fn signed(stream: u64, count: usize) -> Vec<f64> {
    let unit = |i: u64| {
        let mut z = (stream << 32)
            .wrapping_add(i)
            .wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f64 / (1u64 << 24) as f64
    };
    (0..count as u64).map(|i| 2.0 * unit(i) - 1.0).collect()
}
