//! What goes wrong while two people talk: their programs, mailboxes, mixes and entries are killed, and come back.

use std::time::Duration;

use rand::RngExt;
use sotto_protocol::time::Timestamp;

use super::{NAMES, Talk, TalkError, TalkPlan, name};

/// The nodes that are killed, one at a time.
const NODES: [&str; 6] = ["mailbox-1", "mailbox-2", "mailbox-3", "mix-2", "mix-5", "entry-1"];
/// The longest time between two troubles.
const EVERY_MAX: Duration = Duration::from_secs(90);
/// The longest time that a program or node is away.
const AWAY_MAX: Duration = Duration::from_secs(40);

/// Who is away, and what comes next.
#[derive(Debug)]
pub(super) struct Troubles {
    is_on: bool,
    next_at: Option<Timestamp>,
    /// The person that is away, and until when.
    person: Option<(usize, Timestamp)>,
    /// The node that is away, and until when.
    node: Option<(&'static str, Timestamp)>,
}

impl Troubles {
    pub(super) const fn new(plan: &TalkPlan) -> Self {
        Self { is_on: plan.is_troubled, next_at: None, person: None, node: None }
    }
}

impl Talk {
    /// Somebody may be killed at this moment, and somebody may come back.
    pub(super) fn be_troubled(&mut self) -> Result<(), TalkError> {
        if !self.troubles.is_on {
            return Ok(());
        }
        let now = self.net.now();
        if self.troubles.person.is_some_and(|(_, until)| until <= now) {
            self.bring_person_back()?;
        }
        if self.troubles.node.is_some_and(|(_, until)| until <= now) {
            self.bring_node_back()?;
        }
        if self.troubles.next_at.is_some_and(|at| at > now) {
            return Ok(());
        }
        self.troubles.next_at = Some(now + EVERY_MAX.mul_f64(self.rng.random()));
        // Most are back at once: what is lost then is what was in memory.
        let away = if self.rng.random_ratio(1, 2) { Duration::ZERO } else { AWAY_MAX };
        let until = now + away.mul_f64(self.rng.random());
        if self.rng.random_ratio(2, 3) && self.troubles.person.is_none() {
            let index = self.rng.random_range(0..NAMES.len());
            // What was told before is known.
            self.listen(index)?;
            self.net.crash_person(name(index))?;
            self.set_down(index, true);
            self.troubles.person = Some((index, until));
            self.report.people_crashed += 1;
        } else if self.troubles.node.is_none() {
            let drawn = self.rng.random_range(0..NODES.len());
            let Some(node) = NODES.get(drawn) else { return Ok(()) };
            self.net.crash_node(node)?;
            self.troubles.node = Some((node, until));
            self.report.nodes_crashed += 1;
        }
        Ok(())
    }

    /// Everybody is back, and nobody is killed any more.
    pub(super) fn heal(&mut self) -> Result<(), TalkError> {
        self.troubles.is_on = false;
        self.bring_person_back()?;
        self.bring_node_back()
    }

    fn bring_person_back(&mut self) -> Result<(), TalkError> {
        if let Some((index, _)) = self.troubles.person.take() {
            self.net.restart_person(name(index))?;
            self.set_down(index, false);
        }
        Ok(())
    }

    fn bring_node_back(&mut self) -> Result<(), TalkError> {
        if let Some((node, _)) = self.troubles.node.take() {
            self.net.restart_node(node)?;
        }
        Ok(())
    }

    fn set_down(&mut self, index: usize, is_down: bool) {
        if let Some(side) = self.sides.get_mut(index) {
            side.is_down = is_down;
        }
    }
}
