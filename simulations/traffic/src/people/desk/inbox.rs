//! What a client asks mailboxes for.
//!
//! By polling it asks for the next box of each contact in turn, and decoys take turns with contacts where contacts leave
//! slots empty, since whatever is asked for again and again has to have company of its kind. With digests it asks for the
//! boxes that it was told of, and probes all its contacts at long intervals and when it comes back. Not here: what mailboxes
//! answer.

use std::collections::VecDeque;

use super::messages::Messages;
use super::places::{Place, Places};
use crate::party::Party;
use crate::time::SimTime;

/// The most decoys that a client asks for by polling, as in the client of Sotto (`DECOYS_MAX`).
const DECOYS_MAX: usize = 32;
/// Mean time for which a decoy is asked for by polling, as in the client of Sotto (`decoys::LIFE_MEAN`).
const DECOY_LIFE_S_MEAN: f64 = 7200.0;

/// A contact, and how far both streams with it are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    /// The contact.
    pub(super) peer: u32,
    /// Boxes written to it.
    pub(super) written: u32,
    /// The first box from it that has not come.
    pub(super) next: u32,
    /// Questions to it, so that mailboxes take turns.
    asked: u32,
}

#[derive(Clone, Copy, Debug)]
struct Decoy {
    number: u32,
    until: SimTime,
    asked: u32,
}

/// A question without an answer.
#[derive(Clone, Copy, Debug)]
struct Question {
    name: u64,
    mailbox: Party,
    /// When it counts no more.
    until: SimTime,
}

/// A question to be asked: whom, and for which box.
pub(super) type Ask = (Party, u64);

/// A client's inbox.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    /// By the numbers of the contacts.
    streams: Vec<Stream>,
    decoys: Vec<Decoy>,
    /// How many decoys there have been.
    decoys_made: u32,
    /// Whose turn it is: a contact, or behind them a decoy.
    turn: usize,
    questions: Vec<Question>,
    /// What digests told of.
    told: VecDeque<Ask>,
    /// How many contacts are to be asked without a digest.
    probes: usize,
    /// Of which contacts a box came that no digest told of: the next may be there, too.
    followed: VecDeque<u32>,
    /// When all are asked again, with digests.
    probe_at: SimTime,
}

impl Inbox {
    /// The inbox of a client with these contacts, which may have doubles.
    pub(super) fn new(mut contacts: Vec<u32>, probe_at: SimTime) -> Self {
        contacts.sort_unstable();
        contacts.dedup();
        let stream = |peer| Stream { peer, written: 0, next: 0, asked: 0 };
        Self { streams: contacts.into_iter().map(stream).collect(), probe_at, ..Self::default() }
    }

    /// The streams with a client; it becomes a contact if it is none.
    pub(super) fn with(&mut self, peer: u32) -> Option<&mut Stream> {
        let place = self.streams.binary_search_by_key(&peer, |stream| stream.peer);
        let place = place.unwrap_or_else(|place| {
            self.streams.insert(place, Stream { peer, written: 0, next: 0, asked: 0 });
            place
        });
        self.streams.get_mut(place)
    }

    /// Whether there is anybody to ask.
    pub(super) const fn has_contacts(&self) -> bool {
        !self.streams.is_empty()
    }

    /// Asks all contacts once.
    pub(super) const fn probe(&mut self) {
        self.probes = self.streams.len();
    }

    /// Asks all contacts once, if it is time for it; the next time is `interval` later.
    pub(super) fn probe_if_due(&mut self, now: SimTime, interval: SimTime) {
        if self.probe_at <= now {
            self.probe_at = now + interval;
            self.probe();
        }
    }

    /// A digest tells of a box.
    pub(super) fn tell(&mut self, ask: Ask) {
        self.told.push_back(ask);
    }

    /// Asks a contact for the box behind one that has come.
    pub(super) fn follow(&mut self, peer: u32) {
        self.followed.push_back(peer);
    }

    /// An answer has come.
    pub(super) fn answered(&mut self, (mailbox, name): Ask) {
        let place = self.questions.iter().position(|one| one.name == name && one.mailbox == mailbox);
        if let Some(place) = place {
            self.questions.swap_remove(place);
        }
    }

    /// Gives up waiting for old questions. Boxes that are known to be there (`told`) are asked for again.
    pub(super) fn expire(&mut self, now: SimTime, client: u32, messages: &Messages) {
        let told = &mut self.told;
        self.questions.retain(|question| {
            let is_late = question.until <= now;
            let message = messages.get(question.name).filter(|_| is_late);
            if message.is_some_and(|message| message.is_told && message.recipient == client) {
                told.push_back((question.mailbox, question.name));
            }
            !is_late
        });
    }

