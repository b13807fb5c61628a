//! What an adversary has seen of a run, to be thought about when it is over.
//!
//! A [`Recording`] has everything; a [`View`] is the part that an adversary of some sight gets, without a single [`Fact`] but which packets are its own.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::observer::{BoxEvent, Fact, PacketKind, WireId};
use crate::party::{Layout, Party};
use crate::scenario::Scenario;
use crate::time::SimTime;

/// One passage of one packet over one link, with both its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Which; in the order of sending.
    pub id: WireId,
    /// When it was sent.
    pub sent: SimTime,
    /// When it arrived; [`SimTime::NEVER`] if it did not before the end.
    pub arrived: SimTime,
    /// By whom.
    pub from: Party,
    /// To whom.
    pub to: Party,
}

/// A message, as it really was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageTruth {
    /// Who wrote it.
    pub sender: Party,
    /// For whom.
    pub recipient: Party,
    /// When it was written.
    pub written: SimTime,
    /// When the packet with it left; [`SimTime::NEVER`] if it did not. The same for the following.
    pub released: SimTime,
    /// When a mailbox had it.
    pub stored: SimTime,
    /// When the recipient had it.
    pub received: SimTime,
}

/// A client's presence: online from, until.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presence {
    /// Which client.
    pub client: Party,
    /// From when.
    pub from: SimTime,
    /// Until when.
    pub until: SimTime,
}

/// Everything that happened in a run.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// In the order of sending; `wires[i].id.0 == i`.
    pub wires: Vec<Wire>,
    /// What each is, by the same index.
    pub facts: Vec<Fact>,
    /// By the number of the message.
    pub messages: Vec<MessageTruth>,
    /// Times online. A client that is always there has one from the beginning to the end.
    pub presence: Vec<Presence>,
    /// What mailboxes did.
    pub boxes: Vec<BoxEvent>,
    /// What nodes forwarded: node, incoming, outgoing.
    pub forwarded: Vec<(Party, WireId, WireId)>,
}

/// Which links an adversary watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// Every link.
    Global,
    /// The links at the edges: of clients, and of mailboxes.
    Edges,
    /// The links of corrupt nodes alone.
    Corrupt,
}

/// What an adversary gets.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// Who is who.
    pub layout: &'a Layout,
    /// How the network works; public, as everybody's software is. It holds neither seeds nor draws.
    pub scenario: &'a Scenario,
    /// When watching begins and ends: the time after warming up.
    pub window: (SimTime, SimTime),
    /// The passages over watched links, in the order of sending. Who sees all of them has no copy of its own.
    pub wires: Cow<'a, [Wire]>,
    /// When clients were connected, where their links are watched.
    pub presence: Vec<Presence>,
    /// Which nodes are the adversary's own.
    pub corrupt: Vec<Party>,
    /// What its nodes forwarded: node, incoming, outgoing.
    pub forwarded: Vec<(Party, WireId, WireId)>,
    /// What its mailboxes did.
    pub boxes: Vec<BoxEvent>,
    /// The passages of packets that it made itself, in order: who makes a packet knows it at every hop.
    pub own: Vec<WireId>,
}

impl<'a> View<'a> {
    /// The watched passage of this number.
    #[must_use]
    pub fn wire(&self, id: WireId) -> Option<&Wire> {
        let index = self.wires.binary_search_by_key(&id, |wire| wire.id).ok()?;
        self.wires.get(index)
    }

    /// What an adversary of this sight, to whom these nodes belong, gets of a recording.
    #[must_use]
    pub fn of(
        recording: &'a Recording,
        layout: &'a Layout,
        scenario: &'a Scenario,
        sight: Sight,
        corrupt: &[Party],
        window: (SimTime, SimTime),
    ) -> Self {
        let owns = |party: Party| corrupt.contains(&party);
        let is_watched: Vec<bool> = (0..layout.parties())
            .map(Party)
            .map(|party| owns(party) || sight == Sight::Edges && !layout.is_mix(party))
            .collect();
        let watches = |party: Party| is_watched.get(party.index()).copied().unwrap_or(false);
        let sees = |wire: &Wire| watches(wire.from) || watches(wire.to);
        Self {
            layout,
            scenario,
            window,
            wires: match sight {
                Sight::Global => Cow::Borrowed(&recording.wires),
                Sight::Edges | Sight::Corrupt => {
                    recording.wires.iter().filter(|wire| sees(wire)).copied().collect()
                }
            },
            presence: if sight == Sight::Corrupt { Vec::new() } else { recording.presence.clone() },
            corrupt: corrupt.to_vec(),
            forwarded: recording.forwarded.iter().filter(|(node, _, _)| owns(*node)).copied().collect(),
            boxes: recording.boxes.iter().filter(|event| owns(event.mailbox)).copied().collect(),
            own: recording
                .wires
                .iter()
                .zip(&recording.facts)
                .filter(|(_, fact)| fact.kind == PacketKind::Injected)
                .map(|(wire, _)| wire.id)
                .collect(),
        }
    }
}
