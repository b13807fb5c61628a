//! How many loops went over each link since the start, for a bounded number of links.

use std::collections::BTreeMap;

use sotto_protocol::ident::NodeId;

use super::limits::LOOP_LINKS_MAX;
use super::route::{Link, LoopRoute};

/// One link's loops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LinkCounts {
    pub(crate) sent: u64,
    pub(crate) returned: u64,
    pub(crate) lost: u64,
    used: u64,
}

/// All links that are remembered.
#[derive(Debug, Default)]
pub(crate) struct LinkTable {
    links: BTreeMap<Link, LinkCounts>,
    uses: u64,
}

impl LinkTable {
    /// Counts a loop as sent over each link of its route. The link least recently used makes room.
    pub(crate) fn sent(&mut self, route: &LoopRoute) {
        self.uses += 1;
        for link in route.links() {
            if !self.links.contains_key(&link) && self.links.len() >= LOOP_LINKS_MAX {
                let oldest = self.links.iter().min_by_key(|(_, counts)| counts.used);
                if let Some(oldest) = oldest.map(|(link, _)| *link) {
                    self.links.remove(&oldest);
                }
            }
            let counts = self.links.entry(link).or_default();
            counts.sent += 1;
            counts.used = self.uses;
        }
    }

    /// Counts something about each link of a route that is still remembered.
    pub(crate) fn count(&mut self, route: &LoopRoute, count: impl Fn(&mut LinkCounts)) {
        for link in route.links() {
            if let Some(counts) = self.links.get_mut(&link) {
                count(counts);
            }
        }
    }

    /// Forgets the links of nodes that `exists` denies.
    pub(crate) fn retain(&mut self, exists: impl Fn(&NodeId) -> bool) {
        self.links.retain(|(from, to), _| exists(from) && exists(to));
    }

    /// Every link, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Link, &LinkCounts)> {
        self.links.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(index: u32) -> NodeId {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&index.to_be_bytes());
        NodeId::from_bytes(bytes)
    }

    #[test]
    fn the_link_that_was_not_used_for_longest_is_forgotten() {
        let mut table = LinkTable::default();
        let kept = LoopRoute::new(node(0), &[node(1), node(2), node(3), node(0)]);
        for index in 0..2_000 {
            table.sent(&kept);
            table.sent(&LoopRoute::new(node(0), &[node(10 + index)]));
        }
        assert_eq!(table.iter().count(), LOOP_LINKS_MAX);
        for link in kept.links() {
            assert_eq!(table.links[&link].sent, 2_000);
        }
        assert!(!table.links.contains_key(&(node(0), node(10))));
        assert!(table.links.contains_key(&(node(0), node(2_009))));
    }
}
