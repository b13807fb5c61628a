//! Two people exchange 100,000 messages over a network that loses, repeats and reorders, on machines that
//! crash at every point of writing and are put back to older copies. The seed reproduces a run.
//!
//! An oracle outside of the sessions knows what was sealed and what left: no key seals two envelopes, no
//! stream has two chains, and every message is opened once or accounted for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha20Rng;
use sotto_client::session::{
    Bundle, IdentitySecret, KemPolicy, Occasion, Offer, Sealed, Session, SessionRefusal, initiate,
};
use sotto_protocol::time::Timestamp;

const SEED: u64 = 20;
const MESSAGES: u64 = 100_000;
/// Envelopes are taken from the first so many in flight, at random.
const REORDER_WINDOW: usize = 12;
const IN_FLIGHT_MAX: usize = 24;
const STEP_SECS_MAX: u64 = 300;
/// Rarer than by default: what takes long here is ML-KEM without optimisation.
const POLICY: KemPolicy = KemPolicy {
    interval_min: Duration::from_secs(6 * 60 * 60),
    messages: 256,
    retry: Duration::from_secs(6 * 60 * 60),
};
// Chances of one in so many, each time.
const LOSS: u32 = 50;
const REPEAT: u32 = 25;
const CRASH_BEFORE_COMMIT: u32 = 40;
const CRASH_AFTER_COMMIT: u32 = 40;
const BACKUP: u32 = 2_000;
const RESTORE: u32 = 10_000;

/// What survives a crash.
#[derive(Clone)]
struct Disk {
    session: Vec<u8>,
    generation: u32,
    /// The newest first; the other side may have gone back to the one before.
    rekey_secrets: Vec<[u8; 32]>,
    /// Committed, and not known to have left.
    outbox: Vec<Flying>,
}

#[derive(Clone)]
struct Flying {
    /// None for a KEM message.
    message: Option<u64>,
    generation: u32,
    envelope: Vec<u8>,
}

struct Party {
    identity: IdentitySecret,
    session: Session,
    disk: Disk,
    backup: Disk,
}

impl Party {
    fn commit(&mut self) {
        self.disk.session = self.session.to_bytes().to_vec();
    }

    fn restart(&mut self) {
        self.session = Session::from_bytes(&self.disk.session, POLICY).unwrap();
    }
}

/// Knows everything, and what must never happen.
#[derive(Default)]
struct Oracle {
    /// (ratchet key, number) names a message key: what left under it.
    left: HashMap<(Vec<u8>, u32), Vec<u8>>,
    /// The stream of each chain, by the writer.
    streams: HashMap<Vec<u8>, [u8; 32]>,
    seeds: HashSet<[u8; 32]>,
    sealed_in: HashMap<u64, u32>,
    opened: HashSet<u64>,
    lost: HashSet<u64>,
    counts: BTreeMap<&'static str, u64>,
}

impl Oracle {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn leaves(&mut self, envelope: &[u8]) {
        let number = u32::from_be_bytes(envelope[37..41].try_into().unwrap());
        let key = (envelope[1..33].to_vec(), number);
        if let Some(before) = self.left.insert(key, envelope.to_vec()) {
            assert_eq!(before, envelope, "two envelopes under one message key");
            self.count("sent again, unchanged");
        }
    }

    fn chain_begins(&mut self, envelope: &[u8], seed: &[u8; 32]) {
        assert!(self.seeds.insert(*seed), "a stream seed is used twice");
        assert!(self.streams.insert(envelope[1..33].to_vec(), *seed).is_none(), "a chain begins twice");
        self.count("chains and streams");
    }
}

struct World {
    rng: ChaCha20Rng,
    now: Timestamp,
    parties: [Party; 2],
    /// What flies to each party.
    flying: [Vec<Flying>; 2],
    oracle: Oracle,
    generation: u32,
    next_message: u64,
}

