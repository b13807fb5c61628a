//! What is looked at beside the streams of people: places where keys or requests may be laid out.
//!
//! Watches are in memory only. Which there are follows from what is kept, and what was found in one before is recognised
//! by its tag.

use std::time::Duration;

use sotto_protocol::time::Timestamp;

use super::id::ContactId;
use super::inbox::Inbox;
use super::limits::{WATCH_INTERVAL, WATCH_INTERVAL_PAST};
use super::stream::Reader;

/// What is looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Sight {
    /// Keys by which a contact wants to make the session anew.
    RekeyBundles { period: u64, is_past: bool },
    /// The first free place for our own keys.
    RekeyEnd { period: u64 },
    /// The answer to our keys, which have this tag.
    RekeyAnswer { tag: [u8; 16] },
    /// Requests to an address of ours.
    Requests { period: u64, is_past: bool },
    /// The first free place for the keys of an address of ours.
    AddressEnd { period: u64 },
    /// The keys of an address that we ask at.
    AddressBundles { period: u64 },
}

impl Sight {
    /// Whether somebody waits for it. Else it takes slots that would have carried decoys.
    pub(crate) const fn is_urgent(self) -> bool {
        !matches!(self, Self::RekeyBundles { .. } | Self::Requests { is_past: true, .. })
    }

    /// The pause between two looks.
    pub(crate) const fn interval(self) -> Duration {
        match self {
            Self::RekeyBundles { is_past: false, .. } | Self::Requests { is_past: false, .. } => {
                WATCH_INTERVAL
            }
            Self::RekeyBundles { .. } | Self::Requests { .. } => WATCH_INTERVAL_PAST,
            _ => Duration::ZERO,
        }
    }
}

/// One place, and what is read there.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The contact, or the address, for whose sake.
    pub(crate) owner: ContactId,
    pub(crate) sight: Sight,
    pub(crate) read: Reader,
    pub(crate) inbox: Inbox,
    /// No look before this moment.
    pub(crate) not_before: Timestamp,
    /// Whether what was found there last has not been looked at.
    pub(crate) is_new: bool,
}

impl Watch {
    pub(crate) fn new(owner: ContactId, sight: Sight, read: Reader) -> Self {
        let not_before = Timestamp::from_micros(0);
        Self { owner, sight, read, inbox: Inbox::default(), not_before, is_new: true }
    }

    /// Goes on to the next box.
    pub(crate) fn advance(&mut self) {
        self.read.advance();
        self.inbox.advance_to(self.read.index());
        self.is_new = true;
    }
}
