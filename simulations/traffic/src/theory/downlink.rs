//! The load of shaped downlinks: at 1 and above what waits at the entry for its client grows without bound.
//!
//! Source: the queue with Poisson frames and arrivals at rate lambda, served at rate mu, is stationary only for lambda < mu
//! (Kleinrock, "Queueing Systems", volume 1, 1975, chapter 3). Not here: how long packets wait in it.

use crate::scenario::{ClientClass, Delivery, Notice, Route, Scenario};

/// What comes for a client while it is online, beside the frames that it gets, at the class where that is most. `None` without
/// shaped downlinks.
///
/// It counts an answer for each payload slot, the client's loops, and one frame of each mailbox's digest, so that the true load
/// is no less. Straight to recipients messages come beside the downlink.
#[must_use]
pub fn load_max(scenario: &Scenario) -> Option<f64> {
    if scenario.network.entries == 0 || scenario.network.route == Route::Tor {
        return None;
    }
    let shaped = scenario.clients.iter().filter(|class| class.downlink_interval_ms_mean > 0.0);
    shaped
        .map(|class| arriving_per_s(scenario, class) * class.downlink_interval_ms_mean / 1e3)
        .reduce(f64::max)
}

fn arriving_per_s(scenario: &Scenario, class: &ClientClass) -> f64 {
    let rate = |interval_ms: f64| if interval_ms > 0.0 { 1e3 / interval_ms } else { 0.0 };
    let loops = rate(class.loop_interval_ms_mean);
    if scenario.network.delivery == Delivery::Direct {
        return loops;
    }
    let digests = match scenario.mailboxes.notice {
        Notice::Digest { interval_s } => f64::from(scenario.mailboxes.count) / interval_s,
        Notice::Polling => 0.0,
    };
    loops + rate(class.payload_interval_ms_mean) + digests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_loops_and_digests_load_the_downlink() {
        let mut scenario = Scenario::default();
        // 1 and 0.2 a second for 2 frames.
        assert!((load_max(&scenario).unwrap() - 0.6).abs() < 1e-12);
        scenario.mailboxes.count = 4;
        scenario.mailboxes.notice = Notice::Digest { interval_s: 10.0 };
        assert!((load_max(&scenario).unwrap() - 0.8).abs() < 1e-12);
        let slow = ClientClass { downlink_interval_ms_mean: 1000.0, ..ClientClass::default() };
        scenario.clients.push(slow);
        assert!((load_max(&scenario).unwrap() - 1.6).abs() < 1e-12);
        scenario.network.delivery = Delivery::Direct;
        assert!((load_max(&scenario).unwrap() - 0.2).abs() < 1e-12);
        scenario.network.entries = 0;
        assert_eq!(load_max(&scenario), None);
    }
}
