//! Whatever happens, the books balance after every step.

use proptest::prelude::*;
use sotto_protocol::limits::PACKET_LEN;

use super::*;
use crate::core::SESSION_RESUMABLE;

/// One thing that can happen to an entry.
#[derive(Clone, Debug)]
enum Step {
    /// A client sends a packet that goes on to `next` after a delay.
    FromClient { client: usize, next: u8, delay_ms: u64 },
    /// A node sends a packet for a client.
    Reply { peer: u8, client: usize },
    /// A node sends a packet for somebody else.
    FromNode { peer: u8, destination: u8 },
    /// One of the packets so far comes again.
    Replay { packet: usize, peer: u8 },
    /// One of the packets so far comes with a bit changed.
    Mutated { packet: usize, peer: u8, bit: usize },
    /// Bytes that are no packet of anybody's.
    Garbage { peer: u8, byte: u8 },
    /// A client connects anew.
    Open,
    /// A client's connection ends.
    Disconnect { client: usize },
    /// A client comes back, with the right token or another's.
    Resume { client: usize, token_of: usize },
    /// Time passes; links that are down refuse what is sent meanwhile.
    Pass { millis: u64, links_down: bool },
    /// Sessions expire and keys grow old.
    PassLong { epochs: u64, new_consensus: bool },
    /// The operator asks for rest.
    Quiesce,
    /// The operator stops the node.
    Stop,
}

fn peer() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![LAYER_3, LAYER_3, LAYER_3 + 1, LAYER_1, MAILBOX, 99])
}

fn step() -> impl Strategy<Value = Step> {
    let next = prop::sample::select(vec![LAYER_1, LAYER_1 + 1, LAYER_1, LAYER_2, MAILBOX, 99]);
    prop_oneof![
        12 => (0..8usize, next, 0..1_500u64)
            .prop_map(|(client, next, delay_ms)| Step::FromClient { client, next, delay_ms }),
        12 => (peer(), 0..8usize).prop_map(|(peer, client)| Step::Reply { peer, client }),
        3 => (peer(), prop::sample::select(vec![ENTRY, 77]))
            .prop_map(|(peer, destination)| Step::FromNode { peer, destination }),
        4 => (0..64usize, peer()).prop_map(|(packet, peer)| Step::Replay { packet, peer }),
        4 => (0..64usize, peer(), 0..PACKET_LEN * 8)
            .prop_map(|(packet, peer, bit)| Step::Mutated { packet, peer, bit }),
        2 => (peer(), any::<u8>()).prop_map(|(peer, byte)| Step::Garbage { peer, byte }),
        6 => Just(Step::Open),
        4 => (0..8usize).prop_map(|client| Step::Disconnect { client }),
        3 => (0..8usize, 0..8usize).prop_map(|(client, token_of)| Step::Resume { client, token_of }),
        12 => (0..3_000u64, any::<bool>()).prop_map(|(millis, links_down)| Step::Pass { millis, links_down }),
        2 => (0..2u64, any::<bool>())
            .prop_map(|(epochs, new_consensus)| Step::PassLong { epochs, new_consensus }),
        1 => Just(Step::Quiesce),
        1 => Just(Step::Stop),
    ]
}

struct Run {
    bench: Bench,
    grants: Vec<SessionGrant>,
    seen: Vec<[u8; PACKET_LEN]>,
    given: u64,
}

impl Run {
    fn new() -> Self {
        let config = MixConfig { held_max: 12, sessions_max: 5, ..MixConfig::new(node(ENTRY)) };
        let mut params =
            Params { mix_loop_interval_ms_mean: 30_000, link_dummy_interval_ms_mean: 3_000, ..params() };
        params.classes[0].downlink_interval_ms_mean = 2_000;
        let bench = Bench::with(&config, ENTRY, consensus_with(EPOCH, place, params));
        Self { bench, grants: vec![], seen: vec![], given: 0 }
    }

    fn epoch(&self) -> u64 {
        sotto_protocol::directory::epoch_of(self.bench.now, EPOCH_S)
    }

    fn give(&mut self, from: Source, packet: Packet) {
        self.seen.push(*packet.as_bytes());
        self.given += 1;
        self.bench.take(from, packet);
    }

