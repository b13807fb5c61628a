//! What a listener goes by: limits that can change while it runs, and whose keys count as a node's.

use std::fmt;
use std::sync::{Arc, OnceLock};

use sotto_protocol::ident::NodeId;
use tokio::sync::watch;

use super::limits::ListenLimits;
use crate::link::Peer;
use crate::node::membership::Adopted;
use crate::node::shutdown::Shutdown;

/// The nodes whose links find room however many there are of others: those of the newest consensus, once it is known.
///
/// Anybody can make a key. Without this, links with made-up keys would take the room of nodes. Whether a link is
/// accepted is not decided here.
#[derive(Clone, Default)]
pub struct Members(Arc<OnceLock<watch::Receiver<Option<Arc<Adopted>>>>>);

impl Members {
    /// From now on the nodes of what `consensus` has. Doing so again changes nothing.
    pub(crate) fn follow(&self, consensus: watch::Receiver<Option<Arc<Adopted>>>) {
        let _is_first = self.0.set(consensus);
    }

    fn has(&self, node: &NodeId) -> bool {
        let adopted = self.0.get().and_then(|consensus| consensus.borrow().clone());
        adopted.is_some_and(|adopted| adopted.consensus.node(node).is_some())
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("are_known", &self.0.get().is_some()).finish_non_exhaustive()
    }
}

/// What [`serve_links`](super::serve_links) goes by.
#[derive(Clone, Debug)]
pub struct ListenPolicy {
    limits: watch::Receiver<ListenLimits>,
    members: Members,
    closes: Shutdown,
}

impl ListenPolicy {
    /// Limits that whoever holds the sender can change at any time, for connections that come from then on.
    #[must_use]
    pub fn new(limits: watch::Receiver<ListenLimits>, members: Members) -> Self {
        Self { limits, members, closes: Shutdown::new() }
    }

    /// From `closes` on no connection is accepted. Links that there are stay, so that what is under way on them can be
    /// taken: a peer that could make a link to a node that is about to end would lose what it sends over it.
    #[must_use]
    pub fn closing(self, closes: Shutdown) -> Self {
        Self { closes, ..self }
    }

    /// Limits that do not change, and no node that is known.
    #[must_use]
    pub fn fixed(limits: ListenLimits) -> Self {
        Self::new(watch::channel(limits).1, Members::default())
    }

    /// Returns when no connection is to be accepted any more.
    pub(super) async fn closed(&self) {
        self.closes.triggered().await;
    }

    /// The limits at this moment.
    pub(super) fn limits(&self) -> ListenLimits {
        *self.limits.borrow()
    }

    /// Whether the peer is a node that the network knows.
    pub(super) fn knows(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Node(node) => self.members.has(node),
            Peer::Anonymous => false,
        }
    }
}
