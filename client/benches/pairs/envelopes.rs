//! Envelopes of full length: in a chain that goes on, and as the first of a chain.

use sotto_client::session::CONTENT_LEN_MAX;

use super::{BATCH, EAGER, NOW, Pair, bare, people, rng, side};

/// The type of the content, and the content, in bytes.
const TEXT_LEN: usize = 1 + CONTENT_LEN_MAX;
/// The same of a short message.
const SHORT_TEXT_LEN: usize = 1 + 64;

pub(super) fn pairs() -> Vec<Pair> {
    vec![
        encrypt::<TEXT_LEN>("encrypt"),
        decrypt::<TEXT_LEN>("decrypt"),
        encrypt::<SHORT_TEXT_LEN>("encrypt, 64 bytes"),
        decrypt::<SHORT_TEXT_LEN>("decrypt, 64 bytes"),
        step_sealing(),
        step_opening(),
    ]
}

fn encrypt<const LEN: usize>(name: &'static str) -> Pair {
    let mut session = people(EAGER).0.session;
    let mut seal_rng = rng();
    let mut chain = [7; 32];
    Pair {
        name,
        primitives: "2 HMAC, 1 HKDF to 44 bytes, ChaCha20-Poly1305",
        whole: side(
            BATCH,
            || [7; LEN],
            move |content| session.seal(NOW, &content[1..], &mut seal_rng).unwrap(),
        ),
        bare: side(
            BATCH,
            || [7; LEN],
            move |mut text| {
                let (next, tag) = bare::seal(&chain, &mut text);
                chain = next;
                (text, tag)
            },
        ),
    }
}

fn decrypt<const LEN: usize>(name: &'static str) -> Pair {
    let (initiated, responded) = people(EAGER);
    let (mut from, mut to) = (initiated.session, responded.session);
    let (mut seal_rng, mut sealing, mut opening) = (rng(), [7; 32], [7; 32]);
    Pair {
        name,
        primitives: "2 HMAC, 1 HKDF to 44 bytes, ChaCha20-Poly1305",
        whole: side(
            BATCH,
            move || from.seal(NOW, &[7; LEN][1..], &mut seal_rng).unwrap().envelope,
            move |envelope| (to.open(NOW, &envelope).unwrap(), envelope),
        ),
        bare: side(
            BATCH,
            move || {
                let mut text = [7; LEN];
                let (next, tag) = bare::seal(&sealing, &mut text);
                sealing = next;
                (text, tag)
            },
            move |(mut text, tag)| {
                opening = bare::open(&opening, &mut text, &tag);
                text
            },
        ),
    }
}

fn step_sealing() -> Pair {
    let session = people(EAGER).1.session;
    let (mut seal_rng, mut bare_rng) = (rng(), rng());
    let remote = bare::public(&[9; 32]);
    Pair {
        name: "ratchet step, sealing",
        primitives: "2 X25519, 1 HKDF to 96 bytes, and those of encrypt",
        whole: side(
            BATCH,
            move || session.clone(),
            move |mut session| {
                let sealed = session.seal(NOW, &[7; CONTENT_LEN_MAX], &mut seal_rng).unwrap();
                (session, sealed)
            },
        ),
        bare: side(
            BATCH,
            || ([7; 32], [7; TEXT_LEN]),
            move |(root, mut text)| {
                let secret = bare::random(&mut bare_rng);
                let shared = bare::agree(&secret, &remote);
                let (chain, rest) = bare::root_step(&root, &shared);
                (bare::public(&secret), rest, bare::seal(&chain, &mut text), text)
            },
        ),
    }
}

fn step_opening() -> Pair {
    let (initiated, mut responded) = people(EAGER);
    let session = initiated.session;
    let envelope = responded.session.seal(NOW, &[7; CONTENT_LEN_MAX], &mut rng()).unwrap().envelope;
    let (root, secret, remote) = ([7; 32], [8; 32], bare::public(&[9; 32]));
    let (chain, _) = bare::root_step(&root, &bare::agree(&secret, &remote));
    let mut sealed = [7; TEXT_LEN];
    let (_, tag) = bare::seal(&chain, &mut sealed);
    Pair {
        name: "ratchet step, opening",
        primitives: "1 X25519, 1 HKDF to 96 bytes, and those of decrypt",
        whole: side(
            BATCH,
            move || (session.clone(), envelope.clone()),
            |(mut session, envelope)| {
                let opened = session.open(NOW, &envelope).unwrap();
                (session, opened, envelope)
            },
        ),
        bare: side(
            BATCH,
            move || (secret, sealed),
            move |(secret, mut text)| {
                let (chain, rest) = bare::root_step(&root, &bare::agree(&secret, &remote));
                (rest, bare::open(&chain, &mut text, &tag), text)
            },
        ),
    }
}
