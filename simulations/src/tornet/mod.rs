//! A private Tor network on this machine: C tor processes on an address of their own, gone when this one is.
//!
//! One directory authority, which is also a relay, and five relays are the fewest with which onion services with
//! vanguards work reliably. The network is up some 12 seconds after the start: the vote before the first
//! consensus takes ten of them. Onion services on it are as slow as six processes on one machine make them; nothing
//! here says anything about the public network's latency.
//!
//! Not here: exits, which Sotto never uses, and what runs over the network.

mod arti;
mod error;
mod founding;
mod identity;
mod network;
mod node;
mod plan;
mod programs;
mod satellite;
mod seed;
mod state;
mod torrc;

pub use error::TornetError;
pub use network::Tornet;
pub use plan::TornetPlan;
pub use programs::TorPrograms;
pub use satellite::{TorBridge, TorClient};
pub use state::TornetState;
