//! The engine's wiring: what comes in, what goes out, and when.
//!
//! What a user asks for is in `sending`, answers of mailboxes are in `receiving`, the slots of the cover
//! processes are filled in `slots`, and what is shown is made in `status`.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use rand::CryptoRng;
use sotto_protocol::directory::{Consensus, CoverClass, Freshness};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::sphinx::SurbId;
use sotto_protocol::time::Timestamp;

use super::action::{Action, CircuitId};
use super::arq::Outstanding;
use super::book::Book;
use super::cover::Cover;
use super::decoys::Decoys;
use super::entry::StickyEntry;
use super::error::EngineError;
use super::event::{Event, EventQueue};
use super::id::MessageId;
use super::keeper::Keeper;
use super::route::{Route, RoutePlan};
use super::rtt::RoundTrip;
use super::scheduler::Scheduler;
use super::slots::placing;
use super::view::Counters;
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
}

impl EngineSettings {
    /// This cover class over route `mix` and no other.
    #[must_use]
    pub fn new(class: &str) -> Self {
        Self { class: class.to_owned(), routes: RoutePlan::only(Route::Mix), tor_cover: false }
    }
}

/// A session at an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) entry: NodeId,
    pub(super) address: SessionAddress,
}

/// The client's state machine. It is told of everything with the present time, which must not go back.
///
/// `Debug` shows counts only.
pub struct Engine<S: Store> {
    pub(super) keeper: Keeper<S>,
    pub(super) settings: EngineSettings,
    pub(super) book: Book,
    pub(super) cover: Cover,
    pub(super) scheduler: Scheduler,
    pub(super) decoys: Decoys,
    pub(super) outstanding: Outstanding,
    pub(super) rtt: RoundTrip,
    pub(super) entry: StickyEntry,
    pub(super) consensus: Option<Arc<Consensus>>,
    pub(super) session: Option<Session>,
    /// The session that the reply blocks on their way belong to.
    pub(super) reply_address: Option<SessionAddress>,
    pub(super) actions: VecDeque<Action>,
    pub(super) events: EventQueue,
    pub(super) counters: Counters,
    /// Messages whose state has changed since they were kept; they go with the next commit.
    pub(super) unkept: BTreeSet<MessageId>,
    /// Grows by one with each poll.
    pub(super) polls: u64,
    /// The latest time that the engine was told.
    pub(super) now: Timestamp,
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
        let cover = Cover::new(rng);
        let book = Book::load(&store)?;
        Ok(Self {
            keeper: Keeper::new(store),
            settings,
            entry: StickyEntry::restored(&book.profile),
            book,
            cover,
            scheduler: Scheduler::default(),
            decoys: Decoys::default(),
            outstanding: Outstanding::default(),
            rtt: RoundTrip::new(),
            consensus: None,
            session: None,
            reply_address: None,
            actions: VecDeque::new(),
            events: EventQueue::default(),
            counters: Counters::default(),
            unkept: BTreeSet::new(),
            polls: 0,
            now,
        })
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
    /// If it no longer lists the present entry, [`Engine::wanted_entry`] names another one, and the caller
    /// goes there.
    pub fn handle_consensus(&mut self, now: Timestamp, consensus: Arc<Consensus>) {
        self.advance_clock(now);
        if self.consensus.as_ref().is_some_and(|current| current.epoch > consensus.epoch) {
            self.count("consensus-older");
            return;
        }
        if let Some((_, class)) = consensus.class(&self.settings.class) {
            self.rtt.expect(&consensus.params, class);
        }
        self.book.outbox.replace(&consensus);
        for person in self.book.people.values_mut() {
            person.inbox.replace();
        }
        self.decoys.replace(placing(&consensus));
        self.consensus = Some(consensus);
        self.settle(now);
        self.run_cover(now);
    }

    /// A session was opened at `entry`, or resumed: then its address is the same, and answers on their way
    /// still arrive.
    pub fn handle_session(&mut self, now: Timestamp, route: Route, entry: NodeId, session: SessionAddress) {
        self.advance_clock(now);
        if route != Route::Mix {
            return;
        }
        self.entry.worked(&entry);
        if self.reply_address != Some(session) {
            for work in self.outstanding.abandon() {
                self.abandoned(work);
            }
            self.reply_address = Some(session);
        }
        self.session = Some(Session { entry, address: session });
        self.run_cover(now);
    }

