//! Boxes that do not exist, asked for just as those that may come.
//!
//! A poll names the same box again and again until it has come. A decoy that was asked for once would be told
//! from it by any mailbox; so decoys live for hours, lie at the mailboxes where a real box of their name would lie,
//! and take turns with the contacts' boxes. There are as many as it takes to fill the slots that the
//! contacts leave empty. They are in memory only: after a restart there are others.

use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::boxes::BoxId;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::draw_exponential;
use sotto_protocol::time::Timestamp;

use super::limits::DECOYS_MAX;
use super::rotation::Rotation;

/// Mean time for which a decoy is asked for: a contact's next box may be awaited as long.
pub(crate) const LIFE_MEAN: Duration = Duration::from_secs(2 * 3600);

/// A question about a decoy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DecoyPoll {
    pub(crate) id: BoxId,
    pub(crate) mailbox: NodeId,
}

struct Decoy {
    id: BoxId,
    until: Timestamp,
    /// Where such a box would lie.
    rotation: Rotation,
    /// The turn at which it was last asked for.
    turn: u64,
}

/// The decoys in use.
#[derive(Default)]
pub(crate) struct Decoys(Vec<Decoy>);

impl Decoys {
    /// The turn of the decoy that was asked for longest ago, of those that are not being asked for everywhere.
    pub(crate) fn turn(&self) -> Option<u64> {
        self.0.iter().filter(|decoy| decoy.rotation.can_ask(|_| true)).map(|decoy| decoy.turn).min()
    }

    /// Asks for the decoy that was asked for longest ago, of those that lie where it can be `reached`. At `turn`,
    /// which grows.
    pub(crate) fn next_poll(
        &mut self,
        turn: u64,
        reached: impl Fn(&BoxId, &NodeId) -> bool,
    ) -> Option<DecoyPoll> {
        let askable =
            self.0.iter_mut().filter(|decoy| decoy.rotation.can_ask(|mailbox| reached(&decoy.id, mailbox)));
        let decoy = askable.min_by_key(|decoy| decoy.turn)?;
        let id = decoy.id;
        let mailbox = decoy.rotation.ask(|mailbox| reached(&id, mailbox))?;
        decoy.turn = turn;
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
            let mut rotation = Rotation::default();
            rotation.place(place(&id));
            self.0.push(Decoy { id, until, rotation, turn: 0 });
        }
    }

    /// No answer of this mailbox about this decoy is awaited any more.
    pub(crate) fn settled(&mut self, poll: &DecoyPoll) {
        if let Some(decoy) = self.0.iter_mut().find(|decoy| decoy.id == poll.id) {
            decoy.rotation.settled(&poll.mailbox);
        }
    }

    /// Lets go of those whose time is over.
    pub(crate) fn expire(&mut self, now: Timestamp) {
        self.0.retain(|decoy| now < decoy.until);
    }

    /// Boxes may lie elsewhere now.
    pub(crate) fn replace(&mut self, place: impl Fn(&BoxId) -> Vec<NodeId>) {
        for decoy in &mut self.0 {
            decoy.rotation.place(place(&decoy.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
        let first = decoys.next_poll(1, |_, _| true).unwrap();
        let second = decoys.next_poll(2, |_, _| true).unwrap();
        assert_eq!(first.id, second.id);
        assert_ne!(first.mailbox, second.mailbox);
        assert_eq!((decoys.turn(), decoys.next_poll(3, |_, _| true)), (None, None), "both are being asked");
        decoys.settled(&first);
        assert_eq!(decoys.next_poll(4, |_, _| true), Some(first), "the same box again");
    }

    #[test]
    fn several_take_turns() {
        let mut decoys = decoys(3);
        let asked: Vec<BoxId> = (1..=3).map(|turn| decoys.next_poll(turn, |_, _| true).unwrap().id).collect();
        assert_eq!(asked.iter().collect::<BTreeSet<_>>().len(), 3);
        let again: Vec<BoxId> = (4..=6).map(|turn| decoys.next_poll(turn, |_, _| true).unwrap().id).collect();
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
        assert_eq!(decoys.next_poll(1, |_, _| true).unwrap().mailbox, elsewhere);
    }

    #[test]
    fn one_that_lies_where_nobody_gets_is_passed_over() {
        let mut decoys = decoys(2);
        let reached = |_: &BoxId, mailbox: &NodeId| *mailbox == REPLICAS[1];
        let polls: Vec<DecoyPoll> = (1..=3).filter_map(|turn| decoys.next_poll(turn, reached)).collect();
        assert_eq!(polls.iter().map(|poll| poll.mailbox).collect::<Vec<_>>(), [REPLICAS[1]; 2]);
        assert!(decoys.turn().is_some(), "the other replicas are not being asked");
    }
}
