//! A million hostile inputs at each parser: none panics, none allocates more than stated, each is refused
//! with a label or is, byte for byte, something that the encoder itself would have made.
//!
//! The seeds are fixed, so a failure repeats. Inputs are noise, and valid input with flipped bits, cut,
//! lengthened, spliced or blanked.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the counts of each label are worth a look")]

use std::collections::BTreeMap;
use std::time::Duration;

use allocation_counter::measure;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::boxes::{SealedBox, Tombstone, WriteCap};
use sotto_protocol::directory::{
    AuthoritySet, Consensus, ConsensusNode, Descriptor, EpochKey, NetworkInfo, Params, Place, Role,
    SignedConsensus, SignedDescriptor,
};
use sotto_protocol::frame::{DocumentAssembler, DocumentKind, Frame, ResumeToken, split_document};
use sotto_protocol::ident::{NodeId, NodeSecret, SessionAddress};
use sotto_protocol::limits::{DESCRIPTOR_LEN_MAX, DOCUMENT_LEN_MAX, FRAME_LEN, PACKET_LEN, PAYLOAD_LEN};
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_protocol::sphinx::{
    Hop, HopSecret, KeyRing, Packet, Refusal, Surb, SurbKeys, Unwrapped, build_forward, build_surb,
};
use sotto_protocol::time::Timestamp;

/// Inputs at each parser.
const INPUTS: usize = 1_000_000;
/// Threads that share them.
const THREADS: usize = 2;
const EPOCH: u64 = 7;
const NETWORK: &str = "hostile";

/// What a parser made of an input.
enum Verdict {
    /// Refused, with the label.
    Refused(&'static str),
    /// Accepted: what the encoder makes of it.
    Accepted(Vec<u8>),
}

/// Sends [`INPUTS`] mutations of `valid` through parsers made by `parser`, one per thread, and checks each
/// verdict and each allocation. Returns how often each label came.
fn attack<P: FnMut(&[u8]) -> Verdict>(
    name: &str,
    valid: &[Vec<u8>],
    bytes_max: u64,
    parser: impl Fn() -> P + Sync,
) -> BTreeMap<&'static str, usize> {
    let share = |thread: usize| {
        let mut rng = ChaCha20Rng::seed_from_u64(thread as u64);
        let mut parse = parser();
        let mut labels: BTreeMap<&'static str, usize> = BTreeMap::new();
        for round in 0..INPUTS / THREADS {
            let input = mutate(valid, &mut rng);
            let mut verdict = None;
            let allocated = measure(|| verdict = Some(parse(&input)));
            assert!(
                allocated.bytes_max <= bytes_max,
                "{name}: {} bytes allocated for an input of {} (thread {thread}, round {round})",
                allocated.bytes_max,
                input.len()
            );
            let label = match verdict.unwrap() {
                Verdict::Refused(label) => {
                    assert!(!label.is_empty() && !label.contains(' '), "{name}: label {label:?}");
                    label
                }
                Verdict::Accepted(again) => {
                    assert!(again == input, "{name}: accepted what it would not write (round {round})");
                    "accepted"
                }
            };
            *labels.entry(label).or_default() += 1;
        }
        labels
    };
    let mut total: BTreeMap<&'static str, usize> = BTreeMap::new();
    std::thread::scope(|scope| {
        let share = &share;
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || share(thread))).collect();
        for thread in threads {
            for (label, count) in thread.join().unwrap() {
                *total.entry(label).or_default() += count;
            }
        }
    });
    assert_eq!(total.values().sum::<usize>(), INPUTS, "{name}: every input has a verdict");
    println!("{name}: {total:?}");
    total
}

/// Noise, or a changed copy of a valid input; never a valid input itself.
fn mutate(valid: &[Vec<u8>], rng: &mut ChaCha20Rng) -> Vec<u8> {
    let original = &valid[rng.random_range(0..valid.len())];
    let mut input = original.clone();
    match rng.random_range(0..8) {
        0 => rng.fill_bytes(&mut input),
        1 => {
            let len = rng.random_range(0..=input.len());
            input.truncate(len);
        }
        2 => input.extend((0..rng.random_range(1..64)).map(|_| rng.random::<u8>())),
        3 => {
            let from = rng.random_range(0..input.len());
            let to = rng.random_range(from..=input.len());
            input[from..to].fill(0);
        }
        4 => {
            let other = &valid[rng.random_range(0..valid.len())];
            let cut = rng.random_range(0..input.len().min(other.len()));
            input[cut..].iter_mut().zip(&other[cut..]).for_each(|(to, from)| *to = *from);
        }
        _ => {
            for _ in 0..rng.random_range(1..8) {
                let at = rng.random_range(0..input.len());
                input[at] ^= 1 << rng.random_range(0..8);
            }
        }
    }
    if valid.contains(&input) {
        input[0] ^= 0x40;
    }
    input
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(99)
}

