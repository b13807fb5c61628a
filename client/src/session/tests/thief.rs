//! What a thief of one side's state can do with it and with every envelope that was ever sent.
//!
//! The thief is not bound by the session's rules: it has the saved bytes, knows the specification, and tries
//! every root, chain and ratchet secret that it can derive.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use sotto_protocol::boxes::WriteCap;

use super::stolen::Stolen;
use super::*;
use crate::session::dh::{Point, Scalar};
use crate::session::kdf;
use crate::session::kem::KemSecret;
use crate::session::secret::Secret;

const EAGER: KemPolicy =
    KemPolicy { interval_min: Duration::ZERO, messages: u32::MAX, retry: Duration::ZERO };
/// How far along a chain the thief looks for the key of an envelope.
const STEPS_MAX: usize = 6;

/// Everything that a thief can try.
struct Thief {
    associated: [u8; 32],
    roots: Vec<[u8; 32]>,
    chains: Vec<[u8; 32]>,
    messages: Vec<[u8; 32]>,
    scalars: Vec<[u8; 32]>,
    /// KEM secrets that it holds.
    kems: Vec<[u8; 32]>,
    kem_seeds: Vec<[u8; 64]>,
    streams: Vec<[u8; 32]>,
}

impl Thief {
    fn of(session: &Session) -> Self {
        let stolen = Stolen::from(session);
        let mut thief = Self {
            associated: stolen.associated,
            roots: vec![stolen.root],
            chains: stolen.receiving.iter().map(|(key, _)| *key).collect(),
            messages: stolen.skipped.iter().map(|(_, _, key)| *key).collect(),
            scalars: Vec::new(),
            kems: Vec::new(),
            kem_seeds: Vec::new(),
            streams: Vec::new(),
        };
        if let Some((scalar, chain, ..)) = stolen.sending {
            thief.scalars.push(scalar);
            thief.chains.push(chain);
        }
        match stolen.kem.len() {
            32 => thief.kems.push(stolen.kem.try_into().unwrap()),
            64 => thief.kem_seeds.push(stolen.kem.try_into().unwrap()),
            _ => {}
        }
        thief
    }

    /// The text of an envelope, if any key that the thief can reach opens it. Learns the roots and chains
    /// that it can reach with the public keys in the envelope's header and in `points`.
    fn open(&mut self, envelope: &[u8], points: &[[u8; 32]]) -> Option<Vec<u8>> {
        let header_key: [u8; 32] = envelope[1..33].try_into().unwrap();
        let epoch = u32::from_be_bytes(envelope[41..45].try_into().unwrap());
        let mut kems: Vec<Option<[u8; 32]>> = vec![None];
        kems.extend(self.kems.iter().copied().map(Some));
        let mut derived = Vec::new();
        for scalar in &self.scalars {
            for point in points.iter().chain([&header_key]) {
                let scalar = Scalar::new(Secret::copy_of(scalar));
                let shared = scalar.agree(&Point::parse(point).unwrap()).unwrap();
                for root in &self.roots {
                    for kem in &kems {
                        for role in [1, 2] {
                            let kem = kem.map(|kem| Secret::copy_of(&kem));
                            derived.push(kdf::root_step(
                                &Secret::copy_of(root),
                                &shared,
                                kem.as_ref(),
                                role,
                                epoch,
                            ));
                        }
                    }
                }
            }
        }
        let mut keys = self.messages.clone();
        for chain in self.chains.iter().chain(derived.iter().map(|step| step.chain.bytes())) {
            let mut chain = Secret::copy_of(chain);
            keys.extend((0..STEPS_MAX).map(|_| *kdf::chain_step(&mut chain).bytes()));
        }
        let text = keys.iter().find_map(|key| self.try_key(key, envelope))?;
        // Which of the steps it was, it finds out by the envelope that opened.
        for step in derived {
            if self.roots.contains(step.root.bytes()) {
                continue;
            }
            let mut chain = step.chain.clone();
            if (0..STEPS_MAX).any(|_| {
                let key = kdf::chain_step(&mut chain);
                self.try_key(key.bytes(), envelope).is_some()
            }) {
                self.roots.push(*step.root.bytes());
                self.chains.push(*step.chain.bytes());
                self.streams.push(*step.stream.bytes());
            }
        }
        if text[0] == 3 {
            let secrets = self
                .kem_seeds
                .iter()
                .map(|seed| *KemSecret::new(Secret::copy_of(seed)).decapsulate(&text[5..]).unwrap().bytes());
            self.kems.extend(secrets);
        }
        Some(text)
    }

