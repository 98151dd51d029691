//! `supcon`: declarative experiments in supervised contrastive learning.
//!
//! Data flows one way: `spec` (as written) -> `plan` (resolved) -> `data`, `augment`, `model`, `loss` (built on a
//! device) -> `train` -> `record` (Parquet) -> `report`. ARCHITECTURE.md says which folder may import which.

pub mod diag;
pub mod spec;
pub mod plan;
pub mod record;
pub mod random;
#[cfg(feature = "train")]
pub mod device;
#[cfg(feature = "train")]
pub mod ops;
pub mod data;
pub mod augment;
#[cfg(feature = "train")]
pub mod model;
#[cfg(feature = "train")]
pub mod loss;
#[cfg(feature = "train")]
pub mod optim;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "train")]
pub mod runner;
pub mod report;
pub mod cli;