fn surb(rng: &mut ChaCha20Rng) -> (Surb, SurbKeys) {
    let route: Vec<Hop> = (1..=4)
        .map(|n| Hop { node: NodeId::from_bytes([n; 32]), key: HopSecret::generate(rng).public() })
        .collect();
    build_surb(&route, &[Duration::from_millis(5); 4], &SessionAddress::generate(rng), rng).unwrap()
}

#[test]
fn packets() {
    let mut rng = rng();
    let secret = HopSecret::generate(&mut rng);
    let hop = Hop { node: NodeId::from_bytes([1; 32]), key: secret.public() };
    let valid: Vec<Vec<u8>> = (0..8)
        .map(|n| {
            let text = vec![n; usize::from(n) * 250];
            let packet = build_forward(&[hop], &[Duration::ZERO], [2; 32], &text, &mut rng).unwrap();
            packet.as_bytes().to_vec()
        })
        .collect();
    let labels = attack("packets", &valid, 40 * PACKET_LEN as u64, || {
        let mut keys = KeyRing::new();
        keys.install(EPOCH, HopSecret::from_bytes(secret.to_bytes()));
        // The originals have been here, so that another encoding of one is a replay.
        for packet in &valid {
            keys.unwrap(EPOCH, Packet::from_slice(packet).unwrap(), Duration::ZERO).unwrap();
        }
        move |input: &[u8]| {
            let opened = Packet::from_slice(input)
                .and_then(|packet| keys.unwrap(EPOCH, packet, Duration::ZERO))
                .and_then(|unwrapped| match unwrapped {
                    Unwrapped::Final { payload, .. } => payload.into_text(),
                    Unwrapped::Forward { .. } => panic!("a one-hop packet was forwarded"),
                });
            match opened {
                Ok(text) => panic!("a mutated packet opened to {} bytes", text.len()),
                Err(refusal) => Verdict::Refused(refusal.label()),
            }
        }
    });
    for refusal in [Refusal::WrongLength { got: 0 }, Refusal::HeaderMac, Refusal::Replayed] {
        assert!(labels.contains_key(refusal.label()), "{} never came", refusal.label());
    }
}

#[test]
fn replies_by_surb() {
    let mut rng = rng();
    let (_, keys) = surb(&mut rng);
    let valid = vec![vec![7; PAYLOAD_LEN]];
    let labels = attack("reply payloads", &valid, 8 * PACKET_LEN as u64, || {
        |input: &[u8]| match <&[u8; PAYLOAD_LEN]>::try_from(input) {
            Ok(payload) => Verdict::Refused(keys.open(payload).unwrap_err().label()),
            Err(_) => Verdict::Refused("not-offered"),
        }
    });
    assert!(labels.contains_key(Refusal::PayloadTag.label()));
}

#[test]
fn frames() {
    let mut rng = rng();
    let consensus = split_document(DocumentKind::Consensus, &vec![3; 5000]).unwrap();
    let valid: Vec<Vec<u8>> = [
        Frame::Dummy,
        Frame::Packet(Packet::from_slice(&vec![9; PACKET_LEN]).unwrap()),
        Frame::SessionOpen { class: 1, resume: None },
        Frame::SessionOpen {
            class: 0,
            resume: Some((SessionAddress::generate(&mut rng), ResumeToken::generate(&mut rng))),
        },
        Frame::SessionOpened {
            session: SessionAddress::generate(&mut rng),
            token: ResumeToken::generate(&mut rng),
            resumable_s: 300,
        },
        Frame::ConsensusGet,
        Frame::DocumentPart(consensus[0].clone()),
        Frame::Accepted,
        Frame::Refused { label: "frame-kind".to_owned(), text: "no such kind".to_owned() },
    ]
    .iter()
    .map(|frame| frame.encode().to_vec())
    .collect();
    let labels = attack("frames", &valid, 4 * FRAME_LEN as u64, || {
        |input: &[u8]| match Frame::decode(input) {
            Ok(frame) => Verdict::Accepted(frame.encode().to_vec()),
            Err(refusal) => Verdict::Refused(refusal.label()),
        }
    });
    for label in ["frame-length", "frame-version", "frame-kind", "frame-padding", "frame-body"] {
        assert!(labels.contains_key(label), "{label} never came");
    }
}

