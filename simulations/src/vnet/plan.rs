//! What a virtual network consists of.

use sotto_protocol::directory::{CoverClass, Params};

use super::faults::Faults;

/// Counts, parameters, faults and the seed of one run.
#[derive(Clone, Debug)]
pub struct VnetPlan {
    /// Decides every draw of the run.
    pub seed: u64,
    /// Entries.
    pub entries: usize,
    /// Mixes, spread over the three layers by the authority.
    pub mixes: usize,
    /// Mailboxes.
    pub mailboxes: usize,
    /// The network parameters that the authority signs.
    pub params: Params,
    /// What happens to frames on the way.
    pub faults: Faults,
}

impl VnetPlan {
    /// Two entries, three layers of two, two mailboxes, 20 ms mean delay, a cover rate of ten packets a
    /// second, and no faults.
    #[must_use]
    pub fn small(seed: u64) -> Self {
        let params = Params {
            delay_ms_mean: 20,
            delay_ms_max: 1_000,
            epoch_s: 3_600,
            grace_s: 3_600,
            mix_loop_interval_ms_mean: 5_000,
            link_dummy_interval_ms_mean: 5_000,
            replicas: 2,
            classes: vec![CoverClass {
                name: "standard".to_owned(),
                payload_interval_ms_mean: 150,
                loop_interval_ms_mean: 2_000,
                drop_interval_ms_mean: 2_000,
                downlink_interval_ms_mean: 60,
            }],
        };
        Self { seed, entries: 2, mixes: 6, mailboxes: 2, params, faults: Faults::NONE }
    }
}
