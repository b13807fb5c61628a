//! The three parts of a handshake, each with the making of the identity that only this contact will know.

use sotto_client::session::{
    ANSWER_CONTENT_LEN_MAX, BUNDLE_LEN, Bundle, IdentitySecret, Occasion, Offer, initiate,
};

use super::{BATCH, EAGER, NOW, PSK, Pair, bare, rng, side};

const OCCASION: Occasion = Occasion::Invitation;
/// The type of the content, and the content, in bytes.
const TEXT_LEN: usize = 1 + ANSWER_CONTENT_LEN_MAX;
const CONTENT: [u8; ANSWER_CONTENT_LEN_MAX] = [7; ANSWER_CONTENT_LEN_MAX];
const SEED: [u8; 64] = [3; 64];

pub(super) fn pairs() -> Vec<Pair> {
    vec![offer(), answer(), response()]
}

fn offer() -> Pair {
    let (mut offer_rng, mut bare_rng) = (rng(), rng());
    Pair {
        name: "handshake, identity and offer",
        primitives: "2 X25519, ML-KEM-768 key generation",
        whole: side(
            BATCH,
            || (),
            move |()| {
                let offer = Offer::new(IdentitySecret::generate(&mut offer_rng), &mut offer_rng);
                let bundle = offer.bundle(OCCASION);
                (offer, bundle)
            },
        ),
        bare: side(
            BATCH,
            || (),
            move |()| {
                let identity = bare::public(&bare::random(&mut bare_rng));
                let ephemeral = bare::public(&bare::random(&mut bare_rng));
                (identity, ephemeral, bare::kem_pair(&bare::random(&mut bare_rng)))
            },
        ),
    }
}

fn answer() -> Pair {
    let (mut answer_rng, mut bare_rng) = (rng(), rng());
    // Other numbers than those of the answers: nobody answers an offer of their own.
    let mut offer_rng = rng();
    offer_rng.set_stream(1);
    let bundle = Offer::new(IdentitySecret::generate(&mut offer_rng), &mut offer_rng).bundle(OCCASION);
    let key = bare::kem_pair(&SEED);
    let remote = bare::public(&[9; 32]);
    Pair {
        name: "handshake, identity and answer",
        primitives: "7 X25519, ML-KEM-768 key check and encapsulation, 2 SHA-256, 2 HKDF to 96 bytes, and those of encrypt",
        whole: side(
            BATCH,
            move || bundle.clone(),
            move |bundle| {
                let parsed = Bundle::parse(OCCASION, &bundle).unwrap();
                let identity = IdentitySecret::generate(&mut answer_rng);
                let initiated =
                    initiate(&parsed, &identity, &PSK, &CONTENT, EAGER, NOW, &mut answer_rng).unwrap();
                (bundle, parsed, identity, initiated)
            },
        ),
        bare: side(
            BATCH,
            move || ([0; BUNDLE_LEN], key, [7; TEXT_LEN]),
            move |(bundle, key, mut text)| {
                let key = bare::kem_check(&key);
                let [identity, ephemeral, ratchet]: [[u8; 32]; 3] =
                    std::array::from_fn(|_| bare::random(&mut bare_rng));
                let publics = [identity, ephemeral, ratchet].map(|secret| bare::public(&secret));
                let (ciphertext, shared) = bare::kem_encapsulate(&key, &mut bare_rng);
                let secrets = joined([identity, ephemeral, ephemeral], &remote, shared);
                let keys = bare::handshake_keys(&bundle, &ciphertext, &secrets);
                let root = keys.first_chunk().unwrap();
                let (chain, rest) = bare::root_step(root, &bare::agree(&ratchet, &remote));
                (key, publics, ciphertext, keys, rest, bare::seal(&chain, &mut text), text)
            },
        ),
    }
}

fn response() -> Pair {
    let mut setup = rng();
    let offer = Offer::new(IdentitySecret::generate(&mut setup), &mut setup);
    let bundle = Bundle::parse(OCCASION, &offer.bundle(OCCASION)).unwrap();
    let joiner = IdentitySecret::generate(&mut setup);
    let answer = initiate(&bundle, &joiner, &PSK, &CONTENT, EAGER, NOW, &mut setup).unwrap().answer;
    let remote = bare::public(&[9; 32]);
    let (ciphertext, shared) = bare::kem_encapsulate(&bare::kem_check(&bare::kem_pair(&SEED)), &mut setup);
    let (identity, ephemeral) = ([4; 32], [5; 32]);
    let keys = bare::handshake_keys(
        &[0; BUNDLE_LEN],
        &ciphertext,
        &joined([ephemeral, identity, ephemeral], &remote, shared),
    );
    let (chain, _) = bare::root_step(keys.first_chunk().unwrap(), &bare::agree(&ephemeral, &remote));
    let mut sealed = [7; TEXT_LEN];
    let (_, tag) = bare::seal(&chain, &mut sealed);
    Pair {
        name: "handshake, response",
        primitives: "4 X25519, ML-KEM-768 key from its seed and decapsulation, 2 SHA-256, 2 HKDF to 96 bytes, and those of decrypt",
        whole: side(
            BATCH,
            move || answer.clone(),
            move |answer| (offer.respond(OCCASION, &PSK, &answer, EAGER, NOW).unwrap(), answer),
        ),
        bare: side(
            BATCH,
            move || ([0; BUNDLE_LEN], ciphertext, sealed),
            move |(bundle, ciphertext, mut text)| {
                let shared = bare::kem_decapsulate(&SEED, &ciphertext);
                let secrets = joined([ephemeral, identity, ephemeral], &remote, shared);
                let keys = bare::handshake_keys(&bundle, &ciphertext, &secrets);
                let root = keys.first_chunk().unwrap();
                let (chain, rest) = bare::root_step(root, &bare::agree(&ephemeral, &remote));
                (keys, rest, bare::open(&chain, &mut text, &tag), text)
            },
        ),
    }
}

/// A prefix, three agreements, a KEM secret and the secret known beforehand.
fn joined(secrets: [[u8; 32]; 3], remote: &[u8; 32], shared: [u8; 32]) -> [u8; 192] {
    let mut joined = [0xff; 192];
    let (parts, _) = joined.as_chunks_mut::<32>();
    for (part, secret) in parts[1..4].iter_mut().zip(&secrets) {
        *part = bare::agree(secret, remote);
    }
    parts[4] = shared;
    parts[5] = PSK;
    joined
}
