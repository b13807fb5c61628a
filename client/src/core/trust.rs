//! Whether a contact's identity key is the person's.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the user knows of a contact's identity key. The numbers are on disk: append only.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// Nobody has compared safety numbers: it is as good as the channel that the invitation was handed over by.
    Unverified,
    /// The user has compared safety numbers.
    Verified,
    /// It is another key than before. Nothing is sent until the user has verified it.
    Changed,
}

impl Trust {
    /// The stable name, as in JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Verified => "verified",
            Self::Changed => "changed",
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
