//! One contact as it is kept: name, how it came about, how far it is, whether it was verified, and what the user wants
//! to hear of it.
//!
//! Its keys are in [`super::bond`], the way to it in [`super::link`], what is being read and what waits to be written
//! in [`super::inbox`] and [`super::outbox`].

use serde::{Deserialize, Serialize};
use sotto_protocol::time::Timestamp;

use super::error::EngineError;
use super::id::ContactId;
use super::limits::NAME_CHARS_MAX;
use super::notes::NOTES_NAME;
use super::trust::Trust;
use super::view::ContactState;
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// How the acquaintance came about. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Side {
    /// We made an invitation.
    Inviter,
    /// The other side made one.
    Joiner,
    /// We asked at the other side's contact address.
    Requester,
    /// The other side asked at ours.
    Host,
    /// There is no other side: these are the user's own notes.
    Notes,
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
    /// The invitation was withdrawn by who made it.
    Revoked,
    /// What was found in the place of the bundle or the answer cannot be used.
    Spoiled,
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
    /// Whether the user has made sure whose key it is.
    pub(crate) trust: Trust,
    /// Whether its messages are left out where nobody has asked for them.
    pub(crate) muted: bool,
    /// Whether its streams are left alone: nothing is read of it and nothing is written to it.
    pub(crate) blocked: bool,
}

impl Contact {
    /// A new contact that nothing is known of yet.
    pub(crate) fn new(
        id: ContactId,
        name: &str,
        side: Side,
        invite_tag: [u8; 16],
        expires: Timestamp,
    ) -> Self {
        let name = name.to_owned();
        let (standing, trust) = (Standing::Pending, Trust::Unverified);
        let (muted, blocked) = (false, false);
        Self { id, name, side, standing, invite_tag, expires, seen_seq: 0, trust, muted, blocked }
    }

    /// How far it is at this moment.
    pub(crate) fn state(&self, now: Timestamp) -> ContactState {
        match self.standing {
            _ if self.is_notes() => ContactState::Notes,
            Standing::Established => ContactState::Established,
            Standing::Taken => ContactState::Taken,
            Standing::Revoked => ContactState::Revoked,
            Standing::Spoiled => ContactState::Spoiled,
            Standing::Pending if now >= self.expires => ContactState::Expired,
            Standing::Pending => ContactState::Pending,
        }
    }

    /// Whether something has come of it or still can.
    pub(crate) fn is_live(&self, now: Timestamp) -> bool {
        matches!(self.state(now), ContactState::Pending | ContactState::Established)
    }

    /// Whether its streams are read and boxes to it are sent.
    pub(crate) fn is_served(&self, now: Timestamp) -> bool {
        self.is_live(now) && !self.blocked
    }

    /// Whether it is no person, but the user's own notes.
    pub(crate) const fn is_notes(&self) -> bool {
        matches!(self.side, Side::Notes)
    }

    /// Whether it is waited for, and not in vain.
    pub(crate) fn is_pending(&self, now: Timestamp) -> bool {
        self.state(now) == ContactState::Pending
    }

    /// The change that keeps it.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        let key = RecordKey { kind: RecordKind::Contact, id: *self.id.as_bytes() };
        Ok(Change::Put { key, value: record::encode(self)? })
    }
}

/// Checks a name that a user gives to a person: one that [`check_name`] admits and that is not the notes'.
pub(crate) fn check_person_name(name: &str) -> Result<(), EngineError> {
    check_name(name)?;
    if name.to_lowercase() == NOTES_NAME { Err(EngineError::NameReserved) } else { Ok(()) }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

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
    fn nobody_can_be_called_as_the_notes_are() {
        for taken in ["notes", "Notes", "NOTES"] {
            assert_eq!(check_person_name(taken).unwrap_err().label(), "name-reserved", "{taken}");
        }
        assert_eq!(check_person_name("notes of Bob"), Ok(()));
        assert_eq!(check_person_name(" notes").unwrap_err().label(), "name-invalid");
    }

    #[test]
    fn a_pending_contact_expires_and_an_established_one_does_not() {
        let mut contact = Contact::new(
            ContactId::from_bytes([1; 16]),
            "Bob",
            Side::Inviter,
            [0; 16],
            Timestamp::from_millis(1_800_000_000_000),
        );
        let before = contact.expires - Duration::from_micros(1);
        assert_eq!(contact.state(before), ContactState::Pending);
        assert_eq!(contact.state(contact.expires), ContactState::Expired);
        assert!(contact.is_live(before) && !contact.is_live(contact.expires));
        contact.blocked = true;
        assert!(contact.is_live(before) && !contact.is_served(before));
        contact.standing = Standing::Established;
        assert_eq!(contact.state(contact.expires), ContactState::Established);
    }
}
