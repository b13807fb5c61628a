//! Which parties a packet passes, from its maker to where it goes.
//!
//! Paths by kind, with entries and mailboxes; where there are no entries, that place is missing:
//!
//! ```text
//! to a mailbox     client -> [Tor ->] entry -> mixes -> mailbox        route tor: client -> Tor -> mailbox
//! to a recipient   client -> [Tor ->] entry -> mixes -> client
//! back             mailbox -> mixes -> entry -> [Tor ->] client        route tor: mailbox -> Tor -> client
//! a client's loop  client -> [Tor ->] entry -> mixes -> entry -> [Tor ->] client
//! a mix's loop     mix -> the layers behind it -> the layers before it -> mix
//! ```
//!
//! A path is drawn into the one place that [`Paths::path`] shows. Not here: when packets are made, and how long they take.

use super::chance::{Chance, Maker};
use crate::party::{Layout, Party};
use crate::random::{Draws, Purpose};
use crate::scenario::{Route, Scenario, Topology};

/// Draws paths.
#[derive(Debug)]
pub(super) struct Paths {
    layout: Layout,
    route: Route,
    topology: Topology,
    /// The entry of each client; empty if there are none.
    entries: Vec<Party>,
    /// The first layer behind the entries.
    first: u32,
    /// How many mixes a packet passes behind the entry.
    hops: u32,
    /// The path that was drawn last.
    path: Vec<Party>,
    /// Mixes that a free route has already, for drawing without repeats.
    taken: Vec<u32>,
}

impl Paths {
    /// For this scenario; draws the entry to which each client keeps.
    pub(super) fn new(scenario: &Scenario, layout: &Layout, chance: Chance) -> Self {
        let network = &scenario.network;
        let entries = if network.route == Route::Tor { 0 } else { network.entries };
        let entry_of =
            |client| layout.mix(0, chance.once(Purpose::Route, Maker::client(client)).below(entries));
        Self {
            layout: layout.clone(),
            route: network.route,
            topology: network.topology,
            entries: if entries > 0 { (0..layout.clients()).map(entry_of).collect() } else { Vec::new() },
            first: u32::from(entries > 0),
            hops: if network.route == Route::Tor { 0 } else { network.layers },
            path: Vec::new(),
            taken: Vec::new(),
        }
    }

    /// The path that was drawn last.
    pub(super) fn path(&self) -> &[Party] {
        &self.path
    }

    /// From a node to a neighbour.
    pub(super) fn link(&mut self, node: Party, neighbour: Party) {
        self.path.clear();
        self.path.extend([node, neighbour]);
    }

    /// The most parties of any path.
    pub(super) const fn length_max(&self) -> usize {
        // A client's loop: twice client, Tor and entry, and the mixes.
        self.hops as usize + 6
    }

    /// The entry of a client, if there are entries.
    pub(super) fn entry(&self, client: Party) -> Option<Party> {
        self.entries.get(client.index()).copied()
    }

    /// From a client to a mailbox, or straight to a recipient.
    pub(super) fn forward(&mut self, client: Party, target: Party, draws: &mut Draws) {
        self.path.clear();
        self.leave_client(client);
        self.through_mixes(draws);
        self.path.push(target);
    }

    /// From a mailbox to a client.
    pub(super) fn back(&mut self, mailbox: Party, client: Party, draws: &mut Draws) {
        self.path.clear();
        self.path.push(mailbox);
        self.through_mixes(draws);
        self.reach_client(client);
    }

    /// From a client to itself.
    pub(super) fn around(&mut self, client: Party, draws: &mut Draws) {
        self.path.clear();
        self.leave_client(client);
        self.through_mixes(draws);
        self.reach_client(client);
    }

    /// From the node that a client is connected to, to the client: its entry, or the mailbox by Tor; a mix of the first layer
    /// where there are no entries.
    pub(super) fn down(&mut self, client: Party) {
        self.path.clear();
        if self.route == Route::Tor {
            self.path.push(self.layout.mailbox(0));
        } else if self.entries.is_empty() {
            self.path.push(self.layout.mix(0, 0));
        }
        self.reach_client(client);
    }

