//! Conformance with `docs/vectors/session.json`: the formats of `docs/spec/sessions.md`, made again and read.

mod handshake;
mod play;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::script::Script;
use super::stolen::Stolen;
use super::*;
use crate::session::kdf;
use crate::session::secret::Secret;

/// Every exchange is due at once.
const EAGER: KemPolicy =
    KemPolicy { interval_min: Duration::ZERO, messages: u32::MAX, retry: Duration::ZERO };

fn published() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/session.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn bytes(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

/// A secret that has a name.
fn secret(name: &str) -> [u8; 32] {
    Sha256::digest(format!("session vector: {name}")).into()
}

fn kem_seed(name: &str) -> Vec<u8> {
    [secret(&format!("{name} d")), secret(&format!("{name} z"))].concat()
}

fn occasion(value: &Value) -> Occasion {
    match value.as_u64().unwrap() {
        1 => Occasion::Invitation,
        2 => Occasion::Address,
        _ => Occasion::Rekey,
    }
}

const LOW_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];
const NON_CANONICAL: [&str; 7] = [
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0900000000000000000000000000000000000000000000000000000000000080",
    "cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880",
];

/// A change to a bundle or an answer: bytes put at an offset, a length to cut to, bytes to append.
fn changed(whole: &[u8], case: &Value) -> Vec<u8> {
    let mut changed = case.get("whole").map_or_else(|| whole.to_vec(), bytes);
    if let Some(put) = case.get("put") {
        let (at, put) = (usize::try_from(case["at"].as_u64().unwrap()).unwrap(), bytes(put));
        changed[at..at + put.len()].copy_from_slice(&put);
    }
    if let Some(len) = case.get("cut_to") {
        changed.truncate(usize::try_from(len.as_u64().unwrap()).unwrap());
    }
    if let Some(append) = case.get("append") {
        changed.extend(bytes(append));
    }
    changed
}

fn derivations() -> Value {
    let held = |name: &str| Secret::copy_of(&secret(name));
    let root = |kem: Option<&str>, role: u8, epoch: u32| {
        let (rk, dh) = (held("derivation root"), held("derivation dh"));
        let ss = kem.map(held);
        let step = kdf::root_step(&rk, &dh, ss.as_ref(), role, epoch);
        json!({
            "root": hex(rk.bytes()), "dh": hex(dh.bytes()), "ss": ss.map(|ss| hex(ss.bytes())),
            "role": role, "epoch": epoch, "next_root": hex(step.root.bytes()),
            "chain": hex(step.chain.bytes()), "stream": hex(step.stream.bytes()),
        })
    };
    let mut chain = held("derivation chain");
    let before = hex(chain.bytes());
    let message_key = kdf::chain_step(&mut chain);
    let output = kdf::message(&message_key);
    json!({
        "root_steps": [root(None, 1, 0), root(None, 2, 0), root(Some("derivation ss"), 1, 1), root(Some("derivation ss"), 2, 258)],
        "chain_step": { "chain": before, "message_key": hex(message_key.bytes()), "next_chain": hex(chain.bytes()) },
        "message": { "message_key": hex(message_key.bytes()), "key": hex(&output.bytes()[..32]), "nonce": hex(&output.bytes()[32..]) },
    })
}

