//! Everybody's outbox and inbox, and the mailboxes.
//!
//! A message is one write for each mailbox of its box, and is read from any of them. Of five payload slots four write while
//! messages wait, and the fifth asks. With [`Notice::Digest`] a client asks for what it was told of, and for decoys
//! otherwise; each [`PROBE_INTERVAL`], and when it comes back, it asks all its contacts once, so that a digest that was
//! missed or withheld delays a message and does not lose it; what it finds so it follows to the end of the stream. Contacts are mutual here: who can be written to is asked by
//! both. A command without an answer goes again after a while ([`patience`]).
//!
//! Who has got a message tells its sender after a while, by a box that takes a slot nothing else needs: receipts are all
//! that clients of Sotto write beside messages, but for steps of key encapsulation, which are rare.
//!
//! Not here: how packets travel, when slots are, and how long mailboxes keep boxes: until they are read.

mod digest;
mod inbox;
mod load;
mod messages;
mod outbox;
mod patience;
mod places;
mod receipts;

pub use load::{Answer, Load, Served};

use digest::Digests;
use inbox::{Ask, Inbox, Whom};
use messages::{Message, Messages};
use outbox::{Outbox, Parcel};
use places::Places;
use receipts::{INTERVAL_SLOTS_MEAN, Receipts};

use super::Addressees;
use crate::adversary::Interference;
use crate::observer::{BoxEvent, MessageEvent, WireId};
use crate::party::{Layout, Party};
use crate::random::{Draws, Seed};
use crate::scenario::{Delivery, Notice, Scenario};
use crate::time::SimTime;

/// How often a client without payload slots asks all its contacts; see [`Desk::round`].
pub const ROUND_INTERVAL: SimTime = SimTime::from_nanos(60_000_000_000);

/// How often a client asks all its contacts although digests tell what has come; each client has its own phase.
pub const PROBE_INTERVAL: SimTime = SimTime::from_nanos(600_000_000_000);

/// How many writes may go before a question that waits, as in the client of Sotto.
const WRITES_BEFORE_READ: u8 = 4;

/// One client.
#[derive(Clone, Debug, Default)]
struct Client {
    outbox: Outbox,
    inbox: Inbox,
    receipts: Receipts,
    is_offline: bool,
    /// Mean interval of its payload slots in seconds; 0: it has none, and what it sends leaves at once.
    slot_s_mean: f64,
    /// Writes since the last question.
    writes: u8,
}

/// A mailbox that hides its boxes from the digests of some clients.
#[derive(Clone, Debug)]
struct Equivocation {
    mailbox: Party,
    /// In the order of their numbers.
    clients: Vec<Party>,
}

/// Outboxes, inboxes and mailboxes of a run.
#[derive(Clone, Debug)]
pub struct Desk {
    layout: Layout,
    places: Places,
    is_direct: bool,
    has_digests: bool,
    has_receipts: bool,
    /// After how long a command without an answer goes again.
    patience: SimTime,
    clients: Vec<Client>,
    messages: Messages,
    /// The number of the next message.
    number: u32,
    digests: Digests,
    equivocation: Option<Equivocation>,
}

