//! The engine's wiring: what comes in, what goes out, and when.
//!
//! What a user asks for is in `sending`, what is told of entries and Tor in `routing`, answers of mailboxes are in
//! `receiving`, the slots of the cover processes are filled in `slots`, and what is shown is made in `status`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use rand::CryptoRng;
use sotto_protocol::directory::{Consensus, CoverClass, Freshness};
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;

use super::action::Action;
use super::book::Book;
use super::error::EngineError;
use super::event::{Event, EventQueue};
use super::file::FileDesk;
use super::id::{ContactId, MessageId};
use super::keeper::Keeper;
use super::lanes::Lanes;
use super::reporting::ReportClock;
use super::route::{Route, RoutePlan};
use super::slots::placing;
use super::view::Counters;
use crate::session::KemPolicy;
use crate::store::{Change, Store, StoreError};

/// What the user has chosen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EngineSettings {
    /// The name of the cover class, one of the consensus: `standard` or `frugal`.
    pub class: String,
    /// The routes of the profile, for every contact that has none of its own.
    pub routes: RoutePlan,
    /// Whether an empty tick of route `tor` carries a decoy.
    pub tor_cover: bool,
    /// When sessions take a step of key encapsulation.
    pub kem: KemPolicy,
}

impl EngineSettings {
    /// This cover class over route `mix` and no other.
    #[must_use]
    pub fn new(class: &str) -> Self {
        let (class, routes) = (class.to_owned(), RoutePlan::only(Route::Mix));
        Self { class, routes, tor_cover: false, kem: KemPolicy::default() }
    }
}

/// The client's state machine. It is told of everything with the present time, which must not go back.
///
/// `Debug` shows counts only.
pub struct Engine<S: Store> {
    pub(super) keeper: Keeper<S>,
    pub(super) settings: EngineSettings,
    pub(super) book: Book,
    pub(super) lanes: Lanes,
    /// The route that serves each contact.
    pub(super) in_use: BTreeMap<ContactId, Route>,
    /// When patience with a lane ends.
    pub(super) reconsider_at: Timestamp,
    pub(super) consensus: Option<Arc<Consensus>>,
    pub(super) actions: VecDeque<Action>,
    pub(super) events: EventQueue,
    pub(super) counters: Counters,
    /// When `counters`, and what the lanes have carried, began to be counted.
    pub(super) since: Timestamp,
    /// Messages whose state has changed since they were kept; they are kept right after the packet that changed it.
    pub(super) unkept: BTreeSet<MessageId>,
    /// When to look again for what is due without anybody asking for it.
    pub(super) tend_at: Timestamp,
    /// Grows by one with each poll.
    pub(super) polls: u64,
    /// The latest time that the engine was told.
    pub(super) now: Timestamp,
    /// When contacts may be sent reports.
    pub(super) reports: ReportClock,
    /// Messages that have ended are not deleted before this moment: the store has just failed.
    pub(super) vanish_not_before: Timestamp,
    /// What is to be done for files.
    pub(super) files: FileDesk,
    /// While the contacts are set aside: the routes that they had of their own.
    pub(super) plans_aside: Vec<RoutePlan>,
}

