//! Whom to ask for the consensus, and by which way.
//!
//! A profile whose wanted route uses Tor asks by Tor only. Another way is added only when a fallback that the user has
//! allowed for the whole profile has come into use, since the fallback could not work without a consensus.

use std::collections::BTreeMap;

use rand::Rng;
use rand::seq::SliceRandom;
use sotto_protocol::directory::{Consensus, NetworkInfo, Place};
use sotto_protocol::ident::NodeId;

use super::ways::Way;
use crate::core::{Route, RoutePlan};

/// By which ways the consensus may be fetched, the preferred one first, and whom to ask first by each.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Sources {
    ways: Vec<Way>,
    /// The entry of the lane of each way: it knows already that this client exists.
    own: BTreeMap<Way, NodeId>,
}

/// One server of the consensus.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Server {
    pub(super) node: NodeId,
    pub(super) way: Way,
    pub(super) address: String,
}

/// Why nobody can be asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoServers {
    /// Only Tor may be used, and nobody is known to have an onion service.
    #[error(
        "this network's link names no onion service of an authority, so the consensus cannot be fetched by Tor: ask \
         the network's operator for a link that does (`sotto-directory network-link` prints it), or allow the route \
         `mix`, which shows this computer's address to the network"
    )]
    NoOnionService,
}

impl NoServers {
    /// The stable name of the reason.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::NoOnionService => "network-no-onion",
        }
    }
}

impl Sources {
    /// Those of a profile with this plan, of which the engine wants these routes at present.
    pub(super) fn of(
        plan: &RoutePlan,
        is_wanted: impl Fn(Route) -> bool,
        own: BTreeMap<Way, NodeId>,
    ) -> Self {
        let mut ways = vec![Way::of(plan.wanted())];
        for route in plan.fallbacks().iter().filter(|route| is_wanted(**route)) {
            if !ways.contains(&Way::of(*route)) {
                ways.push(Way::of(*route));
            }
        }
        Self { ways, own }
    }

    /// The ways, the preferred one first.
    pub(super) fn ways(&self) -> &[Way] {
        &self.ways
    }
}

/// Refuses a plan by which nobody could be asked for the first consensus.
///
/// # Errors
/// [`NoServers`]
pub fn check_reachable(plan: &RoutePlan, network: &NetworkInfo) -> Result<(), NoServers> {
    let has_tcp = plan.contains(Route::Mix);
    let has_onion = network.authorities.iter().any(|authority| authority.onion_address.is_some());
    if has_tcp || has_onion { Ok(()) } else { Err(NoServers::NoOnionService) }
}

/// Who serves the consensus: by each way the session's entry, the authorities, then other nodes, in random order. By
/// TCP entries only, which clients connect to anyway.
pub(super) fn servers(
    network: &NetworkInfo,
    consensus: Option<&Consensus>,
    sources: &Sources,
    rng: &mut impl Rng,
) -> Vec<Server> {
    let mut all = Vec::new();
    for way in sources.ways.iter().copied() {
        let server = |node: NodeId, address: Option<&str>| {
            address.map(|address| Server { node, way, address: address.to_owned() })
        };
        let own = sources.own.get(&way);
        let mut authorities: Vec<Server> = network
            .authorities
            .iter()
            .filter_map(|authority| server(authority.key, way.to_authority(authority)))
            .collect();
        authorities.shuffle(rng);
        let mut nodes: Vec<Server> = consensus
            .iter()
            .flat_map(|consensus| &consensus.nodes)
            .filter(|node| node.place == Place::Entry || (way == Way::Tor && node.place == Place::Mailbox))
            .filter_map(|node| server(node.node, way.to(node)))
            .collect();
        nodes.shuffle(rng);
        let (own, others): (Vec<Server>, Vec<Server>) =
            nodes.into_iter().partition(|server| own == Some(&server.node));
        all.extend(own.into_iter().chain(authorities).chain(others));
    }
    all
}

#[cfg(test)]
mod tests;