    fn is_asked(&self, (mailbox, name): Ask) -> bool {
        self.questions.iter().any(|question| question.name == name && question.mailbox == mailbox)
    }

    /// Notes a question that is answered until then, or never.
    fn note(&mut self, (mailbox, name): Ask, until: SimTime) {
        self.questions.push(Question { name, mailbox, until });
    }

    /// The mailbox whose turn it is of those that have not been asked.
    fn mailbox(&self, place: &Place, asked: u32) -> Option<Ask> {
        let all = place.mailboxes();
        let first = asked as usize % all.len().max(1);
        let mut turns = all.iter().cycle().skip(first).take(all.len());
        turns.find(|mailbox| !self.is_asked((**mailbox, place.name))).map(|mailbox| (*mailbox, place.name))
    }

    /// The next box that a digest told of, and that has not come.
    pub(super) fn next_told(&mut self, until: SimTime, messages: &Messages) -> Option<Ask> {
        while let Some(ask) = self.told.pop_front() {
            if !messages.is_received(ask.1) && !self.is_asked(ask) {
                self.note(ask, until);
                return Some(ask);
            }
        }
        None
    }

    /// The next contact of those that are to be asked without a digest.
    pub(super) fn next_probe(&mut self, client: u32, until: SimTime, places: &Places) -> Option<Ask> {
        while let Some(peer) = self.followed.pop_front() {
            let turn = self.streams.binary_search_by_key(&peer, |stream| stream.peer);
            if let Some(ask) = turn.ok().and_then(|turn| self.stream_ask(turn, client, places)) {
                self.note(ask, until);
                return Some(ask);
            }
        }
        while self.probes > 0 {
            self.probes -= 1;
            self.turn = if self.turn < self.streams.len() { self.turn } else { 0 };
            let ask = self.stream_ask(self.turn, client, places);
            self.turn += 1;
            if let Some(ask) = ask {
                self.note(ask, until);
                return Some(ask);
            }
        }
        None
    }

    /// Whoever's turn it is: a contact or a decoy, and another decoy if all have been asked.
    pub(super) fn next_poll(
        &mut self,
        now: SimTime,
        client: u32,
        until: SimTime,
        places: &Places,
    ) -> Option<Ask> {
        self.decoys.retain(|decoy| decoy.until > now);
        let all = self.streams.len() + self.decoys.len();
        for _ in 0..all {
            let turn = self.turn % all;
            self.turn = turn + 1;
            let ask = match turn.checked_sub(self.streams.len()) {
                None => self.stream_ask(turn, client, places),
                Some(decoy) => self.decoy_ask(decoy, client, places),
            };
            if let Some(ask) = ask {
                self.note(ask, until);
                return Some(ask);
            }
        }
        let number = self.decoys_made;
        let ask = self.single_decoy(client, places)?;
        // With all decoys asked for, one that is asked for once is as good as can be.
        if self.decoys.len() < DECOYS_MAX {
            let life_s = places.life_s(client, number, DECOY_LIFE_S_MEAN);
            self.decoys.push(Decoy { number, until: now + SimTime::from_secs_f64(life_s), asked: 1 });
            self.note(ask, until);
        }
        Some(ask)
    }

    /// A box that nobody writes and that nobody asks for again: a question as they are with digests.
    pub(super) fn single_decoy(&mut self, client: u32, places: &Places) -> Option<Ask> {
        let number = self.decoys_made;
        self.decoys_made = number.wrapping_add(1);
        let place = places.of_decoy(client, number);
        let mailbox = *place.mailboxes().first()?;
        Some((mailbox, place.name))
    }

    fn stream_ask(&mut self, turn: usize, client: u32, places: &Places) -> Option<Ask> {
        let stream = *self.streams.get(turn)?;
        let ask = self.mailbox(&places.of(stream.peer, client, stream.next), stream.asked)?;
        self.streams.get_mut(turn)?.asked = stream.asked.wrapping_add(1);
        Some(ask)
    }

    fn decoy_ask(&mut self, turn: usize, client: u32, places: &Places) -> Option<Ask> {
        let decoy = *self.decoys.get(turn)?;
        let ask = self.mailbox(&places.of_decoy(client, decoy.number), decoy.asked)?;
        self.decoys.get_mut(turn)?.asked = decoy.asked.wrapping_add(1);
        Some(ask)
    }

    /// How many entries it has that come and go.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.decoys.len() + self.questions.len() + self.told.len() + self.followed.len()
    }
}
