//! What a run leaves behind: rows, Parquet tables, the commit rule, the run folder.

mod rows;

pub use rows::*;
