//! From factors to the key that opens a slot.
//!
//! ```text
//! tag      = 1 passphrase, 2 key file, 4 token, 8 words           (bits of the set of factors)
//! ikm(S)   = tag(1) 00 20 output(32), for each factor of the set S in the order of the tags
//! kek      = HKDF-SHA256(ikm(S), salt = slot salt, info = "sotto/vault/v2/kek")
//! k_cred   = HKDF-SHA256(ikm(S without token), salt = slot salt, info = "sotto/vault/v2/credential")
//! t_salt   = HKDF-SHA256(slot salt, info = "sotto/vault/v2/token-salt")
//! ```
//!
//! The passphrase is stretched once for the whole file; every slot and every set of factors after that costs a
//! few hashes. Not here: the bytes of a slot.

use std::fmt;

use zeroize::Zeroizing;

use super::cost::{Argon2Cost, Stretch};
use super::keys::{Key, hkdf};
use super::{Credentials, Factor, Factors, Token, VaultError};

/// What the given factors contribute. Outputs that do not depend on a slot are made once.
pub(super) struct Outputs<'a> {
    passphrase: Option<Key>,
    key_file: Option<Key>,
    words: Option<Key>,
    token: Option<&'a mut Box<dyn Token>>,
    factors: Factors,
}

impl<'a> Outputs<'a> {
    /// Stretches the passphrase, if there is one.
    pub(super) fn of(
        credentials: &'a mut Credentials,
        cost: Argon2Cost,
        salt: &[u8; 32],
        stretch: Stretch,
    ) -> Result<Self, VaultError> {
        let factors = credentials.factors();
        if factors.is_empty() {
            return Err(VaultError::FactorsNone);
        }
        let passphrase = credentials.passphrase.as_ref();
        Ok(Self {
            passphrase: passphrase.map(|passphrase| stretch(cost, passphrase, salt)).transpose()?,
            key_file: credentials.key_file.as_ref().map(super::KeyFile::output),
            words: credentials.words.as_ref().map(super::RecoveryWords::output),
            token: credentials.token.as_mut(),
            factors,
        })
    }

    /// Which kinds were given.
    pub(super) const fn factors(&self) -> Factors {
        self.factors
    }

    /// Makes a credential on the token, if one was given.
    pub(super) fn enroll(&mut self) -> Result<Option<Vec<u8>>, VaultError> {
        Ok(self.token.as_mut().map(|token| token.enroll()).transpose()?)
    }

    /// The key of a slot that needs `factors`; `None` if the token does not know the credential.
    pub(super) fn kek(
        &mut self,
        factors: Factors,
        slot_salt: &[u8; 32],
        credential: Option<&[u8]>,
    ) -> Result<Option<Key>, VaultError> {
        let token = match (credential, self.token.as_mut()) {
            (Some(credential), Some(token)) if factors.contains(Factor::Token) => {
                let salt = hkdf(None, slot_salt, b"sotto/vault/v2/token-salt")?;
                match token.hmac_secret(credential, &salt)? {
                    Some(output) => Some(output),
                    None => return Ok(None),
                }
            }
            _ => None,
        };
        let ikm = self.ikm(factors, token.as_ref());
        hkdf(Some(slot_salt), &ikm, b"sotto/vault/v2/kek").map(Some)
    }

    /// The key under which a slot that needs `factors` hides the id of its credential: the other factors.
    pub(super) fn credential_key(&self, factors: Factors, slot_salt: &[u8; 32]) -> Result<Key, VaultError> {
        let ikm = self.ikm(factors.without(Factor::Token), None);
        hkdf(Some(slot_salt), &ikm, b"sotto/vault/v2/credential")
    }

    fn ikm(&self, factors: Factors, token: Option<&Key>) -> Zeroizing<Vec<u8>> {
        let mut ikm = Zeroizing::new(Vec::with_capacity(4 * 35));
        for factor in factors.iter() {
            let output = match factor {
                Factor::Passphrase => self.passphrase.as_ref(),
                Factor::KeyFile => self.key_file.as_ref(),
                Factor::Token => token,
                Factor::Words => self.words.as_ref(),
            };
            if let Some(output) = output {
                ikm.extend([factor as u8, 0, 32]);
                ikm.extend_from_slice(output.as_slice());
            }
        }
        ikm
    }
}

impl fmt::Debug for Outputs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outputs({}; [scrubbed])", self.factors)
    }
}