    fn try_key(&self, key: &[u8; 32], envelope: &[u8]) -> Option<Vec<u8>> {
        let output = kdf::message(&Secret::copy_of(key));
        let nonce = Nonce::try_from(&output.bytes()[32..]).unwrap();
        let cipher = ChaCha20Poly1305::new_from_slice(&output.bytes()[..32]).unwrap();
        let aad = [self.associated.as_slice(), &envelope[..45]].concat();
        cipher.decrypt(&nonce, Payload { msg: &envelope[45..], aad: &aad }).ok()
    }
}

/// A conversation that keeps what it sent and, for the tests of a broken X25519, every ratchet secret.
struct Recorded {
    /// The initiator's, the responder's.
    sides: [Session; 2],
    rng: ChaCha20Rng,
    envelopes: Vec<Vec<u8>>,
    /// Seeds of the streams, with the count of envelopes sent before.
    streams: Vec<(usize, [u8; 32])>,
    scalars: Vec<[u8; 32]>,
    points: Vec<[u8; 32]>,
}

impl Recorded {
    fn new(seed: u64) -> Self {
        let (initiated, responded) = pair(seed, EAGER);
        let mut recorded = Self {
            sides: [initiated.session, responded.session],
            rng: rng(seed + 1),
            envelopes: vec![initiated.answer[1154..].to_vec()],
            streams: vec![(0, *initiated.write.as_bytes())],
            scalars: Vec::new(),
            points: Vec::new(),
        };
        recorded.note();
        recorded
    }

    fn note(&mut self) {
        for side in &self.sides {
            let stolen = Stolen::from(side);
            self.scalars.extend(stolen.sending.map(|(scalar, ..)| scalar));
            self.points.extend([stolen.local_key, stolen.remote_key]);
        }
        for keys in [&mut self.scalars, &mut self.points] {
            keys.sort_unstable();
            keys.dedup();
        }
    }

    /// Content from one side to the other, which opens it.
    fn say(&mut self, from: usize) {
        let sealed = self.sides[from].seal(at(0), b"said", &mut self.rng).unwrap();
        self.deliver(from, sealed);
    }

    fn control(&mut self, from: usize) {
        let sealed = self.sides[from].seal_control(at(0), &mut self.rng).unwrap().unwrap();
        self.deliver(from, sealed);
    }

    fn deliver(&mut self, from: usize, sealed: Sealed) {
        if let Some(seed) = sealed.next_stream {
            self.streams.push((self.envelopes.len(), *seed.as_bytes()));
        }
        self.sides[1 - from].open(at(0), &sealed.envelope).unwrap();
        self.envelopes.push(sealed.envelope);
        self.note();
    }
}

#[test]
fn a_stolen_state_opens_nothing_that_was_sent_before() {
    for victim in [0, 1] {
        let mut talk = Recorded::new(100);
        for round in 0..6 {
            talk.say(1 - round % 2);
            talk.say(1 - round % 2);
        }
        let mut thief = Thief::of(&talk.sides[victim]);
        for envelope in &talk.envelopes {
            assert!(thief.open(envelope, &talk.points.clone()).is_none());
        }
        println!("victim {victim}: {} envelopes of before stay closed", talk.envelopes.len());
    }
}

