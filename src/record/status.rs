//! `status.json`, pretty-printed for people.

use super::Status;

/// Bytes of `status.json`.
///
/// # Errors
/// The encoder refused a value.
pub fn encode_status(status: &Status) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(status)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// The status in bytes of `status.json`.
///
/// # Errors
/// Bytes that are no status.
pub fn decode_status(bytes: &[u8]) -> Result<Status, serde_json::Error> {
    serde_json::from_slice(bytes)
}
