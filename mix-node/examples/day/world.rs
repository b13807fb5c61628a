//! One entry through a day in virtual time: the production core, hop keys and logs of replay tags on a real disk.
//!
//! Clients come and go, packets come as a Poisson process, some of them a second time, some for keys that are gone.
//! The node's own loops travel through the other nodes and come back. Keys are made ahead, used, retired and wiped as
//! `sotto_transport::node::membership` does it. Nothing here sleeps or asks for the time.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_mix_node::core::{Action, CHANCE_PER_LINK, Mix, MixConfig, MixReport, Origin, Source};
use sotto_protocol::directory::{Params, epoch_start};
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::{EPOCH_KEYS_MAX, REPLAY_TAGS_MAX};
use sotto_protocol::sphinx::fast::{BatchUnwrapper, X25519};
use sotto_protocol::sphinx::{
    Hop, HopPublic, Packet, ReplaySet, TagHashKey, Unwrapped, build_forward, draw_delay, draw_exponential,
};
use sotto_protocol::time::Timestamp;
use sotto_transport::node::epoch_keys::EpochKeys;
use sotto_transport::node::memory::rss_kib;
use sotto_transport::node::tag_log::TagLogs;

use super::network::{ENTRY, EPOCH_S, LAYER_1, LAYER_3, consensus, hop, node, secret};
use super::people::Person;

/// The epoch in which the day begins.
const EPOCH_FIRST: u64 = 1_000;
/// What one link takes.
const LATENCY: Duration = Duration::from_millis(20);
/// Latest packets from which those are chosen that come once more.
const SEEN_MAX: usize = 200;
/// Of all packets, those that have come before.
const SHARE_REPLAYED: f64 = 0.1;
/// Of all packets, those for the key of the epoch before, which still opens them.
const SHARE_PREVIOUS: f64 = 0.05;
/// Of all packets, those for a key that is wiped.
const SHARE_OLD: f64 = 0.05;
/// Of the others, those that clients send; the rest is for clients.
const SHARE_FROM_CLIENTS: f64 = 0.5;

/// How busy the day is.
#[derive(Clone)]
pub struct DayPlan {
    /// Clients, of whom more than half are connected at any time.
    pub people: usize,
    /// The mean interval between packets from outside.
    pub packet_interval_mean: Duration,
    /// What the network agrees on.
    pub params: Params,
    /// Commits of replay tags begin at least this far apart: far more than in production, because the day passes in
    /// minutes and the disk does not.
    pub commit_interval: Duration,
}

/// What the node has in memory and on the disk at the end of an hour.
#[derive(Clone, Debug)]
pub struct Hour {
    pub report: MixReport,
    pub rss_kib: u64,
    /// Epochs whose keys are installed and on the disk.
    pub keys_alive: usize,
    pub files: usize,
    pub files_bytes: u64,
    /// What the files may have at most: for each key that lives its own length and that of its log.
    pub files_bytes_max: u64,
    /// Packets of this day that had come before, under a key that lived.
    pub replays: u64,
    /// Packets of this day for keys that were gone.
    pub old: u64,
}

/// More than a key's file has: its name, 64 hexadecimal digits and what is between.
const KEY_FILE_LEN_MAX: u64 = 128;

enum Event {
    /// A packet from outside is due.
    Packet,
    /// A person comes or goes.
    Person(usize),
    /// A loop of the node comes back.
    Return(NodeId, Box<Packet>),
}

pub struct Day {
    plan: DayPlan,
    dir: PathBuf,
    mix: Mix,
    keys: EpochKeys,
    logs: TagLogs,
    /// The keys that the node has announced, back to the one that was wiped last.
    own: BTreeMap<u64, HopPublic>,
    /// The first epoch whose key lives.
    alive_from: u64,
    unwrapper: BatchUnwrapper,
    rng: ChaCha20Rng,
    now: Timestamp,
    people: Vec<Person>,
    events: BTreeMap<(Timestamp, u64), Event>,
    event_next: u64,
    /// The latest packets, each with the epoch of its key.
    seen: VecDeque<(u64, Packet)>,
    /// Tags in the log of each epoch.
    tags: BTreeMap<u64, u64>,
    replays: u64,
    old: u64,
}

