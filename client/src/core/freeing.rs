//! Work whose answer did not come, or cannot come: it is free to go again.

use sotto_protocol::time::Timestamp;

use super::action::{Action, CircuitId};
use super::arq::Work;
use super::engine::Engine;
use super::id::ContactId;
use super::route::Route;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Frees the work whose answers have not come in time, on every lane: one that has no session has no ticks
    /// either. Closes the circuits that are done with.
    pub(super) fn expire(&mut self, now: Timestamp) {
        for route in Route::ALL {
            for (work, circuit) in self.lanes.get_mut(route).outstanding.expire(now) {
                if let (Some(circuit), Some(circuits)) = (circuit, self.lanes.get_mut(route).circuits_mut()) {
                    circuits.timed_out(now, circuit);
                }
                match work {
                    Work::Write { contact, index, mailbox } => {
                        self.book.outbox.silent((contact, index), &mailbox);
                    }
                    Work::Loop => self.counters.loops_lost = self.counters.loops_lost.saturating_add(1),
                    Work::Read { .. } | Work::Decoy(_) => self.abandoned(route, work),
                }
            }
            let lane = self.lanes.get_mut(route);
            let outstanding = &lane.outstanding;
            let closed = match &mut lane.way {
                super::lane::Way::Circuits(circuits) => {
                    circuits.tidy(now, |circuit| outstanding.awaits(circuit))
                }
                super::lane::Way::Entry(_) => Vec::new(),
            };
            self.actions.extend(closed.into_iter().map(Action::CloseCircuit));
        }
    }

    /// Frees work whose answer cannot come, through nobody's fault.
    pub(super) fn abandoned(&mut self, route: Route, work: Work) {
        match work {
            Work::Write { contact, index, mailbox } => self.book.outbox.abandoned((contact, index), &mailbox),
            Work::Read { contact, index, mailbox } => {
                if let Some(inbox) = self.book.inbox_mut(contact) {
                    inbox.settled(index, &mailbox);
                }
            }
            Work::Loop => self.counters.loops_abandoned = self.counters.loops_abandoned.saturating_add(1),
            Work::Decoy(poll) => self.lanes.get_mut(route).decoys.settled(&poll),
        }
    }

    /// Frees what went by a circuit that is gone.
    pub(super) fn circuit_gone(&mut self, route: Route, circuit: CircuitId) {
        for work in self.lanes.get_mut(route).outstanding.abandon_circuit(circuit) {
            self.abandoned(route, work);
        }
    }

    /// Closes every circuit and frees what went by them.
    pub(super) fn break_circuits(&mut self, route: Route) {
        let (circuits, works) = self.lanes.get_mut(route).break_circuits();
        for work in works {
            self.abandoned(route, work);
        }
        self.actions.extend(circuits.into_iter().map(Action::CloseCircuit));
    }

    /// Frees a contact's work on every lane but that of `route`, which serves it from here on.
    pub(super) fn move_work(&mut self, contact: ContactId, route: Route) {
        for other in Route::ALL.into_iter().filter(|other| *other != route) {
            let lane = self.lanes.get_mut(other);
            let works = lane.outstanding.release(contact);
            if let Some(circuits) = lane.circuits_mut() {
                circuits.leave(contact);
            }
            for work in works {
                self.abandoned(other, work);
            }
        }
    }
}
