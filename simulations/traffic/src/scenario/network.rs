//! Nodes, and the way that packets take.

use serde::{Deserialize, Serialize};

use super::refusal::{INTERVAL_MS_MIN, ScenarioRefusal, none_or_within, within};

/// The most layers that a packet can pass, the entry's included.
const LAYERS_MAX: u32 = 16;
/// The most mixes in a layer.
const WIDTH_MAX: u32 = 10_000;
/// The longest mean interval of loops and dummies.
const INTERVAL_MS_MAX: f64 = 3.6e6;

/// How packets travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Route {
    /// From the client straight into the network of mixes.
    #[default]
    #[serde(rename = "mix")]
    Mix,
    /// The same, with Tor between client and entry.
    #[serde(rename = "tor+mix")]
    TorMix,
    /// By Tor to the mailbox, without mixes.
    #[serde(rename = "tor")]
    Tor,
}

/// How mixes are arranged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// Layers; a packet takes any mix of each.
    #[default]
    Stratified,
    /// Fixed chains: mix i of each layer. A packet takes any chain.
    Cascade,
    /// One set; a packet takes so many different ones as there are layers, in any order.
    FreeRoute,
}

/// Where a message goes behind the last mix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Into a mailbox, from which the recipient reads it.
    #[default]
    Mailbox,
    /// Straight to the recipient, as in the classical models of mixes.
    Direct,
}

/// The nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// How packets travel.
    pub route: Route,
    /// How mixes are arranged.
    pub topology: Topology,
    /// Where messages go.
    pub delivery: Delivery,
    /// Entries, which hold packets as mixes do, but for those that wait for a frame of a client's downlink. Each client stays with one. 0: clients send to the first layer.
    pub entries: u32,
    /// Layers behind the entries; in a free-route network the mixes that a packet passes.
    pub layers: u32,
    /// Mixes in each layer, or chains; a free-route network has `layers` times as many mixes in all.
    pub mixes_per_layer: u32,
    /// Mean interval between the loops that a mix sends to itself; 0: none.
    pub mix_loop_interval_ms_mean: f64,
    /// Mean interval between dummies on each link from node to node; 0: none.
    pub link_dummy_interval_ms_mean: f64,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            route: Route::Mix,
            topology: Topology::Stratified,
            delivery: Delivery::Mailbox,
            entries: 2,
            layers: 3,
            mixes_per_layer: 2,
            mix_loop_interval_ms_mean: 10_000.0,
            link_dummy_interval_ms_mean: 1000.0,
        }
    }
}

impl Network {
    /// The widths of the layers of a [`Layout`](crate::party::Layout): entries first, if there are any.
    #[must_use]
    pub fn widths(&self) -> Vec<u32> {
        if self.route == Route::Tor {
            return Vec::new();
        }
        let entries = (self.entries > 0).then_some(self.entries);
        let behind = match self.topology {
            Topology::FreeRoute => vec![self.layers * self.mixes_per_layer],
            Topology::Stratified | Topology::Cascade => vec![self.mixes_per_layer; self.layers as usize],
        };
        entries.into_iter().chain(behind).collect()
    }

    /// How many mixes hold a packet on its way, entry included.
    #[must_use]
    pub fn hops(&self) -> u32 {
        match self.route {
            Route::Tor => 0,
            Route::Mix | Route::TorMix => self.layers + u32::from(self.entries > 0),
        }
    }

    pub(super) fn validate(&self) -> Result<(), ScenarioRefusal> {
        within("network.entries", self.entries, 0..=WIDTH_MAX)?;
        within("network.layers", self.layers, 1..=LAYERS_MAX)?;
        within("network.mixes_per_layer", self.mixes_per_layer, 1..=WIDTH_MAX)?;
        let loops = INTERVAL_MS_MIN..=INTERVAL_MS_MAX;
        none_or_within("network.mix_loop_interval_ms_mean", self.mix_loop_interval_ms_mean, loops)?;
        // All dummies of a node are one process, with as many times the rate as it has links.
        let links = match self.topology {
            Topology::Stratified | Topology::FreeRoute => self.widths().into_iter().max().unwrap_or(1),
            Topology::Cascade => 1,
        };
        let dummies = INTERVAL_MS_MIN * f64::from(links)..=INTERVAL_MS_MAX;
        none_or_within("network.link_dummy_interval_ms_mean", self.link_dummy_interval_ms_mean, dummies)
    }
}

/// How a client learns what has come.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Notice {
    /// It asks for the next box of each contact in turn, in its payload slots.
    Polling,
    /// Every client is told all arrivals of an interval, and asks for its own.
    Digest {
        /// The interval.
        interval_s: f64,
    },
}

/// The mailboxes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mailboxes {
    /// How many.
    pub count: u32,
    /// How many hold a copy of each box.
    pub replicas: u32,
    /// How clients learn what has come.
    pub notice: Notice,
}

impl Default for Mailboxes {
    fn default() -> Self {
        Self { count: 2, replicas: 2, notice: Notice::Polling }
    }
}

impl Mailboxes {
    pub(super) fn validate(&self, network: &Network) -> Result<(), ScenarioRefusal> {
        let least = u32::from(network.delivery == Delivery::Mailbox);
        within("mailboxes.count", self.count, least..=WIDTH_MAX)?;
        within("mailboxes.replicas", self.replicas, 1..=8)?;
        if network.route == Route::Tor && network.delivery == Delivery::Direct {
            return Err(ScenarioRefusal::new(
                "network.delivery",
                "direct",
                "mailbox, with network.route = \"tor\"",
            ));
        }
        match self.notice {
            Notice::Polling => Ok(()),
            Notice::Digest { interval_s } => {
                within("mailboxes.notice.interval_s", interval_s, 0.001..=86_400.0)
            }
        }
    }
}