    /// From a mix through all other layers, once each, and back to it. In a free-route network through as many other mixes
    /// as a packet passes.
    pub(super) fn mix_loop(&mut self, layer: u32, index: u32, draws: &mut Draws) {
        self.path.clear();
        let mix = self.layout.mix(layer, index);
        self.path.push(mix);
        let is_entry = layer < self.first;
        if self.topology == Topology::FreeRoute {
            if is_entry {
                self.through_free_route(None, draws);
            } else {
                self.through_free_route(Some(index), draws);
            }
        } else {
            let layers = self.first + self.hops;
            // Behind an entry any chain can follow; within a chain it stays the same.
            let chain = if is_entry { draws.below(self.width(self.first)) } else { index };
            for step in 1..layers {
                let at = (layer + step) % layers;
                let place = if self.topology == Topology::Cascade && at >= self.first {
                    chain
                } else {
                    draws.below(self.width(at))
                };
                self.path.push(self.layout.mix(at, place));
            }
        }
        self.path.push(mix);
    }

    /// From the adversary, who comes by Tor, to a mix, and on from there as packets of its layer do to `target`.
    pub(super) fn injected(&mut self, layer: u32, index: u32, target: Party, draws: &mut Draws) {
        self.path.clear();
        self.path.push(self.layout.tor());
        self.path.push(self.layout.mix(layer, index));
        let is_entry = layer < self.first;
        match self.topology {
            _ if is_entry => self.through_mixes(draws),
            Topology::FreeRoute => {}
            Topology::Stratified | Topology::Cascade => {
                for at in layer + 1..self.first + self.hops {
                    let place = match self.topology {
                        Topology::Cascade => index,
                        _ => draws.below(self.width(at)),
                    };
                    self.path.push(self.layout.mix(at, place));
                }
            }
        }
        self.path.push(target);
    }

    fn leave_client(&mut self, client: Party) {
        self.path.push(client);
        if self.route != Route::Mix {
            self.path.push(self.layout.tor());
        }
        self.path.extend(self.entries.get(client.index()));
    }

    fn reach_client(&mut self, client: Party) {
        self.path.extend(self.entries.get(client.index()));
        if self.route != Route::Mix {
            self.path.push(self.layout.tor());
        }
        self.path.push(client);
    }

    /// Through the mixes behind the entries.
    fn through_mixes(&mut self, draws: &mut Draws) {
        match self.topology {
            _ if self.hops == 0 => {}
            Topology::Stratified => {
                for layer in self.first..self.first + self.hops {
                    self.path.push(self.layout.mix(layer, draws.below(self.width(layer))));
                }
            }
            Topology::Cascade => {
                let chain = draws.below(self.width(self.first));
                for layer in self.first..self.first + self.hops {
                    self.path.push(self.layout.mix(layer, chain));
                }
            }
            Topology::FreeRoute => self.through_free_route(None, draws),
        }
    }

    /// Through different mixes of the one layer, without this one.
    fn through_free_route(&mut self, without: Option<u32>, draws: &mut Draws) {
        self.taken.clear();
        self.taken.extend(without);
        let width = self.width(self.first);
        let have = u32::from(without.is_some());
        for have in have..have + self.hops {
            // The number of a mix among those that are not taken, which are kept in order: each of them as often.
            let Some(left) = width.checked_sub(have).filter(|left| *left > 0) else { return };
            let mut index = draws.below(left);
            for taken in &self.taken {
                index += u32::from(*taken <= index);
            }
            let place = self.taken.partition_point(|taken| *taken < index);
            self.taken.insert(place, index);
            self.path.push(self.layout.mix(self.first, index));
        }
    }

