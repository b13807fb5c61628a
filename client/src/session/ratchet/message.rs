//! One envelope sealed and opened under its message key, and the type of what is in it.
//!
//! ```text
//! key || nonce = HKDF(0^32, mk, "sotto/session/v1/message", 44)
//! envelope     = header || ChaCha20-Poly1305(key, nonce, type || body, AD = session || header)      RFC 8439
//! ```
//!
//! The nonce may come from the message key because each key seals one envelope.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use zeroize::Zeroizing;

use super::super::kdf;
use super::super::limits::{CONTENT_LEN_MAX, HEADER_LEN};
use super::super::refusal::SessionRefusal;
use super::super::secret::Secret;

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
    let mut text = Zeroizing::new(Vec::with_capacity(1 + body.len()));
    text.push(kind.byte());
    text.extend_from_slice(body);
    let (cipher, nonce) = cipher(key);
    let aad = [associated.as_slice(), header].concat();
    let sealed = cipher.encrypt(&nonce, Payload { msg: &text, aad: &aad }).map_err(|_| too_long)?;
    Ok([header.as_slice(), &sealed].concat())
}

/// What is in the ciphertext of an envelope.
pub(super) fn open(
    key: &Secret<32>,
    associated: &[u8; 32],
    header: &[u8; HEADER_LEN],
    ciphertext: &[u8],
) -> Result<(Kind, Zeroizing<Vec<u8>>), SessionRefusal> {
    let (cipher, nonce) = cipher(key);
    let aad = [associated.as_slice(), header].concat();
    let text = cipher
        .decrypt(&nonce, Payload { msg: ciphertext, aad: &aad })
        .map(Zeroizing::new)
        .map_err(|_| SessionRefusal::Authentication)?;
    let (&kind, body) = text.split_first().ok_or(SessionRefusal::Authentication)?;
    Ok((Kind::from_byte(kind)?, Zeroizing::new(body.to_vec())))
}

fn cipher(key: &Secret<32>) -> (ChaCha20Poly1305, Nonce) {
    let output = kdf::message(key);
    let mut nonce = Nonce::default();
    let (cipher_key, nonce_bytes) = output.bytes().split_at(32);
    nonce.copy_from_slice(nonce_bytes);
    let mut whole = Secret::<32>::zeros();
    whole.bytes_mut().copy_from_slice(cipher_key);
    (ChaCha20Poly1305::new(whole.bytes().into()), nonce)
}
