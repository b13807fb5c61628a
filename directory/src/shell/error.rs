//! Why an authority could not be set up, started or asked.

use sotto_protocol::directory::DocumentRefusal;
use sotto_transport::node::NodeError;
use sotto_transport::private::PrivateFileError;

use crate::core::AuthorityError;

/// An error that ends the program, with what to do about it where that is not plain.
#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    /// What can go wrong with every node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The network's name.
    #[error(
        "{0:?} is not a network's name: expected at most 32 of a-z, 0-9, - and ., beginning with a letter"
    )]
    Name(String),
    /// The network's parameters.
    #[error("`params` is not a network's: {0}")]
    Params(DocumentRefusal),
    /// Something that cannot stand in a configuration file.
    #[error("the configuration cannot be written: {0}")]
    NotToml(String),
    /// A file in the authority's directory.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// The core does not take what it was given.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

impl ShellError {
    /// The stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &str {
        match self {
            Self::Node(error) => error.label(),
            Self::Name(_) => "name",
            Self::Params(_) => "params",
            Self::NotToml(_) => "not-toml",
            Self::File(error) => error.label(),
            Self::Authority(error) => error.label(),
        }
    }
}
