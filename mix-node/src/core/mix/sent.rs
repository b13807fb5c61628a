//! A packet's way out: how its sending ended.

use sotto_protocol::ledger::{DELIVERED_TO_CLIENT, Outcome};
use sotto_protocol::time::Timestamp;

use super::super::action::{Ticket, TicketKind};
use super::super::refusal::DropLabel;
use super::{MIX_LOOP, Mix};

impl Mix {
    /// The link took what this ticket is for.
    pub fn handle_sent(&mut self, ticket: Ticket) {
        let Ticket(kind) = ticket;
        match kind {
            TicketKind::Forwarded => self.settle(Outcome::Forwarded),
            TicketKind::Delivery(_) => self.settle(Outcome::Delivered(DELIVERED_TO_CLIENT)),
            TicketKind::MixLoop(_) => self.ledger.record_originated(MIX_LOOP),
            TicketKind::DownlinkDummy(_) => self.session_counts.downlink_dummies += 1,
        }
    }

    /// The link did not take what this ticket is for. A client whose connection takes no frame is as
    /// good as gone: its session waits to be resumed.
    pub fn handle_send_failed(&mut self, now: Timestamp, ticket: Ticket) {
        let Ticket(kind) = ticket;
        match kind {
            TicketKind::Forwarded => self.settle(Outcome::Dropped(DropLabel::NextHopUnreachable.label())),
            TicketKind::MixLoop(id) => {
                self.loops.send_failed(now, &id);
                self.ledger.record_unsent(DropLabel::NextHopUnreachable.label());
            }
            TicketKind::Delivery(session) => {
                self.settle(Outcome::Dropped(DropLabel::SessionUnreachable.label()));
                self.sessions.disconnect(now, &session);
            }
            TicketKind::DownlinkDummy(session) => self.sessions.disconnect(now, &session),
        }
    }

    /// `packets` that a link to a node had taken were lost when it broke.
    pub const fn handle_lost_on_link(&mut self, packets: u64) {
        self.ledger.record_lost_on_link(packets);
    }

    fn settle(&mut self, outcome: Outcome) {
        self.sending -= 1;
        self.ledger.record(outcome);
    }
}