#[test]
fn document_parts_never_fill_the_memory() {
    let mut rng = rng();
    let parts: Vec<Vec<u8>> = split_document(DocumentKind::Descriptor, &vec![3; DESCRIPTOR_LEN_MAX])
        .unwrap()
        .into_iter()
        .map(|part| Frame::DocumentPart(part).encode().to_vec())
        .collect();
    let mut assembler = DocumentAssembler::new(DocumentKind::Descriptor);
    for _ in 0..INPUTS / 10 {
        let input = mutate(&parts, &mut rng);
        let Ok(Frame::DocumentPart(part)) = Frame::decode(&input) else { continue };
        match assembler.push(&part) {
            Ok(Some(document)) => assert!(document.len() <= DESCRIPTOR_LEN_MAX),
            Ok(None) => {}
            Err(refusal) => {
                assert!(!refusal.label().is_empty());
                assembler = DocumentAssembler::new(DocumentKind::Descriptor);
            }
        }
    }
}

#[test]
fn commands() {
    let mut rng = rng();
    let mut stream = WriteCap::generate(&mut rng);
    let tombstone = stream.next_tombstone_key().tombstone();
    let sealed = stream.seal_next(b"text", &mut rng).unwrap();
    let id = *sealed.id();
    let valid: Vec<Vec<u8>> = [
        Command::Drop,
        Command::Write { surb: surb(&mut rng).0, ttl: TtlClass::Week, sealed },
        Command::Read { surb: surb(&mut rng).0, id },
        Command::Tombstone { surb: surb(&mut rng).0, tombstone },
    ]
    .iter()
    .map(Command::to_text)
    .collect();
    let labels = attack("commands", &valid, 8 * PAYLOAD_LEN as u64, || {
        |input: &[u8]| match Command::parse(input) {
            Ok(command) => Verdict::Accepted(command.to_text()),
            Err(refusal) => Verdict::Refused(refusal.label()),
        }
    });
    assert!(labels.len() > 3, "{labels:?}");
}

#[test]
fn replies() {
    let mut rng = rng();
    let mut stream = WriteCap::generate(&mut rng);
    let tombstone = stream.next_tombstone_key().tombstone();
    let sealed = stream.seal_next(b"text", &mut rng).unwrap();
    let valid: Vec<Vec<u8>> =
        [Reply::Stored, Reply::NotFound, Reply::Found(sealed), Reply::Tombstoned(tombstone)]
            .iter()
            .map(Reply::to_text)
            .collect();
    attack("replies", &valid, 8 * PAYLOAD_LEN as u64, || {
        |input: &[u8]| match Reply::parse(input) {
            Ok(reply) => Verdict::Accepted(reply.to_text()),
            Err(refusal) => Verdict::Refused(refusal.label()),
        }
    });
}

#[test]
fn boxes() {
    let mut rng = rng();
    let mut stream = WriteCap::generate(&mut rng);
    let valid: Vec<Vec<u8>> =
        (0..8).map(|n| stream.seal_next(&[n; 100], &mut rng).unwrap().to_bytes().to_vec()).collect();
    let labels = attack("boxes", &valid, 8 * PAYLOAD_LEN as u64, || {
        |input: &[u8]| match SealedBox::from_bytes(input).and_then(|sealed| sealed.verify()) {
            Ok(()) => panic!("a mutated box verified"),
            Err(refusal) => Verdict::Refused(refusal.label()),
        }
    });
    assert!(labels.len() > 1, "{labels:?}");
}

#[test]
fn tombstones() {
    let mut rng = rng();
    let mut stream = WriteCap::generate(&mut rng);
    let valid: Vec<Vec<u8>> = (0..8).map(|_| stream.tombstone_next().to_bytes().to_vec()).collect();
    attack("tombstones", &valid, PAYLOAD_LEN as u64, || {
        |input: &[u8]| match Tombstone::from_bytes(input).and_then(|tombstone| tombstone.verify()) {
            Ok(()) => panic!("a mutated tombstone verified"),
            Err(refusal) => Verdict::Refused(refusal.label()),
        }
    });
}

