//! Prints `docs/vectors/frames.json` or `docs/vectors/documents.json`:
//! `cargo run -p sotto-protocol --example vectors_documents frames > docs/vectors/frames.json`.
//!
//! Every run prints the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../tests/documents/examples.rs"]
mod examples;
#[path = "../tests/documents/vector_file.rs"]
mod vector_file;

use std::io::Write;

use data_encoding::BASE32_NOPAD;
use examples::{AUTHORITIES, secret};
use sha2::{Digest, Sha256};
use sotto_protocol::codec;
use sotto_protocol::directory::{
    Consensus, Descriptor, EpochKey, NETWORK_LINK_LEN_MAX, NetworkInfo, Place, assign_layers, epoch_start,
};
use sotto_protocol::ident::{NodeId, NodeSecret};
use sotto_protocol::limits::{DESCRIPTOR_LEN_MAX, DOCUMENT_LEN_MAX, FRAME_LEN};
use vector_file::{
    ConsensusEnvelope, ConsensusVector, DescriptorEnvelope, DescriptorVector, DocumentsFile, FrameVector,
    FramesFile, LayersVector, NetworkVector, Refused, RefusedFrame, consensus_content, descriptor_content,
    frame_content, hex, network_content, runs,
};

const DESCRIPTOR_CONTEXT: &[u8] = b"sotto descriptor v1\0";
const CONSENSUS_CONTEXT: &[u8] = b"sotto consensus v1\0";

fn main() -> std::io::Result<()> {
    let text = match std::env::args().nth(1).as_deref() {
        Some("frames") => serde_json::to_string_pretty(&frames_file())?,
        Some("documents") => serde_json::to_string_pretty(&documents_file())?,
        _ => {
            return Err(std::io::Error::other("expected one argument: frames or documents"));
        }
    };
    writeln!(std::io::stdout(), "{text}")
}

fn frames_file() -> FramesFile {
    let about = [
        "Frames, version 1, as specified in docs/spec/links.md. Bytes are hexadecimal; 00*16 is 16 zero bytes.",
        "frames: bytes and what they mean. refused: bytes and the label that they are refused with.",
    ];
    let frames = examples::frames().into_iter().map(|(name, frame)| FrameVector {
        name: name.to_owned(),
        bytes: runs(frame.encode().as_slice()),
        content: frame_content(&frame),
    });
    FramesFile { about: about.map(str::to_owned).into(), frames: frames.collect(), refused: refused_frames() }
}

/// A frame of that head and body.
fn frame(version: u8, kind: u8, used: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = [&[version, kind][..], &used.to_be_bytes(), body].concat();
    bytes.resize(FRAME_LEN, 0);
    bytes
}

fn refused_frames() -> Vec<RefusedFrame> {
    let body = |kind: u8, body: &[u8]| frame(1, kind, u16::try_from(body.len()).unwrap(), body);
    let mut dummy_too_long = frame(1, 0, 0, &[]);
    dummy_too_long.push(0);
    [
        ("one byte short", frame(1, 0, 0, &[])[1..].to_vec(), "frame-length"),
        ("one byte long", dummy_too_long, "frame-length"),
        ("used length over the body's", frame(1, 0, 2397, &[]), "frame-length"),
        ("version 0", frame(0, 0, 0, &[]), "frame-version"),
        ("version 2", frame(2, 0, 0, &[]), "frame-version"),
        ("unknown kind", frame(1, 9, 0, &[]), "frame-kind"),
        ("byte after the used ones", frame(1, 0, 0, &[1]), "frame-padding"),
        ("dummy with a body", body(0, &[0]), "frame-body"),
        ("packet one byte short", body(1, &[1; 2395]), "frame-body"),
        ("session-open of one byte", body(2, &[0]), "frame-body"),
        ("session-open, neither new nor resumed", body(2, &[0, 2]), "frame-body"),
        ("session-open, resumed, without a token", body(2, &[&[0, 1][..], &[3; 32]].concat()), "frame-body"),
        ("session-open, new, with a session", body(2, &[&[0, 0][..], &[3; 64]].concat()), "frame-body"),
        ("session-opened one byte long", body(3, &[3; 69]), "frame-body"),
        ("delivery without a payload", body(4, &[2; 16]), "frame-body"),
        ("consensus-get with a body", body(5, &[0]), "frame-body"),
        ("piece of an unknown kind of document", body(6, &[3, 0, 0, 0, 1, 7]), "frame-body"),
        ("piece whose index is the count", body(6, &[1, 0, 1, 0, 1, 7]), "frame-body"),
        ("piece that is empty", body(6, &[1, 0, 0, 0, 1]), "frame-body"),
        ("piece that is not the last and not full", body(6, &[1, 0, 0, 0, 2, 7]), "frame-body"),
        ("document of no pieces", body(6, &[1, 0, 0, 0, 0, 7]), "document-part-count"),
        ("descriptor of three pieces", body(6, &[2, 0, 2, 0, 3, 7]), "document-part-count"),
        ("accepted with a body", body(7, &[0]), "frame-body"),
        ("refused without a label", body(8, &[0]), "frame-body"),
        ("refused with a capital letter in its label", body(8, b"\x01A"), "frame-body"),
        ("refused with an escape character in its text", body(8, b"\x01a\x1b[31m"), "frame-body"),
        ("refused with a text that is not UTF-8", body(8, b"\x01a\xff"), "frame-body"),
    ]
    .map(|(name, bytes, label)| RefusedFrame {
        name: name.to_owned(),
        bytes: runs(&bytes),
        label: label.to_owned(),
    })
    .into()
}

