//! Boxes that do not exist, asked for just as those that may come.
//!
//! A poll names the same box again and again until it has come. A decoy that was asked for once would be told
//! from it by any mailbox; so decoys live for hours, lie at the mailboxes where a real box of their name would lie,
//! and take turns with the contacts' boxes. There are as many as it takes to fill the slots that the
//! contacts leave empty. They are in memory only: after a restart there are others.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::boxes::BoxId;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::draw_exponential;
use sotto_protocol::time::Timestamp;

use super::limits::DECOYS_MAX;

/// Mean time for which a decoy is asked for: a contact's next box may be awaited as long.
const LIFE_MEAN: Duration = Duration::from_secs(2 * 3600);

/// A question about a decoy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DecoyPoll {
    pub(crate) id: BoxId,
    pub(crate) mailbox: NodeId,
}

struct Decoy {
    id: BoxId,
    until: Timestamp,
    /// Where such a box would lie; empty until asked for.
    replicas: Vec<NodeId>,
    /// Where in `replicas` to ask next.
    next: usize,
    /// Mailboxes whose answer is awaited.
    asked: BTreeSet<NodeId>,
    /// The turn at which it was last asked for.
    turn: u64,
}

impl Decoy {
    /// The next replica in turn that is not being asked already.
    fn next_replica(&self) -> Option<(usize, NodeId)> {
        let from = self.next.checked_rem(self.replicas.len())?;
        let order = self.replicas.iter().enumerate().cycle().skip(from).take(self.replicas.len());
        order.map(|(at, mailbox)| (at, *mailbox)).find(|(_, mailbox)| !self.asked.contains(mailbox))
    }
}

/// The decoys in use.
#[derive(Default)]
pub(crate) struct Decoys(Vec<Decoy>);

impl Decoys {
    /// The turn of the decoy that was asked for longest ago, of those that can be asked for now.
    pub(crate) fn turn(&self) -> Option<u64> {
        self.0.iter().filter(|decoy| decoy.next_replica().is_some()).map(|decoy| decoy.turn).min()
    }

    /// Asks for that decoy, at `turn`, which grows.
    pub(crate) fn next_poll(&mut self, turn: u64) -> Option<DecoyPoll> {
        let askable = self.0.iter_mut().filter_map(|decoy| decoy.next_replica().map(|next| (decoy, next)));
        let (decoy, (at, mailbox)) = askable.min_by_key(|(decoy, _)| decoy.turn)?;
        decoy.next = at.saturating_add(1);
        decoy.turn = turn;
        decoy.asked.insert(mailbox);
        Some(DecoyPoll { id: decoy.id, mailbox })
    }

    /// Makes another one, unless there are [`DECOYS_MAX`].
    pub(crate) fn add(
        &mut self,
        now: Timestamp,
        place: impl Fn(&BoxId) -> Vec<NodeId>,
        rng: &mut impl CryptoRng,
    ) {
        if self.0.len() < DECOYS_MAX {
            let id = BoxId::decoy(rng);
            let until = now + draw_exponential(LIFE_MEAN, rng);
            let replicas = place(&id);
            self.0.push(Decoy { id, until, replicas, next: 0, asked: BTreeSet::new(), turn: 0 });
        }
    }

    /// No answer of this mailbox about this decoy is awaited any more.
    pub(crate) fn settled(&mut self, poll: &DecoyPoll) {
        if let Some(decoy) = self.0.iter_mut().find(|decoy| decoy.id == poll.id) {
            decoy.asked.remove(&poll.mailbox);
        }
    }

    /// Lets go of those whose time is over.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.0.retain(|decoy| now < decoy.until);
    }

    /// Boxes may lie elsewhere now.
    pub(crate) fn replace(&mut self, place: impl Fn(&BoxId) -> Vec<NodeId>) {
        for decoy in &mut self.0 {
            decoy.replicas = place(&decoy.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    const REPLICAS: [NodeId; 2] = [NodeId::from_bytes([1; 32]), NodeId::from_bytes([2; 32])];
    const NOW: Timestamp = Timestamp::from_millis(1_000);

    fn decoys(count: usize) -> Decoys {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut decoys = Decoys::default();
        (0..count).for_each(|_| decoys.add(NOW, |_| REPLICAS.to_vec(), &mut rng));
        decoys
    }

    #[test]
    fn a_decoy_is_asked_of_each_replica_in_turn_and_again_once_answered() {
        let mut decoys = decoys(1);
        let first = decoys.next_poll(1).unwrap();
        let second = decoys.next_poll(2).unwrap();
        assert_eq!(first.id, second.id);
        assert_ne!(first.mailbox, second.mailbox);
        assert_eq!((decoys.turn(), decoys.next_poll(3)), (None, None), "both are being asked");
        decoys.settled(&first);
        assert_eq!(decoys.next_poll(4), Some(first), "the same box again");
    }

    #[test]
    fn several_take_turns() {
        let mut decoys = decoys(3);
        let asked: Vec<BoxId> = (1..=3).map(|turn| decoys.next_poll(turn).unwrap().id).collect();
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 3);
        let again: Vec<BoxId> = (4..=6).map(|turn| decoys.next_poll(turn).unwrap().id).collect();
        assert_eq!(asked, again);
    }

    #[test]
    fn they_are_bounded_and_end() {
        let mut decoys = decoys(DECOYS_MAX + 5);
        assert_eq!(decoys.0.len(), DECOYS_MAX);
        decoys.expire(NOW + LIFE_MEAN * 50);
        assert_eq!(decoys.0.len(), 0);
    }

    #[test]
    fn they_move_with_the_mailboxes() {
        let mut decoys = decoys(1);
        let elsewhere = NodeId::from_bytes([9; 32]);
        decoys.replace(|_| vec![elsewhere]);
        assert_eq!(decoys.next_poll(1).unwrap().mailbox, elsewhere);
    }
}