impl Desk {
    /// Empty ones. Clients ask those who may write to them, which is what the addressees are for
    /// ([`Writing::addressees`](super::Writing::addressees)).
    #[must_use]
    pub fn new(scenario: &Scenario, layout: &Layout, seed: Seed, addressees: &Addressees) -> Self {
        let places = Places::new(layout, scenario.mailboxes.replicas, seed);
        let is_direct = scenario.network.delivery == Delivery::Direct;
        let has_digests = matches!(scenario.mailboxes.notice, Notice::Digest { .. });
        let mut contacts = vec![Vec::new(); layout.clients() as usize];
        // Nobody is asked for anything where messages go straight to clients.
        for user in 0..if is_direct { 0 } else { layout.clients() } {
            for contact in addressees.contacts(user) {
                for (one, other) in [(user, *contact), (*contact, user)] {
                    if let Some(list) = contacts.get_mut(one as usize) {
                        list.push(other);
                    }
                }
            }
        }
        let slots = scenario.clients.iter().flat_map(|class| {
            std::iter::repeat_n(class.payload_interval_ms_mean / 1000.0, class.count as usize)
        });
        let client = |((number, contacts), slot_s_mean)| {
            let probe_s = places.phase(number) * PROBE_INTERVAL.as_secs_f64();
            let inbox = Inbox::new(contacts, SimTime::from_secs_f64(probe_s));
            Client { inbox, slot_s_mean, ..Client::default() }
        };
        Self {
            clients: (0..).zip(contacts).zip(slots).map(client).collect(),
            layout: layout.clone(),
            places,
            is_direct,
            has_digests,
            has_receipts: scenario.behaviour.receipts && !is_direct,
            patience: patience::patience(scenario),
            messages: Messages::default(),
            number: 0,
            digests: Digests::new(layout),
            equivocation: None,
        }
    }

    /// What an adversary does: only [`Interference::Equivocate`] concerns mailboxes.
    pub fn interfere(&mut self, interference: &Interference) {
        if let Interference::Equivocate { mailbox, clients } = interference {
            let mut clients = clients.clone();
            clients.sort_unstable();
            self.equivocation = Some(Equivocation { mailbox: *mailbox, clients });
        }
    }

    /// A client goes online or offline. All are online until something else is said.
    pub fn presence(&mut self, _now: SimTime, client: u32, online: bool) {
        let has_digests = self.has_digests;
        let Some(client) = self.clients.get_mut(client as usize) else { return };
        // Of what came meanwhile no digest will tell.
        if client.is_offline && online && has_digests {
            client.inbox.probe();
        }
        client.is_offline = !online;
    }

    /// A user has written a message; returns its number, from 0. A recipient who is no contact becomes one.
    pub fn written(&mut self, _now: SimTime, sender: u32, recipient: u32) -> u32 {
        let number = self.number;
        self.number = number.wrapping_add(1);
        if self.is_direct {
            if let Some(client) = self.clients.get_mut(sender as usize) {
                client.outbox.add(Parcel::Straight { message: number, recipient });
            }
            return number;
        }
        let _ = self.clients.get_mut(recipient as usize).map(|client| client.inbox.with(sender));
        self.add_box(sender, recipient, Some(number));
        number
    }

    /// A box of a client is to be laid into its mailboxes: of a message, or of a receipt, which waits for free slots. Returns
    /// its name.
    fn add_box(&mut self, sender: u32, recipient: u32, number: Option<u32>) -> Option<u64> {
        let client = self.clients.get_mut(sender as usize)?;
        let stream = client.inbox.with(recipient)?;
        let index = stream.written;
        stream.written = index.wrapping_add(1);
        let place = self.places.of(sender, recipient, index);
        self.messages.add(Message::new(number, sender, recipient, index, place));
        if number.is_some() {
            client.outbox.hasten(recipient);
        }
        // In the order of the mailboxes, not of this box's: readers go by the latter.
        let mut writes: Vec<(Party, u8)> = place.mailboxes().iter().copied().zip(0..).collect();
        writes.sort_unstable();
        for (_, replica) in writes {
            let parcel = Parcel::Write { name: place.name, replica };
            match number {
                Some(_) => client.outbox.add(parcel),
                None => client.outbox.add_idle(recipient, parcel),
            }
        }
        Some(place.name)
    }