impl World {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(SEED);
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let identities = [IdentitySecret::generate(&mut rng), IdentitySecret::generate(&mut rng)];
        let (sessions, secret, oracle) =
            handshake(&identities, Occasion::Invitation, &[9; 32], now, &mut rng, Oracle::default());
        let mut sessions = sessions.into_iter();
        let parties = identities.map(|identity| {
            let session = sessions.next().unwrap();
            let disk = Disk {
                session: session.to_bytes().to_vec(),
                generation: 0,
                rekey_secrets: vec![secret],
                outbox: Vec::new(),
            };
            Party { identity, session, backup: disk.clone(), disk }
        });
        let flying = [Vec::new(), Vec::new()];
        Self { rng, now, parties, flying, oracle, generation: 0, next_message: 0 }
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.rng.random_range(0..one_in) == 0
    }

    /// Seals one message, or the KEM message that is due, and crashes now and then before or after writing it
    /// down.
    fn seal(&mut self, from: usize) {
        let message = self.next_message;
        let party = &mut self.parties[from];
        let (sealed, id) = match party.session.seal_control(self.now, &mut self.rng).unwrap() {
            Some(control) => (control, None),
            None => {
                let content = [from.to_be_bytes(), message.to_be_bytes()].concat();
                (party.session.seal(self.now, &content, &mut self.rng).unwrap(), Some(message))
            }
        };
        if self.chance(CRASH_BEFORE_COMMIT) {
            self.oracle.count("crashes before writing what was sealed");
            return self.parties[from].restart();
        }
        let Sealed { envelope, next_stream } = sealed;
        if let Some(seed) = next_stream {
            self.oracle.chain_begins(&envelope, seed.as_bytes());
        }
        let flying = Flying { message: id, generation: self.generation, envelope };
        let party = &mut self.parties[from];
        party.disk.outbox.push(flying);
        party.commit();
        match id {
            Some(_) => {
                self.oracle.sealed_in.insert(message, self.generation);
                self.next_message += 1;
            }
            None => self.oracle.count("KEM messages"),
        }
        if self.chance(CRASH_AFTER_COMMIT) {
            self.oracle.count("crashes after writing what was sealed");
            self.parties[from].restart();
        }
        self.send(from);
    }

    /// Everything in the outbox leaves; whether that is remembered is left to chance, so it may leave again.
    fn send(&mut self, from: usize) {
        for flying in self.parties[from].disk.outbox.clone() {
            self.oracle.leaves(&flying.envelope);
            let copies = if self.chance(LOSS) { 0 } else { 1 + u32::from(self.chance(REPEAT)) };
            if copies == 0 {
                self.oracle.count("envelopes lost by the network");
                self.oracle.lost.extend(flying.message);
            }
            for _ in 0..copies {
                self.flying[1 - from].push(flying.clone());
            }
        }
        if self.chance(CRASH_AFTER_COMMIT) {
            self.oracle.count("crashes after sending");
            self.parties[from].restart();
        } else {
            self.parties[from].disk.outbox.clear();
        }
    }

    /// One of the envelopes in flight arrives.
    fn arrive(&mut self, to: usize) {
        if self.flying[to].is_empty() {
            return;
        }
        let window = self.flying[to].len().min(REORDER_WINDOW);
        let at = self.rng.random_range(0..window);
        let flying = self.flying[to].remove(at);
        let party = &mut self.parties[to];
        match party.session.open(self.now, &flying.envelope) {
            Ok(opened) => {
                assert_eq!(flying.generation, self.generation, "a replaced session opens nothing");
                if self.chance(CRASH_BEFORE_COMMIT) {
                    self.oracle.count("crashes before writing what was opened");
                    self.flying[to].insert(0, flying);
                    return self.parties[to].restart();
                }
                if let Some(seed) = opened.next_stream {
                    assert_eq!(&self.oracle.streams[&flying.envelope[1..33]], seed.as_bytes());
                }
                assert_eq!(opened.content.is_some(), flying.message.is_some());
                if let (Some(message), Some(content)) = (flying.message, opened.content) {
                    assert_eq!(*content, [(1 - to).to_be_bytes(), message.to_be_bytes()].concat());
                    assert!(self.oracle.opened.insert(message), "message {message} opened twice");
                }
                self.parties[to].commit();
                if self.chance(CRASH_AFTER_COMMIT) {
                    self.oracle.count("crashes after writing what was opened");
                    self.flying[to].insert(0, flying);
                    self.parties[to].restart();
                }
            }
            Err(refusal) => self.refused(&flying, refusal),
        }
    }

    fn refused(&mut self, flying: &Flying, refusal: SessionRefusal) {
        let label = refusal.label();
        assert!(
            ["envelope-repeated", "envelope-chain", "envelope-authentication", "kem-epoch"].contains(&label),
            "{label}"
        );
        if flying.generation != self.generation {
            self.oracle.count("refused: of a replaced session");
        } else {
            assert!(
                flying.message.is_none_or(|message| self.oracle.opened.contains(&message)),
                "{label}: message {:?} was never opened",
                flying.message
            );
            self.oracle.count("refused: opened before");
        }
    }

    /// A party finds itself with an older copy. It uses nothing of it but identity and rekey secret.
    fn restore(&mut self, who: usize) {
        let stale = self.parties[who].backup.clone();
        if self.generation - stale.generation > 1 {
            return;
        }
        self.generation += 1;
        let secret = stale.rekey_secrets[0];
        assert!(self.parties[1 - who].disk.rekey_secrets.contains(&secret), "the other side still knows it");
        let identities = [self.parties[1 - who].identity.clone(), self.parties[who].identity.clone()];
        let oracle = std::mem::take(&mut self.oracle);
        let (sessions, rekey, oracle) =
            handshake(&identities, Occasion::Rekey, &secret, self.now, &mut self.rng, oracle);
        self.oracle = oracle;
        for (party, session) in [1 - who, who].into_iter().zip(sessions) {
            let party = &mut self.parties[party];
            party.session = session;
            party.disk.outbox.clear();
            party.disk.generation = self.generation;
            party.disk.rekey_secrets.insert(0, rekey);
            party.disk.rekey_secrets.truncate(2);
            party.commit();
        }
        self.oracle.count("restores from an older copy, and new handshakes");
    }

    fn step(&mut self) {
        self.now = self.now + Duration::from_secs(self.rng.random_range(0..STEP_SECS_MAX));
        let who = usize::from(self.chance(2));
        let crowded = self.flying[1 - who].len() >= IN_FLIGHT_MAX;
        if !crowded && self.chance(2) {
            for _ in 0..self.rng.random_range(1..=6) {
                self.seal(who);
            }
        }
        for _ in 0..self.rng.random_range(0..=8) {
            self.arrive(who);
        }
        if self.chance(BACKUP) {
            self.parties[who].backup = self.parties[who].disk.clone();
        }
        if self.chance(RESTORE) {
            self.restore(who);
        }
        if self.chance(100) {
            let given_up = self.parties[who].session.expire(self.now);
            *self.oracle.counts.entry("keys of lost envelopes given up").or_default() += given_up as u64;
            self.parties[who].commit();
        }
    }
}

