//! A mailbox behind four Poisson hops, for tests: who writes and reads what when.

use super::synthetic::{CANDIDATES, Run, question, share};
use crate::adversary::Adversary;
use crate::observer::{BoxEvent, WireId};
use crate::party::{Layout, Party};
use crate::random::{Draws, Purpose, Seed};
use crate::scenario::{Mailboxes, Mixing, Network, Notice, Scenario};
use crate::time::SimTime;
use crate::view::{MessageTruth, Recording, Wire};

/// Every client writes to one other, client 0 to client 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Boxes {
    pub(super) clients: u32,
    /// Messages of all clients together, in turn.
    pub(super) messages: u32,
    /// Mean time between two messages.
    pub(super) gap_s: f64,
    /// Mean interval of further packets of each client; 0: none.
    pub(super) cover_interval_s: f64,
    /// Whether client 0 sends them too.
    pub(super) covers_target: bool,
    /// Everybody writes to anybody.
    pub(super) is_decoy: bool,
    /// Who learns of boxes late.
    pub(super) victim: Option<fn(Party) -> bool>,
}

impl Default for Boxes {
    fn default() -> Self {
        Self {
            clients: 40,
            messages: 300,
            gap_s: 4.0,
            cover_interval_s: 0.0,
            covers_target: true,
            is_decoy: false,
            victim: None,
        }
    }
}

const HOPS: u32 = 4;
const DELAY_S: f64 = 0.2;
const LINK_S: f64 = 0.01;
const DIGEST_S: f64 = 30.0;
const LATE_S: f64 = 120.0;

impl Boxes {
    /// What passes, and which network it is.
    pub(super) fn run(&self, seed: u64) -> Run {
        let mut draws = Seed::new(seed).draws(Purpose::Writing, 2);
        let layout = Layout::new(self.clients, vec![1; HOPS as usize], 1);
        let end_s = f64::from(self.messages) * self.gap_s + 400.0;
        let mut passages = Vec::new();
        let mut events = Vec::new();
        let mut messages = Vec::new();
        let mut written = 0.0;
        for message in 0..self.messages {
            written += draws.exponential(self.gap_s);
            // Client 0 writes every tenth message.
            let sender = if message % 10 == 0 { 0 } else { 1 + draws.below(self.clients - 1) };
            let recipient =
                if self.is_decoy { 1 + draws.below(self.clients - 1) } else { (sender + 1) % self.clients };
            let stored = written + self.command(&mut draws, written, sender, &mut passages);
            let is_late = self.victim.is_some_and(|victim| victim(Party(recipient)));
            let waits = if is_late { LATE_S * (1.0 + draws.unit()) } else { DIGEST_S * draws.unit() };
            for (asked, is_found) in [(written - 1.0, false), (stored + waits, true)] {
                let read = asked + self.command(&mut draws, asked.max(0.0), recipient, &mut passages);
                let at = if is_found { read } else { (written - 0.5).max(0.0) };
                events.push((at, message, false, is_found));
            }
            let received = events.last().map(|event| event.0).unwrap();
            events.push((stored, message, true, true));
            let [written, stored, received] = [written, stored, received].map(SimTime::from_secs_f64);
            messages.push(MessageTruth {
                sender: Party(sender),
                recipient: Party(recipient),
                written,
                released: written,
                stored,
                received,
            });
        }
        let first = u32::from(!self.covers_target);
        let covered = if self.cover_interval_s > 0.0 { first..self.clients } else { 0..0 };
        for client in covered {
            let mut at = draws.exponential(self.cover_interval_s);
            while at <= end_s {
                passages.push((at, at + LINK_S, Party(client), layout.mix(0, 0), None));
                at += draws.exponential(self.cover_interval_s);
            }
        }
        for (place, event) in events.iter().enumerate() {
            passages.push((
                event.0 - LINK_S,
                event.0,
                layout.mix(HOPS - 1, 0),
                layout.mailbox(0),
                Some(place),
            ));
        }
        passages.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut boxes = Vec::new();
        let mut wires = Vec::new();
        for (id, (sent, arrived, from, to, event)) in (0..).map(WireId).zip(passages) {
            let secs = SimTime::from_secs_f64;
            wires.push(Wire { id, sent: secs(sent), arrived: secs(arrived), from, to });
            if let Some((at, message, is_write, found)) = event.map(|place| events[place]) {
                let (at, mailbox, name) = (secs(at), layout.mailbox(0), u64::from(message));
                boxes.push(BoxEvent { at, mailbox, name, is_write, found, wire: id });
            }
        }
        messages.sort_by_key(|message| message.stored);
        let network = Network { entries: 1, layers: HOPS - 1, mixes_per_layer: 1, ..Network::default() };
        let notice = Notice::Digest { interval_s: DIGEST_S };
        let mailboxes = Mailboxes { count: 1, replicas: 1, notice };
        let mixing = Mixing::Poisson { delay_ms_mean: DELAY_S * 1e3 };
        Run {
            corrupt: vec![layout.mailbox(0)],
            recording: Recording { wires, messages, boxes, ..Recording::default() },
            layout,
            scenario: Scenario { network, mixing, mailboxes, ..Scenario::default() },
            window: (SimTime::ZERO, SimTime::from_secs_f64(end_s)),
        }
    }

    /// A command leaves its client; how long it takes to the mailbox.
    fn command(
        &self,
        draws: &mut Draws,
        at: f64,
        client: u32,
        passages: &mut Vec<(f64, f64, Party, Party, Option<usize>)>,
    ) -> f64 {
        passages.push((at, at + LINK_S, Party(client), Party(self.clients), None));
        let held: f64 = (0..HOPS).map(|_| draws.exponential(DELAY_S)).sum();
        f64::from(HOPS + 1) * LINK_S + held
    }

    /// How often client 0's contact is named.
    pub(super) fn success(&self, adversary: &dyn Adversary, trials: u32) -> f64 {
        share(
            trials,
            |seed, draws| (self.run(seed), question(1, 2..2 + 2 * CANDIDATES - 2, draws)),
            adversary,
        )
    }
}
