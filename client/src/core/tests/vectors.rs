//! Conformance with `docs/vectors/conversations.json`, which was made by another implementation.

use data_encoding::HEXLOWER;
use serde::Deserialize;

use crate::core::fragment::{FragmentRefusal, Reassembly, split};
use crate::core::rendezvous::{self, Direction};
use crate::core::{AddressLink, Invite};

#[derive(Deserialize)]
struct Vectors {
    invitations: Vec<Invitation>,
    refused_invitations: Vec<RefusedInvitation>,
    places: Vec<Places>,
    addresses: Vec<Address>,
    refused_addresses: Vec<RefusedInvitation>,
    messages: Vec<Message>,
    refused_fragments: Vec<RefusedFragment>,
}

#[derive(Deserialize)]
struct Invitation {
    secret: String,
    expires_s: u64,
    link: String,
    inviter_seed: String,
    joiner_seed: String,
    psk: String,
}

#[derive(Deserialize)]
struct Places {
    secret: String,
    period: u64,
    bundle: String,
    rekey_bundles_from_initiator: String,
    rekey_bundles_from_responder: String,
    rekey_answer: String,
    rekey_psk: String,
    address_bundles: String,
    address_requests: String,
    address_psk: String,
}

#[derive(Deserialize)]
struct Address {
    public_key: String,
    link: String,
}

#[derive(Deserialize)]
struct RefusedInvitation {
    name: String,
    link: String,
    label: String,
}

#[derive(Deserialize)]
struct Message {
    name: String,
    kind: u8,
    content: String,
    boxes: Vec<String>,
}

#[derive(Deserialize)]
struct RefusedFragment {
    name: String,
    text: String,
    label: String,
}

fn published() -> Vectors {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/conversations.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Words of hexadecimal digits; `61*3` stands for `616161`.
fn bytes(words: &str) -> Vec<u8> {
    let word = |word: &str| match word.split_once('*') {
        Some((byte, times)) => HEXLOWER.decode(byte.as_bytes()).unwrap().repeat(times.parse().unwrap()),
        None => HEXLOWER.decode(word.as_bytes()).unwrap(),
    };
    words.split_whitespace().flat_map(word).collect()
}

#[test]
fn invitations_conform() {
    for vector in published().invitations {
        let invite = Invite::parse(&vector.link).unwrap();
        assert_eq!(invite.secret_bytes(), bytes(&vector.secret).as_slice());
        assert_eq!(invite.expires().as_secs(), vector.expires_s);
        assert_eq!(invite.link().as_str(), vector.link);
        assert_eq!(invite.inviter_seed().as_slice(), bytes(&vector.inviter_seed));
        assert_eq!(invite.joiner_seed().as_slice(), bytes(&vector.joiner_seed));
        assert_eq!(invite.psk().as_slice(), bytes(&vector.psk));
    }
}

#[test]
fn places_of_keys_conform() {
    for vector in published().places {
        let secret: [u8; 32] = bytes(&vector.secret).try_into().unwrap();
        let (period, bundle) = (vector.period, bytes(&vector.bundle));
        let (initiator, responder) = (Direction::FromInitiator, Direction::FromResponder);
        let made = [
            (
                *rendezvous::rekey_bundles(&secret, initiator, period).as_bytes(),
                vector.rekey_bundles_from_initiator,
            ),
            (
                *rendezvous::rekey_bundles(&secret, responder, period).as_bytes(),
                vector.rekey_bundles_from_responder,
            ),
            (*rendezvous::rekey_answer(&secret, &bundle).as_bytes(), vector.rekey_answer),
            (*rendezvous::rekey_psk(&secret, &bundle), vector.rekey_psk),
            (*rendezvous::address_bundles(&secret, period), vector.address_bundles),
            (*rendezvous::address_requests(&secret, period).as_bytes(), vector.address_requests),
            (*rendezvous::address_psk(&secret), vector.address_psk),
        ];
        for (made, expected) in made {
            assert_eq!(made.as_slice(), bytes(&expected));
        }
    }
}

#[test]
fn addresses_conform_and_refused_ones_are_refused_by_their_labels() {
    for vector in published().addresses {
        let address = AddressLink::parse(&vector.link).unwrap();
        assert_eq!(address.public().as_slice(), bytes(&vector.public_key));
        assert_eq!(address.to_string(), vector.link);
    }
    for vector in published().refused_addresses {
        assert_eq!(AddressLink::parse(&vector.link).unwrap_err().label(), vector.label, "{}", vector.name);
    }
}

#[test]
fn refused_invitations_are_refused_by_their_labels() {
    for vector in published().refused_invitations {
        assert_eq!(Invite::parse(&vector.link).unwrap_err().label(), vector.label, "{}", vector.name);
    }
}

#[test]
fn messages_conform() {
    for vector in published().messages {
        let content = bytes(&vector.content);
        let texts = split(vector.kind, &content).unwrap();
        let expected: Vec<Vec<u8>> = vector.boxes.iter().map(|text| bytes(text)).collect();
        assert!(texts.iter().map(|text| text.as_slice()).eq(&expected), "{}", vector.name);
        let mut reassembly = Reassembly::default();
        let whole = expected.iter().find_map(|text| reassembly.push(text).unwrap()).unwrap();
        assert_eq!(
            (whole.kind, whole.bytes.as_slice()),
            (vector.kind, content.as_slice()),
            "{}",
            vector.name
        );
    }
}

#[test]
fn refused_fragments_are_refused_by_their_labels() {
    for vector in published().refused_fragments {
        let refusal = Reassembly::default().push(&bytes(&vector.text)).err().map(FragmentRefusal::label);
        assert_eq!(refusal, Some(vector.label.as_str()), "{}", vector.name);
    }
}
