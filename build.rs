//! Compiles `src/ops/libtorch/aten.cpp` against libtorch's headers and writes the library's folder into the program, so that
//! it starts without `LD_LIBRARY_PATH`. Does nothing without the `libtorch` feature.

#![allow(
    clippy::print_stdout,
    reason = "a build script speaks to cargo this way"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=src/ops/libtorch/aten.cpp");
    println!("cargo:rerun-if-changed=build.rs");
    for name in ["LIBTORCH", "LIBTORCH_USE_PYTORCH"] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    if env::var_os("CARGO_FEATURE_LIBTORCH").is_none() {
        return;
    }
    let root = root().unwrap_or_else(|| {
        panic!(
            "the `libtorch` feature needs libtorch 2.9.0: run `eval \"$(scripts/libtorch)\"` first (README, Devices)"
        )
    });
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .flag("-D_GLIBCXX_USE_CXX11_ABI=1")
        .include(root.join("include"))
        .include(root.join("include/torch/csrc/api/include"))
        .warnings(false)
        .file("src/ops/libtorch/aten.cpp")
        .compile("supcon_libtorch");
    let lib = root.join("lib");
    // An old-style RPATH also holds for the libraries that libtorch itself loads.
    println!(
        "cargo:rustc-link-arg=-Wl,--disable-new-dtags,-rpath,{}",
        lib.display()
    );
    println!("cargo:rustc-env=SUPCON_LIBTORCH={}", lib.display());
}

/// Folder that holds `include` and `lib`, found the way torch-sys finds it.
fn root() -> Option<PathBuf> {
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        let code = "import torch, os; print(os.path.dirname(torch.__file__))";
        let output = Command::new("python3").args(["-c", code]).output().ok()?;
        return Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()));
    }
    let root = PathBuf::from(env::var_os("LIBTORCH")?);
    Path::new(&root).join("include").is_dir().then_some(root)
}
