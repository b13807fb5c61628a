//! Tests of the handshake and the ratchet.

mod any;
mod conversation;
#[cfg(target_os = "linux")]
mod memory;
mod refused;
mod script;
mod stolen;
mod thief;
mod transcript;
mod vectors;

use std::time::Duration;

use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::time::Timestamp;

use super::*;

const PSK: [u8; 32] = [7; 32];
const HOUR: Duration = Duration::from_secs(60 * 60);

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn at(minutes: u64) -> Timestamp {
    Timestamp::from_micros(1_700_000_000_000_000) + Duration::from_secs(60 * minutes)
}

/// The initiator's and the responder's side after a handshake.
fn pair(seed: u64, policy: KemPolicy) -> (Initiated, Responded) {
    let mut rng = rng(seed);
    let offer = Offer::new(IdentitySecret::generate(&mut rng), &mut rng);
    let identity = IdentitySecret::generate(&mut rng);
    let bundle = Bundle::parse(Occasion::Invitation, &offer.bundle(Occasion::Invitation)).unwrap();
    let initiated = initiate(&bundle, &identity, &PSK, b"hello", policy, at(0), &mut rng).unwrap();
    let responded = offer.respond(Occasion::Invitation, &PSK, &initiated.answer, policy, at(0)).unwrap();
    (initiated, responded)
}

/// The two sessions after a handshake: the initiator's, the responder's.
fn sessions(seed: u64) -> (Session, Session) {
    let (initiated, responded) = pair(seed, KemPolicy::default());
    (initiated.session, responded.session)
}

/// What an envelope holds for the person.
fn content(session: &mut Session, minutes: u64, sealed: &Sealed) -> Vec<u8> {
    session.open(at(minutes), &sealed.envelope).unwrap().content.unwrap().to_vec()
}
