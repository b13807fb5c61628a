//! A packet's way in and out: what is checked when it arrives, and how its sending ended.

use std::time::Duration;

use sotto_protocol::ident::SessionAddress;
use sotto_protocol::ledger::{DELIVERED_TO_CLIENT, Outcome, PeerKind};
use sotto_protocol::sphinx::{FinalPayload, Packet, SurbId, Unwrapped};
use sotto_protocol::time::Timestamp;

use super::super::action::{Source, Ticket, TicketKind};
use super::super::allowance::uplink_interval;
use super::super::refusal::DropLabel;
use super::super::session::Delivery;
use super::{Delayed, MIX_LOOP, Mix};

impl Mix {
    /// Takes a packet. It ends in the ledger at once, or is held until its delay or its session's next
    /// tick is over.
    pub fn handle_packet(&mut self, now: Timestamp, from: Source, packet: Packet) {
        self.ledger.record_received(match from {
            Source::Client(_) | Source::Stranger => PeerKind::Client,
            Source::Node(_) => PeerKind::Node,
        });
        if let Err(outcome) = self.receive(now, from, packet) {
            self.ledger.record(outcome);
        }
    }

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
            TicketKind::Forwarded => self.settle(dropped(DropLabel::NextHopUnreachable)),
            TicketKind::MixLoop(id) => {
                self.loops.send_failed(&id);
                self.ledger.record_unsent(DropLabel::NextHopUnreachable.label());
            }
            TicketKind::Delivery(session) => {
                self.settle(dropped(DropLabel::SessionUnreachable));
                self.sessions.disconnect(now, &session);
            }
            TicketKind::DownlinkDummy(session) => self.sessions.disconnect(now, &session),
        }
    }

    /// `packets` that a link to a node had taken were lost when it broke.
    pub const fn handle_lost_on_link(&mut self, packets: u64) {
        self.ledger.record_lost_on_link(packets);
    }

    /// `Ok` if the packet is held now, else its outcome.
    fn receive(&mut self, now: Timestamp, from: Source, packet: Packet) -> Result<(), Outcome> {
        if self.stopping {
            return Err(dropped(DropLabel::Stopped));
        }
        let delay_ms_max = self.topology.check_usable(now).map_err(dropped)?.params.delay_ms_max;
        self.check_source(now, from).map_err(dropped)?;
        let epoch = self.epoch(now).ok_or(dropped(DropLabel::NoConsensus))?;
        let delay_max = Duration::from_millis(delay_ms_max.into());
        let unwrapped = self.keys.unwrap(epoch, packet, delay_max);
        match unwrapped.map_err(|refusal| Outcome::Dropped(refusal.label()))? {
            Unwrapped::Forward { next, delay, delay_clamped, packet } => {
                self.topology.check_next_hop(&next).map_err(dropped)?;
                self.check_room().map_err(dropped)?;
                self.delays_clamped += u64::from(delay_clamped);
                self.delays.push(now + delay, Delayed { to: next, packet });
                Ok(())
            }
            Unwrapped::Final { destination, surb_id, payload } => {
                if destination == *self.config.node.as_bytes() {
                    return Err(self.receive_loop(surb_id, payload));
                }
                if !self.topology.is_entry() {
                    return Err(dropped(DropLabel::SessionUnknown));
                }
                self.check_room().map_err(dropped)?;
                let session = SessionAddress::from_bytes(destination);
                self.sessions.enqueue(&session, Delivery::new(surb_id, payload)).map_err(dropped)
            }
        }
    }

    fn check_source(&mut self, now: Timestamp, from: Source) -> Result<(), DropLabel> {
        match from {
            Source::Node(peer) => self.topology.check_source(&peer).map_err(|_| DropLabel::SourceIllegal),
            Source::Client(_) | Source::Stranger if !self.topology.is_entry() => {
                Err(DropLabel::SourceIllegal)
            }
            Source::Client(session) => {
                let consensus = self.topology.current();
                let class = |class| consensus?.params.classes.get(usize::from(class));
                let admitted = self.sessions.admit(now, &session, |index| class(index).map(uplink_interval));
                admitted.map_err(|refusal| self.refuse_uplink(&session, refusal))
            }
            Source::Stranger => Err(DropLabel::SessionUnknown),
        }
    }

    fn check_room(&self) -> Result<(), DropLabel> {
        if self.held() < self.config.held_max { Ok(()) } else { Err(DropLabel::HeldFull) }
    }

    fn receive_loop(&mut self, id: SurbId, payload: FinalPayload) -> Outcome {
        if !self.loops.awaits(&id) {
            return dropped(DropLabel::LoopUnknown);
        }
        match payload.into_text() {
            Ok(_) => {
                self.loops.returned(&id);
                Outcome::Delivered(MIX_LOOP)
            }
            Err(refusal) => {
                self.loops.tampered(&id);
                Outcome::Dropped(refusal.label())
            }
        }
    }

    fn settle(&mut self, outcome: Outcome) {
        self.sending -= 1;
        self.ledger.record(outcome);
    }
}

const fn dropped(label: DropLabel) -> Outcome {
    Outcome::Dropped(label.label())
}
