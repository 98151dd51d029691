//! One linked test binary for everything that needs more than one module. Unit tests sit at the end of their file.

mod cli;

#[cfg(feature = "train")]
mod compute;

mod record;
mod repo;
