//! How far the way to a contact is: a bundle laid out, a bundle awaited, a session, or nothing.
//!
//! A link is kept as one record, so that a session and the places in its streams never disagree. What moves it from
//! one state to the next is in [`super::meeting`]; how a session is made anew is in [`super::renewing`].

use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::boxes::TombstoneKey;
use sotto_protocol::codec;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::id::ContactId;
use super::stream::{Position, Reader, Writer};
use crate::session::{KemPolicy, Offer, Session};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Our bundle lies in the stream of an invitation; the answer is awaited.
pub(crate) struct Offered {
    pub(crate) offer: Offer,
    pub(crate) psk: Zeroizing<[u8; 32]>,
    /// Where the answer will be.
    pub(crate) read: Reader,
    /// What takes the bundle away again.
    pub(crate) withdrawal: TombstoneKey,
}

/// We have accepted an invitation; the inviter's bundle is awaited.
pub(crate) struct Answering {
    pub(crate) psk: Zeroizing<[u8; 32]>,
    /// Where the bundle will be.
    pub(crate) read: Reader,
    /// Where the answer goes.
    pub(crate) write: Writer,
}

/// There is a session.
pub(crate) struct Live {
    pub(crate) session: Session,
    pub(crate) write: Writer,
    pub(crate) read: Reader,
}

impl Live {
    /// A copy, to work on before it is known whether the result can be kept.
    pub(crate) fn draft(&self) -> Result<Self, StoreError> {
        Ok(Self { session: self.session.clone(), write: self.write.draft()?, read: self.read.clone() })
    }
}

/// The state of the way to one contact. `Debug` names it only.
pub(crate) enum Link {
    Offered(Box<Offered>),
    Answering(Box<Answering>),
    Live(Box<Live>),
    /// Nothing is read or written.
    Closed,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
enum LinkRecord {
    Offered {
        #[serde(with = "codec::bytes")]
        offer: Vec<u8>,
        psk: [u8; 32],
        read: Position,
        #[serde(with = "codec::bytes")]
        withdrawal: Vec<u8>,
    },
    Answering {
        psk: [u8; 32],
        read: Position,
        write: Position,
    },
    Live {
        #[serde(with = "codec::bytes")]
        session: Vec<u8>,
        write: Position,
        read: Position,
    },
    Closed,
}

impl Link {
    /// What is read, if anything is.
    pub(crate) const fn reader(&self) -> Option<&Reader> {
        match self {
            Self::Offered(offered) => Some(&offered.read),
            Self::Answering(answering) => Some(&answering.read),
            Self::Live(live) => Some(&live.read),
            Self::Closed => None,
        }
    }

    /// The session, if there is one.
    pub(crate) const fn live(&self) -> Option<&Live> {
        match self {
            Self::Live(live) => Some(live),
            _ => None,
        }
    }

    /// The number of the next box to be written, so that numbers go on over whatever replaces this link.
    pub(crate) const fn next_written(&self) -> u64 {
        match self {
            Self::Live(live) => live.write.index(),
            Self::Answering(answering) => answering.write.index(),
            Self::Offered(_) => 1,
            Self::Closed => 0,
        }
    }

    /// From its record.
    pub(crate) fn from_record(value: &[u8], policy: KemPolicy) -> Result<Self, StoreError> {
        let kept: LinkRecord = record::decode(value)?;
        let damaged = |what: String| StoreError::Damaged(format!("a session: {what}"));
        Ok(match &kept {
            LinkRecord::Offered { offer, psk, read, withdrawal } => Self::Offered(Box::new(Offered {
                offer: Offer::from_bytes(offer).map_err(|refusal| damaged(refusal.to_string()))?,
                psk: Zeroizing::new(*psk),
                read: Reader::from_position(read)?,
                withdrawal: TombstoneKey::from_bytes(withdrawal)
                    .map_err(|refusal| damaged(refusal.to_string()))?,
            })),
            LinkRecord::Answering { psk, read, write } => Self::Answering(Box::new(Answering {
                psk: Zeroizing::new(*psk),
                read: Reader::from_position(read)?,
                write: Writer::from_position(write)?,
            })),
            LinkRecord::Live { session, write, read } => Self::Live(Box::new(Live {
                session: Session::from_bytes(session, policy)
                    .map_err(|refusal| damaged(refusal.to_string()))?,
                write: Writer::from_position(write)?,
                read: Reader::from_position(read)?,
            })),
            LinkRecord::Closed => Self::Closed,
        })
    }

    /// The change that keeps it.
    pub(crate) fn put(&self, contact: ContactId) -> Result<Change, StoreError> {
        let kept = match self {
            Self::Offered(offered) => LinkRecord::Offered {
                offer: offered.offer.to_bytes().to_vec(),
                psk: *offered.psk,
                read: offered.read.position(),
                withdrawal: offered.withdrawal.to_bytes().to_vec(),
            },
            Self::Answering(answering) => LinkRecord::Answering {
                psk: *answering.psk,
                read: answering.read.position(),
                write: answering.write.position(),
            },
            Self::Live(live) => LinkRecord::Live {
                session: live.session.to_bytes().to_vec(),
                write: live.write.position(),
                read: live.read.position(),
            },
            Self::Closed => LinkRecord::Closed,
        };
        Ok(Change::Put { key: link_key(contact), value: record::encode(&kept)? })
    }
}

/// Where the link to a contact is kept.
pub(crate) const fn link_key(contact: ContactId) -> RecordKey {
    RecordKey { kind: RecordKind::Link, id: *contact.as_bytes() }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Offered(_) => "Offered([scrubbed])",
            Self::Answering(_) => "Answering([scrubbed])",
            Self::Live(_) => "Live([scrubbed])",
            Self::Closed => "Closed",
        })
    }
}
