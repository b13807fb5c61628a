//! One slot: the vault key wrapped under one set of factors, in bytes that look random in use or not.
//!
//! ```text
//! 0           32                                   177          201                                281
//! +-----------+------------------------------------+------------+----------------------------------+
//! | salt (32) | credential field (129 + 16)        | nonce (24) | wrapped payload (64 + 16)        |
//! +-----------+------------------------------------+------------+----------------------------------+
//!
//! credential = length u8, id, zeros to 129;  field = XChaCha20-Poly1305(k_cred, nonce 0, credential, AD = salt)
//! payload    = version(1) flags(1) factors(1) number(1) vault key(32) zeros(28)
//! wrapped    = XChaCha20-Poly1305(kek, nonce, payload, AD = "sotto/vault/v2/slot" || number || bytes 0..177)
//! ```
//!
//! The salt is new whenever the field is sealed, so `k_cred` seals once and needs no nonce of its own. Without a
//! token the field is random. The tag tells whether the other factors are right before a token is asked to
//! blink. Not here: the file, which is [`super::keys_file`].

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::keys::{self, Key, NONCE_LEN, SEAL_LEN, VaultKey};
use super::token::CREDENTIAL_LEN_MAX;
use super::unlock::Outputs;
use super::{Factor, Factors, TokenError, VaultError};

const SALT_LEN: usize = 32;
const CREDENTIAL_TEXT_LEN: usize = 1 + CREDENTIAL_LEN_MAX;
const CREDENTIAL_FIELD_LEN: usize = CREDENTIAL_TEXT_LEN + 16;
const PAYLOAD_LEN: usize = 64;
/// Length of a slot.
pub(super) const SLOT_LEN: usize = SALT_LEN + CREDENTIAL_FIELD_LEN + PAYLOAD_LEN + SEAL_LEN;
const PUBLIC_LEN: usize = SALT_LEN + CREDENTIAL_FIELD_LEN;
const PAYLOAD_VERSION: u8 = 1;
const FLAG_DURESS: u8 = 1;
const CONTEXT: &[u8] = b"sotto/vault/v2/slot";

/// A slot as it lies in the file.
pub(super) type SlotBytes = [u8; SLOT_LEN];

/// What a slot opens.
pub(super) struct SlotContent {
    pub(super) key: VaultKey,
    pub(super) factors: Factors,
    pub(super) is_duress: bool,
}

/// A slot that has been opened, and the key that opened it.
pub(super) struct OpenedSlot {
    pub(super) content: SlotContent,
    kek: Key,
}

impl fmt::Debug for OpenedSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpenedSlot([scrubbed])")
    }
}

/// What an unused slot holds.
pub(super) fn random_slot(rng: &mut impl CryptoRng) -> SlotBytes {
    let mut bytes = [0u8; SLOT_LEN];
    rng.fill_bytes(&mut bytes);
    bytes
}

/// Wraps a vault key under all the factors given.
pub(super) fn seal(
    number: u8,
    key: &VaultKey,
    is_duress: bool,
    outputs: &mut Outputs<'_>,
    rng: &mut impl CryptoRng,
) -> Result<SlotBytes, VaultError> {
    let factors = outputs.factors();
    let mut public = vec![0u8; PUBLIC_LEN];
    rng.fill_bytes(&mut public);
    let salt = salt_of(&public)?;
    let credential = outputs.enroll()?;
    if let Some(id) = &credential {
        let key = outputs.credential_key(factors, &salt)?;
        public.truncate(SALT_LEN);
        public.extend(seal_credential(&key, &salt, id)?);
    }
    let kek = outputs
        .kek(factors, &salt, credential.as_deref())?
        .ok_or_else(|| TokenError::Failed("it does not know the credential that it has just made".into()))?;
    let content = SlotContent { key: VaultKey(key.0.clone()), factors, is_duress };
    wrap(number, &public, &kek, &content, rng)
}

/// The same factors and key in another place and with another flag; no factor is needed again.
pub(super) fn rewrap(
    number: u8,
    bytes: &SlotBytes,
    opened: &OpenedSlot,
    is_duress: bool,
    rng: &mut impl CryptoRng,
) -> Result<SlotBytes, VaultError> {
    let public = bytes.get(..PUBLIC_LEN).unwrap_or_default();
    let SlotContent { key, factors, .. } = &opened.content;
    let content = SlotContent { key: VaultKey(key.0.clone()), factors: *factors, is_duress };
    wrap(number, public, &opened.kek, &content, rng)
}