    /// Writes the receipts of a client whose moment has come. One after the other: what an earlier one says would not be true
    /// any more.
    fn write_receipts(&mut self, now: SimTime, client: u32) {
        while let Some(peer) =
            self.clients.get_mut(client as usize).and_then(|own| own.receipts.take_due(now))
        {
            let stream = self.clients.get_mut(client as usize).and_then(|own| own.inbox.with(peer));
            if stream.is_some_and(|stream| self.messages.is_on_its_way(stream.receipt)) {
                self.owe_receipt(now, client, peer);
                continue;
            }
            let name = self.add_box(client, peer, None).unwrap_or_default();
            if let Some(stream) = self.clients.get_mut(client as usize).and_then(|own| own.inbox.with(peer)) {
                stream.receipt = name;
            }
        }
    }

    /// A client has got something from another that it is to tell of.
    fn owe_receipt(&mut self, now: SimTime, client: u32, peer: u32) {
        let Some(own) = self.clients.get_mut(client as usize) else { return };
        if !self.has_receipts || own.slot_s_mean <= 0.0 || own.receipts.is_owed(peer) {
            return;
        }
        let Some(stream) = own.inbox.with(peer) else { return };
        let number = stream.receipts;
        stream.receipts = number.wrapping_add(1);
        let wait_s = self.places.receipt_s(client, peer, number, own.slot_s_mean * INTERVAL_SLOTS_MEAN);
        own.receipts.owe(peer, now + SimTime::from_secs_f64(wait_s));
    }

    /// What this payload slot of a client carries.
    pub fn slot(&mut self, now: SimTime, client: u32) -> Load {
        if self.is_direct {
            return self.next_parcel(now, client).unwrap_or(Load::Nothing);
        }
        self.refresh(now, client);
        self.write_receipts(now, client);
        let writes = self.clients.get(client as usize).map_or(0, |client| client.writes);
        let is_reads_turn = writes >= WRITES_BEFORE_READ;
        let parcel = if is_reads_turn { None } else { self.next_parcel(now, client) };
        if let Some(parcel) = parcel {
            self.count_writes(client, writes.saturating_add(1));
            return parcel;
        }
        if self.clients.get(client as usize).is_some_and(|client| client.outbox.has_idle()) {
            if let Some(ask) = self.ask(now, client, Whom::BeforeIdle) {
                return self.question(client, ask);
            }
            if let Some(parcel) = self.next_idle(now, client) {
                self.count_writes(client, writes.saturating_add(1));
                return parcel;
            }
        }
        if is_reads_turn {
            if let Some(ask) = self.ask(now, client, Whom::Contacts) {
                return self.question(client, ask);
            }
            if let Some(parcel) = self.next_parcel(now, client) {
                self.count_writes(client, writes.saturating_add(1));
                return parcel;
            }
        }
        self.ask(now, client, Whom::All).map_or(Load::Nothing, |ask| self.question(client, ask))
    }

    /// For clients without payload slots (`payload_interval_ms_mean` 0): what goes at once. To be called until there is
    /// nothing, after [`Self::written`], [`Self::answered`], [`Self::digest`] and [`Self::round`].
    pub fn urgent(&mut self, now: SimTime, client: u32) -> Option<Load> {
        if let Some(parcel) = self.next_parcel(now, client) {
            return Some(parcel);
        }
        let until = now + self.patience;
        let inbox = &mut self.clients.get_mut(client as usize)?.inbox;
        let told = inbox.next_told(until, &self.messages);
        let ask = told.or_else(|| inbox.next_probe(client, until, &self.places, &self.messages))?;
        Some(self.read(ask))
    }

    /// For clients without payload slots, each [`ROUND_INTERVAL`]: all contacts are to be asked once, by [`Self::urgent`],
    /// unless digests tell of what has come; what has not been answered goes again.
    pub fn round(&mut self, now: SimTime, client: u32) {
        if self.is_direct {
            return;
        }
        self.refresh(now, client);
        if let Some(client) = self.clients.get_mut(client as usize).filter(|_| !self.has_digests) {
            client.inbox.probe();
        }
    }