    /// The link to the entry is gone. Nothing leaves until there is a session again.
    pub fn handle_session_lost(&mut self, now: Timestamp, route: Route, _why: &str) {
        self.advance_clock(now);
        if route != Route::Mix {
            return;
        }
        self.session = None;
        self.run_cover(now);
    }

    /// The entry could not be reached, or refused a session. After several failures in a row
    /// [`Engine::wanted_entry`] names another one.
    pub fn handle_entry_failed(&mut self, now: Timestamp, route: Route, entry: &NodeId, _why: &str) {
        self.advance_clock(now);
        if route == Route::Mix {
            self.entry.failed(entry);
        }
    }

    /// Tor works: circuits can be made.
    pub fn handle_tor_ready(&mut self, now: Timestamp) {
        self.advance_clock(now);
    }

    /// Tor does not work: no circuit can be made, and those that there were are gone.
    pub fn handle_tor_lost(&mut self, now: Timestamp, _why: &str) {
        self.advance_clock(now);
    }

    /// A circuit could not be made, or broke. What it carried goes again, by another circuit and after a pause.
    pub fn handle_circuit_failed(&mut self, now: Timestamp, _circuit: CircuitId, _why: &str) {
        self.advance_clock(now);
    }

    /// Whether anything is to run on this route: a session to be kept, or Tor for circuits.
    #[must_use]
    pub fn is_wanted(&self, route: Route) -> bool {
        route == Route::Mix
    }

    /// The routes of the profile.
    #[must_use]
    pub const fn plan(&self) -> &RoutePlan {
        &self.settings.routes
    }

    /// The routes of the profile, for every contact that has none of its own.
    pub fn set_routes(&mut self, now: Timestamp, routes: RoutePlan) {
        self.advance_clock(now);
        self.settings.routes = routes;
    }

    /// The routes of one contact; none for those of the profile.
    ///
    /// # Errors
    /// [`EngineError::ContactUnknown`] or [`EngineError::Store`]; then nothing has changed.
    pub fn set_contact_routes(
        &mut self,
        now: Timestamp,
        contact: &str,
        _routes: Option<RoutePlan>,
    ) -> Result<(), EngineError> {
        self.advance_clock(now);
        self.book.named(contact)?;
        Ok(())
    }

    /// The entry to be connected to: the same one as long as it works and the consensus lists it. None
    /// without a consensus.
    pub fn wanted_entry(&mut self, now: Timestamp, route: Route, rng: &mut impl CryptoRng) -> Option<NodeId> {
        self.advance_clock(now);
        if route != Route::Mix {
            return None;
        }
        let consensus = self.consensus.clone()?;
        let entry = self.entry.choose(&consensus, rng)?;
        if self.book.profile.entries != self.entry.entries() {
            self.book.profile.entries = self.entry.entries().to_vec();
            // An entry that could not be kept is chosen all the same; a restart may then choose another.
            if let Ok(change) = self.book.profile.put()
                && self.commit(now, vec![change]).is_err()
            {
                self.count("entry-not-kept");
            }
        }
        Some(entry)
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
        self.run_cover(now);
        let mut ticked = false;
        while let Some((due, tick)) = self.cover.pop_due(now) {
            ticked = true;
            self.fill(now, due, tick, rng);
        }
        // A packet first, the disk after: the caller comes back at once for what is left.
        if !ticked && self.keeper.retry_at() <= now {
            self.retry(now, rng);
        }
    }

    /// When to call [`Engine::handle_timeout`] next. May have passed already: then at once, but after
    /// [`Engine::poll_action`].
    #[must_use]
    pub fn poll_timeout(&self) -> Timestamp {
        let becomes_valid = match &self.consensus {
            Some(consensus) if self.session.is_some() && self.now < consensus.valid_after => {
                consensus.valid_after
            }
            _ => Timestamp::NEVER,
        };
        self.cover.next().min(self.keeper.retry_at()).min(becomes_valid)
    }

    /// The next thing to do, until there is none.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing to tell, until there is none.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
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

    /// Starts or stops the cover processes, according to session and consensus and nothing else.
    fn run_cover(&mut self, now: Timestamp) {
        let usable = self.session.is_some() && self.freshness(now).is_some_and(Freshness::is_usable);
        let class = self
            .consensus
            .as_ref()
            .filter(|_| usable)
            .and_then(|consensus| consensus.class(&self.settings.class));
        match class {
            Some((_, class)) => self.cover.start(now, class),
            None => self.cover.stop(),
        }
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
        write!(f, "Engine({:?}, {:?}, {:?})", self.book, self.outstanding, self.cover)
    }
}
