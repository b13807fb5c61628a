//! At which replica to ask for a box next: each in turn, and none that has not answered yet.
//!
//! What the box is, and whether it exists, is not looked at.

use std::collections::BTreeSet;

use sotto_protocol::ident::NodeId;

/// The replicas of one box and whose answers are awaited.
#[derive(Default)]
pub(crate) struct Rotation {
    /// Its replicas under the present consensus; empty until placed.
    replicas: Vec<NodeId>,
    /// Where in `replicas` to ask next.
    next: usize,
    /// Mailboxes whose answer is awaited.
    asked: BTreeSet<NodeId>,
}

impl Rotation {
    /// Where the box lies; empty until [`Rotation::place`].
    pub(crate) fn replicas(&self) -> &[NodeId] {
        &self.replicas
    }

    /// Boxes lie here now. Answers on their way are still awaited.
    pub(crate) fn place(&mut self, replicas: Vec<NodeId>) {
        self.replicas = replicas;
    }

    /// Whether some replica that can be reached can be asked now.
    pub(crate) fn can_ask(&self, reached: impl Fn(&NodeId) -> bool) -> bool {
        self.next_replica(reached).is_some()
    }

    /// Asks the next replica in turn, of those that can be reached.
    pub(crate) fn ask(&mut self, reached: impl Fn(&NodeId) -> bool) -> Option<NodeId> {
        let (at, mailbox) = self.next_replica(reached)?;
        self.next = at.saturating_add(1);
        self.asked.insert(mailbox);
        Some(mailbox)
    }

    /// No answer of this mailbox is awaited any more.
    pub(crate) fn settled(&mut self, mailbox: &NodeId) {
        self.asked.remove(mailbox);
    }

    fn next_replica(&self, reached: impl Fn(&NodeId) -> bool) -> Option<(usize, NodeId)> {
        let from = self.next.checked_rem(self.replicas.len())?;
        let order = self.replicas.iter().enumerate().cycle().skip(from).take(self.replicas.len());
        order
            .map(|(at, mailbox)| (at, *mailbox))
            .find(|(_, mailbox)| !self.asked.contains(mailbox) && reached(mailbox))
    }
}