impl Day {
    /// A node with its first consensus, and everybody outside. Its keys are in `dir`.
    pub fn begin(plan: DayPlan, dir: PathBuf) -> Self {
        let keys = EpochKeys::open(&dir).expect("a directory");
        let config = MixConfig { commit_interval: plan.commit_interval, ..MixConfig::new(node(ENTRY)) };
        let mut day = Self {
            people: (0..plan.people).map(|_| Person::new()).collect(),
            plan,
            dir,
            mix: Mix::new(config),
            logs: keys.tag_logs(),
            keys,
            own: BTreeMap::new(),
            alive_from: EPOCH_FIRST,
            unwrapper: BatchUnwrapper::new(X25519::detect()),
            rng: ChaCha20Rng::seed_from_u64(24),
            now: epoch_start(EPOCH_FIRST, EPOCH_S),
            events: BTreeMap::new(),
            event_next: 0,
            seen: VecDeque::new(),
            tags: BTreeMap::new(),
            replays: 0,
            old: 0,
        };
        day.at(day.now, Event::Packet);
        for person in 0..day.people.len() {
            day.at(day.now, Event::Person(person));
        }
        day
    }

    /// Lets the hour of that number pass, the first being 0, and looks at what is there just before its end.
    pub fn hour(&mut self, number: u64) -> Hour {
        let epoch = EPOCH_FIRST + number;
        self.turn_of_epoch(epoch);
        let end = epoch_start(epoch + 1, EPOCH_S) - Duration::from_micros(1);
        loop {
            self.perform(epoch);
            let event = self.events.first_key_value().map_or(Timestamp::NEVER, |((at, _), _)| *at);
            let timer = self.mix.poll_timeout();
            if event.min(timer) > end {
                break;
            }
            self.now = self.now.max(event.min(timer));
            if timer <= event {
                self.mix.handle_timeout(self.now, &mut self.rng);
            } else if let Some((_, event)) = self.events.pop_first() {
                self.take(epoch, event);
            }
        }
        self.now = end;
        self.look()
    }

    fn at(&mut self, time: Timestamp, event: Event) {
        self.event_next += 1;
        self.events.insert((time, self.event_next), event);
    }

    /// What the membership of a running node does in each epoch: keys for this one and those to come, a consensus,
    /// and the keys before the previous one wiped.
    fn turn_of_epoch(&mut self, epoch: u64) {
        for epoch in (epoch..).take(EPOCH_KEYS_MAX) {
            let key = self.keys.ensure(epoch, &mut self.rng).expect("a key");
            if self.own.insert(epoch, key.public()).is_none() {
                let mut seen = ReplaySet::new(TagHashKey::derive(&key), REPLAY_TAGS_MAX);
                self.logs.load(epoch, |tag| seen.restore(tag)).expect("an empty log");
                assert!(self.mix.install_key(epoch, key, seen));
            }
        }
        self.now = epoch_start(epoch, EPOCH_S);
        let own: Vec<_> = self.own.iter().map(|(epoch, key)| (*epoch, *key)).collect();
        self.mix
            .handle_consensus(self.now, consensus(epoch, &own, &self.plan.params), &mut self.rng)
            .expect("newer than the one before");
        self.keys.retire_before(epoch - 1).expect("wiped");
        self.alive_from = (epoch - 1).max(EPOCH_FIRST);
        self.own = self.own.split_off(&(epoch - 2));
        self.tags = self.tags.split_off(&self.alive_from);
    }

    fn take(&mut self, epoch: u64, event: Event) {
        match event {
            Event::Packet => {
                self.packet(epoch);
                let next = self.now + draw_exponential(self.plan.packet_interval_mean, &mut self.rng);
                self.at(next, Event::Packet);
            }
            Event::Person(number) => {
                if let Some(person) = self.people.get_mut(number) {
                    let stays = person.act(self.now, &mut self.mix, &mut self.rng);
                    self.at(self.now + stays, Event::Person(number));
                }
            }
            Event::Return(from, packet) => {
                self.mix.handle_packets(self.now, Source::Node(from), [*packet]);
            }
        }
    }

