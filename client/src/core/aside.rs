//! Puts one store and all that was read from it in the place of another while the lanes run on.
//!
//! A locked profile holds no contact, no message and no key of a conversation, and yet its packets leave as before: the
//! generators of the cover processes, the entries, the sessions and the consensus stay where they are, and only what
//! the packets hold changes. Reading a store takes long, so [`Opened::read`] can be done elsewhere. When to lock, and
//! whether somebody may unlock, is not decided here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sotto_protocol::time::Timestamp;

use super::book::Book;
use super::engine::Engine;
use super::event::EventQueue;
use super::file::FileDesk;
use super::keeper::Keeper;
use super::network::Carried;
use super::route::{Route, RoutePlan};
use super::view::Counters;
use crate::session::KemPolicy;
use crate::store::{Store, StoreError};

/// A store and everything that it holds. Dropping it wipes the keys and texts in memory and closes the store.
pub struct Opened<S> {
    store: S,
    book: Book,
}

impl<S: Store> Opened<S> {
    /// Reads everything.
    ///
    /// # Errors
    /// [`StoreError`] if the store cannot be read or is damaged.
    pub fn read(store: S, policy: KemPolicy) -> Result<Self, StoreError> {
        let book = Book::load(&store, policy)?;
        Ok(Self { store, book })
    }

    /// The store alone.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }
}

#[cfg(test)]
impl<S> Opened<S> {
    pub(super) const fn book(&self) -> &Book {
        &self.book
    }
}

impl<S> fmt::Debug for Opened<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened({:?})", self.book)
    }
}

impl<S: Store> Engine<S> {
    /// Goes on over `empty`, a store without contacts, and gives back what there was, for the caller to drop.
    ///
    /// No tick moves. Routes that only a contact wanted stay wanted. Circuits of route `tor` are closed, because each of them
    /// was used for one contact. Answers on their way count for nothing.
    pub fn set_aside(&mut self, now: Timestamp, empty: Opened<S>) -> Opened<S> {
        self.advance_clock(now);
        let live = self.book.people.values().filter(|person| person.contact.is_live(now));
        let plans: BTreeSet<RoutePlan> = live.filter_map(|person| person.routes.clone()).collect();
        // States of messages that wait for the next commit would go with the book; without them they are as old as after a
        // crash, which is safe.
        if !self.unkept.is_empty() && self.commit(now, Vec::new()).is_err() {
            self.count("states-not-kept");
        }
        self.break_circuits(Route::Tor);
        for route in Route::ALL {
            for work in self.lanes.get_mut(route).outstanding.abandon() {
                self.abandoned(route, work);
            }
        }
        let (mix, tor_mix) = (self.book.mix.clone(), self.book.tor_mix.clone());
        let old = self.exchange(empty);
        self.book.mix = mix;
        self.book.tor_mix = tor_mix;
        self.plans_aside = plans.into_iter().collect();
        self.reconsider(now);
        old
    }

    /// Goes on over a store that holds contacts again. What the cover did meanwhile stays as it is: an entry that was
    /// chosen in between is kept with the next call of [`Engine::wanted_entry`].
    pub fn take_up(&mut self, now: Timestamp, opened: Opened<S>) -> Opened<S> {
        self.advance_clock(now);
        let old = self.exchange(opened);
        self.plans_aside.clear();
        if let Some(consensus) = &self.consensus {
            self.book.outbox.replace(consensus);
            for person in self.book.people.values_mut() {
                person.inbox.replace();
            }
        }
        self.tend_soon(now);
        self.reconsider(now);
        old
    }

    /// Everything that comes from the store changes its place. Each field is named, so that a new one has to be decided on.
    fn exchange(&mut self, opened: Opened<S>) -> Opened<S> {
        let Self {
            keeper,
            book,
            in_use,
            events,
            counters,
            since,
            unkept,
            reports,
            files,
            vanish_not_before: _,
            plans_aside: _,
            tend_at,
            lanes,
            now,
            settings: _,
            reconsider_at: _,
            consensus: _,
            actions: _,
            polls: _,
        } = self;
        *files = FileDesk::of(&opened.book);
        *tend_at = Timestamp::NEVER;
        *in_use = BTreeMap::new();
        *events = EventQueue::default();
        *counters = Counters::default();
        *since = *now;
        for lane in lanes.iter_mut() {
            // What was carried tells what the user has done. The lanes as such stay.
            lane.carried = Carried::default();
        }
        *unkept = BTreeSet::new();
        reports.clear();
        let old = std::mem::replace(keeper, Keeper::new(opened.store));
        Opened { store: old.into_store(), book: std::mem::replace(book, opened.book) }
    }
}
