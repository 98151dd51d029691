//! Tests that read the project's own files.

mod tidy;
mod tree;