/// Both sessions, the answering side's first, and the rekey secret.
fn handshake(
    [joiner, inviter]: &[IdentitySecret; 2],
    occasion: Occasion,
    psk: &[u8; 32],
    now: Timestamp,
    rng: &mut ChaCha20Rng,
    mut oracle: Oracle,
) -> ([Session; 2], [u8; 32], Oracle) {
    let offer = Offer::new(inviter.clone(), rng);
    let bundle = Bundle::parse(occasion, &offer.bundle(occasion)).unwrap();
    let initiated = initiate(&bundle, joiner, psk, b"", POLICY, now, rng).unwrap();
    let responded = offer.respond(occasion, psk, &initiated.answer, POLICY, now).unwrap();
    assert_eq!(*initiated.rekey_secret, *responded.rekey_secret);
    assert!(oracle.seeds.insert(*initiated.read.as_bytes()), "a stream seed is used twice");
    oracle.chain_begins(&initiated.answer[1154..], initiated.write.as_bytes());
    oracle.leaves(&initiated.answer[1154..]);
    ([initiated.session, responded.session], *responded.rekey_secret, oracle)
}

#[test]
fn a_hundred_thousand_messages_are_opened_once_or_accounted_for() {
    let mut world = World::new();
    while world.next_message < MESSAGES {
        world.step();
    }
    for to in [0, 1] {
        world.send(1 - to);
        while !world.flying[to].is_empty() {
            world.arrive(to);
        }
    }
    let (mut opened, mut lost, mut replaced) = (0u64, 0u64, 0u64);
    for (message, generation) in &world.oracle.sealed_in {
        if world.oracle.opened.contains(message) {
            opened += 1;
        } else if world.oracle.lost.contains(message) {
            lost += 1;
        } else {
            assert_ne!(*generation, world.generation, "message {message} is neither opened nor lost");
            replaced += 1;
        }
    }
    let [joiner, inviter] = world.parties.each_ref().map(|party| party.session.kem_epoch());
    println!(
        "{} messages: {opened} opened once, {lost} lost by the network, {replaced} sealed in a session that was replaced",
        world.oracle.sealed_in.len()
    );
    println!("KEM exchanges complete in the last session: {joiner} and {inviter}");
    for (what, count) in &world.oracle.counts {
        println!("{what}: {count}");
    }
    assert_eq!(opened + lost + replaced, world.oracle.sealed_in.len() as u64);
    assert!(opened > MESSAGES * 9 / 10);
    let count = |what: &str| world.oracle.counts.get(what).copied().unwrap_or(0);
    for what in [
        "crashes before writing what was sealed",
        "crashes after writing what was sealed",
        "crashes after sending",
        "crashes before writing what was opened",
        "crashes after writing what was opened",
        "restores from an older copy, and new handshakes",
        "refused: opened before",
        "keys of lost envelopes given up",
    ] {
        assert!(count(what) > 0, "{what}: never happened");
    }
    assert!(count("keys of lost envelopes given up") <= count("envelopes lost by the network"));
    assert!(count("KEM messages") > 500);
}
