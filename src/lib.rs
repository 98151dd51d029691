//! `supcon`: declarative experiments in supervised contrastive learning.
//!
//! Data flows one way: `spec` (as written) -> `plan` (resolved) -> `data`, `augment`, `model`, `loss` (built on a
//! device) -> `train` -> `record` (Parquet) -> `report`. ARCHITECTURE.md says which folder may import which.

pub mod augment;
pub mod cli;
pub mod data;
#[cfg(feature = "train")]
pub mod device;
pub mod diag;
pub mod disk;
pub mod draw;
#[cfg(feature = "train")]
pub mod loss;
#[cfg(feature = "train")]
pub mod model;
#[cfg(feature = "train")]
pub mod ops;
#[cfg(feature = "train")]
pub mod optim;
pub mod plan;
pub mod preview;
pub mod random;
pub mod record;
pub mod report;
#[cfg(feature = "train")]
pub mod runner;
pub mod spec;
#[cfg(feature = "train")]
pub mod train;
