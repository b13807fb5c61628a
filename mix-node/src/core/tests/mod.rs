//! The mix under test: a small made-up network around one core, and time that the test moves.

mod clock;
mod commits;
mod consensus;
mod cover;
mod debug;
mod downlink;
mod ledger;
mod limits;
mod loops;
mod packets;
mod sessions;

use std::collections::VecDeque;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::directory::{Consensus, ConsensusNode, CoverClass, EpochKey, Params, Place, epoch_start};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::REPLAY_TAGS_MAX;
use sotto_protocol::sphinx::{Hop, HopSecret, Packet, ReplaySet, SurbId, TagHashKey, build_forward_with_id};
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::{Action, Mix, MixConfig, SessionGrant, Source, Ticket};

/// The epoch in which tests begin.
const EPOCH: u64 = 1_000;
const EPOCH_S: u32 = 3_600;
const GRACE_S: u32 = 1_800;
const DELAY_MS_MAX: u32 = 1_000;
const DOWNLINK_MS_MEAN: u32 = 100;

const ENTRY: u8 = 1;
const OTHER_ENTRY: u8 = 2;
const LAYER_1: u8 = 11;
const LAYER_2: u8 = 21;
const LAYER_3: u8 = 31;
const MAILBOX: u8 = 41;

fn node(byte: u8) -> NodeId {
    NodeId::from_bytes([byte; 32])
}

fn secret(byte: u8, epoch: u64) -> HopSecret {
    let mut bytes = [byte; 32];
    bytes[8..16].copy_from_slice(&epoch.to_le_bytes());
    HopSecret::from_bytes(Zeroizing::new(bytes))
}

/// The tags of a key under which nothing was seen.
fn unseen(byte: u8, epoch: u64) -> ReplaySet {
    ReplaySet::new(TagHashKey::derive(&secret(byte, epoch)), REPLAY_TAGS_MAX)
}

