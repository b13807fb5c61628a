//! The valid documents and frames that the vectors show. All secrets are small numbers, repeated.
#![allow(dead_code, reason = "each test and example that includes this uses a part of it")]

use sotto_protocol::directory::{
    AuthorityEntry, Consensus, ConsensusNode, Descriptor, EpochKey, NetworkInfo, Params, Place, Role,
    epoch_start,
};
use sotto_protocol::frame::{DocumentKind, DocumentPart, Frame, ResumeToken};
use sotto_protocol::ident::{NodeSecret, SessionAddress};
use sotto_protocol::limits::{PACKET_LEN, PAYLOAD_LEN};
use sotto_protocol::sphinx::{HopPublic, Packet, SurbId};
use zeroize::Zeroizing;

pub(crate) const EPOCH: u64 = 500_000;
pub(crate) const EPOCH_S: u32 = 3600;
/// The numbers of the three authorities' secrets; two must sign.
pub(crate) const AUTHORITIES: [u8; 3] = [101, 102, 103];

pub(crate) fn secret(number: u8) -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([number; 32]))
}

fn hop_keys(number: u8) -> Vec<EpochKey> {
    [EPOCH, EPOCH + 1].map(|epoch| EpochKey { epoch, key: HopPublic::from_bytes([number; 32]) }).to_vec()
}

/// The descriptor of the node whose secret is 1.
pub(crate) fn descriptor() -> Descriptor {
    Descriptor {
        network: "vectors".to_owned(),
        node: secret(1).id(),
        role: Role::Mix,
        address: "mix.example.org:9001".to_owned(),
        onion_address: Some(format!("{}.onion:9001", "a2".repeat(28))),
        hop_keys: hop_keys(1),
        published: epoch_start(EPOCH, EPOCH_S),
        software: "sotto-mix 0.1.0".to_owned(),
        capabilities: vec!["example".to_owned()],
    }
}

/// The smallest network: the nodes whose secrets are 1 to 5.
pub(crate) fn consensus() -> Consensus {
    let places = [
        Place::Entry,
        Place::Mix { layer: 1 },
        Place::Mix { layer: 2 },
        Place::Mix { layer: 3 },
        Place::Mailbox,
    ];
    let mut nodes: Vec<ConsensusNode> = places
        .into_iter()
        .zip(1..)
        .map(|(place, number)| ConsensusNode {
            node: secret(number).id(),
            place,
            address: format!("192.0.2.{number}:9001"),
            onion_address: None,
            hop_keys: hop_keys(number),
        })
        .collect();
    nodes.sort_unstable_by_key(|node| node.node);
    Consensus {
        network: "vectors".to_owned(),
        epoch: EPOCH,
        valid_after: epoch_start(EPOCH, EPOCH_S),
        valid_until: epoch_start(EPOCH + 1, EPOCH_S),
        randomness: [7; 32],
        params: Params::default(),
        nodes,
    }
}

pub(crate) fn network() -> NetworkInfo {
    let authorities = AUTHORITIES.map(|number| AuthorityEntry {
        key: secret(number).id(),
        address: format!("192.0.2.{number}:9000"),
        onion_address: (number == AUTHORITIES[0]).then(|| format!("{}.onion:9000", "a2".repeat(28))),
    });
    NetworkInfo {
        network: "vectors".to_owned(),
        authorities: authorities.to_vec(),
        threshold: 2,
        epoch_s: EPOCH_S,
    }
}

/// A frame of each kind, and of each form of a kind.
pub(crate) fn frames() -> Vec<(&'static str, Frame)> {
    let session = SessionAddress::from_bytes([3; 32]);
    let token = ResumeToken::from_bytes([4; 32]);
    let part = DocumentPart::new(DocumentKind::Consensus, 1, 2, b"a piece of a consensus".to_vec());
    vec![
        ("dummy", Frame::Dummy),
        ("packet", Frame::Packet(Packet::from_slice(&[1; PACKET_LEN]).unwrap())),
        ("new session", Frame::SessionOpen { class: 0, resume: None }),
        ("resumed session", Frame::SessionOpen { class: 1, resume: Some((session, token.clone())) }),
        ("session granted", Frame::SessionOpened { session, token, resumable_s: 300 }),
        (
            "delivery",
            Frame::Delivery { surb_id: SurbId::from_bytes([2; 16]), payload: Box::new([9; PAYLOAD_LEN]) },
        ),
        ("request for the consensus", Frame::ConsensusGet),
        ("last piece of a document", Frame::DocumentPart(part.unwrap())),
        ("accepted", Frame::Accepted),
        (
            "refused",
            Frame::Refused { label: "frame-kind".to_owned(), text: "unknown frame kind 9".to_owned() },
        ),
    ]
}
