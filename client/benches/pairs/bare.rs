//! The primitives, called as directly as their crates allow: no copies, no checks that the crates do not make, and
//! text sealed and opened where it lies.
//!
//! The inputs have the lengths of `docs/spec/sessions.md`; what they say is irrelevant to the time.

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce, Tag};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use ml_kem::kem::{Decapsulate as _, Encapsulate as _, KeyExport as _};
use ml_kem::ml_kem_768::{DecapsulationKey, EncapsulationKey};
use rand::Rng as _;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest as _, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};

/// What an envelope's AEAD is bound to besides its text: the session's hash and the header, in bytes.
const ASSOCIATED_LEN: usize = 32 + 45;
const LABEL: &[u8; 26] = b"sotto/session/v1/handshake";
const LABEL_TRANSCRIPT: &[u8; 27] = b"sotto/session/v1/transcript";
const LABEL_ASSOCIATED: &[u8; 27] = b"sotto/session/v1/associated";
const LABEL_ROOT: &[u8; 21] = b"sotto/session/v1/root";
const LABEL_MESSAGE: &[u8; 24] = b"sotto/session/v1/message";

pub(super) fn random<const N: usize>(rng: &mut ChaCha20Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// X25519 with the base point.
pub(super) fn public(secret: &[u8; 32]) -> [u8; 32] {
    PublicKey::from(&StaticSecret::from(*secret)).to_bytes()
}

/// X25519.
pub(super) fn agree(secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
    StaticSecret::from(*secret).diffie_hellman(&PublicKey::from(*public)).to_bytes()
}

/// ML-KEM-768 key generation from a seed, and the key's bytes.
pub(super) fn kem_pair(seed: &[u8; 64]) -> [u8; 1184] {
    DecapsulationKey::from_seed((*seed).into()).encapsulation_key().to_bytes().into()
}

/// ML-KEM-768 key check, which expands the key.
pub(super) fn kem_check(key: &[u8; 1184]) -> EncapsulationKey {
    EncapsulationKey::new(key.into()).unwrap()
}

/// ML-KEM-768 encapsulation.
pub(super) fn kem_encapsulate(key: &EncapsulationKey, rng: &mut ChaCha20Rng) -> ([u8; 1088], [u8; 32]) {
    let (ciphertext, shared) = key.encapsulate_with_rng(rng);
    (ciphertext.into(), shared.into())
}

/// ML-KEM-768 decapsulation by the seed of the pair.
pub(super) fn kem_decapsulate(seed: &[u8; 64], ciphertext: &[u8; 1088]) -> [u8; 32] {
    DecapsulationKey::from_seed((*seed).into()).decapsulate(ciphertext.into()).into()
}

/// The two hashes and the derivation of a handshake.
pub(super) fn handshake_keys(bundle: &[u8; 1250], ciphertext: &[u8; 1088], secrets: &[u8; 192]) -> [u8; 96] {
    let transcript: [u8; 32] = Sha256::new_with_prefix(LABEL_TRANSCRIPT)
        .chain_update([1])
        .chain_update(bundle)
        .chain_update([0; 64])
        .chain_update(ciphertext)
        .finalize()
        .into();
    let associated: [u8; 32] = Sha256::new_with_prefix(LABEL_ASSOCIATED)
        .chain_update([0; 64])
        .chain_update(transcript)
        .finalize()
        .into();
    std::hint::black_box(associated);
    derive(secrets, &[LABEL, &transcript])
}

/// The derivation of a root step from an agreement, or from one and a KEM secret.
pub(super) fn root_step(root: &[u8; 32], secret: &[u8]) -> ([u8; 32], [u8; 64]) {
    let mut okm = [0; 96];
    Hkdf::<Sha256>::new(Some(root), secret)
        .expand_multi_info(&[LABEL_ROOT.as_slice(), &[1], &[0; 4]], &mut okm)
        .unwrap();
    let (chain, rest) = okm.split_first_chunk::<32>().unwrap();
    (*chain, rest.try_into().unwrap())
}

/// A chain step and sealing in place: the next chain key and the tag.
pub(super) fn seal(chain: &[u8; 32], text: &mut [u8]) -> ([u8; 32], [u8; 16]) {
    let (cipher, nonce, next) = step(chain);
    let tag = cipher.encrypt_inout_detached(&nonce, &[0; ASSOCIATED_LEN], text.into()).unwrap();
    (next, tag.into())
}

/// A chain step and opening in place: the next chain key.
pub(super) fn open(chain: &[u8; 32], text: &mut [u8], tag: &[u8; 16]) -> [u8; 32] {
    let (cipher, nonce, next) = step(chain);
    let tag: &Tag = tag.into();
    cipher.decrypt_inout_detached(&nonce, &[0; ASSOCIATED_LEN], text.into(), tag).unwrap();
    next
}

/// `HMAC(ck, 1)`, `HMAC(ck, 2)` and `HKDF(0, mk, 44 bytes)`.
fn step(chain: &[u8; 32]) -> (ChaCha20Poly1305, Nonce, [u8; 32]) {
    let hmac = |input: u8| -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(chain).unwrap();
        mac.update(&[input]);
        mac.finalize().into_bytes().into()
    };
    let (message, next) = (hmac(1), hmac(2));
    let okm: [u8; 44] = derive(&message, &[LABEL_MESSAGE]);
    let (key, nonce) = okm.split_first_chunk::<32>().unwrap();
    (ChaCha20Poly1305::new(<&Key>::from(key)), Nonce::try_from(nonce).unwrap(), next)
}

fn derive<const N: usize>(key: &[u8], info: &[&[u8]]) -> [u8; N] {
    let mut okm = [0; N];
    Hkdf::<Sha256>::new(Some(&[0; 32]), key).expand_multi_info(info, &mut okm).unwrap();
    okm
}
