//! The demonstration's result, as it prints it with `--json`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sotto_client::core::Route;

use super::steps::{StepReport, all_passed};
use crate::stats::quantile;

/// What one run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DemoReport {
    /// How the clients reached the network: `mix`, `tor+mix` or `tor`.
    pub route: String,
    /// What was shown, in order, and how each part ended.
    pub steps: Vec<StepReport>,
    /// Messages sent, both ways.
    pub messages_sent: u64,
    /// Of these, messages that arrived with the same text.
    pub messages_delivered: u64,
    /// From `send` to the decrypted message at the other side, of those that nothing was done to meanwhile.
    pub latency_ms: Latency,
    /// How fast the file went; none if it did not arrive.
    pub file: Option<FileFigures>,
    /// What became of the packets, all nodes together.
    pub packets: Packets,
    /// Whether every node's books balance, and those of the network as a whole.
    pub balanced: bool,
    /// How long everything took.
    pub wall_s: f64,
}

/// Quantiles of the messages' latency.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of the messages took at most this long.
    pub p50: f64,
    /// 95 % of the messages took at most this long.
    pub p95: f64,
}

/// How fast a file went, both programs being killed meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileFigures {
    /// Its length over the time until it was there.
    pub bytes_per_s: f64,
    /// The share of the sender's payload slots that carried a box, from the sender's restart on.
    pub slots_used: f64,
}

/// The sum of all nodes' ledgers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Packets {
    /// Packets received.
    pub received: u64,
    /// Of these, handed to the next hop.
    pub forwarded: u64,
    /// Of these, used where they arrived.
    pub delivered: u64,
    /// Of these, still waiting.
    pub held: u64,
    /// Of these, dropped, by label.
    pub dropped: BTreeMap<String, u64>,
}

/// What the conversation measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    pub(super) sent: u64,
    pub(super) delivered: u64,
    pub(super) latencies_ms: Vec<f64>,
    pub(super) file: Option<FileFigures>,
}

/// The network's packets and whether the books balance.
#[derive(Clone, Debug)]
pub(super) struct Books {
    pub(super) packets: Packets,
    pub(super) balanced: bool,
}

impl DemoReport {
    pub(super) fn new(
        route: Route,
        steps: Vec<StepReport>,
        figures: &Figures,
        books: Books,
        wall: Duration,
    ) -> Self {
        let at = |q| quantile(&figures.latencies_ms, q).map_or(0.0, |ms| (ms * 10.0).round() / 10.0);
        Self {
            route: route.to_string(),
            steps,
            messages_sent: figures.sent,
            messages_delivered: figures.delivered,
            latency_ms: Latency { p50: at(0.5), p95: at(0.95) },
            file: figures.file,
            packets: books.packets,
            balanced: books.balanced,
            wall_s: (wall.as_secs_f64() * 10.0).round() / 10.0,
        }
    }

    /// Whether every step ended as it should, every message arrived intact and the books balance.
    #[must_use]
    pub fn passed(&self) -> bool {
        all_passed(&self.steps)
            && self.messages_sent > 0
            && self.messages_delivered == self.messages_sent
            && self.balanced
    }
}

#[cfg(test)]
mod tests {
    use super::super::steps::Step;
    use super::*;

    fn report(sent: u64, delivered: u64, balanced: bool) -> DemoReport {
        let packets = Packets { received: 9, forwarded: 5, delivered: 4, held: 0, dropped: BTreeMap::new() };
        let figures = Figures { sent, delivered, latencies_ms: vec![100.0, 300.0], file: None };
        let steps = Step::ALL.map(|name| StepReport { name, passed: true, found: String::new() }).to_vec();
        DemoReport::new(
            Route::Mix,
            steps,
            &figures,
            Books { packets, balanced },
            Duration::from_millis(1_234),
        )
    }

    #[test]
    fn a_missing_message_or_packet_is_no_success() {
        assert!(report(2, 2, true).passed());
        assert!(!report(2, 1, true).passed());
        assert!(!report(2, 2, false).passed());
        assert!(!report(0, 0, true).passed());
        let mut failed = report(2, 2, true);
        failed.steps[0].passed = false;
        assert!(!failed.passed());
    }

    #[test]
    fn the_json_has_the_documented_shape() {
        let mut report = report(2, 2, true);
        report.steps.retain(|step| step.name == Step::WrongNumber);
        insta::assert_snapshot!(
            serde_json::to_string(&report).unwrap(),
            @r#"{"route":"mix","steps":[{"name":"wrong-number","passed":true,"found":""}],"messages_sent":2,"messages_delivered":2,"latency_ms":{"p50":200.0,"p95":290.0},"file":null,"packets":{"received":9,"forwarded":5,"delivered":4,"held":0,"dropped":{}},"balanced":true,"wall_s":1.2}"#
        );
    }
}