    /// A packet from outside: one of before, or another one by a client or for a client.
    fn packet(&mut self, epoch: u64) {
        let kind: f64 = self.rng.random();
        if kind < SHARE_REPLAYED {
            let Some(place) = self.seen.len().checked_sub(1) else { return };
            let (key_epoch, packet) = self.seen[self.rng.random_range(0..=place)].clone();
            if key_epoch >= self.alive_from {
                self.replays += 1;
            } else {
                self.old += 1;
            }
            // A node replays it, whom no allowance holds back.
            self.mix.handle_packets(self.now, Source::Node(node(LAYER_3)), [packet]);
            return;
        }
        let age = match kind - SHARE_REPLAYED {
            kind if kind < SHARE_PREVIOUS => 1,
            kind if kind < SHARE_PREVIOUS + SHARE_OLD => 2,
            _ => 0,
        };
        let key_epoch = (epoch - age).max(EPOCH_FIRST);
        let entry = Hop { node: node(ENTRY), key: self.own[&key_epoch] };
        let person = self.rng.random_range(0..self.people.len());
        let delay = draw_delay(
            Duration::from_millis(self.plan.params.delay_ms_mean.into()),
            Duration::from_millis(self.plan.params.delay_ms_max.into()),
            &mut self.rng,
        );
        let (from, route, destination) = if self.rng.random::<f64>() < SHARE_FROM_CLIENTS {
            let Some(session) = self.people[person].connected() else { return };
            (Source::Client(session), vec![entry, hop(LAYER_1, epoch)], [0; 32])
        } else {
            let Some(session) = self.people[person].session() else { return };
            (Source::Node(node(LAYER_3 + 1)), vec![entry], *session.as_bytes())
        };
        let delays = vec![delay; route.len()];
        let packet =
            build_forward(&route, &delays, destination, b"text", &mut self.rng).expect("a legal route");
        if key_epoch < self.alive_from {
            self.old += 1;
        } else {
            self.seen.push_back((key_epoch, packet.clone()));
            self.seen.drain(..self.seen.len().saturating_sub(SEEN_MAX));
        }
        self.mix.handle_packets(self.now, from, [packet]);
    }

    /// Does everything that the core asks for.
    fn perform(&mut self, epoch: u64) {
        while let Some(action) = self.mix.poll_action() {
            match action {
                Action::Unwrap(job) => {
                    let done = job.run(&mut self.unwrapper);
                    self.mix.handle_unwrapped(self.now, done);
                }
                Action::CommitTags(commit) => {
                    for (epoch, _) in &commit.tags {
                        *self.tags.entry(*epoch).or_default() += 1;
                    }
                    self.logs.commit(&commit.tags).expect("a disk with room");
                    self.mix.handle_committed(self.now, commit.id, true);
                }
                Action::Send { to, packet, ticket } => {
                    let is_loop = ticket.origin() == Origin::MixLoop;
                    self.mix.handle_sent(ticket);
                    if is_loop {
                        self.carry(epoch, to, packet);
                    }
                }
                Action::Deliver { ticket, .. } => self.mix.handle_sent(ticket),
                Action::CloseSession { label, .. } => panic!("nobody's session is to be closed: {label}"),
                Action::Dummy { .. } | Action::RetireKeys { .. } | Action::LinksChanged => {}
            }
        }
    }

    /// Takes a loop through the other nodes, back to the node unless it is lost.
    fn carry(&mut self, epoch: u64, to: NodeId, packet: Packet) {
        let (mut at, mut packet, mut time) = (to, packet, self.now + LATENCY);
        loop {
            if self.rng.random::<f64>() < CHANCE_PER_LINK / 10.0 {
                return;
            }
            let verified =
                secret(&at, epoch).verify(packet).map_err(|(_, refusal)| refusal).expect("its key");
            match verified.unwrap(Duration::MAX).expect("a legal packet") {
                Unwrapped::Forward { next, delay, packet: unwrapped, .. } => {
                    time = time + delay + LATENCY;
                    if next == node(ENTRY) {
                        self.at(time, Event::Return(at, Box::new(unwrapped)));
                        return;
                    }
                    (at, packet) = (next, unwrapped);
                }
                Unwrapped::Final { .. } => panic!("a loop ends at its node"),
            }
        }
    }

    fn look(&self) -> Hour {
        let files: Vec<_> =
            fs::read_dir(&self.dir).expect("the directory").map(|file| file.expect("a file")).collect();
        let lens = files.iter().map(|file| file.metadata().expect("its length").len());
        // A log has 32 bytes and for each tag 7, and 10 more for each commit, of which each has a tag.
        let log_len_max = |epoch: &u64| 32 + 17 * self.tags.get(epoch).copied().unwrap_or_default();
        Hour {
            report: self.mix.report(),
            rss_kib: rss_kib().unwrap_or_default(),
            files: files.len(),
            files_bytes: lens.sum(),
            keys_alive: self.own.range(self.alive_from..).count(),
            files_bytes_max: self
                .own
                .range(self.alive_from..)
                .map(|(epoch, _)| epoch)
                .map(|epoch| KEY_FILE_LEN_MAX + log_len_max(epoch))
                .sum(),
            replays: self.replays,
            old: self.old,
        }
    }
}
