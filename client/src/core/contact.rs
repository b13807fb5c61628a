//! One contact as it is kept: name, how it came about, and the two streams.
//!
//! What is being read and what waits to be written are in [`super::inbox`] and [`super::outbox`].

use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::boxes::{ReadCap, WriteCap};
use sotto_protocol::codec;
use sotto_protocol::time::Timestamp;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::error::EngineError;
use super::id::ContactId;
use super::invite::Invite;
use super::limits::NAME_CHARS_MAX;
use super::view::ContactState;
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Who made the invitation. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Side {
    /// We did.
    Inviter,
    /// The other side did.
    Joiner,
}

/// How far the acquaintance is. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Standing {
    /// Nothing known of the other side.
    Pending,
    /// Met.
    Established,
    /// Somebody else took up the invitation.
    Taken,
}

/// A contact's record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) name: String,
    pub(crate) side: Side,
    pub(crate) standing: Standing,
    /// By which the invitation is recognised; its secret is not kept.
    pub(crate) invite_tag: [u8; 16],
    pub(crate) expires: Timestamp,
    /// The last message that the user has seen.
    pub(crate) seen_seq: u64,
}

impl Contact {
    /// A new contact from an invitation.
    pub(crate) fn new(id: ContactId, name: &str, side: Side, invite: &Invite) -> Self {
        Self {
            id,
            name: name.to_owned(),
            side,
            standing: Standing::Pending,
            invite_tag: invite.tag(),
            expires: invite.expires(),
            seen_seq: 0,
        }
    }

    /// How far it is at this moment.
    pub(crate) fn state(&self, now: Timestamp) -> ContactState {
        match self.standing {
            Standing::Established => ContactState::Established,
            Standing::Taken => ContactState::Taken,
            Standing::Pending if now >= self.expires => ContactState::Expired,
            Standing::Pending => ContactState::Pending,
        }
    }

    /// Whether its stream is read and boxes to it are sent.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        matches!(self.state(now), ContactState::Pending | ContactState::Established)
    }

    /// The change that keeps it.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        let key = RecordKey { kind: RecordKind::Contact, id: *self.id.as_bytes() };
        Ok(Change::Put { key, value: record::encode(self)? })
    }
}

/// Checks a name that a user gives.
pub(crate) fn check_name(name: &str) -> Result<(), EngineError> {
    let chars = name.chars().count();
    let valid = (1..=NAME_CHARS_MAX).contains(&chars)
        && name.trim() == name
        && !name.chars().any(|c| c.is_control() || is_invisible(c));
    if valid { Ok(()) } else { Err(EngineError::NameInvalid) }
}

/// Characters that reorder or hide others, so that two names could look alike.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The streams shared with a contact: ours to write, theirs to read. `Debug` shows their positions only.
pub(crate) struct Streams {
    pub(crate) write: WriteCap,
    pub(crate) read: ReadCap,
}

/// The record of the streams: the capabilities as they serialize themselves.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct StreamRecord {
    #[serde(with = "codec::bytes")]
    write: Vec<u8>,
    #[serde(with = "codec::bytes")]
    read: Vec<u8>,
}

impl Streams {
    /// At the start of both streams of an invitation.
    pub(crate) fn new(invite: &Invite, side: Side) -> Self {
        let inviter = WriteCap::from_seed(&invite.inviter_seed());
        let joiner = WriteCap::from_seed(&invite.joiner_seed());
        match side {
            Side::Inviter => Self { read: joiner.read_cap(), write: inviter },
            Side::Joiner => Self { read: inviter.read_cap(), write: joiner },
        }
    }

    /// From its record.
    pub(crate) fn from_record(value: &[u8]) -> Result<Self, StoreError> {
        let kept: StreamRecord = record::decode(value)?;
        let damaged = |error| StoreError::Damaged(format!("a stream: {error}"));
        Ok(Self {
            write: WriteCap::from_bytes(&kept.write).map_err(damaged)?,
            read: ReadCap::from_bytes(&kept.read).map_err(damaged)?,
        })
    }

    /// The change that keeps both.
    pub(crate) fn put(contact: ContactId, write: &WriteCap, read: &ReadCap) -> Result<Change, StoreError> {
        let kept = StreamRecord { write: write.to_bytes().to_vec(), read: read.to_bytes().to_vec() };
        let key = RecordKey { kind: RecordKind::Stream, id: *contact.as_bytes() };
        Ok(Change::Put { key, value: record::encode(&kept)? })
    }

    /// A copy of the write capability, to seal with before it is known whether the result can be kept.
    pub(crate) fn writer(&self) -> Result<WriteCap, EngineError> {
        WriteCap::from_bytes(self.write.to_bytes().as_slice())
            .map_err(|error| EngineError::Seal(error.to_string()))
    }
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Streams({:?}, {:?})", self.write, self.read)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn invite() -> Invite {
        let now = Timestamp::from_millis(1_800_000_000_000);
        Invite::generate(now, Duration::from_secs(60), &mut ChaCha20Rng::seed_from_u64(1)).unwrap()
    }

    #[test]
    fn what_one_side_writes_the_other_reads() {
        let inviter = Streams::new(&invite(), Side::Inviter);
        let joiner = Streams::new(&invite(), Side::Joiner);
        assert_eq!(inviter.write.next_id(), joiner.read.next_id());
        assert_eq!(joiner.write.next_id(), inviter.read.next_id());
        assert_ne!(inviter.write.next_id(), joiner.write.next_id());
    }

    #[test]
    fn streams_survive_their_record() {
        let streams = Streams::new(&invite(), Side::Inviter);
        let change = Streams::put(ContactId::from_bytes([1; 16]), &streams.write, &streams.read).unwrap();
        let Change::Put { value, .. } = change else { panic!("a stream is put") };
        let read = Streams::from_record(&value).unwrap();
        assert_eq!(read.write.next_id(), streams.write.next_id());
        assert_eq!(read.read.next_id(), streams.read.next_id());
        assert_eq!(Streams::from_record(&value[..40]).unwrap_err().label(), "store-damaged");
    }

    #[test]
    fn debug_shows_positions_only() {
        let streams = Streams::new(&invite(), Side::Inviter);
        insta::assert_snapshot!(format!("{streams:?}"), @"Streams(WriteCap(index 0, [scrubbed]), ReadCap(index 0, [scrubbed]))");
    }

    #[test]
    fn a_name_is_short_and_visible() {
        for good in ["Bob", "Zoë Müller", "李", &"x".repeat(64)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["", " Bob", "Bob ", "a\nb", "a\u{1b}[2J", "a\u{202e}b", "a\u{200b}", &"x".repeat(65)] {
            assert_eq!(check_name(bad).unwrap_err().label(), "name-invalid", "{bad:?}");
        }
    }

    #[test]
    fn a_pending_contact_expires_and_an_established_one_does_not() {
        let mut contact = Contact::new(ContactId::from_bytes([1; 16]), "Bob", Side::Inviter, &invite());
        let before = contact.expires - Duration::from_micros(1);
        assert_eq!(contact.state(before), ContactState::Pending);
        assert_eq!(contact.state(contact.expires), ContactState::Expired);
        assert!(contact.is_live(before) && !contact.is_live(contact.expires));
        contact.standing = Standing::Established;
        assert_eq!(contact.state(contact.expires), ContactState::Established);
    }
}
