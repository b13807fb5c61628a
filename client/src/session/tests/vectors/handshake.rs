//! The handshake of the vectors, from inputs that have names, and the bundles and answers that are refused.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::script::Script;
use super::super::stolen::Stolen;
use super::super::*;
use super::{EAGER, LOW_ORDER, NON_CANONICAL, hex, kem_seed, secret};
use crate::session::secret::Secret;

pub(super) struct Handshake {
    pub(super) offer: Offer,
    pub(super) initiated: Initiated,
    pub(super) responded: Responded,
    pub(super) json: Value,
}

pub(super) fn handshake(on: Occasion, number: u8) -> Handshake {
    let (ik_a, ek_a) = (secret("identity of responder"), secret("ephemeral of responder"));
    let (ik_b, ek_b) = (secret("identity of initiator"), secret("ephemeral of initiator"));
    let (m, ratchet, psk) = (secret("handshake m"), secret("ratchet i1"), secret("psk"));
    let seed = kem_seed("offer");
    let mut rng = Script::of(&[&ek_a, &seed]);
    let offer = Offer::new(IdentitySecret::from_bytes(&ik_a), &mut rng);
    rng.finish();
    let bundle = offer.bundle(on);
    let parsed = Bundle::parse(on, &bundle).unwrap();
    let identity = IdentitySecret::from_bytes(&ik_b);
    let mut rng = Script::of(&[&ek_b, &m, &ratchet]);
    let initiated = initiate(&parsed, &identity, &psk, b"hello", EAGER, at(0), &mut rng).unwrap();
    rng.finish();
    let responded = offer.respond(on, &psk, &initiated.answer, EAGER, at(0)).unwrap();

    let scalar = |bytes: &[u8; 32]| dh::Scalar::new(Secret::copy_of(bytes));
    let agree =
        |own: &[u8; 32], other: &[u8; 32]| hex(scalar(own).agree(&scalar(other).point()).unwrap().bytes());
    let ciphertext = &initiated.answer[66..1154];
    let shared = kem::KemSecret::new(Secret::copy_of(&seed.clone().try_into().unwrap()));
    let transcript = Sha256::new_with_prefix(b"sotto/session/v1/transcript")
        .chain_update([number])
        .chain_update(&bundle)
        .chain_update(&initiated.answer[2..1154])
        .finalize();
    let json = json!({
        "occasion": number,
        "psk": hex(psk),
        "responder": { "identity": hex(ik_a), "ephemeral": hex(ek_a), "kem_d": hex(&seed[..32]), "kem_z": hex(&seed[32..]) },
        "initiator": { "identity": hex(ik_b), "ephemeral": hex(ek_b), "kem_m": hex(m), "ratchet": hex(ratchet), "content": hex(b"hello") },
        "bundle": hex(&bundle),
        "dh1": agree(&ik_b, &ek_a), "dh2": agree(&ek_b, &ik_a), "dh3": agree(&ek_b, &ek_a),
        "ss": hex(shared.decapsulate(ciphertext).unwrap().bytes()),
        "transcript": hex(transcript),
        "associated": hex(Stolen::from(&initiated.session).associated),
        "answer": hex(&initiated.answer),
        "responder_stream": hex(initiated.read.as_bytes()),
        "initiator_stream": hex(initiated.write.as_bytes()),
        "rekey": hex(*initiated.rekey_secret),
        "root_after_first_envelope": hex(Stolen::from(&initiated.session).root),
    });
    Handshake { offer, initiated, responded, json }
}

