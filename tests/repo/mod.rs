//! Tests that read the project's own files.

mod faults;
mod tidy;
mod tree;
