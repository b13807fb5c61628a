//! The published vectors of frames and documents, read from `docs/vectors/`: what must be understood and
//! made again byte for byte, and what must be refused with which label.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod examples;
mod vector_file;

use std::collections::BTreeSet;

use examples::{AUTHORITIES, secret};
use sotto_protocol::directory::{NetworkInfo, SignedConsensus, SignedDescriptor, assign_layers};
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, NodeSecret};
use vector_file::{
    DocumentsFile, FramesFile, consensus_content, descriptor_content, frame_content, hex, network_content,
    unhex, unruns,
};

fn read(name: &str) -> String {
    std::fs::read_to_string(format!("{}/../docs/vectors/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn frames() -> FramesFile {
    serde_json::from_str(&read("frames.json")).unwrap()
}

fn documents() -> DocumentsFile {
    serde_json::from_str(&read("documents.json")).unwrap()
}

fn network() -> NetworkInfo {
    documents().network.link.parse().unwrap()
}

#[test]
fn frames_are_understood_and_made_again() {
    let vectors = frames().frames;
    for vector in &vectors {
        let bytes = unruns(&vector.bytes);
        let frame = Frame::decode(&bytes).unwrap();
        assert_eq!(frame_content(&frame), vector.content, "{}", vector.name);
        assert_eq!(frame.encode().as_slice(), bytes, "{}", vector.name);
    }
    let kinds: BTreeSet<&str> =
        vectors.iter().map(|vector| vector.content["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.len(), 9, "a vector of each kind");
}

#[test]
fn bad_frames_are_refused_with_their_label() {
    let vectors = frames().refused;
    for vector in &vectors {
        let refusal = Frame::decode(&unruns(&vector.bytes)).unwrap_err();
        assert_eq!(refusal.label(), vector.label, "{}", vector.name);
    }
    let labels: BTreeSet<&str> = vectors.iter().map(|vector| vector.label.as_str()).collect();
    let expected =
        ["document-part-count", "frame-body", "frame-kind", "frame-length", "frame-padding", "frame-version"];
    assert_eq!(labels, BTreeSet::from(expected));
}

#[test]
fn the_network_link_is_understood_and_made_again() {
    let vector = documents().network;
    let info: NetworkInfo = vector.link.parse().unwrap();
    assert_eq!(network_content(&info), vector.content);
    assert_eq!(info.to_link().unwrap(), vector.link);
}

#[test]
fn the_descriptor_is_understood_and_made_again() {
    let vector = documents().descriptor;
    let bytes = unhex(&vector.signed);
    let descriptor = SignedDescriptor::from_bytes(&bytes).unwrap().verify("vectors").unwrap();
    assert_eq!(descriptor_content(&descriptor), vector.content);
    assert_eq!(vector.secret, hex(secret(1).to_seed().as_slice()));
    // Ed25519 signatures are deterministic (RFC 8032).
    assert_eq!(descriptor.sign(&secret(1)).unwrap().to_bytes().unwrap(), bytes);
}

#[test]
fn the_consensus_is_understood_and_made_again() {
    let vector = documents().consensus;
    let bytes = unhex(&vector.signed);
    let authorities = network().authority_set().unwrap();
    let consensus = SignedConsensus::from_bytes(&bytes).unwrap().verify(&authorities).unwrap();
    assert_eq!(consensus_content(&consensus), vector.content);
    let secrets: Vec<NodeSecret> = AUTHORITIES[..2].iter().map(|number| secret(*number)).collect();
    let seeds: Vec<String> = secrets.iter().map(|secret| hex(secret.to_seed().as_slice())).collect();
    assert_eq!(vector.secrets, seeds);
    let again = consensus.sign(&secrets.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(again.to_bytes().unwrap(), bytes);
}

#[test]
fn layers_are_assigned_as_published() {
    let vector = documents().layers;
    let mixes: Vec<NodeId> =
        vector.mixes.iter().map(|mix| NodeId::from_bytes(unhex(mix).try_into().unwrap())).collect();
    let randomness = unhex(&vector.randomness).try_into().unwrap();
    let expected: Vec<(NodeId, u8)> = mixes.iter().copied().zip(vector.layers).collect();
    assert_eq!(assign_layers(&randomness, &mixes), expected);
}

#[test]
fn bad_links_are_refused_with_their_label() {
    for vector in documents().refused_links {
        let refusal = vector.input.parse::<NetworkInfo>().unwrap_err();
        assert_eq!(refusal.label(), vector.label, "{}", vector.name);
    }
}

#[test]
fn bad_descriptors_are_refused_with_their_label() {
    for vector in documents().refused_descriptors {
        let refusal = SignedDescriptor::from_bytes(&unhex(&vector.input))
            .and_then(|signed| signed.verify("vectors"))
            .unwrap_err();
        assert_eq!(refusal.label(), vector.label, "{}", vector.name);
    }
}

#[test]
fn bad_consensuses_are_refused_with_their_label() {
    let authorities = network().authority_set().unwrap();
    for vector in documents().refused_consensuses {
        let refusal = SignedConsensus::from_bytes(&unhex(&vector.input))
            .and_then(|signed| signed.verify(&authorities))
            .unwrap_err();
        assert_eq!(refusal.label(), vector.label, "{}", vector.name);
    }
}
