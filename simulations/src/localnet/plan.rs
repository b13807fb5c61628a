//! What a local network consists of.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use sotto_protocol::directory::{CoverClass, Params};

use crate::tornet::{Tornet, TornetState};

/// Mix layers; the protocol has three.
const LAYERS: usize = 3;

/// The Tor network on which a local network has its onion services.
#[derive(Clone, Debug)]
pub struct LocalnetTor {
    /// The file from which arti learns of it.
    pub arti_config: PathBuf,
    /// Its processes, if they are to be stopped with the local network.
    pub network: Option<TornetState>,
}

impl LocalnetTor {
    /// A private Tor network that somebody else ends.
    #[must_use]
    pub fn on(tor: &Tornet) -> Self {
        Self { arti_config: tor.arti_config(), network: None }
    }
}

impl From<TornetState> for LocalnetTor {
    /// A private Tor network that ends with the local network.
    fn from(network: TornetState) -> Self {
        Self { arti_config: network.arti_config.clone(), network: Some(network) }
    }
}

/// Counts and parameters.
#[derive(Clone, Debug)]
pub struct LocalnetPlan {
    /// Entries.
    pub entries: usize,
    /// Mixes in each of the three layers.
    pub mixes_per_layer: usize,
    /// Mailboxes.
    pub mailboxes: usize,
    /// What the authority signs.
    pub params: Params,
    /// The address on which its nodes listen: loopback's, unless a test has a network of its own.
    pub host: Ipv4Addr,
    /// Whether a wire tap stands in front of every node.
    pub tapped: bool,
    /// Where the authority, the entries and the mailboxes have onion services, if they are to have them.
    pub tor: Option<LocalnetTor>,
}

impl LocalnetPlan {
    /// All mixes.
    #[must_use]
    pub fn mixes(&self) -> usize {
        self.mixes_per_layer * LAYERS
    }
}

impl Default for LocalnetPlan {
    /// Two entries, three layers of two mixes, two mailboxes; 20 ms mean delay, and a cover rate of about 24
    /// packets a second a client, so that a demonstration does not make people wait.
    fn default() -> Self {
        let params = Params {
            delay_ms_mean: 20,
            delay_ms_max: 1_000,
            epoch_s: 3_600,
            grace_s: 3_600,
            mix_loop_interval_ms_mean: 1_000,
            link_dummy_interval_ms_mean: 500,
            replicas: 2,
            classes: vec![CoverClass {
                name: "standard".to_owned(),
                payload_interval_ms_mean: 50,
                loop_interval_ms_mean: 500,
                drop_interval_ms_mean: 500,
                downlink_interval_ms_mean: 20,
            }],
        };
        Self {
            entries: 2,
            mixes_per_layer: 2,
            mailboxes: 2,
            params,
            host: Ipv4Addr::LOCALHOST,
            tapped: false,
            tor: None,
        }
    }
}
