//! The security token as a factor: the one that is plugged in, if this program was built to talk to it.
//!
//! What a vault asks of a token is [`Token`]; how one is reached over USB is in `fido2`, with the feature of that name.

use zeroize::Zeroizing;

use super::Failure;
use crate::vault::Token;

/// The token that is plugged in. Nothing is asked of it yet.
///
/// # Errors
/// `token-unsupported` if this program was built without the feature `fido2`.
#[cfg(feature = "fido2")]
pub fn connect(pin: Option<Zeroizing<String>>) -> Result<Box<dyn Token>, Failure> {
    Ok(Box::new(super::fido2::HidToken::new(pin)))
}

/// The token that is plugged in. Nothing is asked of it yet.
///
/// # Errors
/// `token-unsupported` if this program was built without the feature `fido2`.
#[cfg(not(feature = "fido2"))]
pub fn connect(pin: Option<Zeroizing<String>>) -> Result<Box<dyn Token>, Failure> {
    drop(pin);
    Err(Failure::new(
        "token-unsupported",
        "this sotto was built without support for security tokens: install libudev's development files (Debian: \
         libudev-dev) and build it with `cargo install --path client --features fido2`",
    ))
}