fn made() -> Value {
    let others =
        [handshake::handshake(Occasion::Address, 2).json, handshake::handshake(Occasion::Rekey, 3).json];
    let handshake = handshake::handshake(Occasion::Invitation, 1);
    let (bundle, answer) = (handshake.offer.bundle(Occasion::Invitation), handshake.initiated.answer.clone());
    let (bundles, answers) = (
        handshake::refused_bundles(&answer),
        handshake::refused_answers(&bundle, &handshake::own_answer(&handshake)),
    );
    let json = handshake.json.clone();
    let [address, rekey] = others.map(|mut other| {
        ["bundle", "answer", "initiator", "responder"].iter().for_each(|name| {
            other.as_object_mut().unwrap().remove(*name);
        });
        other
    });
    let play = play::play(handshake);
    json!({
        "about": [
            "The handshake and the ratchet, as specified in docs/spec/sessions.md. Bytes are hexadecimal.",
            "Every random input is given: X25519 secrets before clamping, d and z of ML-KEM key pairs, m of encapsulations.",
            "handshake: from those inputs. same_inputs: the same on other occasions, with what differs.",
            "steps: what the two sides do after the handshake, in order; i1 is the envelope in the answer. ratchet is the secret of the",
            "pair that the envelope's chain begins with, null if it begins none; ss is the secret in a KEM ciphertext. An exchange is always due at once.",
            "refused_envelopes: refused by that side in the state that it has after so many steps, which stays as it is.",
            "refused_bundles, refused_answers: the handshake's bundle and answer (or whole, if given) with bytes put at an offset, cut to",
            "a length or appended to; occasion, psk and identity are those of the handshake unless given.",
        ],
        "derivations": derivations(),
        "refused_points": LOW_ORDER.iter().map(|point| json!({ "point": point, "label": "point-low-order" }))
            .chain(NON_CANONICAL.iter().map(|point| json!({ "point": point, "label": "point-non-canonical" })))
            .chain([json!({ "point": "09", "label": "point-length" })]).collect::<Vec<_>>(),
        "handshake": json,
        "same_inputs": [address, rekey],
        "steps": play.steps,
        "refused_bundles": bundles,
        "refused_answers": answers,
        "refused_envelopes": play.refused,
    })
}

/// If they differ, what the code makes is printed; after an intended change of the format that is the new file.
#[test]
fn the_published_session_vectors_can_be_made_again() {
    let made = made();
    if published() != made {
        println!("{}", serde_json::to_string_pretty(&made).unwrap());
        panic!("docs/vectors/session.json is not what the code makes, which is printed above");
    }
}

#[test]
fn the_published_session_vectors_hold() {
    let published = published();
    let handshake = &published["handshake"];
    let responder = &handshake["responder"];
    let (ephemeral, d, z) =
        (bytes(&responder["ephemeral"]), bytes(&responder["kem_d"]), bytes(&responder["kem_z"]));
    let identity = IdentitySecret::from_bytes(&array(&responder["identity"]));
    let offer = Offer::new(identity, &mut Script::of(&[&ephemeral, &[d, z].concat()]));
    let on = occasion(&handshake["occasion"]);
    assert_eq!(offer.bundle(on), bytes(&handshake["bundle"]));
    let psk = array(&handshake["psk"]);
    let responded = offer.respond(on, &psk, &bytes(&handshake["answer"]), EAGER, at(0)).unwrap();
    assert_eq!(responded.content.to_vec(), bytes(&handshake["initiator"]["content"]));
    assert_eq!(responded.write.as_bytes().to_vec(), bytes(&handshake["responder_stream"]));
    assert_eq!(responded.read.as_bytes().to_vec(), bytes(&handshake["initiator_stream"]));
    assert_eq!(responded.rekey_secret.to_vec(), bytes(&handshake["rekey"]));
    let initiator = &handshake["initiator"];
    let inputs = ["ephemeral", "kem_m", "ratchet"].map(|name| bytes(&initiator[name]));
    let initiated = initiate(
        &Bundle::parse(on, &bytes(&handshake["bundle"])).unwrap(),
        &IdentitySecret::from_bytes(&array(&initiator["identity"])),
        &psk,
        &bytes(&initiator["content"]),
        EAGER,
        at(0),
        &mut Script::of(&inputs.each_ref().map(Vec::as_slice)),
    )
    .unwrap();
    assert_eq!(initiated.answer, bytes(&handshake["answer"]));
    let mut sides = [initiated.session, responded.session];
    let steps = published["steps"].as_array().unwrap();
    let mut refused = published["refused_envelopes"].as_array().unwrap().iter().peekable();
    let mut count = 0;
    for done in 0..=steps.len() {
        while let Some(case) = refused.next_if(|case| case["after_steps"] == done) {
            let side = &mut sides[usize::from(case["by"] == "responder")];
            let refusal = side.clone().open(at(0), &bytes(&case["envelope"])).unwrap_err();
            assert_eq!(refusal.label(), case["label"].as_str().unwrap(), "{}", case["name"]);
            count += 1;
        }
        if let Some(step) = steps.get(done) {
            check_step(&mut sides[usize::from(step["by"] == "responder")], step, steps);
        }
    }
    assert_eq!(count, published["refused_envelopes"].as_array().unwrap().len());
    println!("{} steps hold, {count} envelopes are refused", steps.len());
}