/// Tries one set of factors at a slot; `None` if they do not open it.
pub(super) fn open(
    number: u8,
    bytes: &SlotBytes,
    factors: Factors,
    outputs: &mut Outputs<'_>,
) -> Result<Option<OpenedSlot>, VaultError> {
    let (public, wrapped) = bytes.split_at(PUBLIC_LEN);
    let salt = salt_of(public)?;
    let credential = if factors.contains(Factor::Token) {
        let key = outputs.credential_key(factors, &salt)?;
        match open_credential(&key, &salt, public) {
            Some(id) => Some(id),
            None => return Ok(None),
        }
    } else {
        None
    };
    let Some(kek) = outputs.kek(factors, &salt, credential.as_deref())? else { return Ok(None) };
    let Some(payload) = keys::unseal(&kek, &context(number, public), wrapped) else { return Ok(None) };
    let malformed = || VaultError::damaged("a slot has a wrong inner layout");
    let (&[version, flags, found, place], rest) = payload.split_first_chunk().ok_or_else(malformed)?;
    let (&key, _) = rest.split_first_chunk::<32>().ok_or_else(malformed)?;
    let key = VaultKey(Zeroizing::new(key));
    if version != PAYLOAD_VERSION
        || flags & !FLAG_DURESS != 0
        || place != number
        || Factors::from_bits(found) != Some(factors)
    {
        return Err(malformed());
    }
    let content = SlotContent { key, factors, is_duress: flags & FLAG_DURESS != 0 };
    Ok(Some(OpenedSlot { content, kek }))
}

fn wrap(
    number: u8,
    public: &[u8],
    kek: &Key,
    content: &SlotContent,
    rng: &mut impl CryptoRng,
) -> Result<SlotBytes, VaultError> {
    let mut payload = Zeroizing::new(Vec::with_capacity(PAYLOAD_LEN));
    let flags = if content.is_duress { FLAG_DURESS } else { 0 };
    payload.extend([PAYLOAD_VERSION, flags, content.factors.bits(), number]);
    payload.extend_from_slice(content.key.0.as_slice());
    payload.resize(PAYLOAD_LEN, 0);
    let wrapped = keys::seal(kek, &context(number, public), &payload, rng)?;
    let bytes = [public, &wrapped].concat();
    bytes.try_into().map_err(|_| VaultError::damaged("a slot has a wrong length"))
}

fn context(number: u8, public: &[u8]) -> Vec<u8> {
    [CONTEXT, &[number], public].concat()
}

fn salt_of(public: &[u8]) -> Result<[u8; SALT_LEN], VaultError> {
    public.first_chunk().copied().ok_or_else(|| VaultError::damaged("a slot is too short"))
}

fn seal_credential(key: &Key, salt: &[u8; SALT_LEN], id: &[u8]) -> Result<Vec<u8>, VaultError> {
    let unusable = || {
        TokenError::Failed(format!("its credential id has {} bytes, not 1 to {CREDENTIAL_LEN_MAX}", id.len()))
    };
    let len = u8::try_from(id.len()).map_err(|_| unusable())?;
    if id.is_empty() || id.len() > CREDENTIAL_LEN_MAX {
        return Err(unusable().into());
    }
    let mut text = vec![len];
    text.extend(id);
    text.resize(CREDENTIAL_TEXT_LEN, 0);
    let sealed = XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from([0; NONCE_LEN]), Payload { msg: &text, aad: salt });
    Ok(sealed.map_err(|_| unusable())?)
}

fn open_credential(key: &Key, salt: &[u8; SALT_LEN], public: &[u8]) -> Option<Vec<u8>> {
    let field = public.get(SALT_LEN..)?;
    let text = XChaCha20Poly1305::new((&**key).into())
        .decrypt(&XNonce::from([0; NONCE_LEN]), Payload { msg: field, aad: salt })
        .ok()?;
    let (&len, rest) = text.split_first()?;
    rest.get(..usize::from(len)).map(<[u8]>::to_vec)
}
