//! The one encoding of everything that is signed or stored: bincode's varint format, made strict.
//!
//! A value has exactly one accepted encoding. [`decode`] refuses input over the limit, bytes after the
//! value, and any encoding that [`encode`] would not have produced; without the last check a document
//! could be changed into another that carries the same signature. Frames, packets and boxes are not
//! encoded here: they have fixed byte layouts of their own.
//!
//! What a decode can allocate: bincode refuses a length prefix over the limit of the size class
//! (4 KiB, 64 KiB or 1 MiB, eightfold, see [`decode`]) and serde preallocates 1 MiB at most for a list.
//! Types that are decoded from the network do better: they mark their lists with [`list`] or [`texts`],
//! their texts with [`text`] or [`optional_text`] and their bytes with [`bytes`], which take memory only
//! for what has really arrived: a small multiple of the input, [`ALLOCATION_PER_BYTE_MAX`].

use std::fmt;
use std::marker::PhantomData;

use bincode::config::{Configuration, Limit, standard};
use bincode::enc::write::Writer;
use bincode::error::{DecodeError, EncodeError};
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::limits::DOCUMENT_LEN_MAX;

/// The longest encoding that any caller can allow, in bytes.
pub const ENCODING_LEN_MAX: usize = DOCUMENT_LEN_MAX;

/// What decoding one byte of input into a type that marks its lists, texts and bytes can allocate, in bytes.
///
/// The worst are empty texts in a list: 24 bytes of memory for one of input, and a list that grows holds
/// up to three times its elements while it moves.
pub const ALLOCATION_PER_BYTE_MAX: usize = 128;

/// Why bytes are not the encoding of a value, or a value could not be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// More bytes than the caller allows.
    #[error("{len} bytes where at most {len_max} are allowed")]
    TooLarge {
        /// Bytes that came.
        len: usize,
        /// Bytes that are allowed.
        len_max: usize,
    },
    /// The bytes do not follow the type's layout.
    #[error("not a valid encoding: {0}")]
    Malformed(&'static str),
    /// The value ends before the bytes do.
    #[error("{0} bytes follow the end of the value")]
    TrailingBytes(usize),
    /// The bytes decode, but the value's one encoding is another.
    #[error("not the canonical encoding of its value")]
    NonCanonical,
}

impl CodecError {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too-large",
            Self::Malformed(_) => "malformed",
            Self::TrailingBytes(_) => "trailing-bytes",
            Self::NonCanonical => "non-canonical",
        }
    }
}

type Config<const LIMIT: usize> =
    Configuration<bincode::config::LittleEndian, bincode::config::Varint, Limit<LIMIT>>;

/// Bincode accounts for an integer by its width in memory, so one encoded byte counts as eight at most.
const ACCOUNTED_PER_BYTE: usize = 8;
const SMALL_LEN_MAX: usize = 4 * 1024;
const MEDIUM_LEN_MAX: usize = 64 * 1024;

/// Encodes `value`.
///
/// # Errors
/// [`CodecError::TooLarge`] over `len_max` or [`ENCODING_LEN_MAX`], [`CodecError::Malformed`] for a
/// type that the format cannot express.
pub fn encode<T: Serialize>(value: &T, len_max: usize) -> Result<Vec<u8>, CodecError> {
    let bytes = bincode::serde::encode_to_vec(value, standard())
        .map_err(|_| CodecError::Malformed("inexpressible type"))?;
    check_len(bytes.len(), len_max)?;
    Ok(bytes)
}

