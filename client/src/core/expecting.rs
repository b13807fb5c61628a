//! How long a message that waits can be expected to wait, and what is stored and not confirmed.
//!
//! The times follow from the cover class, the round trip that was measured, or else the one that the consensus'
//! delays give, and from what is to be sent before. Nothing is promised where a mailbox is silent or a route does not work: then there is no time.

use sotto_protocol::mailbox::TtlClass;
use sotto_protocol::time::Timestamp;

use super::book::Person;
use super::engine::Engine;
use super::forecast::Forecast;
use super::id::{ContactId, MessageId};
use super::limits::REPORT_INTERVAL_SLOTS_MEAN;
use super::message::{Direction, MessageState};
use super::network::replicas;
use super::outbox::Replica;
use super::scheduler::WRITE_SHARE;
use super::view::UndeliveredView;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// The mean times of a slot and of a round trip, for a contact's lane, in milliseconds.
    fn pace_ms(&self, contact: ContactId) -> Option<(u64, u64)> {
        let consensus = self.consensus.as_deref()?;
        let class = self.class()?;
        let lane = self.lanes.get(self.route_of(contact));
        if !lane.health.up {
            return None;
        }
        let (replicas, measured) = (replicas(consensus), lane.rtt.mean());
        let forecast = if lane.route.uses_entry() {
            Forecast::by_mixes(&consensus.params, class, replicas, 1, measured)
        } else {
            Forecast::by_circuits(class, replicas, 1, measured?)
        };
        Some((u64::from(class.payload_interval_ms_mean), forecast.round_trip_ms()))
    }

    /// How long it takes from here on until every replica has a message, in milliseconds.
    pub(super) fn stored_in_ms(&self, contact: ContactId, message: MessageId) -> Option<u64> {
        let (slot_ms, round_trip_ms) = self.pace_ms(contact)?;
        let boxes: Vec<_> = self.book.outbox.of(contact).collect();
        let last = boxes.iter().rposition(|(_, outgoing)| outgoing.message() == Some(message))?;
        let ahead = boxes.iter().take(last.saturating_add(1));
        let replicas: Vec<Replica> =
            ahead.flat_map(|(_, outgoing)| outgoing.replicas().values().copied()).collect();
        let is_silent = |replica: &Replica| match replica {
            Replica::Waiting { silences, refused, .. } => *silences > 1 || refused.is_some(),
            Replica::InFlight { silences, .. } => *silences > 1,
            Replica::Acknowledged | Replica::Conflicted => false,
        };
        if replicas.iter().any(is_silent) {
            return None;
        }
        let waits = replicas.iter().filter(|replica| matches!(replica, Replica::Waiting { .. })).count();
        let packets = u64::try_from(waits).unwrap_or(u64::MAX);
        let (writes, of_slots) = WRITE_SHARE;
        let slots = packets.saturating_mul(of_slots) / writes;
        Some(slots.saturating_mul(slot_ms).saturating_add(round_trip_ms))
    }

    /// How long it takes on average until a contact that is connected by the same class has confirmed what is stored.
    fn confirmed_in_ms(&self, contact: ContactId) -> Option<u64> {
        let (slot_ms, round_trip_ms) = self.pace_ms(contact)?;
        let people = u64::try_from(self.book.people.len()).unwrap_or(u64::MAX).max(1);
        // Found in the contact's turn, told at one of its moments, and found in ours.
        let slots = u64::from(REPORT_INTERVAL_SLOTS_MEAN).saturating_add(people.saturating_mul(2));
        Some(slots.saturating_mul(slot_ms).saturating_add(round_trip_ms.saturating_mul(2)))
    }

    /// What every replica has and the other side has not confirmed, one row for each contact.
    pub(super) fn undelivered(&self) -> Vec<UndeliveredView> {
        self.book.people.values().filter_map(|person| self.undelivered_to(person)).collect()
    }

    fn undelivered_to(&self, person: &Person) -> Option<UndeliveredView> {
        let stored = person.messages.values().filter(|message| {
            message.direction == Direction::Out && message.state == MessageState::Stored && message.is_shown()
        });
        let mut stored = stored.peekable();
        let oldest = *stored.peek()?;
        let kept_until = oldest
            .exists_until()
            .unwrap_or_else(|| Timestamp::from_millis(oldest.at_ms) + TtlClass::Fortnight.duration());
        Some(UndeliveredView {
            contact: person.contact.name.clone(),
            trust: person.contact.trust,
            since_ms: oldest.at_ms,
            kept_until_ms: kept_until.as_millis(),
            heard_ms: (person.ledger.heard_ms > 0).then_some(person.ledger.heard_ms),
            expected_ms: self.confirmed_in_ms(person.contact.id),
            messages: u64::try_from(stored.count()).unwrap_or(u64::MAX),
        })
    }
}
