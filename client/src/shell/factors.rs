//! The factors that open a vault, as they are given to this process: where each comes from, and what was read.
//!
//! A command collects them from options and the terminal ([`FactorSources`]); `unlock` hands them to the daemon as JSON. Both
//! make a [`Given`]. What a factor does to a vault is the vault's business.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::secret::{Secret, SecretSource};
use super::{Failure, key_file, token};
use crate::vault::{Credentials, Passphrase, RecoveryWords, VaultError};

/// Where the factors come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FactorSources {
    /// The passphrase; none if it is no factor.
    pub passphrase: Option<SecretSource>,
    /// The key file.
    pub key_file: Option<PathBuf>,
    /// The recovery words.
    pub words: Option<SecretSource>,
    /// Whether to ask the security token.
    pub token: bool,
    /// Its PIN; asked for at a terminal, if there is one, and else none.
    pub token_pin: Option<SecretSource>,
}

impl FactorSources {
    /// A passphrase and nothing else.
    #[must_use]
    pub const fn passphrase_only(source: SecretSource) -> Self {
        Self { passphrase: Some(source), key_file: None, words: None, token: false, token_pin: None }
    }

    /// The factors of an existing vault.
    ///
    /// # Errors
    /// Whatever keeps one of them from being read, and `factors-none` if there is none.
    pub fn get(&self) -> Result<Given, Failure> {
        let passphrase = self.passphrase.as_ref().map(|source| source.get(Secret::Passphrase)).transpose()?;
        self.given(passphrase)
    }

    /// The factors of a slot that is to be. A passphrase is asked for twice at a terminal.
    ///
    /// # Errors
    /// As [`FactorSources::get`].
    pub fn get_new(&self) -> Result<Given, Failure> {
        let ask = |source: &SecretSource| source.get_new(Secret::NewPassphrase);
        let passphrase = self.passphrase.as_ref().map(ask).transpose()?;
        self.given(passphrase)
    }

    fn given(&self, passphrase: Option<Zeroizing<Vec<u8>>>) -> Result<Given, Failure> {
        let words = self.words.as_ref().map(|source| source.get(Secret::Words)).transpose()?;
        let words = words.map(|words| text(&words, "the recovery words")).transpose()?;
        let pin = match (&self.token_pin, self.token) {
            (Some(source), true) => Some(source.get(Secret::TokenPin)?),
            (None, true) if super::secret::is_terminal() => {
                Some(SecretSource::Terminal.get(Secret::TokenPin)?)
            }
            _ => None,
        };
        let token_pin = pin.map(|pin| text(&pin, "the PIN of the token")).transpose()?;
        let given = Given {
            passphrase,
            key_file: self.key_file.clone(),
            words,
            token: self.token,
            token_pin: token_pin.filter(|pin| !pin.is_empty()),
        };
        if given.is_empty() {
            return Err(VaultError::FactorsNone.into());
        }
        Ok(given)
    }
}

/// Bytes that were read as text. What it is goes into the refusal, never the bytes.
fn text(bytes: &[u8], what: &str) -> Result<Zeroizing<String>, Failure> {
    std::str::from_utf8(bytes)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| Failure::new("secret-not-text", format!("{what}: expected UTF-8, got other bytes")))
}

/// The factors that were given. `Debug` shows which there are. As JSON these are the parameters of `unlock`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Given {
    /// The passphrase.
    #[serde(default, deserialize_with = "secret_bytes")]
    pub passphrase: Option<Zeroizing<Vec<u8>>>,
    /// The path of the key file, which this process reads.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The recovery words.
    #[serde(default, deserialize_with = "secret_text")]
    pub words: Option<Zeroizing<String>>,
    /// Whether to ask the security token that is plugged in.
    #[serde(default)]
    pub token: bool,
    /// The token's PIN, if it wants one.
    #[serde(default, deserialize_with = "secret_text")]
    pub token_pin: Option<Zeroizing<String>>,
}

fn secret_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Zeroizing::new))
}

fn secret_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<Vec<u8>>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|text| Zeroizing::new(text.into_bytes())))
}