#[test]
fn what_a_stolen_state_opens_ends_with_one_round_of_healing() {
    for victim in [0, 1] {
        let peer = 1 - victim;
        let mut talk = Recorded::new(200);
        for round in 0..2 {
            talk.say(1 - round % 2);
        }
        // The victim has the latest chain, which is the worst case: its ratchet secret is stolen too.
        talk.say(peer);
        talk.say(victim);
        let (stolen_at, mut thief) = (talk.envelopes.len(), Thief::of(&talk.sides[victim]));
        assert_eq!(thief.scalars.len(), 1);
        let opens = |thief: &mut Thief, talk: &Recorded, at: usize| {
            thief.open(&talk.envelopes[at], &talk.points).is_some()
        };
        talk.say(victim);
        assert!(opens(&mut thief, &talk, stolen_at), "the present chain is the thief's");
        talk.say(peer);
        assert!(
            opens(&mut thief, &talk, stolen_at + 1),
            "so is the peer's next, agreed upon with the stolen secret"
        );
        talk.say(victim);
        assert!(
            !opens(&mut thief, &talk, stolen_at + 2),
            "the victim's answer is not: its new secret was never stolen"
        );
        talk.say(peer);
        assert!(!opens(&mut thief, &talk, stolen_at + 3));
        let healed = talk.envelopes.len();
        for round in 0..8 {
            talk.say(if round % 2 == 0 { victim } else { peer });
        }
        let later: Vec<usize> = (healed..talk.envelopes.len()).collect();
        assert!(later.iter().all(|at| !opens(&mut thief, &talk, *at)));
        println!("victim {victim}: 2 envelopes opened after the theft, {} closed", later.len() + 2);

        let later_streams: Vec<[u8; 32]> =
            talk.streams.iter().filter(|(at, _)| *at >= stolen_at + 2).map(|(_, seed)| *seed).collect();
        assert_eq!(later_streams.len(), 10);
        assert_eq!(thief.streams.len(), 1, "it knows the stream of the chain that it opened");
        assert!(later_streams.iter().all(|seed| !thief.streams.contains(seed)));
    }
}

#[test]
fn a_stolen_read_capability_matches_nothing_after_the_next_rotation() {
    let mut talk = Recorded::new(300);
    talk.say(1);
    talk.say(0);
    let (_, seed) = *talk.streams.last().unwrap();
    let mut stolen = WriteCap::from_seed(&seed).read_cap();
    talk.say(1);
    talk.say(0);
    let (_, seed) = *talk.streams.last().unwrap();
    let mut later = WriteCap::from_seed(&seed);
    let mut rng = rng(301);
    let written: Vec<_> =
        (0..200).map(|_| *later.seal_next(b"after the rotation", &mut rng).unwrap().id()).collect();
    for _ in 0..200 {
        assert!(!written.contains(&stolen.next_id()));
        stolen.advance();
    }
}

#[test]
fn with_x25519_broken_a_complete_kem_exchange_heals_and_nothing_less_does() {
    for victim in [0, 1] {
        let mut talk = Recorded::new(400);
        talk.say(1);
        talk.say(0);
        let (stolen_at, mut thief) = (talk.envelopes.len(), Thief::of(&talk.sides[victim]));
        // A conversation without an exchange: whoever breaks X25519 reads on.
        talk.say(1);
        talk.say(0);
        talk.say(1);
        talk.control(0);
        talk.control(1);
        let mixed_at = talk.envelopes.len();
        talk.say(0);
        assert_eq!(talk.envelopes[mixed_at][41..45], [0, 0, 0, 1], "the exchange is complete");
        talk.say(1);
        talk.say(0);
        talk.say(1);
        talk.say(0);
        thief.scalars = talk.scalars.clone();
        let opened: Vec<bool> = (stolen_at..talk.envelopes.len())
            .map(|at| thief.open(&talk.envelopes[at].clone(), &[]).is_some())
            .collect();
        let (before, after) = opened.split_at(mixed_at - stolen_at);
        assert!(before.iter().all(|opened| *opened), "X25519 is broken: {before:?}");
        assert!(after.iter().all(|opened| !opened), "but not ML-KEM: {after:?}");
        println!(
            "victim {victim}: {} opened before the exchange was complete, {} closed after",
            before.len(),
            after.len()
        );
    }
}

#[test]
fn with_x25519_broken_a_recorded_handshake_stays_closed() {
    let talk = Recorded::new(500);
    let mut thief = Thief::of(&talk.sides[0]);
    thief.roots.clear();
    thief.chains.clear();
    thief.scalars = talk.scalars.clone();
    // Without ML-KEM's secret the root key cannot be computed; zeros and the agreements alone are all there
    // is to try.
    thief.roots.push([0; 32]);
    assert!(talk.envelopes.iter().all(|envelope| thief.open(envelope, &talk.points).is_none()));
}