    /// A command has reached a mailbox. `None` if the load is no command.
    pub fn command(&mut self, now: SimTime, mailbox: Party, load: &Load, wire: WireId) -> Option<Served> {
        let event = |name, is_write, found| BoxEvent { at: now, mailbox, name, is_write, found, wire };
        match *load {
            Load::Write { message, name, .. } => {
                // One that goes again after all is over changes nothing.
                let is_first = self.messages.get_mut(name).is_some_and(|kept| {
                    let bit = kept.place.bit(mailbox);
                    let is_first = kept.stored & bit == 0;
                    kept.stored |= bit;
                    is_first
                });
                if is_first && self.has_digests {
                    self.digests.add(&self.layout, mailbox, name);
                }
                Some(Served {
                    event: event(name, true, true),
                    answer: Answer::Stored { mailbox, name, message },
                    message: message
                        .filter(|_| is_first)
                        .map(|number| (number, MessageEvent::Stored { mailbox })),
                })
            }
            Load::Read { name, message, .. } => {
                let kept = self.messages.get(name).filter(|kept| kept.stored & kept.place.bit(mailbox) != 0);
                let answer = match kept {
                    Some(kept) => Answer::Found { mailbox, name, message: kept.number },
                    None => Answer::Missing { mailbox, name, message },
                };
                Some(Served { event: event(name, false, kept.is_some()), answer, message: None })
            }
            Load::Straight { .. } | Load::Nothing => None,
        }
    }

    /// An answer has reached its client. Returns the message that is received with it, if it was not before.
    pub fn answered(&mut self, now: SimTime, client: u32, answer: &Answer) -> Option<(u32, MessageEvent)> {
        let own = self.clients.get_mut(client as usize)?;
        match *answer {
            Answer::Stored { mailbox, name, .. } => {
                let message = self.messages.get_mut(name)?;
                message.acknowledged |= message.place.bit(mailbox);
                let (sender, recipient) = (message.sender, message.recipient);
                own.outbox.tidy(&self.messages);
                let next = self.clients.get_mut(recipient as usize)?.inbox.with(sender)?.next;
                self.messages.retire(name, next);
                None
            }
            Answer::Missing { mailbox, name, .. } => {
                own.inbox.missing((mailbox, name), client, &self.places);
                None
            }
            Answer::Found { mailbox, name, .. } => {
                own.inbox.answered((mailbox, name));
                let message = self.messages.get_mut(name)?;
                if message.is_received || message.recipient != client {
                    return None;
                }
                message.is_received = true;
                let (number, sender, is_told) = (message.number, message.sender, message.is_told);
                // What a digest told of is complete, and who polls in slots asks everybody again anyway.
                let has_slots = own.slot_s_mean > 0.0;
                let is_complete = if self.has_digests { is_told } else { has_slots };
                if !is_complete {
                    own.inbox.follow(sender);
                }
                if has_slots && !self.has_digests {
                    own.inbox.coming(sender);
                }
                // Digests may tell of boxes in another order; polling goes on with the first that has not come.
                let stream = own.inbox.with(sender)?;
                loop {
                    let place = self.places.of(sender, client, stream.next);
                    if !self.messages.get(place.name).is_some_and(|message| message.is_received) {
                        break;
                    }
                    stream.advance();
                    self.messages.retire(place.name, stream.next);
                }
                if number.is_some() {
                    self.owe_receipt(now, client, sender);
                }
                number.map(|number| (number, MessageEvent::Received))
            }
        }
    }

    /// The end of an interval of [`Notice::Digest`]: all clients that are online learn what mailboxes have got in it.
    /// Returns how many frames that is to each of them.
    pub fn digest(&mut self, _now: SimTime) -> u32 {
        let (boxes, frames) = self.digests.take();
        for (mailbox, name) in boxes {
            let Some(message) = self.messages.get_mut(name) else { continue };
            let recipient = self.layout.client(message.recipient);
            let is_hidden = self.equivocation.as_ref().is_some_and(|equivocation| {
                equivocation.mailbox == mailbox && equivocation.clients.binary_search(&recipient).is_ok()
            });
            let client = self.clients.get_mut(recipient.index()).filter(|client| !client.is_offline);
            if let Some(client) = client.filter(|_| !is_hidden && !message.is_told) {
                message.is_told = true;
                client.inbox.tell((mailbox, name));
            }
        }
        frames
    }

