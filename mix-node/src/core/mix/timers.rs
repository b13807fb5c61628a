//! What happens by itself as time passes: delays end, downlinks tick, cover is due, keys grow old.

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::directory::{Consensus, epoch_of, epoch_start, mix_loop_route};
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{Hop, Packet, SurbId, build_forward_with_id, draw_delay};
use sotto_protocol::time::Timestamp;

use super::super::action::{Action, Ticket, TicketKind};
use super::super::config::LOOP_TEXT_LEN;
use super::super::loops::{Chances, LoopRoute};
use super::super::refusal::DropLabel;
use super::super::sessions::SessionEvent;
use super::Mix;

impl Mix {
    /// When [`Mix::handle_timeout`] has something to do, [`Timestamp::NEVER`] if it will not.
    #[must_use]
    pub fn poll_timeout(&self) -> Timestamp {
        [
            self.delays.release_next(),
            self.sessions.deadline(),
            self.loops.deadline(),
            self.dummies.deadline(),
            self.topology.deadline(),
            self.retirement(),
            self.freezing.deadline(),
            self.commits.deadline(),
        ]
        .into_iter()
        .min()
        .unwrap_or(Timestamp::NEVER)
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        self.retire_keys(now);
        if self.topology.prune(now) {
            self.links_changed(now, rng);
        }
        self.begin_commit(now);
        self.release(now);
        self.freezing.step(now, &mut self.seen);
        self.tick_downlinks(now, rng);
        self.loops.expire(now);
        while self.loops.tick(now, rng) {
            self.send_loop(now, rng);
        }
        while let Some(to) = self.dummies.pop_due(now, rng) {
            self.dummies_sent += 1;
            self.actions.push_back(Action::Dummy { to });
        }
    }

    /// Wipes the keys that no packet of this or the previous epoch can need.
    pub(super) fn retire_keys(&mut self, now: Timestamp) {
        let Some(before) = self.epoch(now).map(|epoch| epoch.saturating_sub(1)) else {
            return;
        };
        if before > self.keys_retired_before {
            self.keys_retired_before = before;
            self.keys.retire_before(before);
            self.seen = self.seen.split_off(&before);
            // The epoch that has just ended: its packets may still come, but few of them.
            self.freezing.begin(now, before, &self.seen);
            self.actions.push_back(Action::RetireKeys { before });
        }
    }

    /// Sends every packet whose delay is over.
    pub(super) fn release(&mut self, now: Timestamp) {
        while let Some(delayed) = self.delays.pop_due(now) {
            self.sending += 1;
            self.excess.count(now.since(delayed.release));
            let ticket = Ticket(TicketKind::Forwarded);
            self.actions.push_back(Action::Send { to: delayed.to, packet: delayed.packet, ticket });
        }
    }

    /// When the next key is to be retired: at the next epoch's start.
    fn retirement(&self) -> Timestamp {
        self.topology.current().map_or(Timestamp::NEVER, |consensus| {
            // Two epochs past the last one retired: `before` is always one less than the present epoch.
            let epoch = self.keys_retired_before.saturating_add(2);
            epoch_start(epoch, consensus.params.epoch_s)
        })
    }

    fn tick_downlinks(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        while let Some(event) = self.sessions.pop_due(now, rng) {
            match event {
                SessionEvent::Tick { session, delivery: Some(delivery), late } => {
                    self.downlink_late.count(late);
                    self.sending += 1;
                    let ticket = Ticket(TicketKind::Delivery(session));
                    self.actions.push_back(Action::Deliver { session, frame: delivery.into_frame(), ticket });
                }
                SessionEvent::Tick { session, delivery: None, late } => {
                    self.downlink_late.count(late);
                    let ticket = Ticket(TicketKind::DownlinkDummy(session));
                    self.actions.push_back(Action::Deliver { session, frame: Frame::Dummy, ticket });
                }
                SessionEvent::Expired { waiting } => {
                    self.session_counts.expired += 1;
                    self.drop_packets(DropLabel::SessionExpired, waiting);
                }
            }
        }
    }

    fn send_loop(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        let built = self.topology.current().filter(|_| self.loops.has_room()).and_then(|consensus| {
            let id = SurbId::generate(rng);
            let built = build_loop(consensus, &self.config.node, id, now, rng)?;
            Some((id, built, Duration::from_millis(consensus.params.delay_ms_max.into())))
        });
        let Some((id, BuiltLoop { to, route, chances, delay_asked, packet }, delay_max)) = built else {
            self.loops.not_sent();
            return;
        };
        self.loops.sent(now, id, route, chances, delay_asked, delay_max);
        self.actions.push_back(Action::Send { to, packet, ticket: Ticket(TicketKind::MixLoop(id)) });
    }
}

/// A loop that is ready to leave.
struct BuiltLoop {
    /// The first hop.
    to: NodeId,
    route: LoopRoute,
    chances: Chances,
    /// What it asks of all hops together.
    delay_asked: Duration,
    packet: Packet,
}

/// A packet over every layer back to `node`, as anybody's packet over these links would look. `None` if
/// the consensus has no such route or lacks a hop's key for this epoch.
fn build_loop(
    consensus: &Consensus,
    node: &NodeId,
    id: SurbId,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Option<BuiltLoop> {
    let epoch = epoch_of(now, consensus.params.epoch_s);
    let hops: Vec<Hop> = mix_loop_route(consensus, node, epoch, rng).ok()?;
    let mean = Duration::from_millis(consensus.params.delay_ms_mean.into());
    let max = Duration::from_millis(consensus.params.delay_ms_max.into());
    let delays: Vec<Duration> = hops.iter().map(|_| draw_delay(mean, max, rng)).collect();
    let mut text = [0u8; LOOP_TEXT_LEN];
    rng.fill_bytes(&mut text);
    let packet = build_forward_with_id(&hops, &delays, *node.as_bytes(), id, &text, rng).ok()?;
    // The last hop, this node, takes the packet out without holding it.
    let (_, held) = delays.split_last()?;
    let nodes: Vec<NodeId> = hops.iter().map(|hop| hop.node).collect();
    let route = LoopRoute::new(*node, &nodes);
    let chances = Chances::new(consensus, &route, epoch);
    Some(BuiltLoop { to: *nodes.first()?, route, chances, delay_asked: held.iter().sum(), packet })
}
