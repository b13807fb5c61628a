//! The same three sessions as another implementation has them, byte for byte: `docs/vectors/session-transcript.json`, which
//! `scripts/session_vectors.py` makes with a model that was written from `docs/spec/sessions.md` alone.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use sotto_protocol::boxes::WriteCap;

use super::script::Script;
use super::*;

/// Bytes that are written in hexadecimal.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        HEXLOWER.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Hex {
    fn key(&self) -> [u8; 32] {
        self.0.as_slice().try_into().unwrap()
    }
}

#[derive(Deserialize)]
struct Transcript {
    sessions: Vec<Played>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Played {
    occasion: u8,
    psk: Hex,
    at: u64,
    respond_at: u64,
    i_identity: Hex,
    r_identity: Hex,
    r_ephemeral: Hex,
    kem_seed: Hex,
    i_ephemeral: Hex,
    encapsulation: Hex,
    ratchet: Hex,
    content: Hex,
    bundle: Hex,
    answer: Hex,
    i_stream: Hex,
    r_stream: Hex,
    i_box: Hex,
    r_box: Hex,
    rekey: Hex,
    events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    at: u64,
    by: Side,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[serde(rename_all = "lowercase")]
enum Side {
    I,
    R,
}

/// Exactly one of `seal`, `control`, `idle`, `open`, `expire` and `state` is there.
#[derive(Deserialize)]
struct What {
    seal: Option<Hex>,
    control: Option<Hex>,
    idle: Option<bool>,
    ratchet: Option<Hex>,
    envelope: Option<Hex>,
    stream: Option<Hex>,
    open: Option<isize>,
    flip: Option<usize>,
    label: Option<String>,
    expire: Option<usize>,
    state: Option<Hex>,
}

/// Runs something with exactly these random inputs.
fn given<'a, T>(inputs: impl IntoIterator<Item = &'a Hex>, run: impl FnOnce(&mut Script) -> T) -> T {
    let inputs: Vec<&[u8]> = inputs.into_iter().map(|input| input.0.as_slice()).collect();
    let mut rng = Script::of(&inputs);
    let result = run(&mut rng);
    rng.finish();
    result
}

fn moment(at: u64) -> Timestamp {
    Timestamp::from_micros(at)
}

fn stream(seed: Option<&StreamSeed>) -> Option<Hex> {
    seed.map(|seed| Hex(seed.as_bytes().to_vec()))
}

/// The sessions after a handshake that is compared in every part.
fn shake_hands(played: &Played) -> BTreeMap<Side, Session> {
    let occasion = match played.occasion {
        1 => Occasion::Invitation,
        2 => Occasion::Address,
        3 => Occasion::Rekey,
        other => panic!("occasion {other}"),
    };
    let (policy, psk) = (KemPolicy::default(), played.psk.key());
    let saved = [&[1][..], &played.r_identity.0, &played.r_ephemeral.0, &played.kem_seed.0].concat();
    let offer = Offer::from_bytes(&saved).unwrap();
    assert_eq!(offer.bundle(occasion), played.bundle.0);
    assert_eq!(offer.to_bytes().as_slice(), saved);
    let bundle = Bundle::parse(occasion, &played.bundle.0).unwrap();
    let identity = IdentitySecret::from_bytes(&played.i_identity.key());
    let initiated = given([&played.i_ephemeral, &played.encapsulation, &played.ratchet], |rng| {
        initiate(&bundle, &identity, &psk, &played.content.0, policy, moment(played.at), rng).unwrap()
    });
    assert_eq!(initiated.answer, played.answer.0);
    let responded =
        offer.respond(occasion, &psk, &played.answer.0, policy, moment(played.respond_at)).unwrap();
    assert_eq!(*responded.content, played.content.0);
    for (read, write, seed, first) in [
        (&responded.read, &initiated.write, &played.i_stream, &played.i_box),
        (&initiated.read, &responded.write, &played.r_stream, &played.r_box),
    ] {
        assert_eq!((read.as_bytes(), write.as_bytes()), (&seed.key(), &seed.key()));
        assert_eq!(WriteCap::from_seed(write.as_bytes()).next_id().as_bytes(), &first.key());
    }
    assert_eq!(
        (&*initiated.rekey_secret, &*responded.rekey_secret),
        (&played.rekey.key(), &played.rekey.key())
    );
    BTreeMap::from([(Side::I, initiated.session), (Side::R, responded.session)])
}

/// Opens the envelope of an earlier event, or a damaged copy of it.
fn open(played: &Played, event: &Event, session: &mut Session, index: isize) -> bool {
    let (envelope, content) = match usize::try_from(index) {
        Ok(index) => {
            let sealed = &played.events[index].what;
            (sealed.envelope.as_ref().unwrap().0.as_slice(), sealed.seal.as_ref())
        }
        Err(_) => (&played.answer.0[1154..], Some(&played.content)),
    };
    let mut envelope = envelope.to_vec();
    if let Some(bit) = event.what.flip {
        envelope[bit / 8] ^= 1 << (bit % 8);
    }
    let before = session.to_bytes();
    match session.open(moment(event.at), &envelope) {
        Ok(opened) => {
            assert_eq!(event.what.label, None);
            assert_eq!(opened.content.map(|content| Hex(content.to_vec())).as_ref(), content);
            assert_eq!(stream(opened.next_stream.as_ref()), event.what.stream);
            true
        }
        Err(refusal) => {
            assert_eq!(Some(refusal.label()), event.what.label.as_deref());
            assert_eq!(session.to_bytes(), before, "a refused envelope changes nothing");
            false
        }
    }
}

/// Plays one event and says what it was.
fn play(played: &Played, event: &Event, session: &mut Session) -> &'static str {
    let (what, now) = (&event.what, moment(event.at));
    if let Some(content) = &what.seal {
        let sealed = given(&what.ratchet, |rng| session.seal(now, &content.0, rng).unwrap());
        assert_eq!(Some(Hex(sealed.envelope)), what.envelope);
        assert_eq!(stream(sealed.next_stream.as_ref()), what.stream);
        "sealed"
    } else if let Some(randomness) = &what.control {
        assert!(session.control_due(now));
        // A repeated message needs none.
        let inputs = Some(randomness).filter(|bytes| !bytes.0.is_empty()).into_iter().chain(&what.ratchet);
        let sealed = given(inputs, |rng| session.seal_control(now, rng).unwrap().unwrap());
        assert_eq!(Some(Hex(sealed.envelope)), what.envelope);
        assert_eq!(stream(sealed.next_stream.as_ref()), what.stream);
        "KEM messages"
    } else if let Some(index) = what.open {
        if open(played, event, session, index) { "opened" } else { "refused" }
    } else if what.idle == Some(true) {
        assert!(!session.control_due(now));
        assert!(given([], |rng| session.seal_control(now, rng).unwrap()).is_none());
        "no KEM message due"
    } else if let Some(lost) = what.expire {
        assert_eq!(session.expire(now), lost);
        "asked for lost ones"
    } else {
        let saved = session.to_bytes();
        assert_eq!(Some(Hex(Sha256::digest(&saved).to_vec())), what.state);
        *session = Session::from_bytes(&saved, KemPolicy::default()).unwrap();
        "saved and restored"
    }
}

#[test]
fn an_independent_implementation_has_the_same_sessions() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/vectors/session-transcript.json");
    let transcript: Transcript = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut labels = BTreeMap::<&str, usize>::new();
    let (mut chains, mut exchanges) = (0, 0);
    for played in &transcript.sessions {
        let mut sessions = shake_hands(played);
        for (number, event) in played.events.iter().enumerate() {
            // Shown if the event fails.
            println!("occasion {}, event {number}, {:?}", played.occasion, event.by);
            let kind = play(played, event, sessions.get_mut(&event.by).unwrap());
            *counts.entry(kind).or_default() += 1;
            if let Some(label) = &event.what.label {
                *labels.entry(label).or_default() += 1;
            }
            chains += usize::from(event.what.ratchet.is_some());
        }
        exchanges += sessions[&Side::I].kem_epoch();
    }
    println!("{counts:?}; {chains} chains, {exchanges} KEM exchanges; refused: {labels:?}");
    assert!(counts["sealed"] > 1_500 && counts["opened"] > 1_000 && counts["saved and restored"] > 90);
    assert!(chains > 250 && exchanges > 20 && labels.len() >= 7);
}
