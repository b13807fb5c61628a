//! Every key derivation of the handshake and the ratchet, in one place so that no two can be confused.
//!
//! `HKDF` is HKDF-SHA-256 (RFC 5869). Which values go in is the business of the callers.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::secret::Secret;

const HANDSHAKE: &[u8] = b"sotto/session/v1/handshake";
const TRANSCRIPT: &[u8] = b"sotto/session/v1/transcript";
const ASSOCIATED: &[u8] = b"sotto/session/v1/associated";
const ROOT: &[u8] = b"sotto/session/v1/root";
const MESSAGE: &[u8] = b"sotto/session/v1/message";
/// What `HMAC(ck, ...)` is taken of for a message key, and for the next chain key (Double Ratchet, section
/// 5.2).
const CHAIN_MESSAGE: &[u8] = &[1];
const CHAIN_NEXT: &[u8] = &[2];
/// Takes the place of `HKDF`'s salt where there is none.
const NO_SALT: [u8; 32] = [0; 32];

/// What comes out of a handshake.
pub(super) struct HandshakeKeys {
    pub(super) root: Secret<32>,
    /// The stream that the responder writes until its first chain begins.
    pub(super) stream: Secret<32>,
    pub(super) rekey: Secret<32>,
}

/// What comes out of a root step.
pub(super) struct RootStep {
    pub(super) root: Secret<32>,
    pub(super) chain: Secret<32>,
    pub(super) stream: Secret<32>,
}

/// `root || stream || rekey = HKDF(0^32, secrets, "sotto/session/v1/handshake" || transcript, 96)`
pub(super) fn handshake(secrets: &Secret<192>, transcript: &[u8; 32]) -> HandshakeKeys {
    let okm = derive(&NO_SALT, secrets.bytes(), &[HANDSHAKE, transcript]);
    let [root, stream, rekey] = thirds(&okm);
    HandshakeKeys { root, stream, rekey }
}

/// `SHA-256("sotto/session/v1/transcript" || parts ...)`
pub(super) fn transcript(parts: &[&[u8]]) -> [u8; 32] {
    hash(TRANSCRIPT, parts)
}

/// `AD = SHA-256("sotto/session/v1/associated" || IK initiator || IK responder || transcript)`
pub(super) fn associated(initiator: &[u8; 32], responder: &[u8; 32], transcript: &[u8; 32]) -> [u8; 32] {
    hash(ASSOCIATED, &[initiator, responder, transcript])
}

/// `rk' || ck || stream = HKDF(rk, dh [|| ss], "sotto/session/v1/root" || role || epoch, 96)`
///
/// `role` is the byte of who writes the chain, `epoch` the number of the KEM exchange whose secret `ss` goes
/// in, 0 without. Double Ratchet, section 5.2, with one more output.
pub(super) fn root_step(
    root: &Secret<32>,
    dh: &Secret<32>,
    kem: Option<&Secret<32>>,
    role: u8,
    epoch: u32,
) -> RootStep {
    let info: [&[u8]; 3] = [ROOT, &[role], &epoch.to_be_bytes()];
    let okm = match kem {
        None => derive(root.bytes(), dh.bytes(), &info),
        Some(kem) => {
            let mut both = Secret::<64>::zeros();
            both.bytes_mut()
                .iter_mut()
                .zip(dh.bytes().iter().chain(kem.bytes()))
                .for_each(|(to, from)| *to = *from);
            derive(root.bytes(), both.bytes(), &info)
        }
    };
    let [root, chain, stream] = thirds(&okm);
    RootStep { root, chain, stream }
}

/// `mk = HMAC-SHA-256(ck, 0x01)`, `ck' = HMAC-SHA-256(ck, 0x02)`: gives `mk` and replaces `ck`.
pub(super) fn chain_step(chain: &mut Secret<32>) -> Secret<32> {
    let message = hmac(chain, CHAIN_MESSAGE);
    *chain = hmac(chain, CHAIN_NEXT);
    message
}

/// `key || nonce = HKDF(0^32, mk, "sotto/session/v1/message", 44)`
pub(super) fn message(key: &Secret<32>) -> Secret<44> {
    derive(&NO_SALT, key.bytes(), &[MESSAGE])
}

#[expect(
    clippy::expect_used,
    reason = "the only error is a length of over 255 blocks, which is excluded above"
)]
fn derive<const N: usize>(salt: &[u8; 32], key: &[u8], info: &[&[u8]]) -> Secret<N> {
    const { assert!(N <= 255 * 32, "RFC 5869 gives at most 255 blocks") };
    let mut okm = Secret::zeros();
    Hkdf::<Sha256>::new(Some(salt), key)
        .expand_multi_info(info, okm.bytes_mut())
        .expect("at most 255 blocks");
    okm
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn hmac(key: &Secret<32>, input: &[u8]) -> Secret<32> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.bytes()).expect("HMAC takes keys of every length");
    mac.update(input);
    Secret::copy_of(mac.finalize().into_bytes().as_ref())
}

fn hash(label: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let hash = parts.iter().fold(Sha256::new_with_prefix(label), |hash, part| hash.chain_update(part));
    hash.finalize().into()
}

fn thirds(okm: &Secret<96>) -> [Secret<32>; 3] {
    let mut parts = [Secret::zeros(), Secret::zeros(), Secret::zeros()];
    for (part, bytes) in parts.iter_mut().zip(okm.bytes().as_chunks::<32>().0) {
        part.bytes_mut().copy_from_slice(bytes);
    }
    parts
}
