//! One client's session at its entry: what waits for it, and what it takes to resume it.
//!
//! A session is not a person: its address is random, fresh for each new session, and known to nobody
//! but the client, this entry and (sealed in their headers) the SURBs that the client hands out.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use sotto_protocol::frame::{Frame, ResumeToken};
use sotto_protocol::ident::SessionAddress;
use sotto_protocol::sphinx::{FinalPayload, SurbId};
use sotto_protocol::time::Timestamp;

use super::allowance::Allowance;
use super::poisson::PoissonClock;

/// What a client gets when it opens or resumes a session.
#[derive(Debug)]
pub struct SessionGrant {
    /// The session's address, for the client's SURBs.
    pub session: SessionAddress,
    /// What the client shows to resume the session after its connection ended.
    pub token: ResumeToken,
    /// For how long after the connection's end the session can be resumed.
    pub resumable: Duration,
    /// The client's cover class, an index into the consensus' classes.
    pub class: u8,
    /// Whether this is an existing session. It may still have a connection, which this one replaces.
    pub resumed: bool,
}

/// One packet that waits for a tick of its session's downlink.
pub(crate) struct Delivery {
    surb_id: SurbId,
    payload: FinalPayload,
}

impl Delivery {
    /// What came out of a packet's last layer, still sealed for the client.
    pub(crate) const fn new(surb_id: SurbId, payload: FinalPayload) -> Self {
        Self { surb_id, payload }
    }

    /// As it goes to the client.
    pub(crate) fn into_frame(self) -> Frame {
        Frame::Delivery { surb_id: self.surb_id, payload: self.payload.into_bytes() }
    }
}

/// Whether a client is there.
pub(crate) enum SessionState {
    /// A connection exists; its downlink ticks.
    Connected {
        /// When the next frame goes down.
        downlink: PoissonClock,
    },
    /// No connection; what comes is kept for a while.
    Resumable {
        /// When it ends for good.
        expires: Timestamp,
    },
}

/// One session.
pub(crate) struct Session {
    /// The client's cover class, an index into the consensus' classes.
    pub(crate) class: u8,
    /// Its resume token.
    pub(crate) token: ResumeToken,
    /// What its client may send.
    pub(crate) allowance: Allowance,
    /// Connected or not.
    pub(crate) state: SessionState,
    /// What waits for the downlink, oldest first.
    pub(crate) waiting: VecDeque<Delivery>,
}

impl SessionState {
    /// When something is due for this session: a tick of the downlink, or its end.
    pub(crate) const fn deadline(&self) -> Timestamp {
        match self {
            Self::Connected { downlink } => downlink.due(),
            Self::Resumable { expires } => *expires,
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("class", &self.class)
            .field("connected", &matches!(self.state, SessionState::Connected { .. }))
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
    }
}
