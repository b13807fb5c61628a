//! The state of a conversation on one side, and what callers see of it.

use std::fmt;

use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::super::dh::{Point, Scalar};
use super::super::identity::IdentityPublic;
use super::super::policy::KemPolicy;
use super::super::secret::{Secret, StreamSeed};
use super::chain::Chain;
use super::exchange::Kem;
use super::skipped::Skipped;

/// Which side of the handshake this one was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Role {
    /// It answered the offer.
    Initiator,
    /// It made the offer.
    Responder,
}

impl Role {
    /// Its number in key derivations and saved states.
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Initiator => 1,
            Self::Responder => 2,
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }

    /// Whether this side asks for the KEM exchange of this number.
    pub(super) const fn asks(self, number: u32) -> bool {
        matches!((self, number % 2), (Self::Initiator, 1) | (Self::Responder, 0))
    }
}

/// Who talks, and what every envelope of theirs is bound to.
#[derive(Clone)]
pub(in super::super) struct Parties {
    pub(in super::super) role: Role,
    pub(in super::super) local: IdentityPublic,
    pub(in super::super) remote: IdentityPublic,
    /// The hash that is part of every envelope's associated data.
    pub(in super::super) associated: [u8; 32],
}

/// Whose latest chain is the later one.
#[derive(Clone)]
pub(super) enum Turn {
    /// The other side's: the next envelope that this side seals begins a chain.
    Ours {
        /// How many envelopes this side's last chain has.
        sent: u32,
    },
    /// This side's: its next envelopes go on in it.
    Theirs {
        /// The secret of the chain's ratchet key: the other side's next chain is agreed upon with it.
        secret: Scalar,
        chain: Chain,
        /// How many envelopes the chain before has.
        previous: u32,
        epoch: u32,
    },
}

/// A conversation. `Debug` shows counts only; dropped, it is wiped.
#[derive(Clone)]
pub struct Session {
    pub(super) parties: Parties,
    pub(super) policy: KemPolicy,
    pub(super) root: Secret<32>,
    pub(super) turn: Turn,
    /// This side's last ratchet key, known by it if an envelope comes back.
    pub(super) local_key: Point,
    /// The other side's latest ratchet key.
    pub(super) remote_key: Point,
    /// The other side's latest chain; none before it has begun one.
    pub(super) receiving: Option<Chain>,
    pub(super) kem: Kem,
    pub(super) skipped: Skipped,
}

/// An envelope to send.
pub struct Sealed {
    /// What goes into one box.
    pub envelope: Vec<u8>,
    /// If it began a chain: the stream for all later envelopes. This one still goes into the present stream.
    pub next_stream: Option<StreamSeed>,
}

/// What was in an envelope.
pub struct Opened {
    /// Something for the person; none if it was a KEM message, which is dealt with.
    pub content: Option<Zeroizing<Vec<u8>>>,
    /// If it began a chain: the stream where the other side's later envelopes are.
    pub next_stream: Option<StreamSeed>,
}

impl Session {
    /// Forgets keys of skipped messages that are too old. Says how many messages cannot be opened any more
    /// since it was asked last: those too old, and those pushed out by later ones.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        self.skipped.expire(now)
    }

    /// This side's identity.
    #[must_use]
    pub const fn local_identity(&self) -> IdentityPublic {
        self.parties.local
    }

    /// The other side's identity.
    #[must_use]
    pub const fn remote_identity(&self) -> IdentityPublic {
        self.parties.remote
    }

    /// How many KEM exchanges are complete.
    #[must_use]
    pub const fn kem_epoch(&self) -> u32 {
        self.kem.completed
    }

    /// The number of the next envelope in its chain; 0 if it begins one.
    #[must_use]
    pub const fn next_number(&self) -> u32 {
        match &self.turn {
            Turn::Ours { .. } => 0,
            Turn::Theirs { chain, .. } => chain.next,
        }
    }

    /// Whether [`Self::seal_control`] has something to send.
    #[must_use]
    pub fn control_due(&self, now: Timestamp) -> bool {
        self.kem.is_due(&self.policy, now)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (role, epoch, skipped) = (self.parties.role, self.kem.completed, self.skipped.keys.len());
        write!(f, "Session({role:?}, KEM epoch {epoch}, {skipped} skipped, [scrubbed])")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = if self.next_stream.is_some() { ", begins a chain" } else { "" };
        write!(f, "Sealed({} bytes{chain}, [scrubbed])", self.envelope.len())
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.content.is_some() { "content" } else { "control" };
        let chain = if self.next_stream.is_some() { ", begins a chain" } else { "" };
        write!(f, "Opened({what}{chain}, [scrubbed])")
    }
}
