//! A network that could be: everything that decides its closed forms.

use serde::{Deserialize, Serialize};

use crate::scenario::{ClientClass, Mixing, Network, Scenario};

/// What to set. Intervals are means, named as in the network's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Design {
    /// Mean delay at a hop.
    pub delay_ms_mean: u32,
    /// Layers behind the entries.
    pub layers: u32,
    /// Mixes in each layer, and entries.
    pub mixes_per_layer: u32,
    /// Mean interval of payload slots.
    pub payload_interval_ms_mean: u32,
    /// Mean interval of loops.
    pub loop_interval_ms_mean: u32,
    /// Mean interval of drops.
    pub drop_interval_ms_mean: u32,
    /// Mean interval of downlink frames.
    pub downlink_interval_ms_mean: u32,
}

impl Design {
    /// Mixes that hold a packet on its way to a mailbox, the entry included.
    #[must_use]
    pub const fn hops(&self) -> u32 {
        self.layers + 1
    }

    /// All mixes, entries included.
    #[must_use]
    pub const fn mixes(&self) -> u32 {
        self.hops() * self.mixes_per_layer
    }

    /// Packets that a user sends, a second.
    #[must_use]
    pub fn sent_per_s(&self) -> f64 {
        [self.payload_interval_ms_mean, self.loop_interval_ms_mean, self.drop_interval_ms_mean]
            .iter()
            .map(|ms| 1000.0 / f64::from(*ms))
            .sum()
    }

    /// Frames that a user receives, a second.
    #[must_use]
    pub fn received_per_s(&self) -> f64 {
        1000.0 / f64::from(self.downlink_interval_ms_mean)
    }

    /// Replies and loops that wait for these frames, a second.
    #[must_use]
    pub fn awaited_per_s(&self) -> f64 {
        [self.payload_interval_ms_mean, self.loop_interval_ms_mean]
            .iter()
            .map(|ms| 1000.0 / f64::from(*ms))
            .sum()
    }

    /// A situation in which the design can be tried, with so many clients; what it does not say is as by default.
    #[must_use]
    pub fn scenario(&self, users: u32) -> Scenario {
        let scenario = Scenario::default();
        let class = ClientClass {
            count: users,
            payload_interval_ms_mean: f64::from(self.payload_interval_ms_mean),
            loop_interval_ms_mean: f64::from(self.loop_interval_ms_mean),
            drop_interval_ms_mean: f64::from(self.drop_interval_ms_mean),
            downlink_interval_ms_mean: f64::from(self.downlink_interval_ms_mean),
            ..ClientClass::default()
        };
        Scenario {
            network: Network {
                entries: self.mixes_per_layer,
                layers: self.layers,
                mixes_per_layer: self.mixes_per_layer,
                ..scenario.network
            },
            mixing: Mixing::Poisson { delay_ms_mean: f64::from(self.delay_ms_mean) },
            clients: vec![class],
            ..scenario
        }
    }
}
