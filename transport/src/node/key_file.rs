//! The one form of the files that hold a 32-byte secret: `NAME-VERSION HEX`, and a newline.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

use crate::private::{self, PrivateFileError};

use super::tag_log::TagLogError;

/// Hexadecimal digits of a secret.
const HEX_LEN: usize = 64;
/// More than any name, a space, the digits and a newline.
const KEY_FILE_LEN_MAX: usize = 128;

/// Why a key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The log of the replay tags that belongs to a key.
    #[error(transparent)]
    Tags(#[from] TagLogError),
    /// Another process has the node's keys.
    #[error(
        "another process works with the keys in {0}: stop it first, for two of them would let packets pass twice"
    )]
    InUse(PathBuf),
    /// Not what a key file looks like.
    #[error(
        "{path} is not a key file: expected one line `{name}` and 64 hexadecimal digits; restore it from a backup"
    )]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// The name that its line should begin with.
        name: &'static str,
    },
}

impl KeyFileError {
    /// A stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::File(error) => error.label(),
            Self::Tags(error) => error.label(),
            Self::InUse(_) => "keys-in-use",
            Self::Malformed { .. } => "malformed-key-file",
        }
    }
}

/// The content of a key file.
pub(crate) fn encode(name: &'static str, secret: &Zeroizing<[u8; 32]>) -> Zeroizing<Vec<u8>> {
    let mut digits = Zeroizing::new([0; HEX_LEN]);
    HEXLOWER.encode_mut(secret.as_slice(), digits.as_mut_slice());
    let mut content = Zeroizing::new(Vec::with_capacity(KEY_FILE_LEN_MAX));
    for piece in [name.as_bytes(), b" ", digits.as_slice(), b"\n"] {
        content.extend_from_slice(piece);
    }
    content
}

/// Reads a key file written by [`encode`] under the same name.
pub(crate) fn read(path: &Path, name: &'static str) -> Result<Zeroizing<[u8; 32]>, KeyFileError> {
    let content = private::read(path, KEY_FILE_LEN_MAX)?;
    decode(&content, name).ok_or_else(|| KeyFileError::Malformed { path: path.to_owned(), name })
}

/// Whether the file holds zeros alone: a crash fell between the wiping of a key and the removal of its file.
pub(crate) fn is_wiped(path: &Path) -> Result<bool, PrivateFileError> {
    match private::read(path, KEY_FILE_LEN_MAX) {
        Ok(content) => Ok(!content.is_empty() && content.iter().all(|byte| *byte == 0)),
        Err(PrivateFileError::TooLong { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn decode(content: &[u8], name: &str) -> Option<Zeroizing<[u8; 32]>> {
    let line = content.strip_suffix(b"\n").unwrap_or(content);
    let digits = line.strip_prefix(name.as_bytes())?.strip_prefix(b" ")?;
    if digits.len() != HEX_LEN {
        return None;
    }
    let mut secret = Zeroizing::new([0; 32]);
    HEXLOWER.decode_mut(digits, secret.as_mut_slice()).ok()?;
    Some(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_line_under_the_right_name_is_a_key() {
        let secret = Zeroizing::new([0xab; 32]);
        let content = encode("sotto-test-1", &secret);
        assert_eq!(content.as_slice(), format!("sotto-test-1 {}\n", "ab".repeat(32)).as_bytes());
        assert_eq!(decode(&content, "sotto-test-1"), Some(secret));
        assert_eq!(decode(&content, "sotto-test-2"), None);
        assert_eq!(decode(&content[..content.len() - 2], "sotto-test-1"), None, "a digit short");
        assert_eq!(decode(&[content.as_slice(), b"\n"].concat(), "sotto-test-1"), None);
        assert_eq!(decode(b"", "sotto-test-1"), None);
        assert_eq!(decode(&[b"sotto-test-1 ".as_slice(), &[b'g'; 64]].concat(), "sotto-test-1"), None);
        assert!(content.len() <= KEY_FILE_LEN_MAX);
    }
}
