//! Everybody's outbox and inbox, and the mailboxes.

mod load;

pub use load::{Answer, Load, Served};

use super::Addressees;
use crate::adversary::Interference;
use crate::observer::{MessageEvent, WireId};
use crate::party::{Layout, Party};
use crate::random::{Draws, Seed};
use crate::scenario::Scenario;
use crate::time::SimTime;

/// How often a client without payload slots asks all its contacts; see [`Desk::round`].
pub const ROUND_INTERVAL: SimTime = SimTime::from_nanos(60_000_000_000);

/// Outboxes, inboxes and mailboxes of a run.
#[derive(Clone, Debug)]
pub struct Desk {
    layout: Layout,
    numbers: u32,
}

impl Desk {
    /// Empty ones. Clients ask those who may write to them, which is what the addressees are for
    /// ([`Writing::addressees`](super::Writing::addressees)).
    #[must_use]
    pub fn new(_scenario: &Scenario, layout: &Layout, _seed: Seed, _addressees: &Addressees) -> Self {
        Self { layout: layout.clone(), numbers: 0 }
    }

    /// What an adversary does: only [`Interference::Equivocate`] concerns mailboxes.
    pub fn interfere(&mut self, _interference: &Interference) {}

    /// A client goes online or offline. All are online until something else is said.
    pub fn presence(&mut self, _now: SimTime, _client: u32, _online: bool) {}

    /// A user has written a message; returns its number, from 0.
    pub fn written(&mut self, _now: SimTime, _sender: u32, _recipient: u32) -> u32 {
        let number = self.numbers;
        self.numbers = number.wrapping_add(1);
        number
    }

    /// What this payload slot of a client carries.
    pub fn slot(&mut self, _now: SimTime, _client: u32) -> Load {
        Load::Nothing
    }

    /// For clients without payload slots (`payload_interval_ms_mean` 0): what goes at once. To be called until there is
    /// nothing, after [`Self::written`], [`Self::digest`] and [`Self::round`].
    pub fn urgent(&mut self, _now: SimTime, _client: u32) -> Option<Load> {
        None
    }

    /// For clients without payload slots, each [`ROUND_INTERVAL`]: all contacts are to be asked once, by [`Self::urgent`].
    pub fn round(&mut self, _now: SimTime, _client: u32) {}

    /// A command has reached a mailbox. `None` if the load is no command.
    pub fn command(&mut self, _now: SimTime, _mailbox: Party, _load: &Load, _wire: WireId) -> Option<Served> {
        None
    }

    /// An answer has reached its client.
    pub fn answered(&mut self, _now: SimTime, _client: u32, _answer: &Answer) -> Option<(u32, MessageEvent)> {
        None
    }

    /// The end of an interval of [`Notice::Digest`](crate::scenario::Notice::Digest): all clients that are online learn
    /// what mailboxes have got in it. Returns how many frames that is to each of them.
    pub fn digest(&mut self, _now: SimTime) -> u32 {
        0
    }

    /// Where a drop goes, or cover without a mailbox: any mailbox, or any client where messages go straight to clients.
    pub fn drop_target(&self, draws: &mut Draws) -> Party {
        match self.layout.mailboxes() {
            0 => self.layout.client(draws.below(self.layout.clients())),
            mailboxes => self.layout.mailbox(draws.below(mailboxes)),
        }
    }
}
