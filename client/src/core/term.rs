//! For how long, or from when on, a parcel goes to its mailboxes.
//!
//! What a box holds may have a time to live of its own. No mailbox is asked to keep the box for longer than is left of it;
//! once no class of time to live fits, the box goes nowhere any more. Its reader, who takes boxes in their order,
//! would wait at its place for ever, so a tombstone that was made along with it takes its place. Who decides on the time to
//! live is deliberately not here, nor what a reader makes of the tombstone.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sotto_protocol::boxes::Tombstone;
use sotto_protocol::codec;
use sotto_protocol::mailbox::TtlClass;
use sotto_protocol::time::Timestamp;

use crate::store::StoreError;

/// When a parcel goes. `Debug` shows times only.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Term {
    /// Until it is stored.
    Open,
    /// A box whose content ceases to exist.
    Until {
        /// When it does.
        end: Timestamp,
        /// What takes the box's place then. The stream's writer cannot make it later.
        tombstone: Tombstone,
    },
    /// A tombstone, when no mailbox has the box any more that it replaces.
    From(Timestamp),
}

impl Term {
    /// For how long a mailbox that is written to at this moment is asked to keep the parcel; none if it does not go.
    /// `travel` is how long a packet is on its way at most.
    pub(crate) fn class(&self, now: Timestamp, travel: Duration) -> Option<TtlClass> {
        match self {
            Self::Open => Some(TtlClass::Fortnight),
            Self::Until { end, .. } => TtlClass::within(end.since(now + travel)),
            Self::From(start) => (*start <= now).then_some(TtlClass::Fortnight),
        }
    }

    /// Whether the content ceases to exist too soon for any mailbox.
    pub(crate) fn is_over(&self, now: Timestamp, travel: Duration) -> bool {
        matches!(self, Self::Until { .. }) && self.class(now, travel).is_none()
    }

    /// Whether it is a tombstone that takes the place of a box that ran out.
    pub(crate) const fn is_late(&self) -> bool {
        matches!(self, Self::From(_))
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("Open"),
            Self::Until { end, .. } => write!(f, "Until({end:?}, [scrubbed])"),
            Self::From(start) => write!(f, "From({start:?})"),
        }
    }
}

/// A term as it is kept. The numbers are on disk: append only.
#[derive(Serialize, Deserialize)]
pub(crate) enum TermRecord {
    Open,
    Until {
        end: Timestamp,
        #[serde(with = "codec::bytes")]
        tombstone: Vec<u8>,
    },
    From(Timestamp),
}

impl From<&Term> for TermRecord {
    fn from(term: &Term) -> Self {
        match term {
            Term::Open => Self::Open,
            Term::Until { end, tombstone } => {
                Self::Until { end: *end, tombstone: tombstone.to_bytes().to_vec() }
            }
            Term::From(start) => Self::From(*start),
        }
    }
}

impl TryFrom<TermRecord> for Term {
    type Error = StoreError;

    fn try_from(kept: TermRecord) -> Result<Self, StoreError> {
        Ok(match kept {
            TermRecord::Open => Self::Open,
            TermRecord::Until { end, tombstone } => {
                let tombstone = Tombstone::from_bytes(&tombstone)
                    .map_err(|refusal| StoreError::Damaged(format!("a tombstone: {refusal}")))?;
                Self::Until { end, tombstone }
            }
            TermRecord::From(start) => Self::From(start),
        })
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::boxes::WriteCap;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);
    const TRAVEL: Duration = Duration::from_secs(60);
    const MOMENT: Duration = Duration::from_micros(1);

    fn until(end: Timestamp) -> Term {
        Term::Until { end, tombstone: WriteCap::from_seed(&[1; 32]).tombstone_next() }
    }

    #[test]
    fn what_ends_is_kept_nowhere_beyond_its_end_even_if_it_arrives_late() {
        for class in TtlClass::ALL {
            let end = NOW + TRAVEL + class.duration();
            assert_eq!(until(end).class(NOW, TRAVEL), Some(class));
            let later = until(end).class(NOW + MOMENT, TRAVEL);
            assert!(later < Some(class), "{class:?}");
            for now in [NOW, NOW + MOMENT, end - class.duration(), end - MOMENT] {
                let kept = until(end).class(now, TRAVEL).map_or(Duration::ZERO, TtlClass::duration);
                assert!(now + TRAVEL + kept <= end || kept.is_zero());
            }
        }
    }

    #[test]
    fn a_box_is_over_once_no_class_fits_and_nothing_else_ever_is() {
        let shortest = TtlClass::Minutes5.duration();
        let end = NOW + TRAVEL + shortest;
        assert!(!until(end).is_over(NOW, TRAVEL));
        assert!(until(end).is_over(NOW + MOMENT, TRAVEL));
        assert!(until(end).is_over(end + shortest, TRAVEL), "after its end as well");
        assert_eq!(until(end).class(Timestamp::NEVER, TRAVEL), None);
        for term in [Term::Open, Term::From(NOW)] {
            assert!(!term.is_over(NOW - MOMENT, TRAVEL) && !term.is_over(Timestamp::NEVER, TRAVEL));
        }
    }

    #[test]
    fn a_late_tombstone_goes_from_its_time_on_and_stays_for_as_long_as_any() {
        assert_eq!(Term::From(NOW).class(NOW - MOMENT, TRAVEL), None);
        assert_eq!(Term::From(NOW).class(NOW, TRAVEL), Some(TtlClass::Fortnight));
        assert_eq!(Term::Open.class(NOW, TRAVEL), Some(TtlClass::Fortnight));
    }

    #[test]
    fn terms_are_kept_and_a_damaged_one_is_refused() {
        for term in [Term::Open, until(NOW), Term::From(NOW)] {
            assert_eq!(Term::try_from(TermRecord::from(&term)), Ok(term));
        }
        let short = TermRecord::Until { end: NOW, tombstone: vec![1; 95] };
        assert_eq!(Term::try_from(short).unwrap_err().label(), "store-damaged");
        insta::assert_snapshot!(format!("{:?}", until(Timestamp::from_micros(7))), @"Until(0.000007s, [scrubbed])");
    }
}
