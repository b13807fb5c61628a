//! Why a mailbox could not be set up, started or asked.

use sotto_transport::node::NodeError;

use crate::store::StoreError;

/// An error that ends the program, with what to do about it where that is not plain.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// What can go wrong with every node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The boxes.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ShellError {
    /// The stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Node(error) => error.label(),
            Self::Store(error) => error.label(),
        }
    }
}
