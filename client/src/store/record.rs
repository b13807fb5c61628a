//! Values of records: a version byte, then the canonical encoding of a struct.
//!
//! ```text
//! +---------+-------------------------------+
//! | 0       | 1 ..                          |
//! | version | protocol::codec of the struct |
//! +---------+-------------------------------+
//! ```
//!
//! What is in the structs is the business of the modules that own them.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sotto_protocol::codec;
use zeroize::Zeroizing;

use super::StoreError;

/// The version that this program writes, and the only one that it reads.
const RECORD_VERSION: u8 = 1;
/// The longest value of any record: a message of the longest text, with room for its other fields.
pub(crate) const RECORD_LEN_MAX: usize = 128 * 1024;

/// The value of a record that holds `content`.
pub(crate) fn encode<T: Serialize>(content: &T) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let body = codec::encode(content, RECORD_LEN_MAX)
        .map(Zeroizing::new)
        .map_err(|error| StoreError::Damaged(format!("a value could not be encoded: {error}")))?;
    let mut value = Zeroizing::new(Vec::with_capacity(body.len().saturating_add(1)));
    value.push(RECORD_VERSION);
    value.extend_from_slice(&body);
    Ok(value)
}

/// The content of a record's value.
pub(crate) fn decode<T: Serialize + DeserializeOwned>(value: &[u8]) -> Result<T, StoreError> {
    match value.split_first() {
        Some((&RECORD_VERSION, body)) => codec::decode(body, RECORD_LEN_MAX)
            .map_err(|error| StoreError::Damaged(format!("a value could not be decoded: {error}"))),
        Some((version, _)) => Err(StoreError::Damaged(format!(
            "a value has version {version}, this program reads version {RECORD_VERSION}"
        ))),
        None => Err(StoreError::Damaged("a value is empty".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_round_trips_and_a_damaged_one_is_refused() {
        let value = encode(&(7u32, "text".to_owned())).unwrap();
        assert_eq!(value[0], RECORD_VERSION);
        assert_eq!(decode::<(u32, String)>(&value), Ok((7, "text".to_owned())));
        let refused = |bytes: &[u8]| decode::<(u32, String)>(bytes).unwrap_err().label();
        assert_eq!(refused(&[]), "store-damaged");
        assert_eq!(refused(&value[..value.len() - 1]), "store-damaged");
        assert_eq!(refused(&[&value[..], &[0]].concat()), "store-damaged");
        let mut newer = value.to_vec();
        newer[0] = 2;
        assert_eq!(refused(&newer), "store-damaged");
    }
}
