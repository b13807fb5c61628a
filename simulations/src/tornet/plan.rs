//! What a private Tor network consists of.

use std::net::Ipv4Addr;

/// Counts, and where it listens.
#[derive(Clone, Copy, Debug)]
pub struct TornetPlan {
    /// The address on which all its processes listen.
    pub address: Ipv4Addr,
    /// Relays besides the authority. With fewer than five, circuits to onion services fail now and then for want
    /// of relays that are not yet on them.
    pub relays: usize,
    /// Whether its processes outlive this one once the network is released.
    pub detached: bool,
}

impl Default for TornetPlan {
    fn default() -> Self {
        Self { address: Ipv4Addr::LOCALHOST, relays: 5, detached: false }
    }
}
