//! What an answer to a file says.
//!
//! ```text
//! 1 wanted     count of ranges (1: 1 to 64) || each first (4) || last (4)   indices of parts, ascending, apart
//! 2 declined                                                               by who receives the file
//! 3 paused                                                                 likewise
//! 4 cancelled                                                              by either side
//! 5 received                                                               whole, and its hash is right
//! ```
//!
//! Who may say what, and whether there are such parts, is not known here.

use serde::{Deserialize, Serialize};

use crate::core::limits::WANTED_RANGES_MAX;

/// One answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Verb {
    /// These parts are missing, first and last of each range.
    Wanted(Vec<(u32, u32)>),
    Declined,
    Paused,
    Cancelled,
    Received,
}

impl Verb {
    /// From its bytes; none if they are no answer.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [1, count, rest @ ..] => {
                let count = usize::from(*count);
                if !(1..=WANTED_RANGES_MAX).contains(&count) || rest.len() != count.checked_mul(8)? {
                    return None;
                }
                let numbers: Vec<u32> =
                    rest.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect();
                let ranges: Vec<(u32, u32)> =
                    numbers.as_chunks().0.iter().map(|[first, last]| (*first, *last)).collect();
                let is_range = ranges.iter().all(|(first, last)| first <= last);
                let in_order = ranges.windows(2).all(|pair| match pair {
                    [(_, last), (first, _)] => last < first,
                    _ => true,
                });
                (is_range && in_order).then_some(Self::Wanted(ranges))
            }
            [2] => Some(Self::Declined),
            [3] => Some(Self::Paused),
            [4] => Some(Self::Cancelled),
            [5] => Some(Self::Received),
            _ => None,
        }
    }

    /// Its bytes. Ranges beyond [`WANTED_RANGES_MAX`] are left out.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Wanted(ranges) => {
                let told = ranges.get(..ranges.len().min(WANTED_RANGES_MAX)).unwrap_or_default();
                let mut bytes = vec![1, u8::try_from(told.len()).unwrap_or(u8::MAX)];
                for (first, last) in told {
                    bytes.extend_from_slice(&first.to_be_bytes());
                    bytes.extend_from_slice(&last.to_be_bytes());
                }
                bytes
            }
            Self::Declined => vec![2],
            Self::Paused => vec![3],
            Self::Cancelled => vec![4],
            Self::Received => vec![5],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_few_ascending_and_apart() {
        let wire = |ranges: &[(u32, u32)]| Verb::Wanted(ranges.to_vec()).to_bytes();
        assert_eq!(Verb::parse(&wire(&[])), None);
        assert_eq!(Verb::parse(&wire(&[(2, 1)])), None);
        assert_eq!(Verb::parse(&wire(&[(0, 3), (3, 4)])), None);
        assert_eq!(Verb::parse(&wire(&[(5, 6), (0, 1)])), None);
        assert_eq!(Verb::parse(&[1, 200]), None);
        let many: Vec<(u32, u32)> = (0..100).map(|n| (n * 2, n * 2)).collect();
        assert_eq!(Verb::parse(&wire(&many)), Some(Verb::Wanted(many[..WANTED_RANGES_MAX].to_vec())));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_reencode_to_themselves(bytes in prop::collection::vec(0u8..6, 0..40)) {
            if let Some(verb) = Verb::parse(&bytes) {
                prop_assert_eq!(verb.to_bytes(), bytes);
            }
        }
    }
}
