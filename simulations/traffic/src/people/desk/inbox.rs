//! What a client asks mailboxes for.
//!
//! By polling it asks whoever was asked longest ago, of those that are not being asked at all their mailboxes: contacts for
//! their next box, and decoys where contacts leave slots empty, since whatever is asked for again and again has to have
//! company of its kind. From a contact of whom a box came it asks for more ahead, and before decoys, until one is not there:
//! as the client of Sotto does (`client/src/core/inbox.rs`). With digests it asks for the
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

/// The most boxes of a contact that are asked for at once, as in the client of Sotto (`READ_AHEAD_COMING_MAX`).
const AHEAD_MAX: u8 = 8;
/// Whose question a decoy's is.
const NOBODY: u32 = u32::MAX;

/// How often a box was asked for, so that mailboxes take turns, and at which poll last.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    times: u32,
    poll: u64,
}

/// A contact, and how far both streams with it are.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// The contact.
    pub(super) peer: u32,
    /// Boxes written to it.
    pub(super) written: u32,
    /// The first box from it that has not come.
    pub(super) next: u32,
    /// Receipts written to it, or put off.
    pub(super) receipts: u32,
    /// The box of the last one.
    pub(super) receipt: u64,
    /// How many boxes are asked for at once.
    ahead: u8,
    /// The poll at which it was asked last.
    poll: u64,
    /// Questions for the next box and those behind it.
    boxes: VecDeque<Asked>,
}

impl Stream {
    const fn new(peer: u32) -> Self {
        let boxes = VecDeque::new();
        Self { peer, written: 0, next: 0, receipts: 0, receipt: 0, ahead: 1, poll: 0, boxes }
    }

    /// The next box has come.
    pub(super) fn advance(&mut self) {
        self.next = self.next.wrapping_add(1);
        self.boxes.pop_front();
    }

    /// Whether boxes keep coming.
    const fn is_coming(&self) -> bool {
        self.ahead > 1
    }
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
    /// The contact.
    peer: u32,
    name: u64,
    mailbox: Party,
    /// When it counts no more.
    until: SimTime,
}

/// Who takes turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// A contact.
    Contact(u32),
    /// A decoy, by its number.
    Decoy(u32),
}

