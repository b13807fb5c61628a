//! The packets whose answer is awaited: reply keys, deadlines, and what an answer would settle.
//!
//! What went into a packet lives elsewhere: a box stays in the outbox until it is stored, and a
//! retransmission is a new packet with the same box. This table only ever forgets.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{SurbId, SurbKeys};
use sotto_protocol::time::Timestamp;

use super::action::CircuitId;
use super::decoys::DecoyPoll;
use super::id::ContactId;
use super::limits::OUTSTANDING_MAX;

/// What a packet was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Work {
    /// A box of the outbox, for one of its replicas.
    Write { contact: ContactId, index: u64, mailbox: NodeId },
    /// A box of a contact's stream, asked of one of its replicas.
    Read { contact: ContactId, index: u64, mailbox: NodeId },
    /// A box that does not exist, asked of a mailbox where it would lie.
    Decoy(DecoyPoll),
    /// A loop back to this client.
    Loop,
}

impl Work {
    /// The contact that it is for.
    pub(crate) const fn contact(&self) -> Option<ContactId> {
        match self {
            Self::Write { contact, .. } | Self::Read { contact, .. } => Some(*contact),
            Self::Decoy(_) | Self::Loop => None,
        }
    }
}

/// The circuit that a packet went by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Passage {
    pub(crate) circuit: CircuitId,
    /// Whether an answer had come by it before. Else the round trip tells how long it took to build.
    pub(crate) proven: bool,
}

/// A packet that leaves.
#[derive(Clone, Copy)]
pub(crate) struct Departure {
    pub(crate) work: Work,
    pub(crate) timeout: Duration,
    /// None on a lane over an entry.
    pub(crate) passage: Option<Passage>,
}

/// A packet whose answer has come.
pub(crate) struct Answered {
    pub(crate) work: Work,
    pub(crate) passage: Option<Passage>,
    pub(crate) sent_at: Timestamp,
    /// Whether its timeout had passed.
    pub(crate) late: bool,
}

struct Entry {
    work: Work,
    passage: Option<Passage>,
    sent_at: Timestamp,
    timeout: Duration,
    late: bool,
    keys: SurbKeys,
}

/// The table of one lane. An answer counts until twice the timeout; the work is free to go again after once.
#[derive(Default)]
pub(crate) struct Outstanding {
    entries: BTreeMap<SurbId, Entry>,
    deadlines: BTreeSet<(Timestamp, SurbId)>,
}

impl Outstanding {
    /// Whether another packet can be awaited.
    pub(crate) fn has_room(&self) -> bool {
        self.entries.len() < OUTSTANDING_MAX
    }

    /// Awaits the answer to a packet that leaves now. The caller has asked for room.
    pub(crate) fn insert(&mut self, now: Timestamp, departure: Departure, keys: SurbKeys) {
        let Departure { work, timeout, passage } = departure;
        let id = keys.surb_id();
        self.deadlines.insert((now + timeout, id));
        self.entries.insert(id, Entry { work, passage, sent_at: now, timeout, late: false, keys });
    }

    /// The keys to open the answer of this identifier.
    pub(crate) fn keys(&self, id: &SurbId) -> Option<&SurbKeys> {
        self.entries.get(id).map(|entry| &entry.keys)
    }

    /// Takes a packet off the table because its answer has come and is genuine.
    pub(crate) fn answered(&mut self, id: &SurbId) -> Option<Answered> {
        let entry = self.entries.remove(id)?;
        self.deadlines.remove(&(deadline(&entry), *id));
        let Entry { work, passage, sent_at, late, .. } = entry;
        Some(Answered { work, passage, sent_at, late })
    }

    /// The work whose timeout has passed since the last call, and the circuit that it went by, oldest deadline
    /// first.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<(Work, Option<CircuitId>)> {
        let mut expired = Vec::new();
        while let Some(&(at, id)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.deadlines.remove(&(at, id));
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            if entry.late {
                self.entries.remove(&id);
            } else {
                entry.late = true;
                expired.push((entry.work, entry.passage.map(|passage| passage.circuit)));
                self.deadlines.insert((deadline(entry), id));
            }
        }
        expired
    }

    /// Gives back this contact's work, to be done on another lane. Answers that come all the same still count,
    /// as late ones.
    pub(crate) fn release(&mut self, contact: ContactId) -> Vec<Work> {
        let mut released = Vec::new();
        for (id, entry) in &mut self.entries {
            if !entry.late && entry.work.contact() == Some(contact) {
                self.deadlines.remove(&(deadline(entry), *id));
                entry.late = true;
                self.deadlines.insert((deadline(entry), *id));
                released.push(entry.work);
            }
        }
        released
    }

    /// Forgets what went by a circuit that is gone, and gives back the work whose timeout had not passed.
    pub(crate) fn abandon_circuit(&mut self, circuit: CircuitId) -> Vec<Work> {
        let by = |entry: &Entry| entry.passage.is_some_and(|passage| passage.circuit == circuit);
        let gone: Vec<SurbId> =
            self.entries.iter().filter_map(|(id, entry)| by(entry).then_some(*id)).collect();
        let answered = gone.iter().filter_map(|id| self.answered(id));
        answered.filter(|gone| !gone.late).map(|gone| gone.work).collect()
    }

    /// Whether an answer is awaited by this circuit.
    pub(crate) fn awaits(&self, circuit: CircuitId) -> bool {
        self.entries.values().any(|entry| entry.passage.is_some_and(|passage| passage.circuit == circuit))
    }

    /// Forgets everything and gives back the work whose timeout had not passed: the answers cannot come any more.
    pub(crate) fn abandon(&mut self) -> Vec<Work> {
        self.deadlines.clear();
        let entries = std::mem::take(&mut self.entries);
        entries.into_values().filter(|entry| !entry.late).map(|entry| entry.work).collect()
    }

    /// How many answers are awaited, those past their timeout included.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// The next moment at which something changes for this entry.
