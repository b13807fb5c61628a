//! For how long a mailbox keeps a box. A few classes, not a number of seconds, so that the choice says
//! little about the writer.
//!
//! Deliberately not here: how a mailbox rounds the end of a class, and what a packet's way to it takes.

use std::time::Duration;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;
const DAY_S: u64 = 24 * HOUR_S;

/// For how long a mailbox keeps a box. The shorter class is the smaller one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TtlClass {
    /// Five minutes, the shortest.
    Minutes5,
    /// A quarter of an hour.
    Minutes15,
    /// One hour.
    Hour,
    /// Four hours.
    Hours4,
    /// Half a day.
    Hours12,
    /// One day.
    Day,
    /// Three days.
    Days3,
    /// Seven days.
    Week,
    /// Fourteen days, the longest.
    Fortnight,
}

impl TtlClass {
    /// Every class, the shortest first.
    pub const ALL: [Self; 9] = [
        Self::Minutes5,
        Self::Minutes15,
        Self::Hour,
        Self::Hours4,
        Self::Hours12,
        Self::Day,
        Self::Days3,
        Self::Week,
        Self::Fortnight,
    ];

    /// The longest class that is over once `remaining` is; none if even the shortest is not. For a box whose content
    /// has a time to live of its own.
    #[must_use]
    pub fn within(remaining: Duration) -> Option<Self> {
        Self::ALL.into_iter().rev().find(|class| class.duration() <= remaining)
    }

    /// The time from storing to removal.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minutes5 => 5 * MINUTE_S,
            Self::Minutes15 => 15 * MINUTE_S,
            Self::Hour => HOUR_S,
            Self::Hours4 => 4 * HOUR_S,
            Self::Hours12 => 12 * HOUR_S,
            Self::Day => DAY_S,
            Self::Days3 => 3 * DAY_S,
            Self::Week => 7 * DAY_S,
            Self::Fortnight => 14 * DAY_S,
        })
    }

    /// The class's number in a command: 1 to 9. A number keeps its meaning; further classes get further numbers.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::Day => 1,
            Self::Week => 2,
            Self::Fortnight => 3,
            Self::Minutes5 => 4,
            Self::Minutes15 => 5,
            Self::Hour => 6,
            Self::Hours4 => 7,
            Self::Hours12 => 8,
            Self::Days3 => 9,
        }
    }

    /// The class with this number.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Day),
            2 => Some(Self::Week),
            3 => Some(Self::Fortnight),
            4 => Some(Self::Minutes5),
            5 => Some(Self::Minutes15),
            6 => Some(Self::Hour),
            7 => Some(Self::Hours4),
            8 => Some(Self::Hours12),
            9 => Some(Self::Days3),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Number, class and length in seconds, as they stand in `docs/spec/mailbox.md`.
    const TABLE: [(u8, TtlClass, u64); 9] = [
        (1, TtlClass::Day, 86_400),
        (2, TtlClass::Week, 604_800),
        (3, TtlClass::Fortnight, 1_209_600),
        (4, TtlClass::Minutes5, 300),
        (5, TtlClass::Minutes15, 900),
        (6, TtlClass::Hour, 3600),
        (7, TtlClass::Hours4, 14_400),
        (8, TtlClass::Hours12, 43_200),
        (9, TtlClass::Days3, 259_200),
    ];

    /// What `within` means, by the table: the longest that fits.
    fn longest(remaining: Duration) -> Option<TtlClass> {
        let fits = |(_, _, seconds): &&(u8, TtlClass, u64)| Duration::from_secs(*seconds) <= remaining;
        TABLE.iter().filter(fits).max_by_key(|(_, _, seconds)| *seconds).map(|(_, class, _)| *class)
    }

    #[test]
    fn every_class_has_one_number_and_one_length() {
        for (byte, class, seconds) in TABLE {
            assert_eq!(TtlClass::from_byte(byte), Some(class));
            assert_eq!(class.to_byte(), byte);
            assert_eq!(class.duration(), Duration::from_secs(seconds));
        }
        assert_eq!((0..=u8::MAX).filter_map(TtlClass::from_byte).count(), TABLE.len());
    }

    #[test]
    fn the_list_has_every_class_once_and_grows() {
        let mut by_length = TABLE;
        by_length.sort_by_key(|(_, _, seconds)| *seconds);
        assert_eq!(TtlClass::ALL, by_length.map(|(_, class, _)| class));
        assert!(TtlClass::ALL.is_sorted(), "the shorter class is the smaller one");
    }

    #[test]
    fn a_class_fits_from_its_own_length_on_and_no_sooner() {
        let moment = Duration::from_nanos(1);
        let mut shorter = None;
        for class in TtlClass::ALL {
            assert_eq!(TtlClass::within(class.duration() - moment), shorter, "{class:?}");
            assert_eq!(TtlClass::within(class.duration()), Some(class));
            assert_eq!(TtlClass::within(class.duration() + moment), Some(class));
            shorter = Some(class);
        }
        assert_eq!(TtlClass::within(Duration::ZERO), None);
        assert_eq!(TtlClass::within(Duration::MAX), Some(TtlClass::Fortnight));
    }

    proptest! {
        #[test]
        fn the_class_within_a_time_is_the_longest_of_the_table_that_fits(
            // Seconds up to beyond the longest class, and up to beyond the shortest ones, where most edges are.
            seconds in prop_oneof![0_u64..1_300_000, 0_u64..20_000], nanos in 0_u32..1_000_000_000
        ) {
            let remaining = Duration::new(seconds, nanos);
            prop_assert_eq!(TtlClass::within(remaining), longest(remaining));
        }
    }
}