impl Given {
    const fn is_empty(&self) -> bool {
        self.passphrase.is_none() && self.key_file.is_none() && self.words.is_none() && !self.token
    }

    /// What the vault makes of it: the key file is read, the token is looked for.
    ///
    /// # Errors
    /// What the vault refuses of a factor's form, `key-file-missing`, `key-file-io` and `token-unsupported`.
    pub fn credentials(&self) -> Result<Credentials, Failure> {
        Ok(Credentials {
            passphrase: self.passphrase.clone().map(Passphrase::new).transpose()?,
            key_file: self.key_file.as_deref().map(key_file::read).transpose()?,
            token: self.token.then(|| token::connect(self.token_pin.clone())).transpose()?,
            words: self.words.as_ref().map(|words| RecoveryWords::parse(words)).transpose()?,
        })
    }

    /// The same for a slot that is to be: a key file that does not exist is made.
    ///
    /// # Errors
    /// As [`Given::credentials`].
    pub fn new_credentials(&self) -> Result<Credentials, Failure> {
        if let Some(path) = &self.key_file {
            key_file::make_if_missing(path)?;
        }
        self.credentials()
    }

    /// The parameters of `unlock`, for a daemon of the same user. The caller wipes them.
    ///
    /// # Errors
    /// `secret-not-text` if the passphrase is not UTF-8; `key-file-io` if its path is not, or cannot be made absolute.
    pub fn to_json(&self) -> Result<Value, Failure> {
        let mut params = Map::new();
        let mut put = |name: &str, value: Value| drop(params.insert(name.to_owned(), value));
        if let Some(passphrase) = &self.passphrase {
            put("passphrase", text(passphrase, "the passphrase")?.as_str().into());
        }
        if let Some(path) = &self.key_file {
            let io = |reason: String| Failure::new("key-file-io", format!("{}: {reason}", path.display()));
            // The daemon has another working directory.
            let absolute = std::path::absolute(path).map_err(|error| io(error.to_string()))?;
            let absolute = absolute.to_str().ok_or_else(|| io("expected a path in UTF-8".to_owned()))?;
            put("key_file", absolute.into());
        }
        if let Some(words) = &self.words {
            put("words", words.as_str().into());
        }
        if self.token {
            put("token", true.into());
        }
        if let Some(pin) = &self.token_pin {
            put("token_pin", pin.as_str().into());
        }
        Ok(Value::Object(params))
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Given")
            .field("passphrase", &self.passphrase.is_some())
            .field("key_file", &self.key_file.is_some())
            .field("words", &self.words.is_some())
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn debug_shows_no_credential() {
        let given = json!({ "passphrase": "correct horse", "key_file": "/a/key", "token_pin": "1234" });
        let given: Given = serde_json::from_value(given).unwrap();
        insta::assert_snapshot!(format!("{given:?}"), @"Given { passphrase: true, key_file: true, words: false, token: false, .. }");
    }

    #[test]
    fn what_is_given_comes_out_of_json_as_it_went_in() {
        let params =
            json!({ "passphrase": "a", "key_file": "/b", "words": "c", "token": true, "token_pin": "d" });
        let given: Given = serde_json::from_value(params.clone()).unwrap();
        assert_eq!(given.to_json().unwrap(), params);
        assert!(serde_json::from_value::<Given>(json!({ "pass": "a" })).is_err());
        assert!(serde_json::from_value::<Given>(json!({ "passphrase": 1 })).is_err());
    }

    #[test]
    fn a_factor_that_is_none_or_cannot_be_told_is_refused_without_showing_it() {
        let none =
            FactorSources { passphrase: None, ..FactorSources::passphrase_only(SecretSource::Terminal) };
        assert_eq!(none.get().unwrap_err().label, "factors-none");
        let bytes = SecretSource::Command(r"printf '\377secret'".to_owned());
        let given = FactorSources::passphrase_only(bytes).get().unwrap();
        let refused = given.to_json().unwrap_err();
        assert_eq!(refused.label, "secret-not-text");
        assert!(!refused.text.contains("secret\""), "{refused}");
    }
}
