//! `metrics.parquet`: one row for each figure of a run, in the order in which the run read them.

use super::MetricRow;
use super::parquet::{Table, TableError, Values, decode, encode, take};

/// Bytes of `metrics.parquet`.
///
/// # Errors
/// The encoder refused the table.
pub fn encode_metrics(run_id: &str, rows: &[MetricRow]) -> Result<Vec<u8>, TableError> {
    let text =
        |get: fn(&MetricRow) -> &String| Values::Text(rows.iter().map(get).cloned().collect());
    let table = Table::default()
        .with("run_id", Values::Text(vec![run_id.to_owned(); rows.len()]))
        .with("phase", text(|row| &row.phase))
        .with(
            "epoch",
            Values::U32(rows.iter().map(|row| row.epoch).collect()),
        )
        .with(
            "step",
            Values::U64(rows.iter().map(|row| row.step).collect()),
        )
        .with("split", text(|row| &row.split))
        .with("metric", text(|row| &row.metric))
        .with(
            "value",
            Values::F64(rows.iter().map(|row| row.value).collect()),
        )
        .with(
            "wall_secs",
            Values::F64(rows.iter().map(|row| row.wall_secs).collect()),
        );
    encode(table)
}

/// The rows of `metrics.parquet`.
///
/// # Errors
/// Bytes that are no such table, or rows of another run.
pub fn decode_metrics(run_id: &str, bytes: &[u8]) -> Result<Vec<MetricRow>, TableError> {
    let mut table = decode(bytes)?;
    let runs = take!(table, "run_id", Text)?;
    if let Some(other) = runs.iter().find(|id| *id != run_id) {
        return Err(TableError::new(format!("rows of another run, `{other}`")));
    }
    let phase = take!(table, "phase", Text)?;
    let epoch = take!(table, "epoch", U32)?;
    let step = take!(table, "step", U64)?;
    let split = take!(table, "split", Text)?;
    let metric = take!(table, "metric", Text)?;
    let value = take!(table, "value", F64)?;
    let wall_secs = take!(table, "wall_secs", F64)?;
    let names = phase.into_iter().zip(split).zip(metric);
    let numbers = epoch.into_iter().zip(step).zip(value).zip(wall_secs);
    let rows = names.zip(numbers).map(|(names, numbers)| {
        let ((phase, split), metric) = names;
        let (((epoch, step), value), wall_secs) = numbers;
        MetricRow {
            phase,
            epoch,
            step,
            split,
            metric,
            value,
            wall_secs,
        }
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<MetricRow> {
        (1..50u32)
            .map(|epoch| MetricRow {
                phase: "pretrain".into(),
                epoch,
                step: u64::from(epoch) * 38,
                split: "train".into(),
                metric: "loss".into(),
                value: 5.0 / f64::from(epoch),
                wall_secs: f64::from(epoch) * 1.5,
            })
            .collect()
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let bytes = encode_metrics("a-s0-1", &rows()).unwrap();
        assert_eq!(decode_metrics("a-s0-1", &bytes).unwrap(), rows());
        assert_eq!(bytes, encode_metrics("a-s0-1", &rows()).unwrap());
    }

    #[test]
    fn figures_and_names_of_every_kind_come_back_to_the_bit() {
        let quiet = f64::from_bits(0x7ff8_0000_0000_0123);
        let values = [quiet, -f64::INFINITY, f64::MAX, -0.0, 5e-324, 0.1 + 0.2];
        let long = "x".repeat(10_000);
        let names = [
            "a \"quoted\" one",
            "a, b;c",
            "two\nlines",
            "\u{202e}\u{0}",
            "",
            &long,
        ];
        let row = |(value, name): (&f64, &str)| MetricRow {
            metric: name.into(),
            value: *value,
            ..rows()[0].clone()
        };
        let odd: Vec<MetricRow> = values.iter().zip(names).map(row).collect();
        let bytes = encode_metrics("a-s0-1", &odd).unwrap();
        let back = decode_metrics("a-s0-1", &bytes).unwrap();
        let told = |rows: &[MetricRow]| -> Vec<(u64, String)> {
            let told = rows
                .iter()
                .map(|row| (row.value.to_bits(), row.metric.clone()));
            told.collect()
        };
        assert_eq!(told(&back), told(&odd));
    }

    #[test]
    fn a_column_that_is_missing_or_of_another_type_is_refused_by_its_name() {
        let text = |text: &str| Values::Text(vec![text.to_owned()]);
        let table = || {
            Table::default()
                .with("run_id", text("a-s0-1"))
                .with("phase", text("x"))
        };
        let refused = |table: Table| {
            let bytes = encode(table).unwrap();
            decode_metrics("a-s0-1", &bytes).unwrap_err().to_string()
        };
        let missing = refused(table());
        assert!(missing.contains("epoch"), "{missing}");
        let other = refused(table().with("epoch", Values::F64(vec![1.0])));
        assert!(other.contains("epoch"), "{other}");
    }

    #[test]
    fn no_rows_are_a_table_too() {
        let bytes = encode_metrics("a-s0-1", &[]).unwrap();
        assert_eq!(decode_metrics("a-s0-1", &bytes).unwrap(), []);
    }

    #[test]
    fn rows_of_another_run_are_refused() {
        let bytes = encode_metrics("a-s0-1", &rows()).unwrap();
        let error = decode_metrics("a-s1-1", &bytes).unwrap_err().to_string();
        assert_eq!(error, "rows of another run, `a-s0-1`");
    }
}