/// Decodes the one value whose encoding `bytes` is.
///
/// # Errors
/// Every variant of [`CodecError`], in the order: length, layout, trailing bytes, canonical form.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], len_max: usize) -> Result<T, CodecError> {
    check_len(bytes.len(), len_max)?;
    let (value, used) = if bytes.len() <= SMALL_LEN_MAX {
        decode_limited::<T, { SMALL_LEN_MAX * ACCOUNTED_PER_BYTE }>(bytes)
    } else if bytes.len() <= MEDIUM_LEN_MAX {
        decode_limited::<T, { MEDIUM_LEN_MAX * ACCOUNTED_PER_BYTE }>(bytes)
    } else {
        decode_limited::<T, { ENCODING_LEN_MAX * ACCOUNTED_PER_BYTE }>(bytes)
    }?;
    match bytes.len().saturating_sub(used) {
        0 => {}
        left => return Err(CodecError::TrailingBytes(left)),
    }
    // Compared as it is written, so that no second copy of a value that may be secret comes to exist.
    let mut same = Same { rest: bytes };
    match bincode::serde::encode_into_writer(&value, &mut same, standard()) {
        Ok(()) if same.rest.is_empty() => Ok(value),
        _ => Err(CodecError::NonCanonical),
    }
}

fn check_len(len: usize, len_max: usize) -> Result<(), CodecError> {
    let len_max = len_max.min(ENCODING_LEN_MAX);
    if len > len_max { Err(CodecError::TooLarge { len, len_max }) } else { Ok(()) }
}

fn decode_limited<T: DeserializeOwned, const LIMIT: usize>(bytes: &[u8]) -> Result<(T, usize), CodecError> {
    let config: Config<LIMIT> = standard().with_limit::<LIMIT>();
    bincode::serde::decode_from_slice(bytes, config).map_err(|error| {
        CodecError::Malformed(match error {
            DecodeError::UnexpectedEnd { .. } => "it ends early",
            DecodeError::LimitExceeded => "it claims a length over the limit",
            DecodeError::Utf8 { .. } => "a text is not UTF-8",
            DecodeError::UnexpectedVariant { .. } => "an unknown variant",
            DecodeError::InvalidIntegerType { .. } => "an integer is too wide",
            _ => "an invalid value",
        })
    })
}

/// A writer that accepts exactly the bytes it was made with.
struct Same<'a> {
    rest: &'a [u8],
}

impl Writer for Same<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(EncodeError::UnexpectedEnd)?;
        Ok(())
    }
}

/// Reads a list and grows it only as elements arrive, whatever length its prefix claims.
///
/// For `#[serde(deserialize_with = "crate::codec::list")]`. The elements must not be zero-sized in the
/// encoding, or a prefix alone could keep the reader busy.
///
/// # Errors
/// Those of the elements.
pub fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Elements<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut found = Vec::new();
            while let Some(element) = elements.next_element()? {
                found.push(element);
            }
            Ok(found)
        }
    }

    deserializer.deserialize_seq(Elements(PhantomData))
}

/// Reads a text and takes memory only once all of it has arrived, whatever length its prefix claims.
///
/// For `#[serde(deserialize_with = "crate::codec::text")]`.
///
/// # Errors
/// If the text is cut off or not UTF-8.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Characters;

    impl Visitor<'_> for Characters {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(Characters)
}

/// A text that is read as [`text`] reads one, to be part of something larger.
#[derive(Deserialize)]
struct Text(#[serde(deserialize_with = "text")] String);

/// Reads a text that may be absent, as [`text`] reads one.
///
/// For `#[serde(default, deserialize_with = "crate::codec::optional_text")]`.
///
/// # Errors
/// If the text is cut off or not UTF-8.
pub fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let found = Option::<Text>::deserialize(deserializer)?;
    Ok(found.map(|Text(text)| text))
}

/// Reads a list of texts, as [`list`] reads the one and [`text`] the others.
///
/// For `#[serde(deserialize_with = "crate::codec::texts")]`.
///
/// # Errors
/// If a text is cut off or not UTF-8.
pub fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let found: Vec<Text> = list(deserializer)?;
    Ok(found.into_iter().map(|Text(text)| text).collect())
}

/// Bytes as a length and themselves; memory is taken only once all of them have arrived.
///
/// For `#[serde(with = "crate::codec::bytes")]`.
pub mod bytes {
    use super::{Deserializer, Error, Visitor, fmt};
    use serde::Serializer;

    /// Writes the length and the bytes.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// If the bytes are cut off.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;

        impl Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }

        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests;