fn documents_file() -> DocumentsFile {
    let about = [
        "Directory documents, version 1, as specified in docs/spec/directory.md. Bytes are hexadecimal.",
        "Each document is shown as it travels and as what it says; refused ones with the label of the refusal.",
        "The refused ones are to be read for the network and by the authorities of the link shown here.",
        "Secrets are Ed25519 seeds (RFC 8032). Signatures cover a context, the version byte and the body.",
    ];
    let descriptor = examples::descriptor();
    let consensus = examples::consensus();
    let info = examples::network();
    let signers: Vec<NodeSecret> = AUTHORITIES[..2].iter().map(|number| secret(*number)).collect();
    let signed = consensus.sign(&signers.iter().collect::<Vec<_>>()).unwrap();
    DocumentsFile {
        about: about.map(str::to_owned).into(),
        network: NetworkVector { link: info.to_link().unwrap(), content: network_content(&info) },
        descriptor: DescriptorVector {
            secret: hex(secret(1).to_seed().as_slice()),
            signed: hex(&descriptor.sign(&secret(1)).unwrap().to_bytes().unwrap()),
            content: descriptor_content(&descriptor),
        },
        consensus: ConsensusVector {
            secrets: signers.iter().map(|secret| hex(secret.to_seed().as_slice())).collect(),
            signed: hex(&signed.to_bytes().unwrap()),
            content: consensus_content(&consensus),
        },
        layers: layers(),
        refused_links: refused_links(&info.to_link().unwrap()),
        refused_descriptors: refused_descriptors(),
        refused_consensuses: refused_consensuses(),
    }
}

fn layers() -> LayersVector {
    let mixes: Vec<NodeId> = (0..7).map(|number| NodeId::from_bytes([number; 32])).collect();
    let randomness = [7; 32];
    LayersVector {
        randomness: hex(&randomness),
        mixes: mixes.iter().map(NodeId::to_string).collect(),
        layers: assign_layers(&randomness, &mixes).into_iter().map(|(_, layer)| layer).collect(),
    }
}

fn refused(name: &str, input: String, label: &str) -> Refused {
    Refused { name: name.to_owned(), input, label: label.to_owned() }
}

fn refused_links(link: &str) -> Vec<Refused> {
    let mut mistyped = link.to_owned();
    mistyped.replace_range(20..21, if &link[20..21] == "a" { "b" } else { "a" });
    vec![
        refused("another kind of link", link.replace("network", "invite"), "link-prefix"),
        refused("one character mistyped", mistyped, "link-mistyped"),
        refused("last character missing", link[..link.len() - 1].to_owned(), "link-mistyped"),
        refused("nothing after the prefix", "sotto:network:".to_owned(), "link-mistyped"),
        refused(
            "a character that base32 has not",
            link.replace("sotto:network:", "sotto:network:1"),
            "link-mistyped",
        ),
        refused("version 1, without onion addresses", link_of(&[1, 0]), "link-version"),
        refused("a later version", link_of(&[3, 0]), "link-version"),
        refused(
            "an authority's onion address that is none",
            link_of(&link_body(|info| info.authorities[0].onion_address = Some("192.0.2.1:9000".to_owned()))),
            "link-content",
        ),
        refused(
            "a threshold that nobody could meet",
            link_of(&link_body(|info| info.threshold = 4)),
            "link-authorities",
        ),
        refused("bytes left over", link_of(&[link_body(|_| {}), vec![0]].concat()), "link-content"),
    ]
}

