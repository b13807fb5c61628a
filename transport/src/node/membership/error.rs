//! Why a node could not publish its descriptor or fetch a consensus.

use sotto_protocol::directory::{AuthoritySetError, DocumentRefusal};

use crate::directory_client::DirectoryError;
use crate::link::LinkError;
use crate::node::KeyFileError;

/// The authority's label for a node that its operator has not listed, as in the specification of the directory.
const NOT_ADMITTED: &str = "not-admitted";

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The authority refused.
    #[error("the authority refused: {text} ({label})")]
    Refused {
        /// The authority's label: bounded by the frame, but chosen by the authority.
        label: String,
        /// The authority's words, for people.
        text: String,
    },
    /// The authority could not be asked.
    #[error("asking the authority: {0}")]
    Directory(DirectoryError),
    /// The node's keys could not be read or written.
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    /// The node's own descriptor is not acceptable.
    #[error("the node's own descriptor is not valid: {0}; check `announce` and the network link")]
    Descriptor(DocumentRefusal),
    /// The network link names no authorities.
    #[error(transparent)]
    Authorities(#[from] AuthoritySetError),
    /// The authority's newest consensus is not one for now.
    #[error(
        "the newest consensus is for epoch {epoch}, which is not now: check this host's clock and the authority"
    )]
    NotForNow {
        /// Its epoch.
        epoch: u64,
    },
    /// The process is ending.
    #[error("the process is ending")]
    Ending,
}

impl MembershipError {
    /// The stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Refused { .. } => "refused",
            Self::Directory(error) => error.label(),
            Self::Keys(error) => error.label(),
            Self::Descriptor(refusal) => refusal.label(),
            Self::Authorities(_) => "authority-set",
            Self::NotForNow { .. } => "not-for-now",
            Self::Ending => "ending",
        }
    }

    /// A name of the reason: of an authority's refusal its own, else the [label](Self::label).
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused { label, .. } => label,
            _ => self.label(),
        }
    }

    /// Whether a person has to act before another attempt can succeed.
    pub(super) fn is_not_admitted(&self) -> bool {
        matches!(self, Self::Refused { label, .. } if label == NOT_ADMITTED)
    }
}

impl From<DirectoryError> for MembershipError {
    /// A link's refusal blames its peer; who that is, is known here.
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Link(LinkError::Refused { label, text }) => Self::Refused { label, text },
            error => Self::Directory(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(label: &str) -> MembershipError {
        let (label, text) = (label.to_owned(), "list it".to_owned());
        DirectoryError::Link(LinkError::Refused { label, text }).into()
    }

    #[test]
    fn a_refusal_is_the_authoritys() {
        let error = refused("no-consensus");
        assert_eq!(error.to_string(), "the authority refused: list it (no-consensus)");
        assert_eq!(error.label(), "refused");
    }

    #[test]
    fn only_a_node_that_is_not_admitted_waits_for_a_person() {
        assert!(refused("not-admitted").is_not_admitted());
        for error in [refused("no-consensus"), refused("stale"), DirectoryError::Timeout.into()] {
            assert!(!error.is_not_admitted(), "{error}");
        }
    }
}
