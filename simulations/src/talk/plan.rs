//! How long two people talk, and in what network.

use std::time::Duration;

use sotto_protocol::directory::{CoverClass, Params};

use crate::vnet::{Faults, VnetPlan};

/// The seed and the length of a conversation. All else is the same for all, and meant to be cheap: few packets beside
/// those that carry something, and nodes that send little of their own.
#[derive(Clone, Copy, Debug)]
pub struct TalkPlan {
    /// Decides everything.
    pub seed: u64,
    /// How many messages both send together.
    pub messages: usize,
    /// Whether anything goes wrong.
    pub is_troubled: bool,
}

impl TalkPlan {
    /// The network: one mix a layer, so that nothing is gained by another way, three mailboxes with two replicas of
    /// each box, delays beside which slots are short, and 2 % loss and 1 % duplication on every link.
    pub(super) fn network(&self) -> VnetPlan {
        let params = Params {
            delay_ms_mean: 150,
            delay_ms_max: 2_000,
            epoch_s: 3_600,
            grace_s: 3_600,
            mix_loop_interval_ms_mean: 600_000,
            link_dummy_interval_ms_mean: 600_000,
            replicas: 2,
            classes: vec![CoverClass {
                name: "standard".to_owned(),
                payload_interval_ms_mean: 500,
                loop_interval_ms_mean: 60_000,
                drop_interval_ms_mean: 60_000,
                downlink_interval_ms_mean: 100,
            }],
        };
        let faults = if self.is_troubled {
            Faults {
                latency_min: Duration::from_millis(1),
                latency_max: Duration::from_millis(200),
                loss: 0.02,
                duplication: 0.01,
            }
        } else {
            Faults::NONE
        };
        VnetPlan { params, faults, entries: 2, mixes: 6, mailboxes: 3, ..VnetPlan::small(self.seed) }
    }
}
