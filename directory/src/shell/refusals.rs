//! Which refused descriptors the log has told of, so that one node that tries again and again does not fill it.
//!
//! The counts of all refusals are in the status; here is only what is worth a line.

use std::collections::HashSet;

use sotto_protocol::ident::NodeId;

/// Refusals that are told between two consensuses. Anybody can make keys and have descriptors refused, so what is beyond is
/// not told either.
pub(super) const TOLD_MAX: usize = 1_024;

/// Nodes and labels that were told since the last consensus. A descriptor whose signature does not hold is nobody's.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashSet<(Option<NodeId>, &'static str)>);

impl Refusals {
    /// Whether this is to be told at `info`: it was not since the last consensus, and there is room to remember it.
    pub(super) fn is_news(&mut self, node: Option<NodeId>, label: &'static str) -> bool {
        (self.0.len() < TOLD_MAX || self.0.contains(&(node, label))) && self.0.insert((node, label))
    }

    /// A consensus was signed: who is refused still is told of again.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The node's descriptor was accepted: what is refused after that is news.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.0.retain(|(told, _)| *told != Some(node));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(index: usize) -> NodeId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&index.to_le_bytes());
        NodeId::from_bytes(bytes)
    }

    #[test]
    fn a_node_is_told_once_for_each_reason() {
        let mut refusals = Refusals::default();
        assert!(refusals.is_news(Some(node(1)), "not-admitted"));
        assert!(!refusals.is_news(Some(node(1)), "not-admitted"));
        assert!(refusals.is_news(Some(node(1)), "stale"));
        assert!(refusals.is_news(Some(node(2)), "not-admitted"));
        assert!(refusals.is_news(None, "malformed") && !refusals.is_news(None, "malformed"));
        refusals.forget(node(1));
        assert!(refusals.is_news(Some(node(1)), "not-admitted"));
        assert!(!refusals.is_news(Some(node(2)), "not-admitted"), "another node's");
        refusals.clear();
        assert!(refusals.is_news(Some(node(2)), "not-admitted"));
    }

    #[test]
    fn made_up_nodes_fill_neither_the_log_nor_the_memory() {
        let mut refusals = Refusals::default();
        let told = (0..3 * TOLD_MAX).filter(|index| refusals.is_news(Some(node(*index)), "not-admitted"));
        assert_eq!(told.count(), TOLD_MAX);
        assert_eq!(refusals.0.len(), TOLD_MAX);
    }
}
