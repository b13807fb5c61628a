//! Conformance with `docs/vectors/session.json`: the formats of `docs/spec/sessions.md`, made again and read.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::script::Script;
use super::stolen::Stolen;
use super::*;
use crate::session::secret::Secret;
use crate::session::{dh, kdf, kem};

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

fn occasion(value: &Value) -> Occasion {
    match value.as_u64().unwrap() {
        1 => Occasion::Invitation,
        2 => Occasion::Address,
        _ => Occasion::Rekey,
    }
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

struct Handshake {
    offer: Offer,
    initiated: Initiated,
    responded: Responded,
    json: Value,
}

fn kem_seed(name: &str) -> Vec<u8> {
    [secret(&format!("{name} d")), secret(&format!("{name} z"))].concat()
}

fn handshake(on: Occasion, number: u8) -> Handshake {
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

/// The two sides, and what they have done.
struct Play {
    initiator: Session,
    responder: Session,
    envelopes: Vec<(String, Vec<u8>)>,
    steps: Vec<Value>,
    refused: Vec<Value>,
}

impl Play {
    fn side(&mut self, by: &str) -> &mut Session {
        if by == "initiator" { &mut self.initiator } else { &mut self.responder }
    }

    fn envelope(&self, name: &str) -> Vec<u8> {
        self.envelopes.iter().find(|(known, _)| known == name).unwrap().1.clone()
    }

    /// Seals content; `begins` if it begins a chain, with a ratchet secret named after the envelope.
    fn seal(&mut self, by: &str, name: &str, begins: bool) {
        let ratchet = secret(&format!("ratchet {name}"));
        let mut rng = if begins { Script::of(&[&ratchet]) } else { Script::default() };
        let content = format!("content of {name}");
        let sealed = self.side(by).seal(at(0), content.as_bytes(), &mut rng).unwrap();
        rng.finish();
        self.sealed(
            by,
            name,
            &sealed,
            json!({ "content": hex(content), "ratchet": begins.then(|| hex(ratchet)) }),
        );
    }

    /// Seals the KEM message that is due.
    fn control(&mut self, by: &str, name: &str, asks: bool, begins: bool) {
        let (ratchet, seed, m) =
            (secret(&format!("ratchet {name}")), kem_seed(name), secret(&format!("{name} m")));
        let kem: &[u8] = if asks { &seed } else { &m };
        let mut rng = if begins { Script::of(&[kem, &ratchet]) } else { Script::of(&[kem]) };
        let sealed = self.side(by).seal_control(at(0), &mut rng).unwrap().unwrap();
        rng.finish();
        let mut inputs = json!({ "ratchet": begins.then(|| hex(ratchet)) });
        if asks {
            inputs["kem_d"] = hex(&seed[..32]).into();
            inputs["kem_z"] = hex(&seed[32..]).into();
        } else {
            inputs["kem_m"] = hex(m).into();
        }
        self.sealed(by, name, &sealed, inputs);
    }

    fn sealed(&mut self, by: &str, name: &str, sealed: &Sealed, mut step: Value) {
        step["do"] = if step.get("content").is_some() { "seal" } else { "seal-control" }.into();
        step["by"] = by.into();
        step["name"] = name.into();
        step["envelope"] = hex(&sealed.envelope).into();
        step["next_stream"] = sealed.next_stream.as_ref().map(|seed| hex(seed.as_bytes())).into();
        self.finish_step(by, step);
        self.envelopes.push((name.to_owned(), sealed.envelope.clone()));
    }

    fn open(&mut self, by: &str, name: &str) {
        let envelope = self.envelope(name);
        let opened = self.side(by).open(at(0), &envelope).unwrap();
        let step = json!({
            "do": "open", "by": by, "name": name,
            "content": opened.content.map(|content| hex(&*content)),
            "next_stream": opened.next_stream.map(|seed| hex(seed.as_bytes())),
        });
        self.finish_step(by, step);
    }

    fn finish_step(&mut self, by: &str, mut step: Value) {
        step["root_after"] = hex(Stolen::from(self.side(by)).root).into();
        step["kem_epoch_after"] = self.side(by).kem_epoch().into();
        self.steps.push(step);
    }

    /// An envelope that `by` refuses in its present state.
    fn refuses(&mut self, by: &str, name: &str, envelope: &[u8], label: &str) {
        let mut session = self.side(by).clone();
        let refusal = session.open(at(0), envelope).unwrap_err();
        assert_eq!(refusal.label(), label, "{name}: {refusal}");
        assert_eq!(*session.to_bytes(), *self.side(by).to_bytes(), "{name}: nothing has changed");
        let after = self.steps.len();
        self.refused.push(json!({
            "name": name, "by": by, "after_steps": after, "envelope": hex(envelope), "label": label,
        }));
    }

    /// Refuses an envelope of which some bytes are others.
    fn refuses_changed(&mut self, by: &str, name: &str, of: &str, at: usize, put: &[u8], label: &str) {
        let mut envelope = self.envelope(of);
        envelope[at..at + put.len()].copy_from_slice(put);
        self.refuses(by, name, &envelope, label);
    }
}

/// The next envelope that `session` would seal in its chain, with a text that it would not.
fn forged(session: &Session, ahead: u32, text: &[u8]) -> Vec<u8> {
    let stolen = Stolen::from(session);
    let (_, chain, next, previous, epoch) = stolen.sending.unwrap();
    let mut chain = Secret::copy_of(&chain);
    let key = (0..=ahead).map(|_| kdf::chain_step(&mut chain)).last().unwrap();
    let output = kdf::message(&key);
    let header = [
        [1].as_slice(),
        &stolen.local_key,
        &previous.to_be_bytes(),
        &(next + ahead).to_be_bytes(),
        &epoch.to_be_bytes(),
    ]
    .concat();
    let aad = [stolen.associated.as_slice(), &header].concat();
    let nonce = Nonce::try_from(&output.bytes()[32..]).unwrap();
    let cipher = ChaCha20Poly1305::new_from_slice(&output.bytes()[..32]).unwrap();
    let sealed = cipher.encrypt(&nonce, Payload { msg: text, aad: &aad }).unwrap();
    [header, sealed].concat()
}

fn kem_text(kind: u8, number: u32, body: &[u8]) -> Vec<u8> {
    [[kind].as_slice(), &number.to_be_bytes(), body].concat()
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

/// The conversation of the vectors: KEM exchanges 1 and 2, envelopes out of order within a chain and across chains.
fn play(handshake: Handshake) -> Play {
    let mut play = Play {
        envelopes: vec![("i1".to_owned(), handshake.initiated.answer[1154..].to_vec())],
        initiator: handshake.initiated.session,
        responder: handshake.responded.session,
        steps: Vec::new(),
        refused: Vec::new(),
    };
    play.refuses("responder", "the first envelope again", &play.envelope("i1"), "envelope-repeated");
    play.seal("initiator", "i2", false);
    play.seal("initiator", "i3", false);
    play.seal("initiator", "i4", false);
    refuse_damaged(&mut play);
    play.open("responder", "i4");
    play.open("responder", "i2");
    play.refuses("responder", "opened in order already", &play.envelope("i4"), "envelope-repeated");
    play.refuses("responder", "opened out of order already", &play.envelope("i2"), "envelope-repeated");
    refuse_forged(&mut play);
    play.seal("responder", "r1", true);
    play.refuses("responder", "its own envelope, reflected", &play.envelope("r1"), "envelope-reflected");
    play.refuses_changed("initiator", "an epoch that does not exist", "r1", 41, &[0, 0, 0, 1], "kem-epoch");
    play.refuses_changed("initiator", "another epoch that does not exist", "r1", 41, &[0xff; 4], "kem-epoch");
    play.refuses_changed(
        "initiator",
        "a new chain with a bit of its key flipped",
        "r1",
        1,
        &[play.envelope("r1")[1] ^ 1],
        "envelope-authentication",
    );
    play.refuses_changed(
        "initiator",
        "a new chain that skips 257",
        "r1",
        37,
        &[0, 0, 1, 1],
        "skipped-too-many",
    );
    play.control("initiator", "i5", true, false);
    play.open("initiator", "r1");
    play.open("responder", "i5");
    play.control("responder", "r2", false, false);
    play.open("initiator", "r2");
    play.seal("initiator", "i6", true);
    play.refuses_changed(
        "responder",
        "the epoch of the exchange left out",
        "i6",
        41,
        &[0; 4],
        "envelope-authentication",
    );
    play.refuses_changed(
        "responder",
        "a length of the chain before that skips 257",
        "i6",
        33,
        &[0, 0, 1, 6],
        "skipped-too-many",
    );
    play.open("responder", "i6");
    play.open("responder", "i3");
    play.refuses("responder", "of the chain before, opened already", &play.envelope("i3"), "envelope-chain");
    play.control("responder", "r3", true, true);
    play.refuses(
        "initiator",
        "a key of the chain before, used up",
        &play.envelope("r2"),
        "envelope-repeated",
    );
    play.open("initiator", "r3");
    play.control("initiator", "i7", false, true);
    play.open("responder", "i7");
    play.seal("responder", "r4", true);
    play.seal("responder", "r5", false);
    play.open("initiator", "r5");
    play.open("initiator", "r4");
    assert_eq!((play.initiator.kem_epoch(), play.responder.kem_epoch()), (2, 2));
    play
}

/// Damaged copies of i2 and i4, in every field, by the responder that has opened i1.
fn refuse_damaged(play: &mut Play) {
    let whole = play.envelope("i2");
    let with = |extra: usize| [whole.as_slice(), &vec![0; extra]].concat();
    let by = "responder";
    play.refuses(by, "nothing at all", &[], "envelope-length");
    play.refuses(by, "cut to 61 bytes", &whole[..61], "envelope-length");
    play.refuses(by, "cut to 62 bytes", &whole[..62], "envelope-authentication");
    play.refuses(by, "one byte short", &whole[..whole.len() - 1], "envelope-authentication");
    play.refuses(by, "one byte more", &with(1), "envelope-authentication");
    play.refuses(by, "longer than a box", &with(1360 - whole.len()), "envelope-length");
    play.refuses_changed(by, "version 0", "i2", 0, &[0], "envelope-version");
    play.refuses_changed(by, "version 2", "i2", 0, &[2], "envelope-version");
    play.refuses_changed(by, "a bit of the ratchet key flipped", "i2", 1, &[whole[1] ^ 1], "envelope-chain");
    play.refuses_changed(
        by,
        "a bit of the length of the chain before flipped",
        "i2",
        36,
        &[1],
        "envelope-authentication",
    );
    play.refuses_changed(by, "the number flipped to the next", "i2", 40, &[2], "envelope-authentication");
    play.refuses_changed(by, "the number flipped to the first", "i2", 40, &[0], "envelope-repeated");
    play.refuses_changed(by, "a bit of the epoch flipped", "i2", 44, &[1], "envelope-authentication");
    play.refuses_changed(
        by,
        "a bit of the ciphertext flipped",
        "i2",
        45,
        &[whole[45] ^ 0x80],
        "envelope-authentication",
    );
    play.refuses_changed(
        by,
        "a bit of the tag flipped",
        "i2",
        whole.len() - 1,
        &[whole[whole.len() - 1] ^ 1],
        "envelope-authentication",
    );
    play.refuses_changed(by, "257 skipped", "i2", 37, &[0, 0, 1, 2], "skipped-too-many");
    play.refuses_changed(by, "a number that skips nearly all", "i2", 37, &[0xff; 4], "skipped-too-many");
    for point in LOW_ORDER {
        let name = format!("ratchet key {point}");
        play.refuses_changed(
            by,
            &name,
            "i2",
            1,
            &HEXLOWER.decode(point.as_bytes()).unwrap(),
            "point-low-order",
        );
    }
    for point in NON_CANONICAL {
        let name = format!("ratchet key {point}");
        play.refuses_changed(
            by,
            &name,
            "i2",
            1,
            &HEXLOWER.decode(point.as_bytes()).unwrap(),
            "point-non-canonical",
        );
    }
}

/// Envelopes with a right tag and a wrong text, by the responder that expects i5.
fn refuse_forged(play: &mut Play) {
    let key = kem::KemSecret::new(Secret::copy_of(&kem_seed("forged").try_into().unwrap())).public();
    let mut unreduced = key.clone();
    unreduced[..3].copy_from_slice(&[0x01, 0x0d, 0x00]);
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("type 0", vec![0, 1], "envelope-type"),
        ("type 4", vec![4], "envelope-type"),
        ("a KEM key without a number", vec![2, 0, 0], "kem-key-length"),
        ("a KEM key one byte short", kem_text(2, 1, &key[..1183]), "kem-key-length"),
        ("a KEM key one byte too long", kem_text(2, 1, &[key.as_slice(), &[0]].concat()), "kem-key-length"),
        ("a KEM key with the coefficient 3329", kem_text(2, 1, &unreduced), "kem-key-unreduced"),
        ("a KEM key of exchange 0", kem_text(2, 0, &key), "kem-exchange"),
        ("a KEM key of an exchange of the other role", kem_text(2, 2, &key), "kem-exchange"),
        ("a KEM key of an exchange to come", kem_text(2, 3, &key), "kem-exchange"),
        ("a KEM ciphertext one byte short", kem_text(3, 1, &[0; 1087]), "kem-ciphertext-length"),
        ("a KEM ciphertext one byte too long", kem_text(3, 1, &[0; 1089]), "kem-ciphertext-length"),
        ("a KEM ciphertext of exchange 0", kem_text(3, 0, &[0; 1088]), "kem-exchange"),
        ("a KEM ciphertext of the own exchange", kem_text(3, 1, &[0; 1088]), "kem-exchange"),
        ("a KEM ciphertext that nobody asked for", kem_text(3, 2, &[0; 1088]), "kem-exchange"),
    ];
    for (name, text, label) in cases {
        let envelope = forged(&play.initiator, 0, &text);
        play.refuses("responder", name, &envelope, label);
    }
}

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

fn refused_bundles(answer: &[u8]) -> Vec<Value> {
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

fn refused_answers(bundle: &[u8], own: &[u8]) -> Vec<Value> {
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
fn own_answer(handshake: &Handshake) -> Vec<u8> {
    let mut answer = handshake.initiated.answer.clone();
    answer[2..34].copy_from_slice(handshake.offer.identity().public().as_bytes());
    answer
}

fn made() -> Value {
    let others = [handshake(Occasion::Address, 2).json, handshake(Occasion::Rekey, 3).json];
    let handshake = handshake(Occasion::Invitation, 1);
    let (bundle, answer) = (handshake.offer.bundle(Occasion::Invitation), handshake.initiated.answer.clone());
    let (bundles, answers) = (refused_bundles(&answer), refused_answers(&bundle, &own_answer(&handshake)));
    let json = handshake.json.clone();
    let [address, rekey] = others.map(|mut other| {
        ["bundle", "answer", "initiator", "responder"].iter().for_each(|name| {
            other.as_object_mut().unwrap().remove(*name);
        });
        other
    });
    let play = play(handshake);
    json!({
        "about": [
            "The handshake and the ratchet, as specified in docs/spec/sessions.md. Bytes are hexadecimal.",
            "Every random input is given: X25519 secrets before clamping, d and z of ML-KEM key pairs, m of encapsulations.",
            "handshake: from those inputs. same_inputs: the same on other occasions, with what differs.",
            "steps: what the two sides do after the handshake, in order; i1 is the envelope in the answer. ratchet is the secret of the",
            "pair that the envelope's chain begins with, null if it begins none. An exchange is always due at once.",
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

/// Where the vectors are written to by hand after a change of the format: print them with
/// `cargo test -p sotto-client --lib the_published_session_vectors -- --nocapture`.
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
    let offer = self::handshake(Occasion::Invitation, 1).offer;
    for case in published["refused_answers"].as_array().unwrap() {
        let psk = array(case.get("psk").unwrap_or(&handshake["psk"]));
        let refusal = offer.respond(on(case), &psk, &changed(&answer, case), EAGER, at(0)).unwrap_err();
        assert_eq!(refusal.label(), case["label"].as_str().unwrap(), "{}", case["name"]);
    }
}
