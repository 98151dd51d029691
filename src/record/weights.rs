//! `model.safetensors`: named f32 tensors with text metadata, in an order that depends on the names alone.

use crate::disk::Parts;
use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorInfo, TensorView};
use serde_json::{Map, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Where the header keeps the metadata.
const METADATA: &str = "__metadata__";

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

/// A safetensors file: a header, then each tensor where it lies in memory, since two copies of a model would be as large as
/// a training step. `metadata` is text that every reader of the format shows. The crate's own writer takes that as a
/// `HashMap`, whose order changes from run to run.
///
/// # Errors
/// Names that occur twice, a shape that does not fit its values.
pub fn encode_weights<'a>(
    tensors: &'a [NamedTensor],
    metadata: &BTreeMap<String, String>,
) -> Result<Parts<'a>, WeightsError> {
    let mut sorted: Vec<&NamedTensor> = tensors.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let mut header = Map::from_iter([(METADATA.to_owned(), json!(metadata))]);
    let (mut parts, mut end) = (Vec::with_capacity(1 + sorted.len()), 0);
    parts.push(Cow::default());
    for tensor in sorted {
        let values = little_endian(&tensor.values);
        let view = TensorView::new(Dtype::F32, tensor.shape.clone(), &values)?;
        let info = TensorInfo {
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            data_offsets: (end, end + values.len()),
        };
        end = info.data_offsets.1;
        let before = header.insert(tensor.name.clone(), json!(info));
        if before.is_some() {
            return Err(WeightsError::Twice(tensor.name.clone()));
        }
        parts.push(values);
    }
    let mut header = serde_json::to_vec(&header)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    let length = (header.len() as u64).to_le_bytes();
    parts[0] = [&length[..], &header].concat().into();
    Ok(parts)
}

fn little_endian(values: &[f32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        bytemuck::cast_slice(values).into()
    } else {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        bytes.collect::<Vec<u8>>().into()
    }
}

fn values<'a>(view: &TensorView<'a>) -> impl Iterator<Item = f32> + use<'a> {
    let four = view.data().chunks_exact(4);
    four.map(|x| f32::from_le_bytes([x[0], x[1], x[2], x[3]]))
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
    let named = |(name, view): (String, TensorView)| NamedTensor {
        name,
        shape: view.shape().to_vec(),
        values: values(&view).collect(),
    };
    let tensors = views(bytes)?.into_iter().map(named).collect();
    Ok((tensors, metadata))
}

/// The tensors where they lie, sorted by name; all are f32.
fn views(bytes: &[u8]) -> Result<Vec<(String, TensorView<'_>)>, WeightsError> {
    let mut views = SafeTensors::deserialize(bytes)?.tensors();
    let other = |(_, view): &&(String, TensorView)| view.dtype() != Dtype::F32;
    if let Some((name, _)) = views.iter().find(other) {
        return Err(WeightsError::NotF32(name.clone()));
    }
    views.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(views)
}

/// The first tensor of a safetensors file with a value that is not finite. Nothing is copied.
///
/// # Errors
/// Those of [`decode_weights`].
pub(super) fn first_broken(bytes: &[u8]) -> Result<Option<String>, WeightsError> {
    let is_broken = |view: &TensorView| values(view).any(|value| !value.is_finite());
    let mut views = views(bytes)?.into_iter();
    Ok(views.find_map(|(name, view)| is_broken(&view).then_some(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors() -> Vec<NamedTensor> {
        vec![
            NamedTensor {
                name: "0.first".into(),
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
        let bytes = encode_weights(&tensors(), &metadata()).unwrap().concat();
        assert_eq!(decode_weights(&bytes).unwrap(), (tensors(), metadata()));
        let empty = encode_weights(&[], &metadata()).unwrap().concat();
        assert_eq!(decode_weights(&empty).unwrap(), (vec![], metadata()));
    }

    #[test]
    fn bytes_do_not_depend_on_the_order_of_the_tensors() {
        let mut turned = tensors();
        turned.reverse();
        let tensors = tensors();
        let [parts, other] = [&tensors, &turned].map(|t| encode_weights(t, &metadata()).unwrap());
        assert_eq!(parts, other);
        // The metadata first, whatever the names are.
        let header =
            r#"{"__metadata__":{"class_names":"[\"cat\",\"dog\"]","format":"pt","z":"1"},"#;
        let header = header.to_owned()
            + r#""0.first":{"dtype":"F32","shape":[3],"data_offsets":[0,12]},"#
            + r#""a.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[12,20]}}"#;
        let text = String::from_utf8(parts[0][8..].to_vec()).unwrap();
        assert_eq!(text.trim_end(), header);
        assert_eq!(
            (parts[0].len() % 8, parts.concat().len()),
            (0, parts[0].len() + 20)
        );
    }

    #[test]
    fn a_name_that_occurs_twice_is_refused() {
        let twice = [tensors(), tensors()].concat();
        let error = encode_weights(&twice, &metadata()).unwrap_err().to_string();
        assert_eq!(error, "two tensors have the name `0.first`");
        let mut taken = tensors();
        taken[0].name = METADATA.into();
        let error = encode_weights(&taken, &metadata()).unwrap_err().to_string();
        assert_eq!(error, "two tensors have the name `__metadata__`");
    }

    #[test]
    fn the_first_tensor_that_is_not_finite_is_named_and_what_cannot_be_decoded_is_refused() {
        let broken = |tensors: &[NamedTensor]| {
            first_broken(&encode_weights(tensors, &metadata()).unwrap().concat()).unwrap()
        };
        assert_eq!(broken(&tensors()), None);
        let mut two = tensors();
        two[1].values[0] = f32::NAN;
        assert_eq!(broken(&two), Some("a.weight".into()));
        two[0].values[2] = f32::INFINITY;
        assert_eq!(broken(&two), Some("0.first".into()));
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
            assert!(first_broken(&bytes).is_err(), "{what}");
        }
    }

    #[test]
    fn no_damage_of_a_small_file_is_a_panic() {
        use super::super::{Manifest, Position};
        use crate::random::{Draws, Purpose};
        use std::hint::black_box;

        let weights = encode_weights(&tensors(), &metadata()).unwrap().concat();
        let files = [("a".to_owned(), super::super::Entry::of(&[&weights]))];
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
