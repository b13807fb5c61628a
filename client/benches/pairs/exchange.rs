//! The messages of an ML-KEM exchange, sealed and opened in chains that go on, and the ratchet step that uses its secret.

use sotto_client::session::{CONTENT_LEN_MAX, Session};

use super::{BATCH, EAGER, NOW, Pair, Side, bare, people, rng, side};

/// The type, the number of the exchange, and the key or the ciphertext, in bytes.
const KEY_TEXT_LEN: usize = 1 + 4 + 1184;
const CIPHERTEXT_TEXT_LEN: usize = 1 + 4 + 1088;
const CONTENT_TEXT_LEN: usize = 1 + CONTENT_LEN_MAX;

const SEED: [u8; 64] = [3; 64];
const CHAIN: [u8; 32] = [7; 32];

/// Both sides before each step: who asks is in the middle of its chain, and then the other side of its own.
struct Steps {
    idle: Session,
    key: Vec<u8>,
    before_key: Session,
    asked: Session,
    ciphertext: Vec<u8>,
    asking: Session,
    ready: Session,
    mixed: Vec<u8>,
    answered: Session,
}

impl Steps {
    fn play() -> Self {
        let (initiated, responded) = people(EAGER);
        let (mut asks, mut answers) = (initiated.session, responded.session);
        let mut rng = rng();
        let (idle, before_key) = (asks.clone(), answers.clone());
        let key = asks.seal_control(NOW, &mut rng).unwrap().unwrap().envelope;
        answers.open(NOW, &key).unwrap();
        let first = answers.seal(NOW, b"first of its chain", &mut rng).unwrap();
        asks.open(NOW, &first.envelope).unwrap();
        let (asked, asking) = (answers.clone(), asks.clone());
        let ciphertext = answers.seal_control(NOW, &mut rng).unwrap().unwrap().envelope;
        asks.open(NOW, &ciphertext).unwrap();
        let (ready, answered) = (asks.clone(), answers);
        let mixed = asks.seal(NOW, &[7; CONTENT_LEN_MAX], &mut rng).unwrap().envelope;
        assert_eq!(asks.kem_epoch(), 1, "the secret went into the root step");
        Self { idle, key, before_key, asked, ciphertext, asking, ready, mixed, answered }
    }
}

pub(super) fn pairs() -> Vec<Pair> {
    let steps = Steps::play();
    vec![
        key_made(steps.idle),
        key_taken(steps.before_key, steps.key),
        ciphertext_made(steps.asked),
        ciphertext_taken(steps.asking, steps.ciphertext),
        mixed_sealing(steps.ready),
        mixed_opening(steps.answered, steps.mixed),
    ]
}

fn sealing(session: Session) -> Side {
    let mut rng = rng();
    side(
        BATCH,
        move || session.clone(),
        move |mut session| {
            let sealed = session.seal_control(NOW, &mut rng).unwrap().unwrap();
            (session, sealed)
        },
    )
}

fn opening(session: Session, envelope: Vec<u8>) -> Side {
    side(
        BATCH,
        move || (session.clone(), envelope.clone()),
        |(mut session, envelope)| {
            let opened = session.open(NOW, &envelope).unwrap();
            (session, opened, envelope)
        },
    )
}

fn key_made(session: Session) -> Pair {
    let mut rng = rng();
    Pair {
        name: "KEM key, sealing",
        primitives: "ML-KEM-768 key generation, and those of encrypt",
        whole: sealing(session),
        bare: side(
            BATCH,
            || [0; KEY_TEXT_LEN],
            move |mut text| {
                text[5..].copy_from_slice(&bare::kem_pair(&bare::random(&mut rng)));
                (bare::seal(&CHAIN, &mut text), text)
            },
        ),
    }
}

fn key_taken(session: Session, envelope: Vec<u8>) -> Pair {
    let mut sealed = [0; KEY_TEXT_LEN];
    sealed[5..].copy_from_slice(&bare::kem_pair(&SEED));
    let (_, tag) = bare::seal(&CHAIN, &mut sealed);
    Pair {
        name: "KEM key, opening",
        primitives: "ML-KEM-768 key check, and those of decrypt",
        whole: opening(session, envelope),
        bare: side(
            BATCH,
            move || sealed,
            move |mut text| {
                let next = bare::open(&CHAIN, &mut text, &tag);
                (next, bare::kem_check(text[5..].try_into().unwrap()))
            },
        ),
    }
}

fn ciphertext_made(session: Session) -> Pair {
    let mut rng = rng();
    let key = bare::kem_pair(&SEED);
    Pair {
        name: "KEM ciphertext, sealing",
        primitives: "ML-KEM-768 key check and encapsulation, and those of encrypt",
        whole: sealing(session),
        bare: side(
            BATCH,
            move || (key, [0; CIPHERTEXT_TEXT_LEN]),
            move |(key, mut text)| {
                let (ciphertext, shared) = bare::kem_encapsulate(&bare::kem_check(&key), &mut rng);
                text[5..].copy_from_slice(&ciphertext);
                (bare::seal(&CHAIN, &mut text), text, shared)
            },
        ),
    }
}

fn ciphertext_taken(session: Session, envelope: Vec<u8>) -> Pair {
    let mut sealed = [0; CIPHERTEXT_TEXT_LEN];
    let key = bare::kem_check(&bare::kem_pair(&SEED));
    sealed[5..].copy_from_slice(&bare::kem_encapsulate(&key, &mut rng()).0);
    let (_, tag) = bare::seal(&CHAIN, &mut sealed);
    Pair {
        name: "KEM ciphertext, opening",
        primitives: "ML-KEM-768 key from its seed and decapsulation, and those of decrypt",
        whole: opening(session, envelope),
        bare: side(
            BATCH,
            move || sealed,
            move |mut text| {
                let next = bare::open(&CHAIN, &mut text, &tag);
                (next, bare::kem_decapsulate(&SEED, text[5..].try_into().unwrap()))
            },
        ),
    }
}

fn mixed_sealing(session: Session) -> Pair {
    let (mut seal_rng, mut bare_rng) = (rng(), rng());
    let remote = bare::public(&[9; 32]);
    Pair {
        name: "ratchet step with a KEM secret, sealing",
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
            || [7; CONTENT_TEXT_LEN],
            move |mut text| {
                let secret = bare::random(&mut bare_rng);
                let (chain, rest) = bare::root_step(&CHAIN, &joined(&bare::agree(&secret, &remote)));
                (bare::public(&secret), rest, bare::seal(&chain, &mut text), text)
            },
        ),
    }
}

fn mixed_opening(session: Session, envelope: Vec<u8>) -> Pair {
    let (secret, remote) = ([8; 32], bare::public(&[9; 32]));
    let (chain, _) = bare::root_step(&CHAIN, &joined(&bare::agree(&secret, &remote)));
    let mut sealed = [7; CONTENT_TEXT_LEN];
    let (_, tag) = bare::seal(&chain, &mut sealed);
    Pair {
        name: "ratchet step with a KEM secret, opening",
        primitives: "1 X25519, 1 HKDF to 96 bytes, and those of decrypt",
        whole: opening(session, envelope),
        bare: side(
            BATCH,
            move || sealed,
            move |mut text| {
                let (chain, rest) = bare::root_step(&CHAIN, &joined(&bare::agree(&secret, &remote)));
                (rest, bare::open(&chain, &mut text, &tag), text)
            },
        ),
    }
}

/// An agreement and a KEM secret.
fn joined(agreement: &[u8; 32]) -> [u8; 64] {
    let mut both = [3; 64];
    both[..32].copy_from_slice(agreement);
    both
}
