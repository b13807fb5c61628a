//! A security token as a factor: what the vault asks of one, without knowing how it is connected.
//!
//! The answer is that of the extension hmac-secret (CTAP 2.1, section 12.5): 32 bytes that depend on a
//! credential which never leaves the token and on a salt that the slot gives. Not here: USB, PIN and touch.

use zeroize::Zeroizing;

/// The longest credential id that a slot has room for, in bytes.
pub const CREDENTIAL_LEN_MAX: usize = 128;

/// What a token can do for a vault.
pub trait Token: Send {
    /// Makes a new credential with hmac-secret and gives its id, at most [`CREDENTIAL_LEN_MAX`] bytes.
    ///
    /// # Errors
    /// [`TokenError`] if the token is absent, refuses or cannot.
    fn enroll(&mut self) -> Result<Vec<u8>, TokenError>;

    /// The output of hmac-secret for this credential and salt, or `None` if the credential is another token's.
    ///
    /// # Errors
    /// [`TokenError`] if the token is absent, refuses or cannot.
    fn hmac_secret(
        &mut self,
        credential: &[u8],
        salt: &[u8; 32],
    ) -> Result<Option<Zeroizing<[u8; 32]>>, TokenError>;
}

/// Why a token gave no answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// No token is connected.
    #[error("no security token answers: plug it in, then try again")]
    Absent,
    /// The person or the token said no: no touch in time, a wrong PIN, a locked token.
    #[error("the security token refused ({0}): nothing was changed, try again")]
    Refused(String),
    /// The token cannot do what is needed, or the connection failed.
    #[error("the security token cannot be used ({0}): it must support FIDO2 with hmac-secret")]
    Failed(String),
}

impl TokenError {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Absent => "token-absent",
            Self::Refused(_) => "token-refused",
            Self::Failed(_) => "token-failed",
        }
    }
}
