//! The circuits of route `tor`: which one a packet takes, how long each is used, and when a mailbox is left in peace.
//!
//! A mailbox sees which packets came by one circuit. So a circuit has one use only: one direction of one
//! conversation, or one decoy, at one mailbox. It takes no more packets once
//!
//! - its time is over, drawn uniformly from [`CIRCUIT_LIFE_MIN`] to [`CIRCUIT_LIFE_MAX`];
//! - a packet on it was not answered in time;
//! - what it reads has moved on to another box, after [`CIRCUIT_SHARED_MAX`]: the mailbox would else see by each
//!   circuit that the box found and the box asked for next belong together;
//!
//! and is closed when no answer is awaited on it any more. After a failure no new circuit leads to that mailbox for
//! a pause that doubles, and then one at a time until an answer has come: a dead mailbox meets one attempt in
//! [`CIRCUIT_PAUSE_MAX`], however many contacts wait.
//!
//! Nothing here opens a circuit; that is the shell's.

use std::collections::BTreeMap;

use rand::{CryptoRng, RngExt};
use sotto_protocol::boxes::BoxId;
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::action::CircuitId;
use super::id::ContactId;
use super::limits::{
    CIRCUIT_LIFE_MAX, CIRCUIT_LIFE_MIN, CIRCUIT_PAUSE_MAX, CIRCUIT_PAUSE_MIN, CIRCUIT_SHARED_MAX,
    CIRCUITS_MAX,
};

/// What a circuit carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Purpose {
    /// Boxes for this contact.
    Write(ContactId),
    /// Questions for boxes of this contact.
    Read(ContactId),
    /// Questions for this box, which does not exist.
    Decoy(BoxId),
    /// Questions each for another box that does not exist. As nobody awaits their answers, they prove nothing.
    Stray,
}

/// What a circuit carries, and to which mailbox.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Usage {
    pub(crate) purpose: Purpose,
    pub(crate) mailbox: NodeId,
}

struct Circuit {
    usage: Usage,
    since: Timestamp,
    until: Timestamp,
    /// Whether an answer has come by it.
    proven: bool,
    /// When it was last used, in uses of any.
    turn: u64,
}

/// A mailbox to which the last circuit failed.
struct Trouble {
    failures: u32,
    /// No new circuit before this moment.
    not_before: Timestamp,
    why: String,
}

/// A circuit for a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Taken {
    pub(crate) circuit: CircuitId,
    /// Whether an answer has come by it. Else it may not be built yet, and the packet's answer takes longer.
    pub(crate) proven: bool,
    /// A circuit that had to make room; it is gone, with what was awaited on it.
    pub(crate) evicted: Option<CircuitId>,
}

/// All circuits that are not closed. Those in `current` take packets, the others only await answers.
#[derive(Default)]
pub(crate) struct Circuits {
    circuits: BTreeMap<CircuitId, Circuit>,
    current: BTreeMap<Usage, CircuitId>,
    troubles: BTreeMap<NodeId, Trouble>,
    /// How many were made.
    made: u64,
    turn: u64,
}

impl Circuits {
    /// Whether a packet of this use can go now.
    pub(crate) fn may_send(&self, now: Timestamp, usage: &Usage) -> bool {
        self.current(now, usage).is_some() || self.may_open(now, usage)
    }

    /// The circuit for a packet of this use that leaves now. The caller has asked whether it can.
    pub(crate) fn take(&mut self, now: Timestamp, usage: Usage, rng: &mut impl CryptoRng) -> Taken {
        self.turn = self.turn.saturating_add(1);
        if let Some(circuit) = self.current(now, &usage)
            && let Some(found) = self.circuits.get_mut(&circuit)
        {
            found.turn = self.turn;
            return Taken { circuit, proven: found.proven, evicted: None };
        }
        let evicted = (self.circuits.len() >= CIRCUITS_MAX).then(|| self.evict()).flatten();
        let circuit = CircuitId::from_number(self.made);
        self.made = self.made.saturating_add(1);
        let until = now + rng.random_range(CIRCUIT_LIFE_MIN..=CIRCUIT_LIFE_MAX);
        self.circuits.insert(circuit, Circuit { usage, since: now, until, proven: false, turn: self.turn });
        self.current.insert(usage, circuit);
        Taken { circuit, proven: false, evicted }
    }

    /// An answer has come by this circuit.
    pub(crate) fn answered(&mut self, circuit: CircuitId) {
        if let Some(found) = self.circuits.get_mut(&circuit) {
            found.proven = true;
            self.troubles.remove(&found.usage.mailbox);
        }
    }

    /// A packet on this circuit was not answered in time.
    pub(crate) fn timed_out(&mut self, now: Timestamp, circuit: CircuitId) {
        if let Some(usage) = self.retire(circuit) {
            self.trouble(now, usage.mailbox, "an answer did not come in time");
        }
    }

    /// This circuit could not be made, or broke. It is gone.
    pub(crate) fn failed(&mut self, now: Timestamp, circuit: CircuitId, why: &str) {
        self.retire(circuit);
        if let Some(failed) = self.circuits.remove(&circuit) {
            self.trouble(now, failed.usage.mailbox, why);
        }
    }