/// What the link of a spoiled network encodes, without the checksum.
fn link_body(spoil: impl FnOnce(&mut NetworkInfo)) -> Vec<u8> {
    let mut info = examples::network();
    spoil(&mut info);
    [vec![2], codec::encode(&info, NETWORK_LINK_LEN_MAX).unwrap()].concat()
}

/// A link of any bytes, with the right checksum.
fn link_of(bytes: &[u8]) -> String {
    let sum = Sha256::new().chain_update(b"sotto network link v1\0").chain_update(bytes).finalize();
    let encoded = BASE32_NOPAD.encode(&[bytes, &sum[..4]].concat());
    format!("sotto:network:{}", encoded.to_ascii_lowercase())
}

/// The body of a descriptor that was spoiled.
fn descriptor_body(spoil: impl FnOnce(&mut Descriptor)) -> Vec<u8> {
    let mut descriptor = examples::descriptor();
    spoil(&mut descriptor);
    [vec![1], codec::encode(&descriptor, DESCRIPTOR_LEN_MAX).unwrap()].concat()
}

/// Any body under the signature of node 1.
fn sign_descriptor(body: Vec<u8>) -> Vec<u8> {
    let signature = secret(1).sign(DESCRIPTOR_CONTEXT, &body);
    codec::encode(&DescriptorEnvelope { body, signature }, DESCRIPTOR_LEN_MAX).unwrap()
}

fn refused_descriptors() -> Vec<Refused> {
    let spoiled = |spoil: fn(&mut Descriptor)| sign_descriptor(descriptor_body(spoil));
    let body = descriptor_body(|_| {});
    let signed = sign_descriptor(body.clone());
    let mut flipped = signed.clone();
    flipped[40] ^= 1;
    let foreign = secret(2).sign(DESCRIPTOR_CONTEXT, &body);
    let foreign =
        codec::encode(&DescriptorEnvelope { body: body.clone(), signature: foreign }, DESCRIPTOR_LEN_MAX);
    let context = secret(1).sign(CONSENSUS_CONTEXT, &body);
    let context =
        codec::encode(&DescriptorEnvelope { body: body.clone(), signature: context }, DESCRIPTOR_LEN_MAX);
    [
        ("longer than 4096 bytes", vec![0; 4097], "too-large"),
        ("cut off", signed[..signed.len() - 1].to_vec(), "malformed"),
        ("a byte after the signature", [&signed[..], &[0]].concat(), "trailing-bytes"),
        ("a byte after the signed body", sign_descriptor([&body[..], &[0]].concat()), "trailing-bytes"),
        (
            "a length in more bytes than it needs",
            sign_descriptor([&[1, 251, 7, 0][..], &body[2..]].concat()),
            "non-canonical",
        ),
        ("version 2", sign_descriptor([&[2], &body[1..]].concat()), "wrong-version"),
        ("a flipped bit in the node's key", flipped, "bad-signature"),
        ("signed by another node", foreign.unwrap(), "bad-signature"),
        ("signed as another kind of document", context.unwrap(), "bad-signature"),
        ("of another network", spoiled(|d| d.network = "production".to_owned()), "wrong-network"),
        ("without a key", spoiled(|d| d.hop_keys.clear()), "hop-key-count"),
        (
            "with five keys",
            spoiled(|d| {
                d.hop_keys = (1..6).map(|epoch| EpochKey { epoch, ..d.hop_keys[0] }).collect();
            }),
            "hop-key-count",
        ),
        ("with keys out of order", spoiled(|d| d.hop_keys.reverse()), "hop-key-order"),
        ("with an address without a port", spoiled(|d| d.address = "192.0.2.1".to_owned()), "address"),
        (
            "with an onion address that is none",
            spoiled(|d| d.onion_address = Some("a.onion:1".to_owned())),
            "address",
        ),
        ("with a terminal escape in its software", spoiled(|d| d.software = "\u{1b}[2J".to_owned()), "text"),
        ("with a capability twice", spoiled(|d| d.capabilities = vec!["a".to_owned(); 2]), "text"),
    ]
    .map(|(name, bytes, label)| refused(name, hex(&bytes), label))
    .into()
}

