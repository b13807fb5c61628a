//! Which links from node to node the paths use: those that carry link dummies.

use crate::party::{Layout, Party, Role};
use crate::scenario::{Network, Topology};

/// The neighbours of a node, to whom it sends, as ranges of parties: the first, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Neighbours([(Party, u32); 4]);

const NONE: (Party, u32) = (Party(0), 0);

impl Neighbours {
    /// Of this node. A mailbox sends to the first mixes, an entry to them as well, mixes to the layer behind them, and the
    /// last to mailboxes and entries; in a free-route network a mix sends to all of these.
    pub(super) fn of(node: Party, network: &Network, layout: &Layout) -> Self {
        let first = u32::from(network.entries > 0);
        let layer = |layer: u32| {
            let width = layout.layers().get(layer as usize).copied().unwrap_or(0);
            (layout.mix(layer, 0), width)
        };
        let entries = if first > 0 { layer(0) } else { NONE };
        let mailboxes = (layout.mailbox(0), layout.mailboxes());
        let last = first + network.layers - 1;
        match layout.role(node) {
            Some(Role::Mailbox(_)) if layout.mixes() > 0 => Self([layer(first), NONE, NONE, NONE]),
            Some(Role::Mix { layer: at, .. }) if at < first => Self([layer(first), NONE, NONE, NONE]),
            Some(Role::Mix { layer: at, index }) => match network.topology {
                Topology::FreeRoute => {
                    let (start, width) = layer(first);
                    let behind = (Party(node.0 + 1), width - index - 1);
                    Self([(start, index), behind, mailboxes, entries])
                }
                _ if at == last => Self([mailboxes, entries, NONE, NONE]),
                Topology::Stratified => Self([layer(at + 1), NONE, NONE, NONE]),
                Topology::Cascade => Self([(layout.mix(at + 1, index), 1), NONE, NONE, NONE]),
            },
            _ => Self([NONE; 4]),
        }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// The one of this place.
    pub(super) fn nth(&self, mut place: u32) -> Option<Party> {
        for (first, count) in self.0 {
            if place < count {
                return Some(Party(first.0 + place));
            }
            place -= count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn names(topology: Topology, node: &str) -> Vec<String> {
        let mut scenario = Scenario::default();
        scenario.network.topology = topology;
        scenario.network.layers = 2;
        let layout = scenario.layout();
        let node = layout.by_name(node).unwrap();
        let neighbours = Neighbours::of(node, &scenario.network, &layout);
        (0..neighbours.count())
            .map(|place| layout.role(neighbours.nth(place).unwrap()).unwrap().to_string())
            .collect()
    }

    #[test]
    fn dummies_go_where_packets_go() {
        use Topology::{Cascade, FreeRoute, Stratified};
        assert_eq!(names(Stratified, "mix-0-1"), ["mix-1-0", "mix-1-1"]);
        assert_eq!(names(Stratified, "mix-1-0"), ["mix-2-0", "mix-2-1"]);
        assert_eq!(names(Stratified, "mix-2-0"), ["mailbox-0", "mailbox-1", "mix-0-0", "mix-0-1"]);
        assert_eq!(names(Stratified, "mailbox-1"), ["mix-1-0", "mix-1-1"]);
        assert_eq!(names(Cascade, "mix-1-1"), ["mix-2-1"]);
        assert_eq!(
            names(FreeRoute, "mix-1-1"),
            ["mix-1-0", "mix-1-2", "mix-1-3", "mailbox-0", "mailbox-1", "mix-0-0", "mix-0-1"]
        );
        assert!(names(Stratified, "client-0").is_empty());
    }
}