fn check_step(side: &mut Session, step: &Value, steps: &[Value]) {
    let inputs = |names: &[&str]| {
        let given: Vec<Vec<u8>> = names
            .iter()
            .filter_map(|name| step.get(*name).filter(|value| !value.is_null()))
            .map(bytes)
            .collect();
        Script::of(&given.iter().map(Vec::as_slice).collect::<Vec<_>>())
    };
    let stream = match step["do"].as_str().unwrap() {
        "open" => {
            let sealed = steps.iter().find(|sealed| sealed["name"] == step["name"]).unwrap();
            let opened = side.open(at(0), &bytes(&sealed["envelope"])).unwrap();
            assert_eq!(
                opened.content.map(|content| content.to_vec()),
                step["content"].as_str().map(|_| bytes(&step["content"]))
            );
            opened.next_stream
        }
        "seal" => {
            let sealed = side.seal(at(0), &bytes(&step["content"]), &mut inputs(&["ratchet"])).unwrap();
            assert_eq!(sealed.envelope, bytes(&step["envelope"]));
            sealed.next_stream
        }
        _ => {
            let mut rng = match step.get("kem_m") {
                Some(_) => inputs(&["kem_m", "ratchet"]),
                None => {
                    let seed = [bytes(&step["kem_d"]), bytes(&step["kem_z"])].concat();
                    let ratchet = step["ratchet"].as_str().map(|_| bytes(&step["ratchet"]));
                    Script::of(&[&seed].into_iter().chain(&ratchet).map(Vec::as_slice).collect::<Vec<_>>())
                }
            };
            let sealed = side.seal_control(at(0), &mut rng).unwrap().unwrap();
            assert_eq!(sealed.envelope, bytes(&step["envelope"]));
            sealed.next_stream
        }
    };
    assert_eq!(stream.map(|seed| hex(seed.as_bytes())), step["next_stream"].as_str().map(str::to_owned));
    assert_eq!(hex(Stolen::from(side).root), step["root_after"].as_str().unwrap());
    assert_eq!(u64::from(side.kem_epoch()), step["kem_epoch_after"].as_u64().unwrap());
}

#[test]
fn the_published_keys_bundles_and_answers_are_refused_with_their_labels() {
    let published = published();
    let handshake = &published["handshake"];
    let (bundle, answer) = (bytes(&handshake["bundle"]), bytes(&handshake["answer"]));
    for case in published["refused_points"].as_array().unwrap() {
        let refusal = IdentityPublic::from_bytes(&bytes(&case["point"])).unwrap_err();
        assert_eq!(refusal.label(), case["label"].as_str().unwrap());
    }
    let on = |case: &Value| occasion(case.get("occasion").unwrap_or(&handshake["occasion"]));
    for case in published["refused_bundles"].as_array().unwrap() {
        let identity = case.get("identity").unwrap_or(&handshake["initiator"]["identity"]);
        let identity = IdentitySecret::from_bytes(&array(identity));
        let refusal = Bundle::parse(on(case), &changed(&bundle, case))
            .and_then(|bundle| initiate(&bundle, &identity, &PSK, b"", EAGER, at(0), &mut rng(0)))
            .unwrap_err();
        assert_eq!(refusal.label(), case["label"].as_str().unwrap(), "{}", case["name"]);
    }
    let offer = handshake::handshake(Occasion::Invitation, 1).offer;
    for case in published["refused_answers"].as_array().unwrap() {
        let psk = array(case.get("psk").unwrap_or(&handshake["psk"]));
        let refusal = offer.respond(on(case), &psk, &changed(&answer, case), EAGER, at(0)).unwrap_err();
        assert_eq!(refusal.label(), case["label"].as_str().unwrap(), "{}", case["name"]);
    }
}
