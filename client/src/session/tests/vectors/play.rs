//! The conversation of the vectors, and the envelopes that are refused in its course.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::super::script::Script;
use super::super::stolen::Stolen;
use super::super::*;
use super::handshake::Handshake;
use super::{LOW_ORDER, NON_CANONICAL, hex, kem_seed, secret};
use crate::session::secret::Secret;

/// The two sides, and what they have done.
pub(super) struct Play {
    pub(super) initiator: Session,
    pub(super) responder: Session,
    envelopes: Vec<(String, Vec<u8>)>,
    pub(super) steps: Vec<Value>,
    pub(super) refused: Vec<Value>,
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
            inputs["ss"] = hex(Stolen::from(self.side(by)).kem).into();
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
pub(super) fn forged(session: &Session, ahead: u32, text: &[u8]) -> Vec<u8> {
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

pub(super) fn kem_text(kind: u8, number: u32, body: &[u8]) -> Vec<u8> {
    [[kind].as_slice(), &number.to_be_bytes(), body].concat()
}

/// The conversation of the vectors: KEM exchanges 1 and 2, envelopes out of order within a chain and across
/// chains.
pub(super) fn play(handshake: Handshake) -> Play {
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
pub(super) fn refuse_damaged(play: &mut Play) {
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
pub(super) fn refuse_forged(play: &mut Play) {
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
