//! One layer of a payload: a pass of the wide-block cipher.
//!
//! LIONESS (Anderson and Biham, "Two Practical and Provably Secure Block Ciphers: BEAR and LION", FSE 1996) of
//! ChaCha20 and BLAKE2b, by the very type that `sphinx-packet` uses. What is not here: the key's derivation.

use hmac::KeyInit;
use sphinx_packet::constants::PAYLOAD_KEY_SIZE;
use sphinx_packet::payload::NymLioness;

use crate::limits::{PACKET_LEN, SPHINX_HEADER_LEN};

use super::super::Refusal;

/// Removes the layer where the payload lies.
///
/// # Errors
/// [`Refusal::WrongLength`] if the cipher refuses the payload's length, which it does for no packet.
pub(super) fn decrypt(key: &[u8; PAYLOAD_KEY_SIZE], packet: &mut [u8; PACKET_LEN]) -> Result<(), Refusal> {
    let cipher = NymLioness::new(key.into());
    cipher
        .decrypt_block(&mut packet[SPHINX_HEADER_LEN..])
        .map_err(|_| Refusal::WrongLength { got: PACKET_LEN })
}
