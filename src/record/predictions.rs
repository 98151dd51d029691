//! `predictions.parquet`: what the finished model says of each test image, one `score_<k>` column a class.

use super::PredictionRow;
use super::parquet::{Table, TableError, Values, decode, encode, take};

/// Bytes of `predictions.parquet`.
///
/// # Errors
/// Rows with different numbers of scores.
pub fn encode_predictions(rows: &[PredictionRow]) -> Result<Vec<u8>, TableError> {
    let classes = rows.first().map_or(0, |row| row.scores.len());
    if let Some(row) = rows.iter().find(|row| row.scores.len() != classes) {
        let found = row.scores.len();
        return Err(TableError::new(format!(
            "image {} has {found} scores, the first one {classes}",
            row.index
        )));
    }
    let mut table = Table::default()
        .with(
            "index",
            Values::U32(rows.iter().map(|row| row.index).collect()),
        )
        .with(
            "label",
            Values::U32(rows.iter().map(|row| row.label).collect()),
        )
        .with(
            "predicted",
            Values::U32(rows.iter().map(|row| row.predicted).collect()),
        );
    for class in 0..classes {
        let scores = rows.iter().map(|row| row.scores[class]).collect();
        table = table.with(format!("score_{class}"), Values::F32(scores));
    }
    encode(table)
}

/// The rows of `predictions.parquet`.
///
/// # Errors
/// Bytes that are no such table.
pub fn decode_predictions(bytes: &[u8]) -> Result<Vec<PredictionRow>, TableError> {
    let mut table = decode(bytes)?;
    let index = take!(table, "index", U32)?;
    let label = take!(table, "label", U32)?;
    let predicted = take!(table, "predicted", U32)?;
    let classes = table.names().count();
    let mut scores = vec![Vec::with_capacity(classes); index.len()];
    for class in 0..classes {
        let column = take!(table, &format!("score_{class}"), F32)?;
        scores
            .iter_mut()
            .zip(column)
            .for_each(|(row, score)| row.push(score));
    }
    let rows = index.into_iter().zip(label).zip(predicted).zip(scores);
    let rows = rows.map(|(((index, label), predicted), scores)| PredictionRow {
        index,
        label,
        predicted,
        scores,
    });
    Ok(rows.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<PredictionRow> {
        let row = |index: u32| PredictionRow {
            index,
            label: index % 3,
            predicted: index % 2,
            scores: vec![0.5, 0.25, index as f32 / 100.0],
        };
        (0..100).map(row).collect()
    }

    #[test]
    fn rows_come_back_as_they_were() {
        let bytes = encode_predictions(&rows()).unwrap();
        assert_eq!(decode_predictions(&bytes).unwrap(), rows());
        assert_eq!(
            decode_predictions(&encode_predictions(&[]).unwrap()).unwrap(),
            []
        );
    }

    #[test]
    fn ragged_scores_are_refused() {
        let mut rows = rows();
        rows[7].scores.pop();
        let error = encode_predictions(&rows).unwrap_err().to_string();
        assert_eq!(error, "image 7 has 2 scores, the first one 3");
    }
}
