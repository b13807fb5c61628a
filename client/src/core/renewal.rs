//! Keys of ours that are to begin a new session with somebody we know, as they are kept.
//!
//! What is done with them is in [`super::renewing`].

use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_protocol::codec;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::id::ContactId;
use crate::session::{Occasion, Offer};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// What the other side has to know of the old session. The first byte of the box that the keys lie in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[repr(u8)]
pub(crate) enum Before {
    /// It is there, and is read to its end.
    Kept = 1,
    /// It is lost: this side was restored from a backup.
    Lost = 2,
}

/// Keys that are laid out until they are answered. `Debug` shows none of them.
#[derive(Clone)]
pub(crate) struct Renewal {
    pub(crate) offer: Offer,
    pub(crate) before: Before,
    /// The period in which they were laid out last; none if they are to be.
    pub(crate) laid_out: Option<u64>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct RenewalRecord {
    #[serde(with = "codec::bytes")]
    offer: Vec<u8>,
    #[zeroize(skip)]
    before: Before,
    laid_out: Option<u64>,
}

impl Renewal {
    /// Keys that have not been laid out yet.
    pub(crate) const fn new(offer: Offer, before: Before) -> Self {
        Self { offer, before, laid_out: None }
    }

    /// The keys as the other side reads them.
    pub(crate) fn bundle(&self) -> Vec<u8> {
        self.offer.bundle(Occasion::Rekey)
    }

    /// The text of the box that they lie in: `before (1) || bundle`.
    pub(crate) fn text(&self) -> Vec<u8> {
        [&[self.before as u8], self.bundle().as_slice()].concat()
    }

    /// What such a text says. An answer's content begins in the same way.
    pub(crate) fn parse(text: &[u8]) -> Option<(Before, &[u8])> {
        let (before, bundle) = text.split_first()?;
        let before = match before {
            1 => Before::Kept,
            2 => Before::Lost,
            _ => return None,
        };
        Some((before, bundle))
    }

    /// From its record.
    pub(crate) fn from_record(value: &[u8]) -> Result<Self, StoreError> {
        let kept: RenewalRecord = record::decode(value)?;
        let offer = Offer::from_bytes(&kept.offer)
            .map_err(|refusal| StoreError::Damaged(format!("keys of a new session: {refusal}")))?;
        Ok(Self { offer, before: kept.before, laid_out: kept.laid_out })
    }

    /// The change that keeps it, or forgets it.
    pub(crate) fn change(renewal: Option<&Self>, contact: ContactId) -> Result<Change, StoreError> {
        let key = RecordKey { kind: RecordKind::Renewal, id: *contact.as_bytes() };
        let Some(Self { offer, before, laid_out }) = renewal else { return Ok(Change::Delete { key }) };
        let kept = RenewalRecord { offer: offer.to_bytes().to_vec(), before: *before, laid_out: *laid_out };
        Ok(Change::Put { key, value: record::encode(&kept)? })
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Renewal({:?}, laid out {:?}, [scrubbed])", self.before, self.laid_out)
    }
}
