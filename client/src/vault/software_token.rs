//! A token in software, for tests and simulations: it guards nothing, because its secret is in memory.
//!
//! ```text
//! credential id = nonce(16) HMAC-SHA256(secret, "id" || nonce)
//! output        = HMAC-SHA256(HMAC-SHA256(secret, "credential" || nonce), salt)     CTAP 2.1, section 12.5
//! ```

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Token, TokenError};

/// A token that is only a number.
pub struct SoftwareToken {
    secret: Zeroizing<[u8; 32]>,
    enrolled: u64,
    asked: u64,
    refusal: Option<TokenError>,
}

impl SoftwareToken {
    /// The same token for the same seed.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Self { secret: Zeroizing::new(seed), enrolled: 0, asked: 0, refusal: None }
    }

    /// Makes every call fail from now on, as if it had been pulled out; `None` puts it back.
    pub fn refuse(&mut self, refusal: Option<TokenError>) {
        self.refusal = refusal;
    }

    /// How often it was asked for an output.
    #[must_use]
    pub const fn asked(&self) -> u64 {
        self.asked
    }

    fn mac(key: &[u8], parts: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, TokenError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(key)
            .map_err(|_| TokenError::Failed("the secret has a wrong length".into()))?;
        for part in parts {
            mac.update(part);
        }
        Ok(Zeroizing::new(mac.finalize().into_bytes().into()))
    }

    fn check(&self) -> Result<(), TokenError> {
        self.refusal.clone().map_or(Ok(()), Err)
    }
}

impl Token for SoftwareToken {
    fn enroll(&mut self) -> Result<Vec<u8>, TokenError> {
        self.check()?;
        self.enrolled = self.enrolled.saturating_add(1);
        let seed = Self::mac(self.secret.as_slice(), &[b"nonce", &self.enrolled.to_be_bytes()])?;
        let (nonce, _) = seed.split_at(16);
        let check = Self::mac(self.secret.as_slice(), &[b"id", nonce])?;
        Ok([nonce, check.as_slice()].concat())
    }

    fn hmac_secret(
        &mut self,
        credential: &[u8],
        salt: &[u8; 32],
    ) -> Result<Option<Zeroizing<[u8; 32]>>, TokenError> {
        self.check()?;
        self.asked = self.asked.saturating_add(1);
        let Some((nonce, check)) = credential.split_first_chunk::<16>() else { return Ok(None) };
        let expected = Self::mac(self.secret.as_slice(), &[b"id", nonce])?;
        if !bool::from(expected.as_slice().ct_eq(check)) {
            return Ok(None);
        }
        let key = Self::mac(self.secret.as_slice(), &[b"credential", nonce])?;
        Self::mac(key.as_slice(), &[salt]).map(Some)
    }
}

impl fmt::Debug for SoftwareToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SoftwareToken([scrubbed])")
    }
}
