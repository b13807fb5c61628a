//! From a packet to a command in the queue: every check that comes before the store.

use std::time::Duration;

use sotto_protocol::directory::epoch_of;
use sotto_protocol::mailbox::{Command, RefusalCode, TtlClass};
use sotto_protocol::sphinx::{Packet, Surb, Unwrapped};
use sotto_protocol::time::Timestamp;

use super::limits::{EXPIRY_GRAIN_MAX, EXPIRY_GRAIN_SHARE};
use super::queue::Waiting;
use super::{DropReason, Mailbox, Source};
use crate::store::StoreOp;

/// How a packet that was not dropped was taken.
pub(super) enum Taken {
    /// Its command waits for the store.
    Waiting,
    /// It was a client's cover and asks for nothing.
    Cover,
}

impl Mailbox {
    /// Cheap checks first: nothing is computed for a packet that could not be used anyway.
    pub(super) fn take_in(
        &mut self,
        now: Timestamp,
        from: Source,
        packet: Packet,
    ) -> Result<Taken, DropReason> {
        let params = &self.neighbours.consensus(now)?.params;
        let epoch = epoch_of(now, params.epoch_s);
        let delay_max = Duration::from_millis(u64::from(params.delay_ms_max));
        if let Source::Node(node) = from
            && !self.neighbours.may_send(now, &node)
        {
            return Err(DropReason::SourceIllegal);
        }
        if self.queue.is_full(from) {
            return Err(DropReason::Busy);
        }
        let unwrapped = match from {
            Source::Node(_) => self.keys.unwrap(epoch, packet, delay_max)?,
            Source::Direct(_) => self.keys.unwrap_sparing(epoch, packet, delay_max)?,
        };
        let Unwrapped::Final { destination, payload, .. } = unwrapped else {
            return Err(DropReason::NotFinal);
        };
        if destination != *self.node.as_bytes() {
            return Err(DropReason::Destination);
        }
        let command = Command::parse(&payload.into_text()?)?;
        let kind = command.label();
        let Some((surb, op, refused)) = operation(now, command) else {
            return Ok(Taken::Cover);
        };
        let first_hop = surb.first_hop();
        let is_answerable = match from {
            Source::Node(_) => self.neighbours.may_receive(now, &first_hop),
            Source::Direct(_) => first_hop == self.node,
        };
        if !is_answerable {
            return Err(DropReason::SurbFirstHop);
        }
        self.queue.push(op, Waiting { from, epoch, surb, kind, refused });
        Ok(Taken::Waiting)
    }
}

/// The reply block of a command, the operation it comes to, and why it is refused, if it is; nothing for
/// cover. A refused command still looks its id up, so that it takes the path of all others.
fn operation(now: Timestamp, command: Command) -> Option<(Surb, StoreOp, Option<RefusalCode>)> {
    let (surb, op, verified) = match command {
        Command::Drop => return None,
        Command::Read { surb, id } => (surb, StoreOp::Read { id }, Ok(())),
        Command::Write { surb, ttl, sealed } => {
            let verified = sealed.verify();
            (surb, StoreOp::Write { expires: expiry(now, ttl), sealed }, verified)
        }
        Command::Tombstone { surb, tombstone } => {
            let verified = tombstone.verify();
            // As long as any box under the id could live, so that it cannot be written once more.
            (surb, StoreOp::Tombstone { expires: expiry(now, TtlClass::Fortnight), tombstone }, verified)
        }
    };
    match verified {
        Ok(()) => Some((surb, op, None)),
        Err(_) => Some((surb, StoreOp::Read { id: op.id() }, Some(RefusalCode::BadSignature))),
    }
}

/// When something written now with this class expires: never later than its class says, and rounded down to the class's
/// grain.
fn expiry(now: Timestamp, ttl: TtlClass) -> Timestamp {
    let exact = (now + ttl.duration()).as_micros();
    let grain = (ttl.duration() / EXPIRY_GRAIN_SHARE).min(EXPIRY_GRAIN_MAX);
    let grain = u64::try_from(grain.as_micros()).unwrap_or(u64::MAX);
    Timestamp::from_micros(exact - exact % grain)
}