fn deadline(entry: &Entry) -> Timestamp {
    entry.sent_at + if entry.late { entry.timeout.saturating_mul(2) } else { entry.timeout }
}

impl fmt::Debug for Outstanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outstanding({} packets)", self.entries.len())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;
    use sotto_protocol::ident::SessionAddress;
    use sotto_protocol::sphinx::{Hop, HopSecret, build_surb};

    use sotto_protocol::boxes::BoxId;

    use super::*;

    const DECOY: Work =
        Work::Decoy(DecoyPoll { id: BoxId::from_bytes([7; 32]), mailbox: NodeId::from_bytes([1; 32]) });
    const SECOND: Duration = Duration::from_secs(1);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn keys(seed: u64) -> SurbKeys {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let hop = Hop { node: NodeId::from_bytes([1; 32]), key: HopSecret::generate(&mut rng).public() };
        let session = SessionAddress::generate(&mut rng);
        build_surb(&[hop], &[Duration::ZERO], &session, &mut rng).unwrap().1
    }

    fn leaves(timeout: Duration, work: Work) -> Departure {
        Departure { work, timeout, passage: None }
    }

    #[test]
    fn an_answer_counts_until_twice_the_timeout_and_once_only() {
        let mut table = Outstanding::default();
        let (first, second) = (keys(1).surb_id(), keys(2).surb_id());
        table.insert(at(0), leaves(SECOND * 10, Work::Loop), keys(1));
        table.insert(at(0), leaves(SECOND * 20, DECOY), keys(2));
        assert!(table.expire(at(9)).is_empty());
        assert_eq!(table.expire(at(10)), [(Work::Loop, None)]);
        assert!(table.expire(at(11)).is_empty(), "it expires once");
        let answered = table.answered(&first).unwrap();
        assert!(answered.late);
        assert_eq!(answered.sent_at, at(0));
        assert!(table.answered(&first).is_none());
        assert_eq!(table.expire(at(40)), [(DECOY, None)]);
        assert!(table.expire(at(41)).is_empty());
        assert!(table.answered(&second).is_none(), "forgotten after twice its timeout");
        assert_eq!((table.len(), table.deadlines.len()), (0, 0));
    }

    #[test]
    fn what_is_abandoned_is_given_back_unless_it_had_expired() {
        let mut table = Outstanding::default();
        table.insert(at(0), leaves(SECOND, Work::Loop), keys(1));
        table.insert(at(0), leaves(SECOND * 9, DECOY), keys(2));
        table.expire(at(2));
        assert_eq!(table.abandon(), [DECOY]);
        assert_eq!((table.len(), table.deadlines.len()), (0, 0));
    }

    #[test]
    fn a_contacts_work_is_given_back_once_and_its_answers_still_count() {
        let contact = ContactId::from_bytes([3; 16]);
        let work = Work::Read { contact, index: 4, mailbox: NodeId::from_bytes([1; 32]) };
        let mut table = Outstanding::default();
        table.insert(at(0), leaves(SECOND, work), keys(1));
        table.insert(at(0), leaves(SECOND, DECOY), keys(2));
        assert_eq!(table.release(contact), [work]);
        assert!(table.release(contact).is_empty());
        assert_eq!(table.expire(at(1)), [(DECOY, None)], "what was given back does not expire");
        assert!(table.answered(&keys(1).surb_id()).is_some_and(|answered| answered.late));
        table.expire(at(2));
        assert_eq!((table.len(), table.deadlines.len()), (0, 0));
    }

    #[test]
    fn what_went_by_a_circuit_goes_with_it() {
        let by = |number| Some(Passage { circuit: CircuitId::from_number(number), proven: true });
        let mut table = Outstanding::default();
        table.insert(at(0), Departure { passage: by(7), ..leaves(SECOND, DECOY) }, keys(1));
        table.insert(at(0), Departure { passage: by(8), ..leaves(SECOND * 5, DECOY) }, keys(2));
        assert_eq!(table.expire(at(1)), [(DECOY, Some(CircuitId::from_number(7)))]);
        assert!(table.awaits(CircuitId::from_number(7)), "it may be late");
        assert!(table.abandon_circuit(CircuitId::from_number(7)).is_empty(), "it has expired");
        assert_eq!(table.abandon_circuit(CircuitId::from_number(8)), [DECOY]);
        assert!(!table.awaits(CircuitId::from_number(7)));
        assert_eq!((table.len(), table.deadlines.len()), (0, 0));
    }

    #[test]
    fn debug_shows_no_keys() {
        let mut table = Outstanding::default();
        table.insert(at(0), leaves(SECOND, Work::Loop), keys(1));
        insta::assert_snapshot!(format!("{table:?}"), @"Outstanding(1 packets)");
    }
}
