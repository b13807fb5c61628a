//! The form of `docs/vectors/frames.json` and `docs/vectors/documents.json`.
#![allow(dead_code, reason = "each test and example that includes this uses a part of it")]

use data_encoding::HEXLOWER;
use ed25519_dalek::Signature;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sotto_protocol::codec;
use sotto_protocol::directory::{Consensus, Descriptor, EpochKey, NetworkInfo, Place};
use sotto_protocol::frame::{DocumentKind, Frame};
use sotto_protocol::ident::NodeId;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FramesFile {
    pub(crate) about: Vec<String>,
    pub(crate) frames: Vec<FrameVector>,
    pub(crate) refused: Vec<RefusedFrame>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FrameVector {
    pub(crate) name: String,
    pub(crate) bytes: String,
    pub(crate) content: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusedFrame {
    pub(crate) name: String,
    pub(crate) bytes: String,
    pub(crate) label: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DocumentsFile {
    pub(crate) about: Vec<String>,
    pub(crate) network: NetworkVector,
    pub(crate) descriptor: DescriptorVector,
    pub(crate) consensus: ConsensusVector,
    pub(crate) layers: LayersVector,
    pub(crate) refused_links: Vec<Refused>,
    pub(crate) refused_descriptors: Vec<Refused>,
    pub(crate) refused_consensuses: Vec<Refused>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NetworkVector {
    pub(crate) link: String,
    pub(crate) content: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DescriptorVector {
    pub(crate) secret: String,
    pub(crate) signed: String,
    pub(crate) content: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsensusVector {
    pub(crate) secrets: Vec<String>,
    pub(crate) signed: String,
    pub(crate) content: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LayersVector {
    pub(crate) randomness: String,
    pub(crate) mixes: Vec<String>,
    pub(crate) layers: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) input: String,
    pub(crate) label: String,
}

/// The outer form of a signed descriptor, with nothing checked.
#[derive(Serialize)]
pub(crate) struct DescriptorEnvelope {
    #[serde(with = "codec::bytes")]
    pub(crate) body: Vec<u8>,
    pub(crate) signature: Signature,
}

/// The outer form of a signed consensus, with nothing checked.
#[derive(Serialize)]
pub(crate) struct ConsensusEnvelope {
    #[serde(with = "codec::bytes")]
    pub(crate) body: Vec<u8>,
    pub(crate) signatures: Vec<(NodeId, Signature)>,
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

/// Bytes as hexadecimal, with runs of eight or more equal ones as `byte*count` between spaces.
pub(crate) fn runs(bytes: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut plain = String::new();
    for run in bytes.chunk_by(|a, b| a == b) {
        if run.len() < 8 {
            plain.push_str(&hex(run));
        } else {
            words.extend((!plain.is_empty()).then(|| std::mem::take(&mut plain)));
            words.push(format!("{}*{}", hex(&run[..1]), run.len()));
        }
    }
    words.extend((!plain.is_empty()).then_some(plain));
    words.join(" ")
}

/// The bytes that [`runs`] wrote.
pub(crate) fn unruns(text: &str) -> Vec<u8> {
    text.split(' ')
        .filter(|word| !word.is_empty())
        .flat_map(|word| match word.split_once('*') {
            Some((byte, count)) => unhex(byte).repeat(count.parse().unwrap()),
            None => unhex(word),
        })
        .collect()
}

pub(crate) fn frame_content(frame: &Frame) -> Value {
    match frame {
        Frame::Dummy | Frame::ConsensusGet | Frame::Accepted => json!({ "kind": frame.name() }),
        Frame::Packet(packet) => json!({ "kind": frame.name(), "packet": runs(packet.as_bytes()) }),
        Frame::SessionOpen { class, resume } => json!({
            "kind": frame.name(),
            "class": class,
            "resume": resume.as_ref().map(|(session, token)| {
                json!({ "session": runs(session.as_bytes()), "token": runs(token.as_bytes()) })
            }),
        }),
        Frame::SessionOpened { session, token, resumable_s } => json!({
            "kind": frame.name(),
            "session": runs(session.as_bytes()),
            "token": runs(token.as_bytes()),
            "resumable_s": resumable_s,
        }),
        Frame::Delivery { surb_id, payload } => json!({
            "kind": frame.name(),
            "surb_id": runs(surb_id.as_bytes()),
            "payload": runs(payload.as_slice()),
        }),
        Frame::DocumentPart(part) => json!({
            "kind": frame.name(),
            "document": match part.kind() {
                DocumentKind::Consensus => "consensus",
                DocumentKind::Descriptor => "descriptor",
            },
            "index": part.index(),
            "count": part.count(),
            "bytes": runs(part.bytes()),
        }),
        Frame::Refused { label, text } => json!({ "kind": frame.name(), "label": label, "text": text }),
    }
}

pub(crate) fn network_content(info: &NetworkInfo) -> Value {
    let authorities: Vec<Value> = info
        .authorities
        .iter()
        .map(|authority| {
            json!({
                "key": authority.key.to_string(),
                "address": authority.address,
                "onion_address": authority.onion_address,
            })
        })
        .collect();
    json!({
        "network": info.network,
        "authorities": authorities,
        "threshold": info.threshold,
        "epoch_s": info.epoch_s,
    })
}

pub(crate) fn descriptor_content(descriptor: &Descriptor) -> Value {
    json!({
        "network": descriptor.network,
        "node": descriptor.node.to_string(),
        "role": descriptor.role,
        "address": descriptor.address,
        "onion_address": descriptor.onion_address,
        "hop_keys": keys(&descriptor.hop_keys),
        "published_us": descriptor.published.as_micros(),
        "software": descriptor.software,
        "capabilities": descriptor.capabilities,
    })
}

pub(crate) fn consensus_content(consensus: &Consensus) -> Value {
    let nodes: Vec<Value> = consensus
        .nodes
        .iter()
        .map(|node| {
            json!({
                "node": node.node.to_string(),
                "place": match node.place {
                    Place::Entry => "entry".to_owned(),
                    Place::Mix { layer } => format!("mix {layer}"),
                    Place::Mailbox => "mailbox".to_owned(),
                },
                "address": node.address,
                "onion_address": node.onion_address,
                "hop_keys": keys(&node.hop_keys),
            })
        })
        .collect();
    json!({
        "network": consensus.network,
        "epoch": consensus.epoch,
        "valid_after_us": consensus.valid_after.as_micros(),
        "valid_until_us": consensus.valid_until.as_micros(),
        "randomness": hex(&consensus.randomness),
        "params": consensus.params,
        "nodes": nodes,
    })
}

fn keys(keys: &[EpochKey]) -> Vec<Value> {
    keys.iter().map(|key| json!({ "epoch": key.epoch, "key": hex(key.key.as_bytes()) })).collect()
}
