//! Somebody's request to an address of this profile, as it is kept until the user decides.
//!
//! The session is there already, and nothing has been written in it; nothing is read of it before it is accepted.

use serde::{Deserialize, Serialize};

use super::bond::Bond;
use super::id::ContactId;
use super::link::Link;
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// What is shown of it, and by what it is recognised.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RequestNote {
    pub(crate) id: ContactId,
    /// The address that was asked at.
    pub(crate) address: ContactId,
    pub(crate) at_ms: u64,
    /// What the asking side wrote; may be empty.
    pub(crate) note: String,
    pub(crate) tag: [u8; 16],
}

impl RequestNote {
    /// The change that keeps it.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: request_key(self.id), value: record::encode(self)? })
    }
}

/// Where a request is kept. Link and bond lie where a contact's would.
pub(crate) const fn request_key(id: ContactId) -> RecordKey {
    RecordKey { kind: RecordKind::Request, id: *id.as_bytes() }
}

/// A request that waits.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) note: RequestNote,
    pub(crate) link: Link,
    pub(crate) bond: Bond,
}
