//! What the engine keeps of each client: its rates, whether it is there, and how often each of its processes has ticked.

use super::chance::{Chance, Maker};
use crate::random::Purpose;
use crate::scenario::{Route, Scenario};
use crate::time::SimTime;

/// The processes of a client that tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tick {
    /// Payload slots.
    Payload,
    /// Loops.
    Loop,
    /// Drops.
    Drop,
    /// Frames from the entry.
    Downlink,
    /// Frames of digests.
    Digest,
}

/// How many kinds there are.
const TICKS: usize = 5;

impl Tick {
    const fn purpose(self) -> Purpose {
        match self {
            Self::Payload => Purpose::PayloadSlots,
            Self::Loop => Purpose::Loops,
            Self::Drop => Purpose::Drops,
            Self::Downlink | Self::Digest => Purpose::Downlink,
        }
    }
}

/// Mean intervals of a class in nanoseconds, by [`Tick`]; 0: none.
type Rates = [f64; TICKS];

/// All clients.
#[derive(Debug)]
pub(super) struct Clients {
    rates: Vec<Rates>,
    /// The last client of each class, plus one.
    class_ends: Vec<u32>,
    ticks: Vec<[u32; TICKS]>,
    /// Whether each is online.
    pub(super) online: Vec<bool>,
    /// Whether the next change of presence is to online.
    pub(super) comes: Vec<bool>,
    /// For whom each user's next message is.
    pub(super) recipients: Vec<u32>,
}

impl Clients {
    /// All offline. Loops and drops are of the mixes: by Tor alone there are none.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let count = scenario.client_count() as usize;
        let cover = if scenario.network.route == Route::Tor { 0.0 } else { 1e6 };
        let shaped = if scenario.network.entries > 0 { cover } else { 0.0 };
        let mut end = 0;
        Self {
            rates: scenario
                .clients
                .iter()
                .map(|class| {
                    [
                        class.payload_interval_ms_mean * 1e6,
                        class.loop_interval_ms_mean * cover,
                        class.drop_interval_ms_mean * cover,
                        class.downlink_interval_ms_mean * shaped,
                        0.0,
                    ]
                })
                .collect(),
            class_ends: scenario
                .clients
                .iter()
                .map(|class| {
                    end += class.count;
                    end
                })
                .collect(),
            ticks: vec![[0; TICKS]; count],
            online: vec![false; count],
            comes: vec![false; count],
            recipients: vec![0; count],
        }
    }

    /// Mean interval in nanoseconds; 0: none.
    #[inline]
    pub(super) fn interval(&self, client: u32, tick: Tick) -> f64 {
        let class = match self.class_ends.len() {
            1 => 0,
            _ => self.class_ends.partition_point(|end| *end <= client),
        };
        self.rates.get(class).and_then(|rates| rates.get(tick as usize)).copied().unwrap_or(0.0)
    }

    /// Whether a client is online.
    #[inline]
    pub(super) fn is_online(&self, client: u32) -> bool {
        self.online.get(client as usize).copied().unwrap_or(false)
    }

    /// Counts a tick: how many came before.
    #[inline]
    pub(super) fn count(&mut self, client: u32, tick: Tick) -> u32 {
        let Some(ticks) = self.ticks.get_mut(client as usize).and_then(|ticks| ticks.get_mut(tick as usize))
        else {
            return 0;
        };
        let before = *ticks;
        *ticks = before.wrapping_add(1);
        before
    }

    /// When a process ticks that has ticked so often; `None` if the client has no such process.
    #[inline]
    pub(super) fn due(
        &self,
        now: SimTime,
        client: u32,
        tick: Tick,
        number: u32,
        chance: Chance,
    ) -> Option<SimTime> {
        let mean = self.interval(client, tick);
        (mean > 0.0).then(|| now + chance.gap(tick.purpose(), Maker::client(client), number, mean))
    }
}
