//! `model.safetensors`: named f32 tensors with text metadata, in an order that depends on the names alone.

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use std::collections::BTreeMap;

/// One tensor of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// PyTorch name, such as `encoder.conv1.weight`.
    pub name: String,
    /// Length of each dimension, outermost first.
    pub shape: Vec<usize>,
    /// The values, row major.
    pub values: Vec<f32>,
}

/// What is wrong with the tensors or their bytes.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The format's own check failed.
    #[error("{0}")]
    Format(#[from] SafeTensorError),
    /// A tensor that is not f32.
    #[error("tensor `{0}` is not f32")]
    NotF32(String),
    /// Two tensors with one name.
    #[error("two tensors have the name `{0}`")]
    Twice(String),
    /// The metadata is no JSON.
    #[error("metadata: {0}")]
    Metadata(#[from] serde_json::Error),
}

/// Bytes of a safetensors file; `metadata` is text that every reader of the format shows.
///
/// # Errors
/// Names that occur twice, a shape that does not fit its values.
pub fn encode_weights(
    tensors: &[NamedTensor],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, WeightsError> {
    let mut bytes = BTreeMap::new();
    for tensor in tensors {
        let values: Vec<u8> = tensor.values.iter().flat_map(|x| x.to_le_bytes()).collect();
        if bytes
            .insert(tensor.name.as_str(), (tensor.shape.clone(), values))
            .is_some()
        {
            return Err(WeightsError::Twice(tensor.name.clone()));
        }
    }
    let mut views = Vec::with_capacity(bytes.len());
    for (name, (shape, values)) in &bytes {
        views.push((*name, TensorView::new(Dtype::F32, shape.clone(), values)?));
    }
    let plain = safetensors::serialize(views, None)?;
    Ok(with_metadata(&plain, metadata)?)
}

/// Tensors, sorted by name, and metadata of a safetensors file.
///
/// # Errors
/// Bytes that are no such file, or a tensor that is not f32.
pub fn decode_weights(
    bytes: &[u8],
) -> Result<(Vec<NamedTensor>, BTreeMap<String, String>), WeightsError> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let metadata = header.metadata().iter().flatten();
    let metadata = metadata
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut tensors = Vec::new();
    for (name, view) in SafeTensors::deserialize(bytes)?.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(WeightsError::NotF32(name.to_owned()));
        }
        let four = view.data().chunks_exact(4);
        let values = four
            .map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]]))
            .collect();
        tensors.push(NamedTensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            values,
        });
    }
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((tensors, metadata))
}