    /// What is read of this contact has moved on to another box.
    pub(crate) fn moved_on(&mut self, now: Timestamp, contact: ContactId) {
        let (circuits, reads) = (&self.circuits, Purpose::Read(contact));
        self.current.retain(|usage, circuit| {
            let since = circuits.get(circuit).map_or(now, |found| found.since);
            usage.purpose != reads || now.since(since) < CIRCUIT_SHARED_MAX
        });
    }

    /// Nothing more goes to or from this contact here.
    pub(crate) fn leave(&mut self, contact: ContactId) {
        let (writes, reads) = (Purpose::Write(contact), Purpose::Read(contact));
        self.current.retain(|usage, _| usage.purpose != writes && usage.purpose != reads);
    }

    /// Only these mailboxes are left in the network.
    pub(crate) fn keep_mailboxes(&mut self, listed: impl Fn(&NodeId) -> bool) {
        self.current.retain(|usage, _| listed(&usage.mailbox));
        self.troubles.retain(|mailbox, _| listed(mailbox));
    }

    /// The circuits to be closed: they take no more packets and nothing is awaited on them. They are gone.
    pub(crate) fn tidy(&mut self, now: Timestamp, awaited: impl Fn(CircuitId) -> bool) -> Vec<CircuitId> {
        let (circuits, current) = (&mut self.circuits, &mut self.current);
        current.retain(|_, circuit| circuits.get(circuit).is_some_and(|found| now < found.until));
        let done = |(circuit, found): (&CircuitId, &Circuit)| {
            let retired = current.get(&found.usage) != Some(circuit);
            (retired && !awaited(*circuit)).then_some(*circuit)
        };
        let closed: Vec<CircuitId> = circuits.iter().filter_map(done).collect();
        for circuit in &closed {
            circuits.remove(circuit);
        }
        closed
    }

    /// Tor is gone, or nobody wants it: no circuit is left, and past failures mean nothing.
    pub(crate) fn clear(&mut self) -> Vec<CircuitId> {
        self.current.clear();
        self.troubles.clear();
        std::mem::take(&mut self.circuits).into_keys().collect()
    }

    /// How many are not closed.
    pub(crate) fn len(&self) -> usize {
        self.circuits.len()
    }

    /// Why no circuit leads to this mailbox at present: what failed, and when the next is made.
    pub(crate) fn trouble_with(&self, mailbox: &NodeId) -> Option<(&str, Timestamp)> {
        self.troubles.get(mailbox).map(|trouble| (trouble.why.as_str(), trouble.not_before))
    }

    fn current(&self, now: Timestamp, usage: &Usage) -> Option<CircuitId> {
        let circuit = self.current.get(usage)?;
        self.circuits.get(circuit).filter(|found| now < found.until).map(|_| *circuit)
    }

    fn may_open(&self, now: Timestamp, usage: &Usage) -> bool {
        let Some(trouble) = self.troubles.get(&usage.mailbox) else { return true };
        let unproven = |circuit: &CircuitId| self.circuits.get(circuit).is_some_and(|found| !found.proven);
        let tried = self.current.iter().any(|(other, circuit)| {
            other.mailbox == usage.mailbox && other.purpose != Purpose::Stray && unproven(circuit)
        });
        now >= trouble.not_before && !tried && usage.purpose != Purpose::Stray
    }

    /// Takes no more packets.
    fn retire(&mut self, circuit: CircuitId) -> Option<Usage> {
        let usage = self.circuits.get(&circuit)?.usage;
        if self.current.get(&usage) == Some(&circuit) {
            self.current.remove(&usage);
        }
        Some(usage)
    }

    /// Makes room: one that only awaits answers if there is one, else the one used longest ago.
    fn evict(&mut self) -> Option<CircuitId> {
        let current = &self.current;
        let in_use = |circuit: &CircuitId, found: &Circuit| current.get(&found.usage) == Some(circuit);
        let oldest = self.circuits.iter().min_by_key(|(circuit, found)| (in_use(circuit, found), found.turn));
        let circuit = *oldest?.0;
        self.retire(circuit);
        self.circuits.remove(&circuit);
        Some(circuit)
    }

    /// What fails within one pause is one failure.
    fn trouble(&mut self, now: Timestamp, mailbox: NodeId, why: &str) {
        let none = || Trouble { failures: 0, not_before: Timestamp::from_micros(0), why: String::new() };
        let trouble = self.troubles.entry(mailbox).or_insert_with(none);
        why.clone_into(&mut trouble.why);
        if now >= trouble.not_before {
            let pause = CIRCUIT_PAUSE_MIN.saturating_mul(2u32.saturating_pow(trouble.failures));
            trouble.not_before = now + pause.min(CIRCUIT_PAUSE_MAX);
            trouble.failures = trouble.failures.saturating_add(1);
        }
    }
}

impl std::fmt::Debug for Circuits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Circuits({})", self.circuits.len())
    }
}

#[cfg(test)]
mod tests;
