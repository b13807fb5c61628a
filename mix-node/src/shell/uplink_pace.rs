//! Reads a client's link no faster than its class sends.
//!
//! What a client sends too fast stays in its own buffers and costs the entry nothing: not a record is opened, and no
//! place is taken among the events that wait for the core, where it would make others' packets late. The core keeps
//! the same account of every packet that comes, and has the last word.

use std::time::Duration;

use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::link::LinkError;

use super::links::LinkContext;
use crate::core::{Allowance, uplink_interval};

/// How often a link has to be held up before it counts as one that is too fast. An honest client hardly ever is: what
/// waited for a connection that stalled can use its allowance up once.
const HOLD_UPS_COUNTED: u32 = 16;

/// Between two requests for the consensus. There is a new one once an epoch.
const REQUEST_INTERVAL_MIN: Duration = Duration::from_secs(5);

/// The pace of one client's link.
pub(super) struct UplinkPace {
    clock: Clock,
    class: u8,
    allowance: Option<Allowance>,
    hold_ups: u32,
    asked: Option<Timestamp>,
}

impl UplinkPace {
    /// Of a client whose session was opened just now. A session that is resumed begins anew here; the core remembers
    /// what it has used up.
    pub(super) const fn new(class: u8, clock: Clock) -> Self {
        Self { clock, class, allowance: None, hold_ups: 0, asked: None }
    }

    /// Returns when the client may send, and says how many packets, at most `packets_max`. The link is not to be read
    /// before.
    pub(super) async fn ready(&mut self, packets_max: usize, context: &LinkContext) -> usize {
        loop {
            let now = self.clock.now();
            let (packets, ready_at) = self.room(now, packets_max, context);
            if packets > 0 {
                return packets;
            }
            self.hold_ups = self.hold_ups.saturating_add(1);
            if self.hold_ups == HOLD_UPS_COUNTED {
                context.failures.count("uplink-paced");
            }
            self.clock.sleep_until(ready_at).await;
        }
    }

    /// Counts packets that have come since the client was [`ready`](Self::ready).
    pub(super) fn took(&mut self, packets: usize, context: &LinkContext) {
        let now = self.clock.now();
        if let (Some(interval), Some(allowance)) = (context.uplink_interval(self.class), &mut self.allowance)
        {
            for _ in 0..packets {
                // Never too much: as many were allowed before they came.
                let _within = allowance.take(now, interval);
            }
        }
    }

    /// Counts a request for the consensus.
    ///
    /// # Errors
    /// [`LinkError::AnswersExhausted`] if it follows the one before too fast.
    pub(super) fn asks(&mut self) -> Result<(), LinkError> {
        let now = self.clock.now();
        let before = self.asked.replace(now);
        let is_early = before.is_some_and(|before| now.since(before) < REQUEST_INTERVAL_MIN);
        if is_early { Err(LinkError::AnswersExhausted(1)) } else { Ok(()) }
    }

    /// How many packets may come now, or when the next one may.
    fn room(&mut self, now: Timestamp, packets_max: usize, context: &LinkContext) -> (usize, Timestamp) {
        // Without a class there is no rate; the core ends such a session.
        let Some(interval) = context.uplink_interval(self.class) else {
            return (packets_max, now);
        };
        let mut allowance = *self.allowance.get_or_insert_with(|| Allowance::new(now, interval));
        let ready_at = allowance.ready_at(now, interval);
        let packets = (0..packets_max).take_while(|_| allowance.take(now, interval).is_ok()).count();
        (packets, ready_at)
    }
}

impl LinkContext {
    /// The interval of a client of that class that sends as fast as it may.
    fn uplink_interval(&self, class: u8) -> Option<Duration> {
        let consensus = self.consensus.borrow();
        let class = consensus.as_ref()?.consensus.params.classes.get(usize::from(class))?;
        Some(uplink_interval(class))
    }
}