/// Whom a poll may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    /// Contacts that have not been asked since a write went that nobody waits for, if no decoy waits longer.
    BeforeIdle,
    /// Any contact.
    Contacts,
    /// Contacts and decoys.
    All,
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
    /// Contacts and decoys; who was asked longest ago is in front.
    turns: VecDeque<Turn>,
    /// Polls so far.
    polls: u64,
    /// After which poll a write went that nobody waits for.
    idle_poll: u64,
    /// Contacts of whom boxes keep coming.
    coming: u32,
    /// Whose turn it is of those that are asked without a digest.
    probe_turn: usize,
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
        let turns = contacts.iter().map(|peer| Turn::Contact(*peer)).collect();
        Self { streams: contacts.into_iter().map(Stream::new).collect(), turns, probe_at, ..Self::default() }
    }

    /// The streams with a client; it becomes a contact if it is none.
    pub(super) fn with(&mut self, peer: u32) -> Option<&mut Stream> {
        let place = self.streams.binary_search_by_key(&peer, |stream| stream.peer);
        let place = place.unwrap_or_else(|place| {
            self.streams.insert(place, Stream::new(peer));
            self.turns.push_front(Turn::Contact(peer));
            place
        });
        self.streams.get_mut(place)
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
    pub(super) fn answered(&mut self, ask: Ask) {
        self.settle(ask);
    }

    /// A box is not there: if it is the next of its contact, no more are coming.
    pub(super) fn missing(&mut self, ask: Ask, client: u32, places: &Places) {
        let Some(Question { peer, .. }) = self.settle(ask) else { return };
        let place = self.streams.binary_search_by_key(&peer, |stream| stream.peer);
        let stream = place.ok().and_then(|place| self.streams.get_mut(place));
        if let Some(stream) = stream.filter(|stream| stream.is_coming())
            && places.of(peer, client, stream.next).name == ask.1
        {
            stream.ahead = 1;
            self.coming = self.coming.saturating_sub(1);
        }
    }

    /// A box of this contact has come: by polling more are asked for ahead.
    pub(super) fn coming(&mut self, peer: u32) {
        let place = self.streams.binary_search_by_key(&peer, |stream| stream.peer);
        if let Some(stream) = place.ok().and_then(|place| self.streams.get_mut(place)) {
            self.coming += u32::from(!stream.is_coming());
            stream.ahead = stream.ahead.saturating_mul(2).min(AHEAD_MAX);
        }
    }

    /// A write went that nobody waits for.
    pub(super) const fn wrote_idle(&mut self) {
        self.idle_poll = self.polls;
    }

    fn settle(&mut self, (mailbox, name): Ask) -> Option<Question> {
        let place = self.questions.iter().position(|one| one.name == name && one.mailbox == mailbox)?;
        Some(self.questions.swap_remove(place))
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
    fn note(&mut self, peer: u32, (mailbox, name): Ask, until: SimTime) {
        self.questions.push(Question { peer, name, mailbox, until });
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
                self.note(NOBODY, ask, until);
                return Some(ask);
            }
        }
        None
    }

    /// The next contact of those that are to be asked without a digest.
    pub(super) fn next_probe(
        &mut self,
        client: u32,
        until: SimTime,
        places: &Places,
        messages: &Messages,
    ) -> Option<Ask> {
        while let Some(peer) = self.followed.pop_front() {
            if let Some(ask) = self.contact_ask(peer, client, until, places, messages) {
                return Some(ask);
            }
        }
        while self.probes > 0 {
            self.probes -= 1;
            self.probe_turn = if self.probe_turn < self.streams.len() { self.probe_turn } else { 0 };
            let peer = self.streams.get(self.probe_turn)?.peer;
            self.probe_turn += 1;
            if let Some(ask) = self.contact_ask(peer, client, until, places, messages) {
                return Some(ask);
            }
        }
        None
    }

    /// Whoever was asked longest ago of those that may be; but contacts of whom boxes are coming before decoys. If all are
    /// being asked, another decoy.
    pub(super) fn next_poll(
        &mut self,
        now: SimTime,
        client: u32,
        until: SimTime,
        (places, messages): (&Places, &Messages),
        whom: Whom,
    ) -> Option<Ask> {
        self.expire_decoys(now);
        // The place of the decoy that waits longest, and its question.
        let mut decoy: Option<(usize, Ask)> = None;
        for place in 0..self.turns.len() {
            let has_decoy = decoy.is_some() && whom != Whom::Contacts;
            if has_decoy && self.coming == 0 {
                break;
            }
            match *self.turns.get(place)? {
                Turn::Contact(peer) => {
                    let Some(stream) = self.stream(peer) else { continue };
                    let is_early = whom != Whom::BeforeIdle || stream.poll <= self.idle_poll;
                    if !stream.is_coming() && (has_decoy || !is_early) {
                        continue;
                    }
                    if let Some(ask) = self.contact_ask(peer, client, until, places, messages) {
                        self.asked(place);
                        return Some(ask);
                    }
                }
                Turn::Decoy(number) => {
                    decoy = decoy.or_else(|| Some((place, self.decoy_ask(number, client, places)?)));
                }
            }
        }
        if whom != Whom::All {
            return None;
        }
        if let Some((place, ask)) = decoy {
            if let Some(Turn::Decoy(number)) = self.turns.get(place).copied()
                && let Some(decoy) = self.decoys.iter_mut().find(|decoy| decoy.number == number)
            {
                decoy.asked = decoy.asked.wrapping_add(1);
            }
            self.asked(place);
            self.note(NOBODY, ask, until);
            return Some(ask);
        }
        self.another_decoy(now, client, until, places)
    }

    /// A poll was for the one at this place, who is behind all others then.
    fn asked(&mut self, place: usize) {
        self.polls += 1;
        if let Some(turn) = self.turns.remove(place) {
            self.turns.push_back(turn);
        }
    }

    fn expire_decoys(&mut self, now: SimTime) {
        if self.decoys.iter().any(|decoy| decoy.until <= now) {
            self.decoys.retain(|decoy| decoy.until > now);
            let decoys = &self.decoys;
            self.turns.retain(|turn| match turn {
                Turn::Contact(_) => true,
                Turn::Decoy(number) => decoys.iter().any(|decoy| decoy.number == *number),
            });
        }
    }

    /// A decoy that has not been asked for. With as many as there can be, one that is asked for once is as good as can be.
    fn another_decoy(&mut self, now: SimTime, client: u32, until: SimTime, places: &Places) -> Option<Ask> {
        let number = self.decoys_made;
        let ask = self.single_decoy(client, places)?;
        self.polls += 1;
        if self.decoys.len() < DECOYS_MAX {
            let life_s = places.life_s(client, number, DECOY_LIFE_S_MEAN);
            self.decoys.push(Decoy { number, until: now + SimTime::from_secs_f64(life_s), asked: 1 });
            self.turns.push_back(Turn::Decoy(number));
            self.note(NOBODY, ask, until);
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

    fn stream(&self, peer: u32) -> Option<&Stream> {
        let place = self.streams.binary_search_by_key(&peer, |stream| stream.peer).ok()?;
        self.streams.get(place)
    }

    /// Asks a contact: for the box that was asked for longest ago, of those that are asked for and have not come.
    fn contact_ask(
        &mut self,
        peer: u32,
        client: u32,
        until: SimTime,
        places: &Places,
        messages: &Messages,
    ) -> Option<Ask> {
        let stream = self.stream(peer)?;
        let mut best: Option<(u64, usize, Ask)> = None;
        for (offset, index) in (0..usize::from(stream.ahead)).zip(stream.next..) {
            let Asked { times, poll } = stream.boxes.get(offset).copied().unwrap_or_default();
            if best.is_some_and(|(before, ..)| before <= poll) {
                continue;
            }
            let place = places.of(peer, client, index);
            if offset > 0 && messages.get(place.name).is_some_and(|message| message.is_received) {
                continue;
            }
            best = self.mailbox(&place, times).map(|ask| (poll, offset, ask)).or(best);
        }
        let (_, offset, ask) = best?;
        let poll = self.polls + 1;
        let place = self.streams.binary_search_by_key(&peer, |stream| stream.peer).ok()?;
        let stream = self.streams.get_mut(place)?;
        stream.poll = poll;
        if stream.boxes.len() <= offset {
            stream.boxes.resize(offset + 1, Asked::default());
        }
        if let Some(asked) = stream.boxes.get_mut(offset) {
            *asked = Asked { times: asked.times.wrapping_add(1), poll };
        }
        self.note(peer, ask, until);
        Some(ask)
    }

    fn decoy_ask(&self, number: u32, client: u32, places: &Places) -> Option<Ask> {
        let decoy = self.decoys.iter().find(|decoy| decoy.number == number)?;
        self.mailbox(&places.of_decoy(client, number), decoy.asked)
    }

    /// How many entries it has that come and go.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.decoys.len() + self.questions.len() + self.told.len() + self.followed.len()
    }
}
