//! One part of a file: the content of one envelope.
//!
//! ```text
//! +---------+------+---------+----------+-----------+-------+
//! | 0       | 1    | 2 .. 9  | 10 .. 17 | 18 .. 21  | 22 .. |
//! | version | kind | series  | number   | index     | bytes |
//! |   = 1   |  = 5 |         |          | from 0    |       |
//! +---------+------+---------+----------+-----------+-------+
//! series and number of the letter that offers the file; numbers big endian
//! ```
//!
//! Every part but the last of a file is full. Whether somebody wants it is not known here.

use zeroize::Zeroizing;

use crate::core::letter::Name;
use crate::session::CONTENT_LEN_MAX;

const VERSION: u8 = 1;
/// The kinds below are in [`crate::core::fragment`].
const KIND_PART: u8 = 5;
const HEADER_LEN: usize = 22;
/// The bytes of a full part.
pub(crate) const PART_LEN: usize = CONTENT_LEN_MAX - HEADER_LEN;

/// A part.
pub(crate) struct Part<'a> {
    /// The letter that offers the file.
    pub(crate) file: Name,
    pub(crate) index: u32,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Part<'a> {
    /// Whether the content of an envelope says that it is a part.
    pub(crate) const fn is_part(content: &[u8]) -> bool {
        matches!(content, [VERSION, KIND_PART, ..])
    }

    /// From the content of an envelope; none if it is too short.
    pub(crate) fn parse(content: &'a [u8]) -> Option<Self> {
        let (head, rest) = content.split_first_chunk::<2>()?;
        let (name, rest) = rest.split_first_chunk()?;
        let (index, bytes) = rest.split_first_chunk()?;
        let (file, index) = (Name::from_bytes(name), u32::from_be_bytes(*index));
        (*head == [VERSION, KIND_PART]).then_some(Self { file, index, bytes })
    }

    /// The content of an envelope.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut content = Zeroizing::new(Vec::with_capacity(HEADER_LEN.saturating_add(self.bytes.len())));
        content.extend_from_slice(&[VERSION, KIND_PART]);
        content.extend_from_slice(&self.file.to_bytes());
        content.extend_from_slice(&self.index.to_be_bytes());
        content.extend_from_slice(self.bytes);
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::letter::Series;

    #[test]
    fn a_part_round_trips_and_a_short_one_is_none() {
        let file = Name { series: Series::from_bytes([7; 8]), number: 300 };
        let bytes = vec![9; PART_LEN];
        let content = Part { file, index: 5, bytes: &bytes }.to_bytes();
        assert_eq!(content.len(), CONTENT_LEN_MAX);
        assert!(Part::is_part(&content));
        let again = Part::parse(&content).unwrap();
        assert_eq!((again.file, again.index, again.bytes), (file, 5, bytes.as_slice()));
        assert!(Part::parse(&content[..21]).is_none());
        assert!(Part::is_part(&content[..2]) && !Part::is_part(&[1, 3]) && !Part::is_part(&[2, 5]));
    }
}
