//! One envelope sealed and opened under its message key, and the type of what is in it.
//!
//! ```text
//! key || nonce = HKDF(0^32, mk, "sotto/session/v1/message", 44)
//! envelope     = header || ChaCha20-Poly1305(key, nonce, type || body, AD = session || header)      RFC 8439
//! ```
//!
//! The nonce may come from the message key because each key seals one envelope.

use chacha20poly1305::aead::{AeadInOut as _, KeyInit as _};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use zeroize::Zeroizing;

use super::super::kdf;
use super::super::limits::{CONTENT_LEN_MAX, ENVELOPE_OVERHEAD_LEN, HEADER_LEN, TAG_LEN};
use super::super::refusal::SessionRefusal;
use super::super::secret::Secret;

/// What an envelope is bound to besides its text: the session's hash and the header, in bytes.
const BOUND_LEN: usize = 32 + HEADER_LEN;
const TYPE_CONTENT: u8 = 1;
const TYPE_KEM_KEY: u8 = 2;
const TYPE_KEM_CIPHERTEXT: u8 = 3;

/// What an envelope is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Something for the person.
    Content,
    /// The encapsulation key of a KEM exchange.
    KemKey,
    /// The ciphertext that answers it.
    KemCiphertext,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Content => TYPE_CONTENT,
            Self::KemKey => TYPE_KEM_KEY,
            Self::KemCiphertext => TYPE_KEM_CIPHERTEXT,
        }
    }

    const fn from_byte(byte: u8) -> Result<Self, SessionRefusal> {
        match byte {
            TYPE_CONTENT => Ok(Self::Content),
            TYPE_KEM_KEY => Ok(Self::KemKey),
            TYPE_KEM_CIPHERTEXT => Ok(Self::KemCiphertext),
            actual => Err(SessionRefusal::ContentType { actual }),
        }
    }
}

/// The envelope of `body` under the message key, which must not be used again.
pub(super) fn seal(
    key: &Secret<32>,
    associated: &[u8; 32],
    header: &[u8; HEADER_LEN],
    kind: Kind,
    body: &[u8],
) -> Result<Vec<u8>, SessionRefusal> {
    let too_long = SessionRefusal::ContentLength { len: body.len(), len_max: CONTENT_LEN_MAX };
    // One buffer of the final length, in which the text becomes the ciphertext: no copy of the text is made.
    let mut envelope = Zeroizing::new(Vec::with_capacity(ENVELOPE_OVERHEAD_LEN.saturating_add(body.len())));
    envelope.extend_from_slice(header);
    envelope.push(kind.byte());
    envelope.extend_from_slice(body);
    let (_, text) = envelope.split_first_chunk_mut::<HEADER_LEN>().ok_or(too_long)?;
    let (cipher, nonce) = cipher(key);
    let bound = bound_to(associated, header);
    let tag = cipher.encrypt_inout_detached(&nonce, &bound, text.into()).map_err(|_| too_long)?;
    envelope.extend_from_slice(&tag);
    Ok(std::mem::take(&mut *envelope))
}

/// What is in the ciphertext of an envelope.
pub(super) fn open(
    key: &Secret<32>,
    associated: &[u8; 32],
    header: &[u8; HEADER_LEN],
    ciphertext: &[u8],
) -> Result<(Kind, Zeroizing<Vec<u8>>), SessionRefusal> {
    let (text, tag) = ciphertext.split_last_chunk::<TAG_LEN>().ok_or(SessionRefusal::Authentication)?;
    let mut text = Zeroizing::new(text.to_vec());
    let (cipher, nonce) = cipher(key);
    let bound = bound_to(associated, header);
    cipher
        .decrypt_inout_detached(&nonce, &bound, text.as_mut_slice().into(), tag.into())
        .map_err(|_| SessionRefusal::Authentication)?;
    let kind = Kind::from_byte(*text.first().ok_or(SessionRefusal::Authentication)?)?;
    // What is left of the text in the buffer behind its new end is wiped with it.
    text.drain(..1);
    Ok((kind, text))
}

/// `session || header`
fn bound_to(associated: &[u8; 32], header: &[u8; HEADER_LEN]) -> [u8; BOUND_LEN] {
    let mut bound = [0; BOUND_LEN];
    let (first, second) = bound.split_at_mut(associated.len());
    first.copy_from_slice(associated);
    second.copy_from_slice(header);
    bound
}

fn cipher(key: &Secret<32>) -> (ChaCha20Poly1305, Nonce) {
    let output = kdf::message(key);
    let (key_bytes, nonce_bytes) = output.bytes().split_at(32);
    let (mut key, mut nonce) = (Zeroizing::new([0; 32]), Nonce::default());
    key.copy_from_slice(key_bytes);
    nonce.copy_from_slice(nonce_bytes);
    (ChaCha20Poly1305::new((&*key).into()), nonce)
}
