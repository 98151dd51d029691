//! Tables of plain columns to Parquet bytes and back. The only file that names polars; what the columns mean is said in
//! `metrics.rs` and `predictions.rs`. Equal tables give equal bytes.

use polars::prelude::{
    self as pl, DataFrame, DataType, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series,
};
use std::io::Cursor;

/// The values of one column, without nulls.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// UTF-8 strings.
    Text(Vec<String>),
    /// Unsigned, 32 bits.
    U32(Vec<u32>),
    /// Unsigned, 64 bits.
    U64(Vec<u64>),
    /// Float, 32 bits.
    F32(Vec<f32>),
    /// Float, 64 bits.
    F64(Vec<f64>),
}

/// Named columns of equal length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: Vec<(String, Values)>,
}

/// What is wrong with a table or its bytes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TableError(String);

impl TableError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<pl::PolarsError> for TableError {
    fn from(error: pl::PolarsError) -> Self {
        Self(error.to_string())
    }
}

impl Table {
    /// The table with one more column at its end.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, values: Values) -> Self {
        self.columns.push((name.into(), values));
        self
    }

    /// Names of the columns in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// Removes a column and hands its values over.
    ///
    /// # Errors
    /// There is no such column.
    pub fn take(&mut self, name: &str) -> Result<Values, TableError> {
        let at = self.columns.iter().position(|(own, _)| own == name);
        let at = at.ok_or_else(|| TableError(format!("no column `{name}`")))?;
        Ok(self.columns.remove(at).1)
    }
}

/// Takes a column of one type out of a table: `take!(table, "epoch", U32)?`.
macro_rules! take {
    ($table:expr, $name:expr, $kind:ident) => {
        match $table.take($name) {
            Ok($crate::record::parquet::Values::$kind(values)) => Ok(values),
            Ok(_) => Err($crate::record::parquet::TableError::new(format!(
                "column `{}` has another type than {}",
                $name,
                stringify!($kind)
            ))),
            Err(error) => Err(error),
        }
    };
}
pub(super) use take;

/// Parquet bytes (zstd, one thread).
///
/// # Errors
/// Columns of different length or with equal names.
pub fn encode(table: Table) -> Result<Vec<u8>, TableError> {
    let columns = table
        .columns
        .into_iter()
        .map(|(name, values)| series(&name, values).into());
    let mut frame = DataFrame::new_infer_height(columns.collect())?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .set_parallel(false)
        .finish(&mut frame)?;
    Ok(bytes)
}

/// The table that `encode` was given.
///
/// # Errors
/// Bytes that are no Parquet, a column type that is not in `Values`, nulls.
pub fn decode(bytes: &[u8]) -> Result<Table, TableError> {
    let frame = ParquetReader::new(Cursor::new(bytes)).finish()?;
    let mut table = Table::default();
    for column in frame.columns() {
        let name = column.name().to_string();
        if column.null_count() > 0 {
            return Err(TableError(format!("column `{name}` has nulls")));
        }
        table = table.with(name, values(column.as_materialized_series())?);
    }
    Ok(table)
}

fn series(name: &str, values: Values) -> Series {
    match values {
        Values::Text(values) => Series::new(name.into(), values),
        Values::U32(values) => Series::new(name.into(), values),
        Values::U64(values) => Series::new(name.into(), values),
        Values::F32(values) => Series::new(name.into(), values),
        Values::F64(values) => Series::new(name.into(), values),
    }
}

fn values(series: &Series) -> Result<Values, TableError> {
    Ok(match series.dtype() {
        DataType::String => {
            Values::Text(series.str()?.iter().flatten().map(str::to_owned).collect())
        }
        DataType::UInt32 => Values::U32(series.u32()?.into_no_null_iter().collect()),
        DataType::UInt64 => Values::U64(series.u64()?.into_no_null_iter().collect()),
        DataType::Float32 => Values::F32(series.f32()?.into_no_null_iter().collect()),
        DataType::Float64 => Values::F64(series.f64()?.into_no_null_iter().collect()),
        other => {
            return Err(TableError(format!(
                "column `{}` has the type {other}",
                series.name()
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u32) -> Table {
        Table::default()
            .with(
                "text",
                Values::Text((0..rows).map(|i| format!("t{i}")).collect()),
            )
            .with("u32", Values::U32((0..rows).collect()))
            .with(
                "u64",
                Values::U64((0..u64::from(rows)).map(|i| i << 40).collect()),
            )
            .with(
                "f32",
                Values::F32((0..rows).map(|i| i as f32 / 3.0).collect()),
            )
            .with(
                "f64",
                Values::F64((0..rows).map(|i| f64::from(i) / 7.0).collect()),
            )
    }

    #[test]
    fn a_table_comes_back_as_it_was() {
        for rows in [0, 1, 1000] {
            assert_eq!(decode(&encode(table(rows)).unwrap()).unwrap(), table(rows));
        }
    }

    #[test]
    fn equal_tables_give_equal_bytes() {
        assert_eq!(
            encode(table(300_000)).unwrap(),
            encode(table(300_000)).unwrap()
        );
    }

    #[test]
    fn garbage_is_an_error() {
        assert!(decode(b"not parquet").is_err());
        assert!(decode(b"").is_err());
    }

    #[test]
    fn columns_of_different_length_are_refused() {
        let odd = table(2).with("short", Values::U32(vec![1]));
        assert!(encode(odd).is_err());
    }
}