impl<S: Store> Engine<S> {
    /// Restores everything from the store. What was waiting to be sent goes on being sent, with the same bytes.
    ///
    /// The generators of the cover processes are seeded from `rng` here, and from nothing later.
    ///
    /// # Errors
    /// [`EngineError::Store`] if the store cannot be read or is damaged.
    pub fn open(
        store: S,
        settings: EngineSettings,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, EngineError> {
        let book = Book::load(&store, settings.kem)?;
        let files = FileDesk::of(&book);
        let lanes = Lanes::new(&book, now, rng);
        let reports = ReportClock::new(rng);
        let mut engine = Self {
            keeper: Keeper::new(store),
            settings,
            book,
            lanes,
            in_use: BTreeMap::new(),
            reconsider_at: Timestamp::NEVER,
            consensus: None,
            actions: VecDeque::new(),
            events: EventQueue::default(),
            counters: Counters::default(),
            since: now,
            unkept: BTreeSet::new(),
            tend_at: Timestamp::NEVER,
            polls: 0,
            now,
            reports,
            vanish_not_before: Timestamp::from_micros(0),
            files,
            plans_aside: Vec::new(),
        };
        engine.tend_soon(now);
        engine.reconsider(now);
        Ok(engine)
    }

    /// The store, for a look.
    #[must_use]
    pub const fn store(&self) -> &S {
        self.keeper.store()
    }

    /// The store, to make it fail in a test. Changing a record behind the engine's back is a mistake.
    #[must_use]
    pub const fn store_mut(&mut self) -> &mut S {
        self.keeper.store_mut()
    }

    /// Stops, and gives back the store as a crash would leave it.
    #[must_use]
    pub fn into_store(self) -> S {
        self.keeper.into_store()
    }

    /// A consensus that the caller has verified. It replaces the one in use, unless that is of a later epoch.
    ///
    /// If it no longer lists an entry in use, [`Engine::wanted_entry`] names another one, and the caller goes
    /// there.
    pub fn handle_consensus(&mut self, now: Timestamp, consensus: Arc<Consensus>) {
        self.advance_clock(now);
        if self.consensus.as_ref().is_some_and(|current| current.epoch > consensus.epoch) {
            self.count("consensus-older");
            return;
        }
        let class = consensus.class(&self.settings.class);
        for lane in self.lanes.iter_mut() {
            if let (true, Some((_, class))) = (lane.route.uses_entry(), class) {
                lane.rtt.expect(&consensus.params, class);
            }
            lane.decoys.replace(placing(&consensus));
            if let Some(circuits) = lane.circuits_mut() {
                circuits.keep_mailboxes(|mailbox| consensus.node(mailbox).is_some());
            }
        }
        self.book.outbox.replace(&consensus);
        for person in self.book.people.values_mut() {
            person.inbox.replace();
        }
        self.consensus = Some(consensus);
        // Boxes may be complete under the new placement.
        self.tend_soon(now);
        self.run_cover(now);
    }

    /// A `delivery` frame came.
    pub fn handle_delivery(
        &mut self,
        now: Timestamp,
        surb_id: SurbId,
        payload: &[u8; PAYLOAD_LEN],
        rng: &mut impl CryptoRng,
    ) {
        self.advance_clock(now);
        self.answer(now, surb_id, payload, rng);
    }

    /// Does what is due: packets for [`Engine::poll_action`], a store to be tried again.
    pub fn handle_timeout(&mut self, now: Timestamp, rng: &mut impl CryptoRng) {
        self.advance_clock(now);
        self.reconsider(now);
        let mut ticked = false;
        while let Some((route, due, tick)) = self.lanes.pop_due(now) {
            ticked = true;
            self.fill(now, route, due, tick, rng);
        }
        // A packet first, the disk after: the caller comes back at once for what is left.
        if !ticked && self.keeper.retry_at() <= now {
            self.retry(now, rng);
        } else if !ticked && self.has_unkept() {
            // Failing that, the keeper says when to try again.
            let _ = self.commit(now, Vec::new());
        } else if !ticked && self.vanish_at() <= now {
            self.vanish(now);
        } else if !ticked && self.tend_at <= now {
            self.tend(now, rng);
        } else if !ticked && self.reports.next() <= now {
            self.report(now, rng);
        } else if !ticked && self.files.at() <= now {
            self.tend_files(now, rng);
        }
    }

    /// When to call [`Engine::handle_timeout`] next. May have passed already: then at once, but after
    /// [`Engine::poll_action`].
    #[must_use]
    pub fn poll_timeout(&self) -> Timestamp {
        let becomes_valid = match &self.consensus {
            Some(consensus)
                if self.now < consensus.valid_after && self.lanes.iter().any(|lane| lane.health.up) =>
            {
                consensus.valid_after
            }
            _ => Timestamp::NEVER,
        };
        let next = self.lanes.next_tick().min(self.reconsider_at).min(self.tend_at);
        let next = next.min(self.vanish_at()).min(self.reports.next()).min(self.files.at());
        let next = if self.has_unkept() { next.min(self.now) } else { next };
        next.min(self.keeper.retry_at()).min(becomes_valid)
    }

    /// The next thing to do, until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing to tell, until there is none.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Whether a message has a state that is not kept yet, and the store works.
    fn has_unkept(&self) -> bool {
        !self.unkept.is_empty() && self.keeper.is_working()
    }

    pub(super) fn advance_clock(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
    }

    pub(super) fn freshness(&self, now: Timestamp) -> Option<Freshness> {
        self.consensus.as_ref().map(|consensus| consensus.freshness(now))
    }

    /// The cover class, once a consensus names it.
    pub(super) fn class(&self) -> Option<&CoverClass> {
        self.consensus.as_ref()?.class(&self.settings.class).map(|(_, class)| class)
    }

    /// Commits, with the states of messages that have changed meanwhile.
    pub(super) fn commit(&mut self, now: Timestamp, mut changes: Vec<Change>) -> Result<(), StoreError> {
        let mut all = Vec::with_capacity(changes.len().saturating_add(self.unkept.len()));
        for id in &self.unkept {
            if let Some((_, message)) = self.book.message(id) {
                all.push(message.put()?);
            }
        }
        all.append(&mut changes);
        self.keeper.commit(now, &all, &mut self.events)?;
        self.unkept.clear();
        Ok(())
    }

    pub(super) fn count(&mut self, label: &str) {
        let counted = self.counters.labels.entry(label.to_owned()).or_default();
        *counted = counted.saturating_add(1);
    }
}

impl<S: Store> fmt::Debug for Engine<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (awaited, lanes) = (self.lanes.outstanding(), &self.lanes);
        let running: Vec<&str> =
            lanes.iter().filter(|lane| lane.cover.running()).map(|lane| lane.route.label()).collect();
        write!(f, "Engine({:?}, {awaited} packets awaited, running: {running:?})", self.book)
    }
}