    /// Where a drop goes, or cover without a mailbox: any mailbox, or any client where messages go straight to clients.
    #[must_use]
    pub fn drop_target(&self, draws: &mut Draws) -> Party {
        match self.layout.mailboxes() {
            0 => self.layout.client(draws.below(self.layout.clients())),
            mailboxes => self.layout.mailbox(draws.below(mailboxes)),
        }
    }

    /// How many messages are kept: written, and not yet received and acknowledged by all their mailboxes. Memory grows
    /// with these.
    #[must_use]
    pub fn under_way(&self) -> usize {
        self.messages.len()
    }

    /// Gives up what has not been answered, and looks whether contacts are to be asked without a digest.
    fn refresh(&mut self, now: SimTime, client: u32) {
        let Some(own) = self.clients.get_mut(client as usize) else { return };
        own.inbox.expire(now, client, &self.messages);
        if self.has_digests {
            own.inbox.probe_if_due(now, PROBE_INTERVAL);
        }
    }

    fn count_writes(&mut self, client: u32, writes: u8) {
        if let Some(client) = self.clients.get_mut(client as usize) {
            client.writes = writes;
        }
    }

    /// The next message or write of a client.
    fn next_parcel(&mut self, now: SimTime, client: u32) -> Option<Load> {
        let own = self.clients.get_mut(client as usize)?;
        let parcel = own.outbox.next(now, self.patience, &self.messages)?;
        self.load(parcel)
    }

    /// The next write of a client that nobody waits for.
    fn next_idle(&mut self, now: SimTime, client: u32) -> Option<Load> {
        let own = self.clients.get_mut(client as usize)?;
        let parcel = own.outbox.next_idle(now, self.patience)?;
        own.inbox.wrote_idle();
        self.load(parcel)
    }

    fn load(&mut self, parcel: Parcel) -> Option<Load> {
        match parcel {
            Parcel::Straight { message, recipient } => {
                Some(Load::Straight { message, recipient: self.layout.client(recipient), is_first: true })
            }
            Parcel::Write { name, replica } => {
                let message = self.messages.get_mut(name)?;
                let mailbox = *message.place.mailboxes().get(usize::from(replica))?;
                let is_first = !message.is_released;
                message.is_released = true;
                Some(Load::Write { message: message.number, mailbox, name, is_first })
            }
        }
    }

    /// Whom a client asks, of these. With digests there is somebody to ask only when a digest has told of a box, or when
    /// contacts are probed.
    fn ask(&mut self, now: SimTime, client: u32, whom: Whom) -> Option<Ask> {
        let until = now + self.patience;
        let inbox = &mut self.clients.get_mut(client as usize)?.inbox;
        let known = (&self.places, &self.messages);
        if !self.has_digests {
            return inbox.next_poll(now, client, until, known, whom);
        }
        let wanted = inbox
            .next_told(until, &self.messages)
            .or_else(|| inbox.next_probe(client, until, &self.places, &self.messages));
        match whom {
            Whom::BeforeIdle | Whom::Contacts => wanted,
            Whom::All => wanted.or_else(|| inbox.single_decoy(client, &self.places)),
        }
    }

    /// The question of a slot.
    fn question(&mut self, client: u32, ask: Ask) -> Load {
        self.count_writes(client, 0);
        self.read(ask)
    }

    fn read(&self, (mailbox, name): Ask) -> Load {
        Load::Read { mailbox, name, message: self.messages.get(name).and_then(|message| message.number) }
    }
}

#[cfg(test)]
mod tests;