    fn session(&self, client: usize) -> Option<SessionAddress> {
        self.grants.get(client % self.grants.len().max(1)).map(|grant| grant.session)
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::FromClient { client, next, delay_ms } => {
                let session = self.session(client).unwrap_or(SessionAddress::from_bytes([3; 32]));
                let epoch = self.epoch();
                let packet = self.bench.packet_with(ENTRY, &[next], ms(delay_ms), [0; 32], epoch);
                self.give(Source::Client(session), packet);
            }
            Step::Reply { peer, client } => {
                let session = self.session(client).unwrap_or(SessionAddress::from_bytes([3; 32]));
                let epoch = self.epoch();
                let packet = self.bench.packet_with(ENTRY, &[], ms(0), *session.as_bytes(), epoch);
                self.give(Source::Node(node(peer)), packet);
            }
            Step::FromNode { peer, destination } => {
                let epoch = self.epoch();
                let packet = self.bench.packet_with(ENTRY, &[], ms(0), [destination; 32], epoch);
                self.give(Source::Node(node(peer)), packet);
            }
            Step::Replay { packet, peer } => self.again(packet, peer, None),
            Step::Mutated { packet, peer, bit } => self.again(packet, peer, Some(bit)),
            Step::Garbage { peer, byte } => {
                let packet = Packet::from_slice(&[byte; PACKET_LEN]).expect("the right length");
                self.give(Source::Node(node(peer)), packet);
            }
            Step::Open => {
                let grant = self.bench.mix.open_session(self.bench.now, 0, None, &mut self.bench.rng);
                self.grants.extend(grant);
            }
            Step::Disconnect { client } => {
                if let Some(session) = self.session(client) {
                    self.bench.mix.session_disconnected(self.bench.now, &session);
                }
            }
            Step::Resume { client, token_of } => {
                let Some(session) = self.session(client) else {
                    return;
                };
                let token = self.grants[token_of % self.grants.len()].token.clone();
                let resume = Some((session, token));
                let _ = self.bench.mix.open_session(self.bench.now, 0, resume.as_ref(), &mut self.bench.rng);
            }
            Step::Pass { millis, links_down } => self.pass(ms(millis), links_down),
            Step::PassLong { epochs, new_consensus } => {
                self.pass(SESSION_RESUMABLE, false);
                if epochs > 0 {
                    // Nobody counts the ticks of an hour: the node wakes up late.
                    self.bench.now = epoch_start(self.epoch() + epochs, EPOCH_S);
                    self.pass(ms(0), false);
                }
                if new_consensus {
                    let next = consensus_with(self.epoch(), place, params());
                    let _ = self.bench.mix.handle_consensus(self.bench.now, next, &mut self.bench.rng);
                }
            }
            Step::Quiesce => self.bench.mix.quiesce(),
            Step::Stop => self.bench.mix.begin_stop(self.bench.now),
        }
    }

    fn again(&mut self, packet: usize, peer: u8, bit: Option<usize>) {
        let Some(mut bytes) = self.seen.get(packet % self.seen.len().max(1)).copied() else {
            return;
        };
        if let Some(bit) = bit {
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        self.give(Source::Node(node(peer)), Packet::from_slice(&bytes).expect("the right length"));
    }

    fn pass(&mut self, span: Duration, links_down: bool) {
        let end = self.bench.now + span;
        self.bench.run_with(end, |mix, now, action| {
            if let Some(ticket) = take_ticket(action).0 {
                if links_down {
                    mix.handle_send_failed(now, ticket);
                } else {
                    mix.handle_sent(ticket);
                }
            }
        });
    }

    fn check(&self) {
        let report = self.bench.mix.report();
        assert!(report.ledger.balanced(), "{:?}", report.ledger);
        assert_eq!(report.ledger.received, self.given, "every packet given was counted");
        let held = report.held.delayed + report.held.downlink + report.held.sending;
        assert_eq!(report.ledger.held, u64::try_from(held).unwrap());
        assert!(held <= 12);
        assert!(report.sessions.connected + report.sessions.resumable <= 5);
        let loops = report.loops;
        assert_eq!(loops.sent, loops.returned + loops.lost + loops.tampered + loops.outstanding);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_has_exactly_one_outcome(steps in prop::collection::vec(step(), 1..80)) {
        let mut run = Run::new();
        for step in steps {
            run.take(&step);
            run.check();
        }
        run.bench.mix.end_stop(run.bench.now);
        run.pass(ms(0), false);
        run.check();
        prop_assert_eq!(run.bench.mix.held(), 0, "a stopped node holds nothing");
    }
}
