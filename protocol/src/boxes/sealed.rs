//! A sealed box: what a mailbox stores and everybody can verify. Making one needs a
//! [`super::WriteCap`], opening one a [`super::BoxReader`].

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::blind::{BlindedSecret, verify};
use super::derive::derive_key;
use super::id::BoxId;
use super::refusal::BoxRefusal;
use crate::limits::{BOX_CIPHERTEXT_LEN, BOX_LEN, BOX_TEXT_LEN};

/// The most text that one box holds, in bytes: one byte of its space marks the end of the text.
pub const BOX_CONTENT_LEN_MAX: usize = BOX_TEXT_LEN - 1;

const DOMAIN: &[u8] = b"sotto-box-v1:";
const END_MARK: u8 = 0x80;
const NONCE_LEN: usize = 24;

/// A box as it travels and rests: id, signature, ciphertext. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBox {
    id: BoxId,
    signature: [u8; 64],
    ciphertext: Box<[u8; BOX_CIPHERTEXT_LEN]>,
}

impl SealedBox {
    /// The name under which it is stored.
    #[must_use]
    pub const fn id(&self) -> &BoxId {
        &self.id
    }

    /// From the layout above. Checks the length only; [`Self::verify`] checks the rest.
    ///
    /// # Errors
    /// [`BoxRefusal::WrongLength`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BoxRefusal> {
        let wrong_length = BoxRefusal::WrongLength { expected: BOX_LEN, actual: bytes.len() };
        let (id, rest) = bytes.split_first_chunk::<32>().ok_or(wrong_length)?;
        let (signature, ciphertext) = rest.split_first_chunk::<64>().ok_or(wrong_length)?;
        let ciphertext: &[u8; BOX_CIPHERTEXT_LEN] = ciphertext.try_into().map_err(|_| wrong_length)?;
        Ok(Self { id: BoxId::from_bytes(*id), signature: *signature, ciphertext: Box::new(*ciphertext) })
    }

    /// The 1,496 bytes of the layout above.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; BOX_LEN] {
        let mut bytes = [0; BOX_LEN];
        let parts = self.id.as_bytes().iter().chain(&self.signature).chain(self.ciphertext.iter());
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Checks that the holder of the write capability made this box.
    ///
    /// # Errors
    /// [`BoxRefusal::IdNotCanonical`], [`BoxRefusal::IdSmallOrder`] or [`BoxRefusal::Signature`].
    pub fn verify(&self) -> Result<(), BoxRefusal> {
        verify(&self.id, DOMAIN, self.ciphertext.as_slice(), &self.signature)
    }

    /// Seals `text` for the box whose secrets are `secret` and `encryption` (`E_i`).
    ///
    /// # Errors
    /// [`BoxRefusal::TextTooLong`].
    pub(super) fn seal(
        secret: &BlindedSecret,
        encryption: &[u8; 32],
        text: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<Self, BoxRefusal> {
        let padded = pad(text)?;
        let mut nonce = [0; NONCE_LEN];
        rng.fill_bytes(&mut nonce);
        Ok(Self::seal_padded(secret, encryption, &padded, &nonce))
    }

    #[expect(clippy::expect_used, reason = "encryption fails only at 2^38 bytes, and the lengths are fixed")]
    fn seal_padded(
        secret: &BlindedSecret,
        encryption: &[u8; 32],
        padded: &[u8; BOX_TEXT_LEN],
        nonce: &[u8; NONCE_LEN],
    ) -> Self {
        let id = secret.id();
        let payload = Payload { msg: padded, aad: id.as_bytes() };
        let sealed = cipher(encryption, &id).encrypt(&XNonce::from(*nonce), payload).expect("a short text");
        let ciphertext: Box<[u8; BOX_CIPHERTEXT_LEN]> =
            [nonce.as_slice(), &sealed].concat().try_into().expect("nonce, text and tag fill a box");
        let signature = secret.sign(DOMAIN, ciphertext.as_slice()).to_bytes();
        Self { id, signature, ciphertext }
    }

    /// Opens the ciphertext with `encryption` (`E_i`). The caller has verified the signature.
    ///
    /// # Errors
    /// [`BoxRefusal::Ciphertext`] or [`BoxRefusal::Padding`].
    pub(super) fn open(&self, encryption: &[u8; 32]) -> Result<Vec<u8>, BoxRefusal> {
        let (nonce, sealed) =
            self.ciphertext.split_first_chunk::<NONCE_LEN>().ok_or(BoxRefusal::Ciphertext)?;
        let payload = Payload { msg: sealed, aad: self.id.as_bytes() };
        let mut text = cipher(encryption, &self.id)
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| BoxRefusal::Ciphertext)?;
        let len = unpadded_len(&text).ok_or(BoxRefusal::Padding)?;
        text.truncate(len);
        Ok(text)
    }
}

