//! Tests that read the project's own files.

mod faults;
mod python;
mod tidy;
mod tree;
