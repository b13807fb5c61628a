//! What goes into the next packet of the payload process: a box to write, a poll, or a decoy.
//!
//! Writing comes first, for a person waits for it; but while both wait, one packet in five polls, so that
//! a long text or a file on its way out does not keep answers from coming in. When the packet leaves is none of this
//! module's business.

/// How many writes may go before a poll that waits.
const WRITES_BEFORE_READ: u8 = 4;
/// The share of the slots that writes have while both wait: so many of so many.
pub(crate) const WRITE_SHARE: (u64, u64) = (WRITES_BEFORE_READ as u64, WRITES_BEFORE_READ as u64 + 1);

/// What a slot is offered first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Preference {
    /// A write, then a poll, then a decoy.
    WriteFirst,
    /// A poll, then a write, then a decoy.
    ReadFirst,
}

/// Counts writes in a row, and notes when one went that nobody waits for.
#[derive(Debug, Default)]
pub(crate) struct Scheduler {
    writes: u8,
    idle_turn: u64,
}

impl Scheduler {
    /// What the next slot is offered first.
    pub(crate) const fn preference(&self) -> Preference {
        if self.writes >= WRITES_BEFORE_READ { Preference::ReadFirst } else { Preference::WriteFirst }
    }

    /// A slot carried a box.
    pub(crate) const fn wrote(&mut self) {
        self.writes = self.writes.saturating_add(1);
    }

    /// The slot carried a box that nobody waits for, after the poll of this turn.
    pub(crate) const fn wrote_idle(&mut self, turn: u64) {
        self.idle_turn = turn;
    }

    /// After which poll such a box went last: once everybody was asked since, the next one may go, however many polls
    /// there are.
    pub(crate) const fn idle_turn(&self) -> u64 {
        self.idle_turn
    }

    /// A slot carried a poll or a decoy.
    pub(crate) const fn read(&mut self) {
        self.writes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The slots that a schedule gives while this much waits.
    fn run(slots: usize, writes_wait: bool, reads_wait: bool) -> String {
        let mut scheduler = Scheduler::default();
        let mut schedule = String::new();
        for _ in 0..slots {
            let write = writes_wait && (scheduler.preference() == Preference::WriteFirst || !reads_wait);
            if write {
                scheduler.wrote();
                schedule.push('w');
            } else {
                scheduler.read();
                schedule.push(if reads_wait { 'r' } else { '-' });
            }
        }
        schedule
    }

    #[test]
    fn one_slot_in_five_polls_while_both_wait() {
        assert_eq!(run(15, true, true), "wwwwrwwwwrwwwwr");
        assert_eq!(WRITE_SHARE, (4, 5));
    }

    #[test]
    fn what_waits_alone_has_all_slots() {
        assert_eq!(run(300, true, false), "w".repeat(300));
        assert_eq!(run(4, false, true), "rrrr");
        assert_eq!(run(4, false, false), "----");
    }
}