impl fmt::Debug for SealedBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedBox([scrubbed])")
    }
}

fn cipher(encryption: &[u8; 32], id: &BoxId) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&*derive_key(b"sotto-box-key-v1", encryption, id.as_bytes())).into())
}

/// `text`, the end mark and zeros.
fn pad(text: &[u8]) -> Result<Zeroizing<[u8; BOX_TEXT_LEN]>, BoxRefusal> {
    if text.len() > BOX_CONTENT_LEN_MAX {
        return Err(BoxRefusal::TextTooLong { max: BOX_CONTENT_LEN_MAX, actual: text.len() });
    }
    let mut padded = Zeroizing::new([0; BOX_TEXT_LEN]);
    padded.iter_mut().zip(text.iter().chain(&[END_MARK])).for_each(|(to, from)| *to = *from);
    Ok(padded)
}

/// Where the text ends: at the last byte that is not zero, which must be the end mark.
fn unpadded_len(padded: &[u8]) -> Option<usize> {
    let mark = padded.iter().rposition(|byte| *byte != 0)?;
    (padded.get(mark) == Some(&END_MARK)).then_some(mark)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::super::blind::RootSecret;
    use super::*;

    fn secret() -> BlindedSecret {
        RootSecret::from_seed(&[1; 32]).blind(&[2; 32])
    }

    #[test]
    fn a_writer_that_seals_with_another_key_is_found_out() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let sealed = SealedBox::seal(&secret(), &[3; 32], b"text", &mut rng).unwrap();
        sealed.verify().unwrap();
        assert_eq!(sealed.open(&[3; 32]).unwrap(), b"text");
        assert_eq!(sealed.open(&[4; 32]), Err(BoxRefusal::Ciphertext));
    }

    #[test]
    fn a_ciphertext_moved_to_another_id_does_not_open() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut sealed = SealedBox::seal(&secret(), &[3; 32], b"text", &mut rng).unwrap();
        let other = RootSecret::from_seed(&[1; 32]).blind(&[9; 32]);
        sealed.id = other.id();
        sealed.signature = other.sign(DOMAIN, sealed.ciphertext.as_slice()).to_bytes();
        sealed.verify().unwrap();
        assert_eq!(sealed.open(&[3; 32]), Err(BoxRefusal::Ciphertext));
    }

    #[test]
    fn a_writer_that_leaves_out_the_end_mark_is_found_out() {
        for (place, byte) in [(0, 0x01), (BOX_TEXT_LEN - 1, 0x81)] {
            let mut padded = [0; BOX_TEXT_LEN];
            padded[place] = byte;
            let sealed = SealedBox::seal_padded(&secret(), &[3; 32], &padded, &[0; NONCE_LEN]);
            sealed.verify().unwrap();
            assert_eq!(sealed.open(&[3; 32]), Err(BoxRefusal::Padding));
        }
        let sealed = SealedBox::seal_padded(&secret(), &[3; 32], &[0; BOX_TEXT_LEN], &[0; NONCE_LEN]);
        assert_eq!(sealed.open(&[3; 32]), Err(BoxRefusal::Padding));
    }

    #[test]
    fn texts_that_look_like_padding_come_back_whole() {
        for text in [&b""[..], &[0; 7], &[END_MARK; 7], &[END_MARK, 0, 0], &[0x5a; BOX_CONTENT_LEN_MAX]] {
            let padded = pad(text).unwrap();
            assert_eq!(unpadded_len(padded.as_slice()), Some(text.len()));
        }
    }

    #[test]
    fn a_text_one_byte_too_long_is_refused() {
        let refusal = pad(&[0; BOX_TEXT_LEN]).map(|_| ());
        assert_eq!(refusal, Err(BoxRefusal::TextTooLong { max: 1359, actual: 1360 }));
    }
}
