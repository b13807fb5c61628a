//! Fetching the consensus and publishing a descriptor, over a link.
//!
//! Any node serves the consensus. Nothing it says is believed: what counts are the authorities' signatures.
//! Whether a consensus is fresh is for the caller to judge, who has the clock.

use std::time::Duration;

use sotto_protocol::directory::{
    AuthoritySet, Consensus, DocumentRefusal, SignedConsensus, SignedDescriptor,
};
use sotto_protocol::frame::{DocumentAssembler, DocumentKind, Frame, split_document};
use sotto_protocol::ident::NodeId;

use crate::link::{Link, LinkConnector, LinkError};

/// How long one exchange may take, from the question to the whole answer.
pub const EXCHANGE_MAX: Duration = Duration::from_secs(30);

/// Why the exchange failed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The link.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// The document.
    #[error("the document is not acceptable: {0}")]
    Document(#[from] DocumentRefusal),
    /// The other side did not finish.
    #[error("no whole answer within {} s; try another node", EXCHANGE_MAX.as_secs())]
    Timeout,
}

impl DirectoryError {
    /// A stable name of the reason.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Link(error) => error.label(),
            Self::Document(refusal) => refusal.label(),
            Self::Timeout => "directory-timeout",
        }
    }

    /// A name of the reason: of a refusal the one that the other side gave, else the [label](Self::label).
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Link(LinkError::Refused { label, .. }) => label,
            _ => self.label(),
        }
    }
}

/// Fetches the newest consensus that `node`, an authority or any other, has, and checks its signatures.
///
/// # Errors
///
/// When the node cannot be reached, refuses, or serves something that the authorities have not signed.
pub async fn fetch_consensus(
    connector: &LinkConnector,
    node: &NodeId,
    address: &str,
    authorities: &AuthoritySet,
) -> Result<(SignedConsensus, Consensus), DirectoryError> {
    let mut link = connector.connect(node, address).await?;
    request_consensus(&mut link, authorities).await
}

/// As [`fetch_consensus`], over a link that is there.
///
/// Dummies that come in between are passed over; no other frame may.
///
/// # Errors
///
/// As there.
pub async fn request_consensus(
    link: &mut Link,
    authorities: &AuthoritySet,
) -> Result<(SignedConsensus, Consensus), DirectoryError> {
    let exchange = async {
        link.send(&Frame::ConsensusGet).await?;
        let mut assembler = DocumentAssembler::new(DocumentKind::Consensus);
        loop {
            match link.next().await? {
                Frame::Dummy => {}
                Frame::DocumentPart(part) => {
                    if let Some(document) = assembler.push(&part).map_err(LinkError::Frame)? {
                        return Ok(document);
                    }
                }
                other => return Err(not(other, "a piece of the consensus")),
            }
        }
    };
    let document =
        tokio::time::timeout(EXCHANGE_MAX, exchange).await.map_err(|_| DirectoryError::Timeout)??;
    let signed = SignedConsensus::from_bytes(&document)?;
    let consensus = signed.verify(authorities)?;
    Ok((signed, consensus))
}

/// Publishes a descriptor to the authority `node`.
///
/// # Errors
///
/// When the authority cannot be reached or does not admit the descriptor.
pub async fn publish_descriptor(
    connector: &LinkConnector,
    node: &NodeId,
    address: &str,
    descriptor: &SignedDescriptor,
) -> Result<(), DirectoryError> {
    let mut link = connector.connect(node, address).await?;
    offer_descriptor(&mut link, descriptor).await
}

/// As [`publish_descriptor`], over a link that is there.
///
/// # Errors
///
/// As there.
pub async fn offer_descriptor(link: &mut Link, descriptor: &SignedDescriptor) -> Result<(), DirectoryError> {
    let bytes = descriptor.to_bytes()?;
    let exchange = async {
        for part in split_document(DocumentKind::Descriptor, &bytes).map_err(LinkError::Frame)? {
            link.send(&Frame::DocumentPart(part)).await?;
        }
        loop {
            match link.next().await? {
                Frame::Dummy => {}
                Frame::Accepted => return Ok(()),
                other => return Err(not(other, "the authority's verdict")),
            }
        }
    };
    tokio::time::timeout(EXCHANGE_MAX, exchange).await.map_err(|_| DirectoryError::Timeout)?
}

/// The error for a frame that is not what was waited for.
fn not(frame: Frame, expected: &'static str) -> DirectoryError {
    DirectoryError::Link(match frame {
        Frame::Refused { label, text } => LinkError::Refused { label, text },
        _ => LinkError::Unexpected(expected),
    })
}