pub(super) fn refused_bundles(answer: &[u8]) -> Vec<Value> {
    let mut cases = vec![
        json!({ "name": "nothing at all", "cut_to": 0, "label": "handshake-length" }),
        json!({ "name": "an encapsulation key one byte short", "cut_to": 1249, "label": "handshake-length" }),
        json!({ "name": "one byte more", "append": "00", "label": "handshake-length" }),
        json!({ "name": "version 2", "at": 0, "put": "02", "label": "handshake-version" }),
        json!({ "name": "of an address", "at": 1, "put": "12", "label": "handshake-kind" }),
        json!({ "name": "read as one of a rekey", "occasion": 3, "label": "handshake-kind" }),
        json!({ "name": "an answer", "whole": hex(answer), "label": "handshake-kind" }),
        json!({ "name": "a key with a coefficient of 3329", "at": 66, "put": "010d00", "label": "kem-key-unreduced" }),
        json!({ "name": "a key with a last coefficient of 4095", "at": 66 + 1151, "put": "ff", "label": "kem-key-unreduced" }),
        json!({ "name": "the own offer", "identity": hex(secret("identity of responder")), "label": "handshake-own-identity" }),
    ];
    for (what, at) in [("identity key", 2), ("ephemeral key", 34)] {
        cases.extend(LOW_ORDER.iter().map(|point| {
            json!({ "name": format!("{what} {point}"), "at": at, "put": point, "label": "point-low-order" })
        }));
        cases.extend(NON_CANONICAL.iter().map(|point| {
            json!({ "name": format!("{what} {point}"), "at": at, "put": point, "label": "point-non-canonical" })
        }));
    }
    cases
}

pub(super) fn refused_answers(bundle: &[u8], own: &[u8]) -> Vec<Value> {
    let mut cases = vec![
        json!({ "name": "nothing at all", "cut_to": 0, "label": "handshake-length" }),
        json!({ "name": "a KEM ciphertext one byte short and no envelope", "cut_to": 1153, "label": "handshake-length" }),
        json!({ "name": "an envelope of 61 bytes", "cut_to": 1154 + 61, "label": "handshake-length" }),
        json!({ "name": "longer than a box", "append": "00".repeat(144), "label": "handshake-length" }),
        json!({ "name": "one byte short", "cut_to": 1154 + 66, "label": "handshake-authentication" }),
        json!({ "name": "one byte more", "append": "00", "label": "handshake-authentication" }),
        json!({ "name": "version 2", "at": 0, "put": "02", "label": "handshake-version" }),
        json!({ "name": "read as one of an address", "occasion": 2, "label": "handshake-kind" }),
        json!({ "name": "passed off as one of an address", "occasion": 2, "at": 1, "put": "22", "label": "handshake-authentication" }),
        json!({ "name": "passed off as one of a rekey", "occasion": 3, "at": 1, "put": "23", "label": "handshake-authentication" }),
        json!({ "name": "the bundle", "whole": hex(bundle), "label": "handshake-kind" }),
        json!({ "name": "the bundle, passed off as an answer", "whole": hex(bundle), "at": 1, "put": "21", "label": "handshake-own-identity" }),
        json!({ "name": "made with the responder's identity", "whole": hex(own), "label": "handshake-own-identity" }),
        json!({ "name": "another invitation's secret", "psk": hex(secret("another psk")), "label": "handshake-authentication" }),
        json!({ "name": "the initiator's identity replaced by base point 9", "at": 2, "put": hex([[9].as_slice(), &[0; 31]].concat()), "label": "handshake-authentication" }),
        json!({ "name": "a bit of the KEM ciphertext flipped", "at": 66, "put": hex([own[66] ^ 1]), "label": "handshake-authentication" }),
        json!({ "name": "the envelope's version", "at": 1154, "put": "02", "label": "handshake-first-envelope" }),
        json!({ "name": "the envelope's length of the chain before", "at": 1154 + 36, "put": "01", "label": "handshake-first-envelope" }),
        json!({ "name": "the envelope's number", "at": 1154 + 40, "put": "01", "label": "handshake-first-envelope" }),
        json!({ "name": "the envelope's epoch", "at": 1154 + 44, "put": "01", "label": "handshake-first-envelope" }),
    ];
    for (what, at) in [("identity key", 2), ("ephemeral key", 34), ("ratchet key", 1155)] {
        cases.extend(LOW_ORDER.iter().map(|point| {
            json!({ "name": format!("{what} {point}"), "at": at, "put": point, "label": "point-low-order" })
        }));
        cases.extend(NON_CANONICAL.iter().map(|point| {
            json!({ "name": format!("{what} {point}"), "at": at, "put": point, "label": "point-non-canonical" })
        }));
    }
    cases
}

/// An answer to the offer by its own maker, as a client without the check would make it.
pub(super) fn own_answer(handshake: &Handshake) -> Vec<u8> {
    let mut answer = handshake.initiated.answer.clone();
    answer[2..34].copy_from_slice(handshake.offer.identity().public().as_bytes());
    answer
}