/// Any body under the signatures of the authorities of those numbers, in that order.
fn sign_consensus(body: Vec<u8>, signers: &[u8]) -> Vec<u8> {
    let signatures = signers
        .iter()
        .map(|number| (secret(*number).id(), secret(*number).sign(CONSENSUS_CONTEXT, &body)))
        .collect();
    codec::encode(&ConsensusEnvelope { body, signatures }, DOCUMENT_LEN_MAX).unwrap()
}

/// The numbers of the authorities, in the order in which their signatures are.
fn ordered(signers: &[u8]) -> Vec<u8> {
    let mut signers = signers.to_vec();
    signers.sort_unstable_by_key(|number| secret(*number).id());
    signers
}

fn consensus_body(spoil: impl FnOnce(&mut Consensus)) -> Vec<u8> {
    let mut consensus = examples::consensus();
    spoil(&mut consensus);
    [vec![1], codec::encode(&consensus, DOCUMENT_LEN_MAX).unwrap()].concat()
}

fn refused_consensuses() -> Vec<Refused> {
    let two = ordered(&AUTHORITIES[..2]);
    let spoiled = |spoil: fn(&mut Consensus)| sign_consensus(consensus_body(spoil), &two);
    let body = consensus_body(|_| {});
    let signed = sign_consensus(body.clone(), &two);
    let signed_by = |signers: &[u8]| sign_consensus(body.clone(), signers);
    let reversed: Vec<u8> = two.iter().rev().copied().collect();
    let mut flipped = signed.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    [
        ("cut off", signed[..signed.len() - 1].to_vec(), "malformed"),
        ("a byte after the signatures", [&signed[..], &[0]].concat(), "trailing-bytes"),
        ("a byte after the signed body", sign_consensus([&body[..], &[0]].concat(), &two), "trailing-bytes"),
        (
            "a length in more bytes than it needs",
            sign_consensus([&[1, 251, 7, 0][..], &body[2..]].concat(), &two),
            "non-canonical",
        ),
        ("version 0", sign_consensus([&[0], &body[1..]].concat(), &two), "wrong-version"),
        ("a flipped bit in a signature", flipped, "bad-signature"),
        ("signed by nobody", signed_by(&[]), "too-few-signatures"),
        ("signed by one authority", signed_by(&[101]), "too-few-signatures"),
        ("signed by one authority twice", signed_by(&[101, 101]), "duplicate-signer"),
        ("signatures out of order", signed_by(&reversed), "duplicate-signer"),
        ("signed by one authority and a stranger", signed_by(&ordered(&[101, 55])), "unknown-signer"),
        ("seventeen signatures", signed_by(&ordered(&(60..77).collect::<Vec<u8>>())), "too-many-signatures"),
        ("of another network", spoiled(|c| c.network = "production".to_owned()), "wrong-network"),
        (
            "with epochs of another length",
            spoiled(|c| {
                c.params.epoch_s *= 2;
                c.epoch /= 2;
                c.valid_after = epoch_start(c.epoch, c.params.epoch_s);
                c.valid_until = epoch_start(c.epoch + 1, c.params.epoch_s);
            }),
            "epoch-length",
        ),
        ("nodes out of order", spoiled(|c| c.nodes.reverse()), "node-order"),
        ("a node twice", spoiled(|c| c.nodes.insert(0, c.nodes[0].clone())), "node-order"),
        ("no nodes", spoiled(|c| c.nodes.clear()), "node-count"),
        ("no mailbox", spoiled(|c| c.nodes.retain(|node| node.place != Place::Mailbox)), "missing-layer"),
        (
            "no mix in layer 2",
            spoiled(|c| c.nodes.retain(|node| node.place != Place::Mix { layer: 2 })),
            "missing-layer",
        ),
        ("a mix in layer 4", spoiled(|c| c.nodes[0].place = Place::Mix { layer: 4 }), "layer-out-of-range"),
        (
            "a mean delay over the longest",
            spoiled(|c| c.params.delay_ms_mean = 10_001),
            "parameter-out-of-range",
        ),
        (
            "a downlink that cannot carry the replies",
            spoiled(|c| c.params.classes[0].downlink_interval_ms_mean = 834),
            "parameter-out-of-range",
        ),
        ("another epoch than its times", spoiled(|c| c.epoch += 1), "validity"),
        ("a node without a key", spoiled(|c| c.nodes[0].hop_keys.clear()), "hop-key-count"),
        (
            "a node with an address without a host",
            spoiled(|c| c.nodes[0].address = ":1".to_owned()),
            "address",
        ),
    ]
    .map(|(name, bytes, label)| refused(name, hex(&bytes), label))
    .into()
}
