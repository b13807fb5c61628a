//! Recovery words as a factor: 24 words of BIP-39, which are 256 random bits to be kept on paper.
//!
//! They are random, so no slow derivation is needed: guessing one of 2^256 is not possible at any speed.
//! BIP-39's own derivation of a seed is not used, only its list and its checksum.

use std::fmt;

use bip39::{Language, Mnemonic};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::VaultError;

/// How many words there are.
pub const RECOVERY_WORDS: usize = 24;
/// The longest text that is looked at as words, in bytes: 24 words of at most 8 letters, with room for spaces.
const RECOVERY_TEXT_LEN_MAX: usize = 1024;

/// The 256 bits that 24 words stand for.
pub struct RecoveryWords(Zeroizing<[u8; 32]>);

impl RecoveryWords {
    /// New words.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut entropy = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(entropy.as_mut_slice());
        Self(entropy)
    }

    /// Reads 24 words of the English list, in any case, with any white space in between.
    ///
    /// # Errors
    /// [`VaultError::RecoveryWords`] says what does not fit: the number, a word's place, or the checksum.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let refused = |what: String| VaultError::RecoveryWords { what };
        if text.len() > RECOVERY_TEXT_LEN_MAX {
            return Err(refused(format!("there are more than {RECOVERY_TEXT_LEN_MAX} bytes")));
        }
        let mut normal = Zeroizing::new(String::with_capacity(text.len().saturating_add(1)));
        for word in text.split_whitespace() {
            if !normal.is_empty() {
                normal.push(' ');
            }
            normal.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
        }
        let count = normal.split(' ').filter(|word| !word.is_empty()).count();
        if count != RECOVERY_WORDS {
            return Err(refused(format!("there are {count}")));
        }
        let mnemonic =
            Mnemonic::parse_in_normalized(Language::English, &normal).map_err(|error| match error {
                bip39::Error::UnknownWord(at) => {
                    refused(format!("word {} is not in the list", at.saturating_add(1)))
                }
                _ => refused("the checksum does not fit: a word is wrong, or two are exchanged".into()),
            })?;
        let (entropy, _) = mnemonic.to_entropy_array();
        let entropy = Zeroizing::new(entropy);
        let entropy = entropy.first_chunk::<32>().ok_or_else(|| refused("they are too short".into()))?;
        Ok(Self(Zeroizing::new(*entropy)))
    }

    /// The words, separated by spaces.
    #[must_use]
    pub fn words(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(RECOVERY_WORDS * 9));
        if let Ok(mnemonic) = Mnemonic::from_entropy_in(Language::English, self.0.as_slice()) {
            for word in mnemonic.words() {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(word);
            }
        }
        text
    }

    pub(super) fn output(&self) -> Zeroizing<[u8; 32]> {
        self.0.clone()
    }
}

impl fmt::Debug for RecoveryWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryWords([scrubbed])")
    }
}
