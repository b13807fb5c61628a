//! A failure as everybody outside the library meets it: a stable label and words that say what to do.
//!
//! Errors of the daemon arrive over a socket and errors of a command that runs alone come from a call;
//! this is what both have in common.

use std::fmt;

use serde::{Deserialize, Serialize};
use sotto_transport::tor::TorError;

use super::lock::LockError;
use super::profile::ProfileError;
use super::secret::SecretError;
use super::servers::NoServers;
use super::service::CallError;
use super::settings::SettingsError;
use crate::core::{EngineError, RoutePlanError};
use crate::vault::VaultError;

/// Why something could not be done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// The stable name of the reason, in kebab-case.
    pub label: String,
    /// The reason and what to do, in words.
    pub text: String,
}

impl Failure {
    /// A failure of this name.
    #[must_use]
    pub fn new(label: &str, text: impl Into<String>) -> Self {
        Self { label: label.to_owned(), text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.label)
    }
}

impl std::error::Error for Failure {}

macro_rules! from_labelled {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::new(error.label(), error.to_string())
            }
        })+
    };
}

from_labelled!(
    CallError,
    EngineError,
    LockError,
    SecretError,
    ProfileError,
    SettingsError,
    VaultError,
    NoServers,
    RoutePlanError,
    TorError,
    sotto_transport::private::PrivateFileError,
);