fn start() -> Timestamp {
    epoch_start(EPOCH, EPOCH_S) + Duration::from_secs(60)
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn place(byte: u8) -> Place {
    match byte {
        LAYER_1..LAYER_2 => Place::Mix { layer: 1 },
        LAYER_2..LAYER_3 => Place::Mix { layer: 2 },
        LAYER_3..MAILBOX => Place::Mix { layer: 3 },
        MAILBOX.. => Place::Mailbox,
        _ => Place::Entry,
    }
}

/// Two of everything, quick parameters, mix cover switched off by the callers that do not want it.
fn consensus_with(epoch: u64, place_of: impl Fn(u8) -> Place, params: Params) -> Consensus {
    let bytes = [ENTRY, LAYER_1, LAYER_2, LAYER_3, MAILBOX].into_iter().flat_map(|first| [first, first + 1]);
    let nodes = bytes.map(|byte| ConsensusNode {
        node: node(byte),
        place: place_of(byte),
        address: format!("192.0.2.{byte}:9000"),
        onion_address: None,
        hop_keys: [epoch, epoch + 1]
            .map(|epoch| EpochKey { epoch, key: secret(byte, epoch).public() })
            .to_vec(),
    });
    Consensus {
        network: "test".to_owned(),
        epoch,
        valid_after: epoch_start(epoch, EPOCH_S),
        valid_until: epoch_start(epoch + 1, EPOCH_S),
        randomness: [7; 32],
        nodes: nodes.collect(),
        params,
    }
}

fn consensus(epoch: u64) -> Consensus {
    consensus_with(epoch, place, params())
}

/// Cover of the mix itself is so rare that it does not occur, unless a test asks for it.
fn params() -> Params {
    Params {
        delay_ms_mean: 50,
        delay_ms_max: DELAY_MS_MAX,
        epoch_s: EPOCH_S,
        grace_s: GRACE_S,
        mix_loop_interval_ms_mean: u32::MAX,
        link_dummy_interval_ms_mean: u32::MAX,
        classes: vec![CoverClass {
            name: "standard".to_owned(),
            payload_interval_ms_mean: 1_000,
            loop_interval_ms_mean: 1_000,
            drop_interval_ms_mean: 1_000,
            downlink_interval_ms_mean: DOWNLINK_MS_MEAN,
        }],
        ..Params::default()
    }
}

/// One mix, a generator, and the time.
struct Bench {
    mix: Mix,
    rng: ChaCha20Rng,
    now: Timestamp,
    /// Actions that came while a commit was looked for.
    later: VecDeque<Action>,
}

impl Bench {
    /// A mix with its keys and the consensus of [`EPOCH`].
    fn new(byte: u8) -> Self {
        Self::with(&MixConfig::new(node(byte)), byte, consensus(EPOCH))
    }

    /// With commits that begin at once, so that a test sees a packet where it goes.
    fn with(config: &MixConfig, byte: u8, consensus: Consensus) -> Self {
        let config = MixConfig { commit_interval: Duration::ZERO, ..config.clone() };
        let mut bench = Self {
            mix: Mix::new(config),
            later: VecDeque::new(),
            rng: ChaCha20Rng::seed_from_u64(1),
            now: start(),
        };
        bench
            .mix
            .handle_consensus(bench.now, consensus, &mut bench.rng)
            .expect("the first consensus is adopted");
        for epoch in EPOCH - 1..EPOCH + 4 {
            assert!(bench.mix.install_key(epoch, secret(byte, epoch), unseen(byte, epoch)));
        }
        while bench.mix.poll_action().is_some() {}
        bench
    }

    /// A packet whose first hop is `first`, over `rest`, asking `delay` of every hop but the last.
    fn packet(&mut self, first: u8, rest: &[u8], delay: Duration, destination: [u8; 32]) -> Packet {
        self.packet_with(first, rest, delay, destination, EPOCH)
    }

    fn packet_with(
        &mut self,
        first: u8,
        rest: &[u8],
        delay: Duration,
        destination: [u8; 32],
        epoch: u64,
    ) -> Packet {
        let hops = std::iter::once(&first).chain(rest);
        let route: Vec<Hop> =
            hops.map(|&byte| Hop { node: node(byte), key: secret(byte, epoch).public() }).collect();
        let id = SurbId::generate(&mut self.rng);
        let delays = vec![delay; route.len()];
        build_forward_with_id(&route, &delays, destination, id, b"text", &mut self.rng)
            .expect("a legal packet")
    }

    fn arrive(&mut self, peer: u8, packet: Packet) {
        self.take(Source::Node(node(peer)), packet);
    }

    /// Hands a packet in and makes its tag durable.
    fn take(&mut self, from: Source, packet: Packet) {
        self.mix.handle_packet(self.now, from, packet);
        while let Some(action) = self.mix.poll_action() {
            match action {
                Action::CommitTags(commit) => self.mix.handle_committed(self.now, commit.id, true),
                other => self.later.push_back(other),
            }
        }
    }

    fn poll_action(&mut self) -> Option<Action> {
        self.later.pop_front().or_else(|| self.mix.poll_action())
    }

    fn open(&mut self) -> SessionGrant {
        self.mix.open_session(self.now, 0, None, &mut self.rng).expect("a session")
    }

    /// A packet out of the mixes for a session of this entry.
    fn reply_to(&mut self, session: &SessionAddress) {
        let packet = self.packet(ENTRY, &[], Duration::ZERO, *session.as_bytes());
        self.arrive(LAYER_3, packet);
    }

    /// Lets time pass, and returns what was to be done with its time. Everything is sent successfully.
    fn run_until(&mut self, end: Timestamp) -> Vec<(Timestamp, Action)> {
        let mut log = vec![];
        self.run_with(end, |mix, now, action| {
            let (ticket, action) = take_ticket(action);
            if let Some(ticket) = ticket {
                mix.handle_sent(ticket);
            }
            log.push((now, action));
        });
        log
    }

    /// Lets time pass and gives each action to `perform`.
    fn run_with(&mut self, end: Timestamp, mut perform: impl FnMut(&mut Mix, Timestamp, Action)) {
        loop {
            while let Some(action) = self.poll_action() {
                perform(&mut self.mix, self.now, action);
                assert!(self.mix.ledger().balanced());
            }
            let due = self.mix.poll_timeout();
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            self.mix.handle_timeout(self.now, &mut self.rng);
        }
        self.now = self.now.max(end);
    }

    fn dropped(&self, label: &str) -> u64 {
        let ledger = self.mix.ledger();
        assert!(ledger.balanced(), "{ledger:?}");
        ledger.dropped.get(label).copied().unwrap_or(0)
    }

    fn delivered(&self, kind: &str) -> u64 {
        let ledger = self.mix.ledger();
        assert!(ledger.balanced(), "{ledger:?}");
        ledger.delivered.get(kind).copied().unwrap_or(0)
    }
}

/// Splits an action into its ticket and the same action with a ticket of no consequence.
fn take_ticket(action: Action) -> (Option<Ticket>, Action) {
    use super::action::TicketKind;
    let spent = |session| Ticket(TicketKind::DownlinkDummy(session));
    match action {
        Action::Send { to, packet, ticket } => {
            let left = Ticket(TicketKind::Forwarded);
            (Some(ticket), Action::Send { to, packet, ticket: left })
        }
        Action::Deliver { session, frame, ticket } => {
            (Some(ticket), Action::Deliver { session, frame, ticket: spent(session) })
        }
        other => (None, other),
    }
}
