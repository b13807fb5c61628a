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

/// A packet whose answer has come.
pub(crate) struct Answered {
    pub(crate) work: Work,
    pub(crate) sent_at: Timestamp,
    /// Whether its timeout had passed.
    pub(crate) late: bool,
}

struct Entry {
    work: Work,
    sent_at: Timestamp,
    timeout: Duration,
    late: bool,
    keys: SurbKeys,
}

/// The table. An answer counts until twice the timeout; the work is free to go again after once.
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
    pub(crate) fn insert(&mut self, now: Timestamp, timeout: Duration, work: Work, keys: SurbKeys) {
        let id = keys.surb_id();
        self.deadlines.insert((now + timeout, id));
        self.entries.insert(id, Entry { work, sent_at: now, timeout, late: false, keys });
    }

    /// The keys to open the answer of this identifier.
    pub(crate) fn keys(&self, id: &SurbId) -> Option<&SurbKeys> {
        self.entries.get(id).map(|entry| &entry.keys)
    }

    /// Takes a packet off the table because its answer has come and is genuine.
    pub(crate) fn answered(&mut self, id: &SurbId) -> Option<Answered> {
        let entry = self.entries.remove(id)?;
        self.deadlines.remove(&(deadline(&entry), *id));
        Some(Answered { work: entry.work, sent_at: entry.sent_at, late: entry.late })
    }

    /// The work whose timeout has passed since the last call, oldest deadline first.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<Work> {
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
                expired.push(entry.work);
                self.deadlines.insert((deadline(entry), id));
            }
        }
        expired
    }

    /// Forgets everything and gives back the work whose timeout had not passed: the session that the answers
    /// would come to is gone.
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

    #[test]
    fn an_answer_counts_until_twice_the_timeout_and_once_only() {
        let mut table = Outstanding::default();
        let (first, second) = (keys(1).surb_id(), keys(2).surb_id());
        table.insert(at(0), SECOND * 10, Work::Loop, keys(1));
        table.insert(at(0), SECOND * 20, DECOY, keys(2));
        assert!(table.expire(at(9)).is_empty());
        assert_eq!(table.expire(at(10)), [Work::Loop]);
        assert!(table.expire(at(11)).is_empty(), "it expires once");
        let answered = table.answered(&first).unwrap();
        assert!(answered.late);
        assert_eq!(answered.sent_at, at(0));
        assert!(table.answered(&first).is_none());
        assert_eq!(table.expire(at(40)), [DECOY]);
        assert!(table.expire(at(41)).is_empty());
        assert!(table.answered(&second).is_none(), "forgotten after twice its timeout");
        assert_eq!((table.len(), table.deadlines.len()), (0, 0));
    }

    #[test]
    fn what_is_abandoned_is_given_back_unless_it_had_expired() {
        let mut table = Outstanding::default();
        table.insert(at(0), SECOND, Work::Loop, keys(1));
        table.insert(at(0), SECOND * 9, DECOY, keys(2));
        table.expire(at(2));
        assert_eq!(table.abandon(), [DECOY]);
        assert_eq!((table.len(), table.deadlines.len()), (0, 0));
    }

    #[test]
    fn debug_shows_no_keys() {
        let mut table = Outstanding::default();
        table.insert(at(0), SECOND, Work::Loop, keys(1));
        insta::assert_snapshot!(format!("{table:?}"), @"Outstanding(1 packets)");
    }
}
