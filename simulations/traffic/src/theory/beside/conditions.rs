//! What of a scenario decides whether a closed form applies.

use crate::party::Role;
use crate::scenario::{ClientClass, Delivery, Latency, Mixing, Online, Route, Scenario};

pub(super) const DAY_S: f64 = 86_400.0;

pub(super) struct Conditions<'a> {
    pub(super) scenario: &'a Scenario,
}

impl<'a> Conditions<'a> {
    pub(super) const fn of(scenario: &'a Scenario) -> Self {
        Self { scenario }
    }

    /// The mean delay of Poisson mixes that hold packets at all.
    pub(super) fn poisson_delay_s(&self) -> Option<f64> {
        match self.scenario.mixing {
            Mixing::Poisson { delay_ms_mean } if delay_ms_mean > 0.0 && self.has_mixes() => {
                Some(delay_ms_mean / 1e3)
            }
            _ => None,
        }
    }

    pub(super) const fn fixed_link_ms(&self) -> Option<f64> {
        match self.scenario.latency {
            Latency::Fixed { ms } => Some(ms),
            Latency::Uniform { .. } | Latency::Matrix { .. } => None,
        }
    }

    /// Whether packets go through mixes, and not through Tor before: its circuits take time of their own.
    pub(super) fn has_mixes(&self) -> bool {
        self.scenario.network.route == Route::Mix
    }

    pub(super) fn is_direct(&self) -> bool {
        self.scenario.network.delivery == Delivery::Direct
    }

    pub(super) fn is_always_online(&self) -> bool {
        self.scenario.clients.iter().all(|class| class.online == Online::Always)
    }

    /// Whether every client has payload slots.
    pub(super) fn has_cover(&self) -> bool {
        self.scenario.clients.iter().all(|class| class.payload_interval_ms_mean > 0.0)
    }

    pub(super) fn has_shaped_downlink(&self) -> bool {
        self.scenario.network.entries > 0
            && self.scenario.clients.iter().any(|class| class.downlink_interval_ms_mean > 0.0)
    }

    /// Whether packets begin or end inside the network.
    pub(super) fn has_hidden_packets(&self) -> bool {
        let network = &self.scenario.network;
        network.mix_loop_interval_ms_mean > 0.0 || network.link_dummy_interval_ms_mean > 0.0
    }

    /// What all clients together send by their processes.
    pub(super) fn packets_per_s(&self) -> f64 {
        self.sum(|class| {
            per_s(class.payload_interval_ms_mean)
                + per_s(class.loop_interval_ms_mean)
                + per_s(class.drop_interval_ms_mean)
        })
    }

    /// The frames that entries send to all clients together.
    pub(super) fn frames_down_per_s(&self) -> f64 {
        self.sum(|class| per_s(class.downlink_interval_ms_mean))
    }

    /// The corrupt share of each layer; `None` where corrupt mixes are drawn by chance.
    pub(super) fn corrupt_shares(&self) -> Option<Vec<f64>> {
        let corruption = &self.scenario.corruption;
        if corruption.mixes_fraction > 0.0 {
            return None;
        }
        let layout = self.scenario.layout();
        let mut named: Vec<_> = corruption.nodes.iter().filter_map(|name| layout.by_name(name)).collect();
        named.sort_unstable();
        named.dedup();
        let in_layer = |wanted: u32| {
            let corrupt = named.iter().filter(
                |party| matches!(layout.role(**party), Some(Role::Mix { layer, .. }) if layer == wanted),
            );
            corrupt.count() as f64
        };
        Some((0..).zip(layout.layers()).map(|(layer, width)| in_layer(layer) / f64::from(*width)).collect())
    }

    fn sum(&self, of: impl Fn(&ClientClass) -> f64) -> f64 {
        self.scenario.clients.iter().map(|class| f64::from(class.count) * of(class)).sum()
    }
}

fn per_s(interval_ms: f64) -> f64 {
    if interval_ms > 0.0 { 1000.0 / interval_ms } else { 0.0 }
}
