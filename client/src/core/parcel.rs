//! What goes to a mailbox, and what for.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone};
use sotto_protocol::codec;
use sotto_protocol::mailbox::{Command, TtlClass};
use sotto_protocol::sphinx::Surb;

use super::id::MessageId;

/// What a box is for: it decides what is done when it is stored, or when another box lies in its place. The numbers
/// are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Purpose {
    /// A part of a message.
    Message(MessageId),
    /// The keys that an invitation is answered with.
    Bundle,
    /// Our answer to an invitation.
    Answer,
    /// A step of the ratchet's key encapsulation, in a slot that would have carried a decoy.
    Control,
    /// A tombstone for a bundle that was withdrawn.
    Withdrawal,
    /// The keys with which a lost session is made anew.
    RekeyBundle,
    /// Our answer to such keys.
    RekeyAnswer,
    /// The keys of a contact address.
    AddressBundle,
    /// Our request to a contact address.
    Request,
    /// The first box to somebody whose request was accepted.
    Welcome,
    /// A report on letters, in a slot that would have carried a decoy.
    Report,
    /// The tombstone of a box that has run out, of this message if it was a part of one: whoever has not read it gets past its
    /// place.
    RunOut(Option<MessageId>),
    /// A box without content that goes ahead of a message which runs out, and does not run out itself. It is no part of the
    /// message: that it is stored says nothing of that.
    Ahead,
}

impl Purpose {
    /// Whether somebody waits for it.
    pub(crate) const fn is_urgent(self) -> bool {
        !matches!(self, Self::Control | Self::Report | Self::RunOut(_))
    }
}

/// A box, or the tombstone of one.
#[derive(Clone)]
pub(crate) enum Parcel {
    Sealed(SealedBox),
    Tombstone(Tombstone),
}

impl Parcel {
    /// The name of the box.
    pub(crate) const fn id(&self) -> &BoxId {
        match self {
            Self::Sealed(sealed) => sealed.id(),
            Self::Tombstone(tombstone) => tombstone.id(),
        }
    }

    /// What a mailbox is told to do with it.
    pub(crate) fn command(&self, surb: Surb, ttl: TtlClass) -> Command {
        match self {
            Self::Sealed(sealed) => Command::Write { surb, ttl, sealed: sealed.clone() },
            Self::Tombstone(tombstone) => Command::Tombstone { surb, tombstone: tombstone.clone() },
        }
    }
}

/// The bytes of a parcel: a byte that tells which of the two follows.
#[derive(Serialize, Deserialize)]
struct Bytes(#[serde(with = "codec::bytes")] Vec<u8>);

const SEALED: u8 = 1;
const TOMBSTONE: u8 = 2;

impl Serialize for Parcel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = match self {
            Self::Sealed(sealed) => [&[SEALED], sealed.to_bytes().as_slice()].concat(),
            Self::Tombstone(tombstone) => [&[TOMBSTONE], tombstone.to_bytes().as_slice()].concat(),
        };
        Bytes(bytes).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Parcel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Bytes(bytes) = Bytes::deserialize(deserializer)?;
        match bytes.split_first() {
            Some((&SEALED, rest)) => SealedBox::from_bytes(rest).map(Self::Sealed).map_err(D::Error::custom),
            Some((&TOMBSTONE, rest)) => {
                Tombstone::from_bytes(rest).map(Self::Tombstone).map_err(D::Error::custom)
            }
            _ => Err(D::Error::custom("neither a box nor a tombstone")),
        }
    }
}
