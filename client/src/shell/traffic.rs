//! Counts what crosses this process's links, by what they are for.
//!
//! Links that the doctor makes to examine the network are not counted.

use std::sync::Arc;

use sotto_transport::link::LinkMeter;

use crate::core::{Route, Traffic, Volume};

/// A meter for each purpose. Clones share them.
#[derive(Clone, Default, Debug)]
pub(super) struct Meters {
    mix: Arc<LinkMeter>,
    tor_mix: Arc<LinkMeter>,
    tor: Arc<LinkMeter>,
    consensus: Arc<LinkMeter>,
}

impl Meters {
    /// Of the links that carry a route's packets.
    pub(super) const fn of(&self, route: Route) -> &Arc<LinkMeter> {
        match route {
            Route::Mix => &self.mix,
            Route::TorMix => &self.tor_mix,
            Route::Tor => &self.tor,
        }
    }

    /// Of the links by which the consensus is fetched.
    pub(super) const fn consensus(&self) -> &Arc<LinkMeter> {
        &self.consensus
    }

    /// What they show.
    pub(super) fn read(&self) -> Traffic {
        let volume =
            |meter: &LinkMeter| Volume { up_bytes: meter.up_bytes(), down_bytes: meter.down_bytes() };
        Traffic {
            mix: volume(&self.mix),
            tor_mix: volume(&self.tor_mix),
            tor: volume(&self.tor),
            consensus: volume(&self.consensus),
        }
    }

    /// Begins to count anew.
    pub(super) fn reset(&self) {
        for meter in [&self.mix, &self.tor_mix, &self.tor, &self.consensus] {
            meter.reset();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_a_meter_of_its_own_that_clones_share() {
        let meters = Meters::default();
        let all = Route::ALL.map(|route| Arc::as_ptr(meters.of(route)));
        let consensus = Arc::as_ptr(meters.consensus());
        let others = [all[1], all[2], consensus];
        assert!(!others.contains(&all[0]) && all[1] != all[2] && !all.contains(&consensus));
        assert_eq!(Route::ALL.map(|route| Arc::as_ptr(meters.clone().of(route))), all);
        assert_eq!(meters.read(), Traffic::default());
    }
}