    fn width(&self, layer: u32) -> u32 {
        self.layout.layers().get(layer as usize).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::party::Role;
    use crate::random::Seed;

    fn paths(topology: Topology, route: Route, entries: u32) -> (Paths, Layout) {
        let mut scenario = Scenario::default();
        scenario.network.topology = topology;
        scenario.network.route = route;
        scenario.network.entries = entries;
        scenario.network.layers = 4;
        scenario.network.mixes_per_layer = 3;
        let layout = scenario.layout();
        (Paths::new(&scenario, &layout, Chance::new(Seed::new(3))), layout)
    }

    /// The layers and places of the mixes of a path.
    fn mixes(layout: &Layout, path: &[Party]) -> Vec<(u32, u32)> {
        path.iter()
            .filter_map(|party| match layout.role(*party) {
                Some(Role::Mix { layer, index }) => Some((layer, index)),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_stratified_path_has_a_mix_of_each_layer_and_uses_all_of_them_alike() {
        let (mut paths, layout) = paths(Topology::Stratified, Route::Mix, 2);
        let mut draws = Seed::new(4).draws(Purpose::Route, 0);
        let mut counts = [[0_u32; 3]; 5];
        let n = 30_000;
        for _ in 0..n {
            paths.forward(layout.client(7), layout.mailbox(1), &mut draws);
            let path = paths.path().to_vec();
            assert_eq!((path.len(), path[0], path[6]), (7, layout.client(7), layout.mailbox(1)));
            let mixes = mixes(&layout, &path);
            assert!(mixes.iter().map(|(layer, _)| *layer).eq(0..5));
            for (layer, index) in mixes {
                counts[layer as usize][index as usize] += 1;
            }
        }
        // The entry is always the client's own.
        assert_eq!(counts[0].iter().filter(|count| **count > 0).count(), 1);
        // Binomial of chance 1/3: six standard deviations.
        let sigma = (f64::from(n) * 2.0 / 9.0).sqrt();
        for count in counts[1..].iter().flatten() {
            assert!((f64::from(*count) - f64::from(n) / 3.0).abs() < 6.0 * sigma, "{counts:?}");
        }
    }

    #[test]
    fn a_cascade_is_never_left() {
        let (mut paths, layout) = paths(Topology::Cascade, Route::Mix, 2);
        let mut draws = Seed::new(4).draws(Purpose::Route, 0);
        let mut chains = [false; 3];
        for client in 0..50 {
            paths.around(layout.client(client), &mut draws);
            let path = paths.path().to_vec();
            let mixes = mixes(&layout, &path);
            assert_eq!(mixes.len(), 6);
            assert_eq!(mixes[0], mixes[5], "the loop comes back by the client's own entry");
            assert!(mixes[1..5].iter().all(|(_, index)| *index == mixes[1].1));
            chains[mixes[1].1 as usize] = true;
        }
        assert_eq!(chains, [true; 3]);
    }

    #[test]
    fn a_free_route_meets_no_mix_twice_and_every_order_comes() {
        let (mut paths, layout) = paths(Topology::FreeRoute, Route::Mix, 0);
        let mut draws = Seed::new(4).draws(Purpose::Route, 0);
        let mut pairs = std::collections::BTreeMap::<_, u32>::new();
        let n = 66_000;
        for _ in 0..n {
            paths.forward(layout.client(0), layout.mailbox(0), &mut draws);
            let path = paths.path().to_vec();
            let mixes = mixes(&layout, &path);
            let different: std::collections::BTreeSet<_> = mixes.iter().collect();
            assert_eq!((mixes.len(), different.len()), (4, 4));
            *pairs.entry((mixes[0].1, mixes[1].1)).or_default() += 1;
        }
        // 12 x 11 ordered pairs, each as often: 500 expected, six standard deviations are 134.
        assert_eq!(pairs.len(), 132);
        assert!(pairs.values().all(|count| count.abs_diff(500) < 134), "{pairs:?}");
    }

    #[test]
    fn a_mix_loop_passes_every_other_layer_once_and_ends_where_it_began() {
        for topology in [Topology::Stratified, Topology::Cascade, Topology::FreeRoute] {
            let (mut paths, layout) = paths(topology, Route::Mix, 2);
            let mut draws = Seed::new(5).draws(Purpose::Route, 0);
            for number in 0..layout.mixes() {
                let Some(Role::Mix { layer, index }) = layout.role(layout.nth_mix(number)) else { panic!() };
                paths.mix_loop(layer, index, &mut draws);
                let path = paths.path().to_vec();
                assert_eq!(path.first(), path.last());
                let passed: std::collections::BTreeSet<_> = path.iter().collect();
                assert_eq!(passed.len(), path.len() - 1, "nobody is passed twice: {path:?}");
                assert_eq!(path.len(), 6, "{topology:?}");
            }
        }
    }

    #[test]
    fn by_tor_alone_there_is_no_mix_and_before_mixes_tor_is_between_client_and_entry() {
        let (mut tor, layout) = paths(Topology::Stratified, Route::Tor, 2);
        let mut draws = Seed::new(5).draws(Purpose::Route, 0);
        let (client, mailbox) = (layout.client(1), layout.mailbox(1));
        tor.forward(client, mailbox, &mut draws);
        assert_eq!(tor.path(), [client, layout.tor(), mailbox]);
        tor.back(mailbox, client, &mut draws);
        assert_eq!(tor.path(), [mailbox, layout.tor(), client]);
        let (mut both, layout) = paths(Topology::Stratified, Route::TorMix, 2);
        let (client, mailbox) = (layout.client(1), layout.mailbox(1));
        let entry = both.entry(client).unwrap();
        both.forward(client, mailbox, &mut draws);
        assert_eq!(both.path()[..3], [client, layout.tor(), entry]);
        both.back(mailbox, client, &mut draws);
        assert_eq!(both.path()[5..], [entry, layout.tor(), client]);
    }
}
