//! The one key derivation of this module: HKDF-SHA-512 (RFC 5869). Which keys are derived from which is
//! told in the module above.

use hkdf::Hkdf;
use sha2::Sha512;
use zeroize::Zeroizing;

/// `N` keys of 32 bytes each: the output of HKDF-SHA-512 from `key`, cut in order. `salt` keeps the uses
/// apart, `info` holds what varies within one use.
pub(super) fn derive_keys<const N: usize>(
    salt: &'static [u8],
    key: &[u8; 32],
    info: &[u8],
) -> Zeroizing<[[u8; 32]; N]> {
    const { assert!(N * 32 <= 255 * 64, "RFC 5869 gives at most 255 blocks") };
    let mut output = Zeroizing::new([[0; 32]; N]);
    fill(salt, key, info, output.as_flattened_mut());
    output
}

/// One key of 32 bytes.
pub(super) fn derive_key(salt: &'static [u8], key: &[u8; 32], info: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut output = Zeroizing::new([0; 32]);
    fill(salt, key, info, output.as_mut_slice());
    output
}

#[expect(clippy::expect_used, reason = "the only error is a length that both callers stay below")]
fn fill(salt: &'static [u8], key: &[u8; 32], info: &[u8], output: &mut [u8]) {
    Hkdf::<Sha512>::new(Some(salt), key).expand(info, output).expect("at most 255 blocks");
}
