//! What `unlock` is given over the socket: the credentials, as JSON.
//!
//! They pass through the memory of two processes of the same user. Here they are wiped when the call is done; where they
//! come from is the caller's business.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// Parameters of `unlock`. `Debug` shows which there are.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnlockParams {
    /// The passphrase.
    #[serde(default, deserialize_with = "secret")]
    pub passphrase: Option<Zeroizing<String>>,
    /// The path of the key file, which this process reads.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The recovery words.
    #[serde(default, deserialize_with = "secret")]
    pub words: Option<Zeroizing<String>>,
    /// Whether to ask the security token that is plugged in.
    #[serde(default)]
    pub token: bool,
    /// The token's PIN, if it wants one.
    #[serde(default, deserialize_with = "secret")]
    pub token_pin: Option<Zeroizing<String>>,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Zeroizing::new))
}

impl UnlockParams {
    pub(super) fn passphrase(&self) -> Result<crate::vault::Passphrase, super::Failure> {
        let text = self.passphrase.as_ref().map(|text| text.as_bytes().to_vec()).unwrap_or_default();
        Ok(crate::vault::Passphrase::new(Zeroizing::new(text))?)
    }
}

impl fmt::Debug for UnlockParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnlockParams")
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
        let params: UnlockParams = serde_json::from_value(given).unwrap();
        assert_eq!(params.passphrase.as_ref().map(|text| text.as_str()), Some("correct horse"));
        insta::assert_snapshot!(format!("{params:?}"), @"UnlockParams { passphrase: true, key_file: true, words: false, token: false, .. }");
    }
}
