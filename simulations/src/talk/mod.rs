//! Two people who talk for long in a virtual network, at random and through whatever goes wrong, under a watch.
//!
//! They send every kind of message, look at what comes when they like, and lose their programs, their mailboxes and their
//! mixes at any moment. In the end both must have the same conversation, the one that `script` says they had, and no
//! state of a message that was claimed on the way may have been untrue.

mod deeds;
mod ending;
mod plan;
mod report;
mod row;
mod script;
mod troubles;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_client::core::{Event, LetterName, MessageKind};

use crate::vnet::{VirtualNetwork, VnetError};
pub use plan::TalkPlan;
pub use report::TalkReport;
use script::Script;
use troubles::Troubles;

/// The two, by their numbers.
const NAMES: [&str; 2] = ["alice", "bob"];
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Messages of one person that are not stored yet, beyond which it waits before it writes more.
const UNSTORED_MAX: u64 = 24;
/// Messages that somebody goes back to, to answer or change them.
const RECENT_MAX: usize = 40;
/// The longest time between two things that anybody does.
const PAUSE_MAX: Duration = Duration::from_millis(8000);
/// The most that happens in the network between two things that anybody does.
const STEPS_MAX: u32 = 400;

/// Why a conversation could not be held. What went wrong in it is in its report.
#[derive(Debug, thiserror::Error)]
pub enum TalkError {
    /// The network, or an engine, refused what has to be possible.
    #[error(transparent)]
    Network(#[from] VnetError),
    /// The two never met.
    #[error("the two never met")]
    Strangers,
}

/// One of the two.
#[derive(Debug, Default)]
struct Side {
    /// Places of messages that can be answered or changed: which, and whether it is its own.
    recent: Vec<(u64, bool)>,
    /// The highest place that it knows of.
    last_seq: u64,
    /// Up to which of its events it has listened.
    heard: usize,
    /// The letters that its engine told of.
    told: BTreeSet<LetterName>,
    is_down: bool,
}

/// The conversation as it goes on.
pub struct Talk {
    plan: TalkPlan,
    /// The network, for whoever wants to look at it afterwards.
    pub net: VirtualNetwork,
    rng: ChaCha20Rng,
    sides: [Side; 2],
    script: Script,
    troubles: Troubles,
    report: TalkReport,
}

impl Talk {
    /// Lets two people meet in a network of its own.
    ///
    /// # Errors
    /// [`TalkError`].
    pub fn begin(plan: TalkPlan) -> Result<Self, TalkError> {
        let mut net = VirtualNetwork::found(plan.network())?;
        net.pause_trace();
        for name in NAMES {
            net.add_person(name)?;
        }
        let [first, second] = NAMES;
        let invite =
            net.with_person(first, |engine, now, rng| engine.create_invite(now, second, DAY, rng))?;
        let link = invite.map_err(VnetError::from)?.link();
        net.with_person(second, |engine, now, rng| engine.accept_invite(now, &link, first, rng))?
            .map_err(VnetError::from)?;
        let met = |net: &VirtualNetwork| {
            let events = net.events(first).unwrap_or_default();
            events.iter().any(|(_, event)| matches!(event, Event::ContactEstablished { .. }))
        };
        if !net.run_until(Duration::from_secs(600), met) {
            return Err(TalkError::Strangers);
        }
        net.watch_states();
        let rng = ChaCha20Rng::seed_from_u64(plan.seed);
        let troubles = Troubles::new(&plan);
        let (sides, script, report) = (Default::default(), Script::default(), TalkReport::default());
        Ok(Self { plan, net, rng, sides, script, troubles, report })
    }

    /// Lets them talk until all is said and has come to rest.
    ///
    /// # Errors
    /// [`TalkError`].
    pub fn hold(&mut self) -> Result<TalkReport, TalkError> {
        while self.script.len() < self.plan.messages {
            for index in 0..NAMES.len() {
                self.listen(index)?;
                self.take_turn(index)?;
            }
            self.pass_time()?;
        }
        self.heal()?;
        self.come_to_rest()?;
        self.sum_up();
        Ok(self.report.clone())
    }

    /// A person who is there writes something, or looks at what has come.
    fn take_turn(&mut self, index: usize) -> Result<(), TalkError> {
        if self.sides.get(index).is_none_or(|side| side.is_down) {
            return Ok(());
        }
        if self.rng.random_ratio(1, 4) {
            self.look(index)?;
        }
        let contacts = self.net.with_person(name(index), |engine, _, _| engine.contacts())?;
        let unstored = contacts.first().map_or(0, |contact| contact.queued);
        let many = self.rng.random_range(0..4u32);
        if unstored < UNSTORED_MAX {
            for _ in 0..many {
                self.do_something(index)?;
            }
        }
        Ok(())
    }

    /// A person sees the conversation up to some place.
    fn look(&mut self, index: usize) -> Result<(), TalkError> {
        let Some(side) = self.sides.get(index) else { return Ok(()) };
        let back = self.rng.random_range(0..4u64).saturating_sub(2);
        let seq = side.last_seq.saturating_sub(back);
        Ok(self.net.mark_read(name(index), name(1 - index), seq)?)
    }

    /// Takes note of what has come.
    fn listen(&mut self, index: usize) -> Result<(), TalkError> {
        let Some(side) = self.sides.get_mut(index) else { return Ok(()) };
        let events = self.net.events(name(index))?.get(side.heard..).unwrap_or_default();
        side.heard += events.len();
        let mut come = Vec::new();
        for (_, event) in events {
            match event {
                Event::MessageReceived { message, .. } => come.push(message.clone()),
                Event::BoxRefused { label, .. } | Event::LetterDoubted { label, .. } => {
                    self.report.count_doubt(label);
                }
                Event::StoreFailed { .. } | Event::MessageConflict { .. } => {
                    self.report.differences.push(format!("{}: {event:?}", name(index)));
                }
                _ => {}
            }
        }
        for message in come {
            side.last_seq = side.last_seq.max(message.seq);
            if message.kind == MessageKind::Notice {
                self.report.count_doubt(&message.text);
            } else if message.disappearing.is_none() {
                side.recent.push((message.seq, false));
            }
            if !side.is_down {
                let letter =
                    self.net.with_person(name(index), |engine, _, _| engine.letter_of(&message.id))?;
                if letter.is_some_and(|letter| !side.told.insert(letter)) {
                    self.report.differences.push(format!("{} was told twice of {}", name(index), message.id));
                }
            }
        }
        let excess = side.recent.len().saturating_sub(RECENT_MAX);
        side.recent.drain(..excess);
        Ok(())
    }

    /// Time passes, to any moment between two things that happen, and something may go wrong in it.
    fn pass_time(&mut self) -> Result<(), TalkError> {
        let mut steps = self.rng.random_range(1..STEPS_MAX);
        let pause = PAUSE_MAX.mul_f64(self.rng.random());
        self.net.run_until(pause, |_| {
            steps = steps.saturating_sub(1);
            steps == 0
        });
        self.be_troubled()
    }
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Talk({:?}, {} messages)", self.plan, self.script.len())
    }
}

fn name(index: usize) -> &'static str {
    NAMES.get(index).copied().unwrap_or("nobody")
}
