//! When something is due for the sessions: one deadline each, found without a search.
//!
//! Sessions with a connection and those without are kept apart, so that both can be counted, and the one that has waited
//! longest to be resumed be found, at once. What is due is for [`Sessions`](super::sessions::Sessions) to do.

use std::collections::BTreeSet;

use sotto_protocol::ident::SessionAddress;
use sotto_protocol::time::Timestamp;

use super::session::SessionState;

/// The deadlines of all sessions.
pub(crate) struct SessionDeadlines {
    /// The next tick of each connected session's downlink.
    ticks: BTreeSet<(Timestamp, SessionAddress)>,
    /// When each session without a connection ends.
    ends: BTreeSet<(Timestamp, SessionAddress)>,
}

impl SessionDeadlines {
    pub(crate) const fn new() -> Self {
        Self { ticks: BTreeSet::new(), ends: BTreeSet::new() }
    }

    pub(crate) fn insert(&mut self, address: SessionAddress, state: &SessionState) {
        self.set_of(state).insert((state.deadline(), address));
    }

    /// Takes out what was [inserted](Self::insert) for a session in the same state.
    pub(crate) fn remove(&mut self, address: SessionAddress, state: &SessionState) {
        self.set_of(state).remove(&(state.deadline(), address));
    }

    /// Moves the next tick of a connected session.
    pub(crate) fn move_tick(&mut self, address: SessionAddress, from: Timestamp, to: Timestamp) {
        // With each consensus every session is looked at, and hardly ever does one change.
        if from != to && self.ticks.remove(&(from, address)) {
            self.ticks.insert((to, address));
        }
    }

    const fn set_of(&mut self, state: &SessionState) -> &mut BTreeSet<(Timestamp, SessionAddress)> {
        match state {
            SessionState::Connected { .. } => &mut self.ticks,
            SessionState::Resumable { .. } => &mut self.ends,
        }
    }

    /// The earliest, [`Timestamp::NEVER`] if there is none.
    pub(crate) fn first(&self) -> Timestamp {
        let firsts = [self.ticks.first(), self.ends.first()];
        firsts.into_iter().flatten().map(|(deadline, _)| *deadline).min().unwrap_or(Timestamp::NEVER)
    }

    /// Takes out the earliest one that is due.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<SessionAddress> {
        if self.first() > now {
            return None;
        }
        let is_end = match (self.ticks.first(), self.ends.first()) {
            (Some(tick), Some(end)) => end < tick,
            (tick, _) => tick.is_none(),
        };
        let set = if is_end { &mut self.ends } else { &mut self.ticks };
        set.pop_first().map(|(_, address)| address)
    }

    /// Of the sessions without a connection the one that would end first.
    pub(crate) fn first_end(&self) -> Option<SessionAddress> {
        self.ends.first().map(|(_, address)| *address)
    }

    /// How many sessions are connected and how many can be resumed.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.ticks.len(), self.ends.len())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::core::poisson::PoissonClock;

    fn connected(seed: u64) -> SessionState {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let downlink = PoissonClock::new(Timestamp::default(), Duration::from_secs(10), &mut rng);
        SessionState::Connected { downlink }
    }

    #[test]
    fn all_come_out_in_the_order_of_their_deadlines_whichever_kind_they_are() {
        let mut deadlines = SessionDeadlines::new();
        let mut expected = vec![];
        for number in 0..40_u8 {
            let state = match number % 2 {
                0 => connected(number.into()),
                _ => SessionState::Resumable { expires: Timestamp::from_millis(u64::from(number) * 400) },
            };
            let address = SessionAddress::from_bytes([number; 32]);
            deadlines.insert(address, &state);
            expected.push((state.deadline(), address));
        }
        expected.sort_unstable();
        assert_eq!(deadlines.count(), (20, 20));
        assert_eq!(deadlines.first_end(), Some(SessionAddress::from_bytes([1; 32])));
        assert_eq!(deadlines.pop_due(expected[0].0 - Duration::from_micros(1)), None);
        for (deadline, address) in expected {
            assert_eq!(deadlines.first(), deadline);
            assert_eq!(deadlines.pop_due(deadline), Some(address));
        }
        assert_eq!((deadlines.first(), deadlines.pop_due(Timestamp::NEVER)), (Timestamp::NEVER, None));
    }

    #[test]
    fn a_tick_is_moved_and_an_end_is_not() {
        let mut deadlines = SessionDeadlines::new();
        let (tick, end) = (connected(1), SessionState::Resumable { expires: Timestamp::from_millis(1) });
        let [ticking, ending] = [1, 2].map(|byte| SessionAddress::from_bytes([byte; 32]));
        deadlines.insert(ticking, &tick);
        deadlines.insert(ending, &end);
        deadlines.move_tick(ticking, tick.deadline(), Timestamp::default());
        deadlines.move_tick(ending, end.deadline(), Timestamp::default());
        assert_eq!(deadlines.pop_due(Timestamp::default()), Some(ticking));
        assert_eq!(deadlines.pop_due(Timestamp::default()), None);
        assert_eq!(deadlines.pop_due(end.deadline()), Some(ending));
    }

    #[test]
    fn what_is_removed_does_not_come_out() {
        let mut deadlines = SessionDeadlines::new();
        let states = [connected(1), SessionState::Resumable { expires: Timestamp::from_millis(1) }];
        for state in &states {
            deadlines.insert(SessionAddress::from_bytes([1; 32]), state);
            deadlines.remove(SessionAddress::from_bytes([1; 32]), state);
        }
        assert_eq!((deadlines.count(), deadlines.first_end()), ((0, 0), None));
    }
}
