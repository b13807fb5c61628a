//! For how long a mailbox keeps a box. Three classes, not a number of seconds, so that the choice says
//! little about the writer.

use std::time::Duration;

const DAY_S: u64 = 24 * 60 * 60;

/// For how long a mailbox keeps a box.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TtlClass {
    /// One day.
    Day,
    /// Seven days.
    Week,
    /// Fourteen days, the longest.
    Fortnight,
}

impl TtlClass {
    /// The time from storing to removal.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Day => DAY_S,
            Self::Week => 7 * DAY_S,
            Self::Fortnight => 14 * DAY_S,
        })
    }

    /// The class's number in a command and in a store: 1, 2 or 3.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Day => 1,
            Self::Week => 2,
            Self::Fortnight => 3,
        }
    }

    /// The class with this number.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Day),
            2 => Some(Self::Week),
            3 => Some(Self::Fortnight),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_one_number_and_none_is_longer_than_fourteen_days() {
        for byte in 0..=u8::MAX {
            if let Some(class) = TtlClass::from_byte(byte) {
                assert_eq!(class.to_byte(), byte);
                assert!(class.duration() <= Duration::from_secs(14 * 86_400));
            }
        }
        assert_eq!((0..=u8::MAX).filter_map(TtlClass::from_byte).count(), 3);
    }
}
