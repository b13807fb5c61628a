//! What may replace what under one id. The first write stands; only a tombstone replaces it.
//!
//! ```text
//!              nothing or expired   the same box     another box   a tombstone
//! write        Stored *             AlreadyStored    Conflict      Conflict
//! tombstone    Stored *             Stored           Stored        AlreadyStored
//! read         NotFound             Found            Found         Tombstoned
//!
//! *  QuotaFull when the id is new and the store is full
//! ```
//!
//! Pure: no storage, no clock. Signatures were checked before: a tombstone that arrives here was
//! signed under the key that the id is, the same key as the box's.

use sotto_protocol::boxes::{SealedBox, Tombstone};
use sotto_protocol::time::Timestamp;

use super::{StoreOp, StoreResult};

/// What is held under an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A box.
    Box(SealedBox),
    /// What replaced it.
    Tombstone(Tombstone),
}

/// Something held, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// From this moment on the record counts as absent.
    pub expires: Timestamp,
    /// The box or tombstone.
    pub content: Content,
}

/// What an operation comes to: the result to report, and the record to put under the id, if it changes.
#[must_use]
pub fn decide(
    op: &StoreOp,
    held: Option<&Record>,
    now: Timestamp,
    has_room: bool,
) -> (StoreResult, Option<Record>) {
    let live = held.filter(|record| record.expires > now).map(|record| &record.content);
    // A record in place, expired or not, is replaced and takes no further room.
    let admits = has_room || held.is_some();
    match (op, live) {
        (StoreOp::Read { .. }, None) => (StoreResult::NotFound, None),
        (StoreOp::Read { .. }, Some(Content::Box(sealed))) => (StoreResult::Found(sealed.clone()), None),
        (StoreOp::Read { .. }, Some(Content::Tombstone(tombstone))) => {
            (StoreResult::Tombstoned(tombstone.clone()), None)
        }
        (StoreOp::Write { sealed, .. }, Some(Content::Box(first))) if first == sealed => {
            (StoreResult::AlreadyStored, None)
        }
        (StoreOp::Write { .. }, Some(_)) => (StoreResult::Conflict, None),
        (StoreOp::Tombstone { .. }, Some(Content::Tombstone(_))) => (StoreResult::AlreadyStored, None),
        (StoreOp::Write { .. } | StoreOp::Tombstone { .. }, None) if !admits => {
            (StoreResult::QuotaFull, None)
        }
        (StoreOp::Write { sealed, expires }, None) => {
            (StoreResult::Stored, Some(Record { expires: *expires, content: Content::Box(sealed.clone()) }))
        }
        (StoreOp::Tombstone { tombstone, expires }, _) => (
            StoreResult::Stored,
            Some(Record { expires: *expires, content: Content::Tombstone(tombstone.clone()) }),
        ),
    }
}