#[test]
fn descriptors() {
    let mut rng = rng();
    let valid: Vec<Vec<u8>> = [Role::Entry, Role::Mix, Role::Mailbox]
        .map(|role| {
            let secret = NodeSecret::generate(&mut rng);
            let descriptor = Descriptor {
                network: NETWORK.to_owned(),
                node: secret.id(),
                role,
                address: "127.0.0.1:4000".to_owned(),
                onion_address: None,
                hop_keys: vec![EpochKey { epoch: EPOCH, key: HopSecret::generate(&mut rng).public() }],
                published: Timestamp::from_millis(1),
                software: "sotto".to_owned(),
                capabilities: Vec::new(),
            };
            descriptor.sign(&secret).unwrap().to_bytes().unwrap()
        })
        .to_vec();
    let labels = attack("descriptors", &valid, 8 * DESCRIPTOR_LEN_MAX as u64, || {
        |input: &[u8]| match SignedDescriptor::from_bytes(input).and_then(|signed| signed.verify(NETWORK)) {
            Ok(_) => panic!("a mutated descriptor verified"),
            Err(refusal) => Verdict::Refused(refusal.label()),
        }
    });
    assert!(labels.len() > 2, "{labels:?}");
}

#[test]
fn consensuses() {
    let mut rng = rng();
    let authority = NodeSecret::generate(&mut rng);
    let places =
        [Place::Entry].into_iter().chain((1..=3).map(|layer| Place::Mix { layer })).chain([Place::Mailbox]);
    let mut nodes: Vec<ConsensusNode> = places
        .map(|place| ConsensusNode {
            node: NodeSecret::generate(&mut rng).id(),
            place,
            address: "127.0.0.1:4000".to_owned(),
            onion_address: None,
            hop_keys: vec![EpochKey { epoch: EPOCH, key: HopSecret::generate(&mut rng).public() }],
        })
        .collect();
    nodes.sort_by_key(|node| node.node);
    let params = Params { replicas: 1, ..Params::default() };
    let start = sotto_protocol::directory::epoch_start(EPOCH, params.epoch_s);
    let consensus = Consensus {
        network: NETWORK.to_owned(),
        epoch: EPOCH,
        valid_after: start,
        valid_until: start + Duration::from_secs(u64::from(params.epoch_s)),
        randomness: [5; 32],
        params,
        nodes,
    };
    let valid = vec![consensus.sign(&[&authority]).unwrap().to_bytes().unwrap()];
    let authorities = AuthoritySet::new(NETWORK, &[authority.id()], 1).unwrap();
    // A list that claims more elements than the document has bytes must not be believed.
    let bytes_max = 64 * valid[0].len() as u64;
    assert!(bytes_max < DOCUMENT_LEN_MAX as u64);
    let labels = attack("consensuses", &valid, bytes_max, || {
        |input: &[u8]| match SignedConsensus::from_bytes(input).and_then(|signed| signed.verify(&authorities))
        {
            Ok(_) => panic!("a mutated consensus verified"),
            Err(refusal) => Verdict::Refused(refusal.label()),
        }
    });
    assert!(labels.len() > 2, "{labels:?}");
}

#[test]
fn network_links() {
    let mut rng = rng();
    let info = NetworkInfo {
        network: NETWORK.to_owned(),
        authorities: vec![sotto_protocol::directory::AuthorityEntry {
            key: NodeSecret::generate(&mut rng).id(),
            address: "127.0.0.1:4000".to_owned(),
            onion_address: Some(format!("{}.onion:4000", "a2".repeat(28))),
        }],
        threshold: 1,
        epoch_s: 3600,
    };
    let valid = vec![info.to_link().unwrap().into_bytes()];
    attack("network links", &valid, 64 * 1024, || {
        |input: &[u8]| {
            let text = String::from_utf8_lossy(input);
            match text.parse::<NetworkInfo>() {
                // Upper case is the same link; anything else has another checksum.
                Ok(again) => {
                    assert_eq!(again.to_link().unwrap(), text.trim().to_ascii_lowercase());
                    Verdict::Accepted(input.to_vec())
                }
                Err(error) => Verdict::Refused(error.label()),
            }
        }
    });
}
