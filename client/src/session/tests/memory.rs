//! Used keys are gone from memory: another process holds a conversation, and its memory is searched for every
//! secret that the conversation is past.
//!
//! The process is this test binary, run again; it stands still, waiting for its standard input, while it is
//! searched.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::fs::FileExt as _;
use std::process::{Command, Stdio};

use rand::{TryCryptoRng, TryRng};
use sha2::{Digest as _, Sha256};

use super::stolen::Stolen;
use super::*;
use crate::session::secret::Secret;
use crate::session::{dh, kdf};

const CHILD: &str = "SOTTO_TEST_SESSION_CHILD";
const NAME: &str = "session::tests::memory::a_conversation_that_is_searched";
const READY: &str = "the conversation stands still";
/// So much of a secret in one place counts as the secret.
const PATTERN_LEN: usize = 16;
const ROUNDS: u64 = 12;
/// Of a KEM key that the child holds expanded, to show that such a key is found.
const CONTROL_SEED: [u8; 64] = [0x42; 64];

/// A generator that keeps no output: SHA-256 of a counter, written where it is asked for.
struct Counter(u64);

impl TryRng for Counter {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_be_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_be_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Self::Error> {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Sha256::digest(self.0.to_be_bytes())[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counter {}

/// Looks on while the conversation is held; the child has nobody look.
trait Witness {
    fn offered(&mut self, _offer: &Offer, _joiner: &IdentitySecret) {}
    fn sees(&mut self, _session: &Session) {}
    fn sealed(&mut self, _sealed: &Sealed) {}
}

struct Nobody;

impl Witness for Nobody {}

/// Chains, skipped messages, KEM exchanges, saving and reading back: what the two sides hold at its end.
fn converse(witness: &mut impl Witness) -> (Session, Session) {
    let policy = KemPolicy { interval_min: Duration::ZERO, messages: 0, retry: Duration::ZERO };
    let mut rng = Counter(1 << 40);
    let inviter = IdentitySecret::generate(&mut rng);
    let joiner = IdentitySecret::generate(&mut rng);
    let offer = Offer::new(inviter, &mut rng);
    witness.offered(&offer, &joiner);
    let bundle = Bundle::parse(Occasion::Invitation, &offer.bundle(Occasion::Invitation)).unwrap();
    let initiated = initiate(&bundle, &joiner, &PSK, b"hello", policy, at(0), &mut rng).unwrap();
    let answer = initiated.answer;
    let mut sides = [
        offer.respond(Occasion::Invitation, &PSK, &answer, policy, at(0)).unwrap().session,
        initiated.session,
    ];
    drop((offer, joiner));
    for round in 0..ROUNDS {
        let [from, to] = &mut sides;
        witness.sees(from);
        witness.sees(to);
        if let Some(control) = from.seal_control(at(round), &mut rng).unwrap() {
            witness.sees(from);
            witness.sealed(&control);
            to.open(at(round), &control.envelope).unwrap();
            witness.sees(to);
        }
        let first = from.seal(at(round), b"opened later", &mut rng).unwrap();
        witness.sees(from);
        witness.sealed(&first);
        let second = from.seal(at(round), b"opened first", &mut rng).unwrap();
        witness.sees(from);
        to.open(at(round), &second.envelope).unwrap();
        witness.sees(to);
        to.open(at(round), &first.envelope).unwrap();
        witness.sees(to);
        *to = Session::from_bytes(&to.to_bytes(), policy).unwrap();
        sides.swap(0, 1);
    }
    let [one, other] = sides;
    (one, other)
}

/// Collects every secret of a conversation under a name.
#[derive(Default)]
struct Collector(HashMap<Vec<u8>, &'static str>);

impl Collector {
    fn keep(&mut self, name: &'static str, secret: &[u8]) {
        assert!(secret.len() >= PATTERN_LEN);
        self.0.insert(secret.to_vec(), name);
    }

    /// A chain key, and the message, cipher and nonce bytes of the next envelopes.
    fn keep_chain(&mut self, key: &[u8; 32]) {
        self.keep("chain key", key);
        let mut chain = Secret::copy_of(key);
        let message = kdf::chain_step(&mut chain);
        self.keep("message key", message.bytes());
        self.keep("cipher key", &kdf::message(&message).bytes()[..32]);
    }

    /// The secret polynomials that a seed expands to, as they lie in memory.
    #[expect(deprecated, reason = "the expanded form is what is looked for")]
    fn keep_kem(&mut self, seed: &[u8; 64]) {
        use ml_kem::ExpandedKeyEncoding as _;
        self.keep("KEM seed d", &seed[..32]);
        self.keep("KEM seed z", &seed[32..]);
        let key = ml_kem::ml_kem_768::DecapsulationKey::from_seed((*seed).into());
        let expanded = key.to_expanded_bytes();
        let coefficients = expanded[..48].chunks(3).flat_map(|three| {
            let [a, b, c] = [0, 1, 2].map(|at| u16::from(three[at]));
            [a | (b & 0x0f) << 8, b >> 4 | c << 4]
        });
        self.keep("KEM secret polynomial", &coefficients.flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    }
}

impl Witness for Collector {
    fn offered(&mut self, offer: &Offer, joiner: &IdentitySecret) {
        let saved = offer.to_bytes();
        self.keep("identity secret", &saved[1..33]);
        self.keep("ephemeral secret", &saved[33..65]);
        self.keep_kem(&saved[65..].try_into().unwrap());
        self.keep("identity secret", &*joiner.to_bytes());
        let scalar = |bytes: &[u8]| dh::Scalar::new(Secret::copy_of(bytes.try_into().unwrap()));
        let first = scalar(&saved[33..65]).agree(joiner.public().point()).unwrap();
        self.keep("agreement of the handshake", first.bytes());
    }

    fn sees(&mut self, session: &Session) {
        let stolen = Stolen::from(session);
        self.keep("root key", &stolen.root);
        if let Some((scalar, chain, ..)) = stolen.sending {
            self.keep("ratchet secret", &scalar);
            self.keep_chain(&chain);
            let scalar = dh::Scalar::new(Secret::copy_of(&scalar));
            let shared = scalar.agree(&dh::Point::parse(&stolen.remote_key).unwrap()).unwrap();
            self.keep("agreement of the ratchet", shared.bytes());
        }
        if let Some((chain, _)) = stolen.receiving {
            self.keep_chain(&chain);
        }
        match stolen.kem.len() {
            64 => self.keep_kem(&stolen.kem.try_into().unwrap()),
            32 => self.keep("KEM secret", &stolen.kem),
            _ => {}
        }
        for (_, _, key) in stolen.skipped {
            self.keep("skipped message key", &key);
            self.keep("cipher key", &kdf::message(&Secret::copy_of(&key)).bytes()[..32]);
        }
    }

    fn sealed(&mut self, sealed: &Sealed) {
        if let Some(seed) = &sealed.next_stream {
            self.keep("stream seed", seed.as_bytes());
        }
    }
}

/// What of the patterns is in the writable memory of a process, and how many bytes were searched.
fn search(pid: u32, patterns: &HashMap<&[u8], &'static str>) -> (Vec<(&'static str, String)>, usize) {
    let heads: HashMap<[u8; 2], Vec<&[u8]>> = patterns.keys().fold(HashMap::new(), |mut heads, pattern| {
        heads.entry([pattern[0], pattern[1]]).or_insert_with(Vec::new).push(*pattern);
        heads
    });
    let mut is_head = vec![false; 1 << 16];
    heads.keys().for_each(|head| is_head[usize::from(u16::from_be_bytes(*head))] = true);
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let (mut found, mut searched) = (Vec::new(), 0);
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, mode) = (fields.next().unwrap(), fields.next().unwrap());
        let place = fields.nth(3).unwrap_or("anonymous");
        if !mode.starts_with("rw") || place == "[vvar]" {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        memory.read_exact_at(&mut bytes, start).unwrap();
        searched += bytes.len();
        for (at, head) in bytes.windows(2).enumerate() {
            if !is_head[usize::from(u16::from_be_bytes([head[0], head[1]]))] {
                continue;
            }
            for pattern in heads.get(head).into_iter().flatten() {
                if bytes[at..].starts_with(pattern) {
                    found.push((patterns[*pattern], format!("{place} + {at:#x} of {:#x}", bytes.len())));
                }
            }
        }
    }
    (found, searched)
}

/// The child's part; a test that does nothing when it is not the child.
#[test]
fn a_conversation_that_is_searched() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let control = Box::new(ml_kem::ml_kem_768::DecapsulationKey::from_seed(CONTROL_SEED.into()));
    let held = converse(&mut Nobody);
    println!("{READY}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    drop((held, control));
}

#[test]
fn used_keys_are_gone_from_memory() {
    let mut collector = Collector::default();
    let (one, other) = converse(&mut collector);
    let mut present = Collector::default();
    present.sees(&one);
    present.sees(&other);
    // What the present state is only a step away from is not in memory either, but for what it holds itself.
    let held: Vec<Vec<u8>> = [&one, &other].into_iter().map(|session| session.to_bytes().to_vec()).collect();
    let is_held =
        |secret: &[u8]| held.iter().any(|saved| saved.windows(secret.len()).any(|part| part == secret));
    let past: Vec<(&Vec<u8>, &'static str)> = collector
        .0
        .iter()
        .filter(|(secret, _)| !is_held(&secret[..PATTERN_LEN]))
        .map(|(secret, name)| (secret, *name))
        .collect();
    let mut patterns: HashMap<&[u8], &'static str> = HashMap::new();
    for (secret, name) in &past {
        patterns.insert(&secret[..PATTERN_LEN], name);
        patterns.insert(&secret[secret.len() - PATTERN_LEN..], name);
    }
    let root = Stolen::from(&one).root;
    patterns.insert(&root[..PATTERN_LEN], "present root key");
    let mut control = Collector::default();
    control.keep_kem(&CONTROL_SEED);
    let expanded = control.0.iter().find(|(_, name)| **name == "KEM secret polynomial").unwrap().0;
    patterns.insert(&expanded[..PATTERN_LEN], "held KEM key");

    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains(READY)), "the child came to its end early");
    let (found, searched) = search(child.id(), &patterns);
    drop(child.stdin.take());
    assert!(lines.all(|line| line.is_ok()));
    assert!(child.wait().unwrap().success());

    let mut counts: HashMap<&str, usize> = HashMap::new();
    past.iter().for_each(|(_, name)| *counts.entry(*name).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable();
    println!("{} past secrets looked for in {searched} bytes: {counts:?}", past.len());
    let (there, left): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|(name, _)| ["present root key", "held KEM key"].contains(name));
    for name in ["present root key", "held KEM key"] {
        assert!(
            there.iter().any(|(found, _)| *found == name),
            "the search does not find what is there: {name}"
        );
    }
    assert!(left.is_empty(), "{} copies of past secrets are left: {left:#?}", left.len());
}