/// Puts the metadata in front of the header. The crate would take it as a `HashMap`, whose order changes from run to run.
fn with_metadata(
    plain: &[u8],
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, serde_json::Error> {
    let (length, rest) = plain.split_at(8);
    let length = length
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    let (header, data) = rest.split_at(length);
    let fields = header[1..].trim_ascii();
    let mut head = format!("{{\"__metadata__\":{}", serde_json::to_string(metadata)?).into_bytes();
    if fields != b"}" {
        head.push(b',');
    }
    head.extend_from_slice(fields);
    head.resize(head.len().next_multiple_of(8), b' ');
    let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(data);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Vec<NamedTensor> {
        vec![
            NamedTensor {
                name: "a.bias".into(),
                shape: vec![3],
                values: vec![1.0, -2.0, 0.5],
            },
            NamedTensor {
                name: "a.weight".into(),
                shape: vec![2, 1],
                values: vec![7.0, 8.0],
            },
        ]
    }

    fn metadata() -> BTreeMap<String, String> {
        let pairs = [
            ("format", "pt"),
            ("class_names", "[\"cat\",\"dog\"]"),
            ("z", "1"),
        ];
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn tensors_and_metadata_come_back_as_they_were() {
        let bytes = encode_weights(&tensors(), &metadata()).unwrap();
        assert_eq!(decode_weights(&bytes).unwrap(), (tensors(), metadata()));
        let empty = encode_weights(&[], &metadata()).unwrap();
        assert_eq!(decode_weights(&empty).unwrap(), (vec![], metadata()));
    }

    #[test]
    fn bytes_do_not_depend_on_the_order_of_the_tensors() {
        let mut turned = tensors();
        turned.reverse();
        let bytes = encode_weights(&tensors(), &metadata()).unwrap();
        assert_eq!(bytes, encode_weights(&turned, &metadata()).unwrap());
        assert_eq!((bytes.len() - 20) % 8, 0);
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused() {
        let twice = [tensors(), tensors()].concat();
        let error = encode_weights(&twice, &metadata()).unwrap_err().to_string();
        assert_eq!(error, "two tensors have the name `a.bias`");
    }

    #[test]
    fn a_shape_that_does_not_fit_is_refused() {
        let mut odd = tensors();
        odd[0].shape = vec![4];
        assert!(encode_weights(&odd, &metadata()).is_err());
    }

    /// A file with this header, and data behind it.
    fn file(header: &[u8], data: usize) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header, &vec![0; data]].concat()
    }

    #[test]
    fn headers_that_lie_are_refused_at_once() {
        let one = |dtype: &str, shape: &str, from: u64, to: u64| {
            format!(
                r#"{{"a":{{"dtype":"{dtype}","shape":[{shape}],"data_offsets":[{from},{to}]}}}}"#
            )
        };
        let two = |second: &str| {
            let first = r#""a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#;
            format!(r#"{{{first},"b":{{"dtype":"F32","shape":[1],"data_offsets":[{second}]}}}}"#)
        };
        assert!(decode_weights(&file(one("F32", "2", 0, 8).as_bytes(), 8)).is_ok());
        let long = |length: u64| [&length.to_le_bytes()[..], b"{}"].concat();
        let cases = [
            ("length 2^63", long(1 << 63)),
            ("length of 100 MB", long(100_000_000)),
            ("no header", Vec::new()),
            ("no UTF-8", file(b"{\"a\xff\":{}}", 0)),
            ("behind the end", file(one("F32", "2", 0, 8).as_bytes(), 4)),
            ("trailing bytes", file(one("F32", "2", 0, 8).as_bytes(), 12)),
            ("overlap", file(two("4,8").as_bytes(), 8)),
            ("gap", file(two("12,16").as_bytes(), 16)),
            ("backwards", file(one("F32", "2", 8, 0).as_bytes(), 8)),
            ("shape", file(one("F32", "3", 0, 8).as_bytes(), 8)),
            (
                "overflow",
                file(one("F32", "4611686018427387904,4", 0, 8).as_bytes(), 8),
            ),
            ("another type", file(one("F16", "4", 0, 8).as_bytes(), 8)),
        ];
        for (what, bytes) in cases {
            assert!(decode_weights(&bytes).is_err(), "{what}");
        }
    }

    #[test]
    fn no_damage_of_a_small_file_is_a_panic() {
        use super::super::{Manifest, Position};
        use crate::random::{Draws, Purpose};
        use std::hint::black_box;

        let weights = encode_weights(&tensors(), &metadata()).unwrap();
        let files = [("a".to_owned(), super::super::Entry::of(&weights))];
        let manifest = Manifest::new(files.into()).encode().unwrap();
        let state = serde_json::to_vec(&Position::default()).unwrap();
        let mut draws = Draws::new(0, Purpose::Split, 0);
        for _ in 0..30_000 {
            let mut damaged = |whole: &[u8]| {
                let mut bytes = whole.to_vec();
                for _ in 0..=draws.below(3) {
                    let at = draws.below(bytes.len());
                    bytes[at] = draws.below(256) as u8;
                }
                bytes.truncate(1 + draws.below(2 * bytes.len()));
                bytes
            };
            let _ = black_box(decode_weights(&damaged(&weights)));
            let _ = black_box(Manifest::decode(&damaged(&manifest)));
            let _ = black_box(serde_json::from_slice::<Position>(&damaged(&state)));
        }
    }
}
